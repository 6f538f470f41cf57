"""What a call needs from the outside, as values.

Every call is written once, as a generator (a plan) that yields effects and is sent their outcomes. The
two clients differ only in how they carry effects out: one blocks, the other awaits. An effect that
fails is thrown into the plan as the `httpx.RequestError` it failed with.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeVar

import httpx

T = TypeVar("T")
Plan = Generator[Any, Any, T]


@dataclass(frozen=True)
class Request:
    """A request to send; its outcome is the `httpx.Response`, of any status, wholly read.

    `repeatable` says that sending it twice does no more than sending it once. With `into`, a
    successful answer's body is written there as it comes. `files` are the parts of a form: of each its name, file name,
    content and media type. `timeout` is how many seconds the service
    may be silent, where that is not the client's own.
    """

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    into: BinaryIO | None = None
    files: Sequence[tuple[str, tuple[str | None, Any, str]]] = ()
    timeout: float | None = None


@dataclass(frozen=True)
class Stream:
    """A request whose answer is read line by line; its outcome is the response, as yet unread."""

    request: Request


@dataclass(frozen=True)
class NextLine:
    """The open stream's next line; its outcome is None at its end."""


@dataclass(frozen=True)
class Attempts:
    """How often this client tries a request; its outcome is the number."""


@dataclass(frozen=True)
class Sleep:
    """A pause."""

    seconds: float


@dataclass(frozen=True)
class Emit:
    """A value for the caller, of a plan that is an iterator."""

    value: Any


def emitting(plan: Plan[T]) -> Plan[None]:
    """`plan` with its result as the last value it emits: an asynchronous generator cannot return one."""
    yield Emit((yield from plan))


def arguments(request: Request) -> dict[str, Any]:
    """`request` as `httpx.Client.build_request` takes it."""
    params = {name: value for name, value in request.params.items() if value is not None}
    made: dict[str, Any] = {
        "method": request.method,
        "url": request.path,
        "params": params,
        "headers": dict(request.headers),
    }
    if request.body is not None:
        made["json"] = request.body
    if request.files:
        made["files"] = list(request.files)
    if request.timeout is not None:
        made["timeout"] = request.timeout
    return made


def connection(url: str, api_key: str | None, timeout: float) -> dict[str, Any]:
    """How both clients set up httpx. Raises ValueError for a `url` or a key that cannot be one."""
    try:
        host = httpx.URL(url).host if url.startswith(("http://", "https://")) else ""
    except httpx.InvalidURL:
        host = ""
    if not host:
        raise ValueError(f"{url!r} is not a service's address, such as http://127.0.0.1:8000")
    if api_key and not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
        raise ValueError("The API key has a space, a line's end or another character that no key has")
    headers = {"User-Agent": "ockham-client/0.1.0"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    # A proxy that the environment names cannot reach this machine's own loopback.
    local = host in ("127.0.0.1", "localhost", "::1")
    return {"base_url": url, "headers": headers, "timeout": timeout, "trust_env": not local}
