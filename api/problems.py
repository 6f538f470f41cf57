"""Every error in one shape: RFC 9457 problem documents, and nothing of the inside in them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.root_path import public_path
from models.database import reason, trouble
from models.errors import MOST_ERRORS, Malformed, NotFound, OckhamError, Unavailable
from models.tabular.faults import BadRow

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One fault, and where it is (RFC 6901)."""

    pointer: str = Field(examples=["/variants/0/layers/0/units"])
    code: str = Field(examples=["less_than_equal"])
    detail: str = Field(examples=["Input should be less than or equal to 4096"])


class Problem(BaseModel):
    """An error, as RFC 9457 has it; `code` is stable and for programs."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldError | BadRow] | None = Field(
        None, description="With a 422: every fault at once, the first 100 of them"
    )
    error_count: int | None = Field(
        None, description="With `invalid_specification`, `invalid_webhook` and `invalid_dataset`: how many there are"
    )
    kept_epochs: list[int] | None = Field(None, description="With `epoch_not_kept`: those whose models are kept")


PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""Reason phrases of RFC 9110 and RFC 6585. Not `http.HTTPStatus`: there they depend on Python's version."""

EVERYWHERE = (400, 401, 403, 422, 429, 431, 503)
"""What any route under /v1 may answer: a request that is not HTTP, keys, parameters, limits, an outage."""


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these errors, and with those that any may."""
    answers: dict[int | str, dict[str, Any]] = {
        status: {
            "description": PHRASES[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({*statuses, *EVERYWHERE})
    }
    for status in (429, 503):
        again = {"description": "Seconds until asking again makes sense", "schema": {"type": "integer"}}
        answers[status]["headers"] = {"Retry-After": again}
    challenge = {"description": "How to send a key", "schema": {"type": "string"}}
    answers[401]["headers"] = {"WWW-Authenticate": challenge}
    return answers


def problem(
    request: Request,
    status: int,
    code: str,
    title: str,
    detail: str,
    headers: dict[str, str] | None = None,
    **extra: Any,
) -> JSONResponse:
    """The response that says so."""
    return JSONResponse(document(status, code, title, detail, _instance(request), **extra), status, headers, MEDIA_TYPE)


def document(status: int, code: str, title: str, detail: str, instance: str, **extra: Any) -> dict[str, Any]:
    """The problem document (RFC 9457) of the request for `instance`, a path."""
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        **extra,
    }


OUTAGES = {
    "full": ("No space is left where the service keeps its data", 60),
    "busy": ("The database is busy; ask again, a submit with the same Idempotency-Key", 5),
    "old": ("The database is not at the version that this service needs: `ockham migrate` brings it there", 60),
    "away": ("The database cannot be reached; ask again, a submit with the same Idempotency-Key", 5),
}
"""What a client is told of the database's trouble, and after how many seconds it may ask again."""


class Unforeseen:
    """Answers what nobody foresaw with a 500, inside of what logs, numbers and heads each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception as error:
            if scope["type"] != "http":
                raise
            # Starlette hands on what can no longer be answered as the cause of an error of its own.
            cause = error.__cause__ or error
            if started and (kind := trouble(cause) or ("gone" if isinstance(cause, NotFound) else None)):
                log.error("answer_cut_off", kind=kind, error=reason(cause))
            else:
                log.error("unforeseen_error", exc_info=error)
            if not started:  # else the server cuts it off: it must not look complete
                detail = "The service's log has the details, by this answer's X-Request-ID"
                answer = problem(Request(scope), 500, "internal", "Internal error", detail)
                await answer(scope, receive, send)


def _instance(request: Request) -> str:
    """The request's path as a URI reference (RFC 3986); `//` at its start would name a host."""
    path = public_path(quote(request.scope["path"], safe="/:@!$&'()*+,;=~"))
    return "/." + path if path.startswith("//") else path


def _methods(app: FastAPI, request: Request) -> list[str]:
    """What may be done with the path of a request. Starlette's own `Allow` knows only the first route that fits."""
    methods = {
        method
        for method in ("DELETE", "GET", "PATCH", "POST", "PUT")
        if any(route.matches({**request.scope, "method": method})[0] == Match.FULL for route in app.routes)
    }
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def install(app: FastAPI) -> None:
    """Makes `app` answer every exception with a problem document."""

    async def ours(request: Request, error: OckhamError) -> JSONResponse:
        return problem(request, error.status, error.code, error.title, error.detail, error.headers, **error.extra)

    async def http(request: Request, error: HTTPException) -> JSONResponse:
        phrase = PHRASES.get(error.status_code, "Error")
        code, headers = phrase.lower().replace(" ", "_"), dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_methods(app, request))
        return problem(request, error.status_code, code, phrase, str(error.detail), headers)

    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            {"pointer": "/" + "/".join(map(str, fault["loc"])), "code": fault["type"], "detail": fault["msg"]}
            for fault in error.errors()[:MOST_ERRORS]
        ]
        return problem(
            request, 422, "invalid_parameters", "The parameters are not valid", "See errors for each", errors=errors
        )

    async def database(request: Request, error: Exception) -> JSONResponse:
        kind = trouble(error)
        if kind is None:
            raise error
        log.error("database_error", kind=kind, error=reason(error))
        return await ours(request, Unavailable(*OUTAGES[kind]))

    async def left(request: Request, error: ClientDisconnect) -> JSONResponse:
        return await ours(request, Malformed("The client left before it was answered"))

    app.add_exception_handler(OckhamError, ours)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, http)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, invalid)  # type: ignore[arg-type]
    app.add_exception_handler(DBAPIError, database)
    app.add_exception_handler(PoolTimeout, database)
    app.add_exception_handler(ClientDisconnect, left)  # type: ignore[arg-type]
    app.add_middleware(Unforeseen)
