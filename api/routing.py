"""Routes of the API: what changes something has threads of its own; a query parameter is known, and given once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any, get_args

from fastapi import Request, Response
from fastapi._compat import field_annotation_is_sequence
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import Query
from fastapi.routing import APIRoute

from api.lanes import WRITING
from models.errors import MOST_ERRORS, OckhamError
from models.suggestions import did_you_mean


class UnknownParameter(OckhamError):
    """A query parameter that the route does not have; it would otherwise be overlooked."""

    status, code, title = 422, "unknown_parameter", "The parameters are not valid"


class RepeatedParameter(OckhamError):
    """A query parameter that takes one value and was given more; all but one would otherwise be overlooked."""

    status, code, title = 422, "repeated_parameter", "The parameters are not valid"


class Route(APIRoute):
    """A route of the API.

    If it is plain and changes something, it runs in the lane for writing; a coroutine gives its writes to that itself.
    Its parameters in the document are all it takes, each once unless it is a list; one with the style `deepObject`
    takes `name[...]`.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if set(options.get("methods") or ()) - {"GET"} and not iscoroutinefunction(endpoint):
            endpoint = _writing(endpoint)
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own, once the query has been looked at."""
        answer = super().get_route_handler()
        taken = [each for each in get_flat_params(self.dependant) if isinstance(each.field_info, Query)]
        known = [each.alias for each in taken]
        lists = {each.alias for each in taken if field_annotation_is_sequence(each.field_info.annotation)}
        numbers = {each.alias for each in taken if _is_number(each.field_info.annotation)}
        told = (self.openapi_extra or {}).get("parameters", [])
        deep = [f"{each['name']}[" for each in told if each.get("style") == "deepObject"]
        known += [each["name"] for each in told if each["in"] == "query" and each.get("style") != "deepObject"]

        async def handle(request: Request) -> Response:
            given = Counter(name for name, _ in request.query_params.multi_items())
            unknown = {
                name: _hint(name, known)
                for name in given
                if name not in known and not (name.startswith(tuple(deep)) and name.endswith("]"))
            }
            if unknown:
                raise _of(UnknownParameter, unknown)
            repeated = {
                name: f"It takes one value, and was given {times:,} times"
                for name, times in given.items()
                if times > 1 and name in known and name not in lists
            }
            if repeated:
                raise _of(RepeatedParameter, repeated)
            for name, value in request.query_params.multi_items():
                if name in numbers and re.search(r"[_\s]", value):  # pydantic takes 1_000, as Python does
                    raise RequestValidationError(
                        [
                            {
                                "type": "int_parsing",
                                "loc": ("query", name),
                                "msg": "Input should be a number alone",
                            }
                        ]
                    )
            return await answer(request)

        return handle


def _is_number(annotation: Any) -> bool:
    """Whether a parameter is an integer or a float, or a list of them, or may be left out."""
    return annotation in (int, float) or any(_is_number(each) for each in get_args(annotation))


def _of(kind: type[OckhamError], details: dict[str, str]) -> OckhamError:
    errors = [{"pointer": f"/query/{name}", "code": kind.code, "detail": said} for name, said in details.items()]
    return kind("See errors for each", errors=errors[:MOST_ERRORS])


def _hint(name: str, known: list[str]) -> str:
    if meant := did_you_mean(name, known):
        return f"There is no such parameter here{meant}"
    names = ", ".join(f"`{each}`" for each in known)
    return f"There is no such parameter here; there are {names}" if known else "There are no parameters here"


def _writing(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    async def run(**given: Any) -> Any:
        return await WRITING.run(partial(endpoint, **given))

    return run
