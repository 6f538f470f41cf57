"""What the application needs of the server that runs it: deadlines, and word of the end before the end."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any
from urllib.parse import unquote

import h11
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.body import HEAD_BYTES
from api.problems import MEDIA_TYPE, PHRASES, document
from models.errors import Malformed

HEAD_SECONDS = 30
GRACE_SECONDS = 5
"""How long requests may go on when the service is told to end."""


class Protocol(H11Protocol):
    """uvicorn's HTTP/1.1, with a deadline for a request's line and headers, and a problem document for what is none."""

    _head: asyncio.TimerHandle | None = None

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        application = self.app

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await application(origin_form(scope), receive, send)
            finally:
                self._reset_if_cut_off()

        self.app = run

    def _reset_if_cut_off(self) -> None:
        """In HTTP/1.0 an answer ends with its connection: one that is not whole must not end in order.

        nginx asks in HTTP/1.0 unless told otherwise, and passes what ended in order on as whole.
        """
        answer, connection = self.cycle, self.transport.get_extra_info("socket")
        if answer.response_started and not answer.response_complete and self.scope["http_version"] == "1.0":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing it resets it

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Waits for the first head."""
        super().connection_made(transport)
        self._head = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """A head that has begun after an answer has the same time as the first."""
        super().data_received(data)
        waiting = self.cycle is None or self.cycle.response_complete
        if self._head is not None and not waiting:
            self._head.cancel()
            self._head = None
        elif self._head is None and waiting and not self.transport.is_closing():
            self._head = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)

    def send_400_response(self, msg: str) -> None:
        """Answers what is not HTTP, or has too long a head, as every other error is answered; then closes."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):  # else an answer has begun, and only closing is left
            hint = getattr(sys.exception(), "error_status_hint", 400)
            status = hint if hint in PHRASES else 400  # 501 for a transfer coding that is not known
            code, title = (Malformed.code, Malformed.title) if status == 400 else ("too_large", PHRASES[status])
            sent = json.dumps(document(status, code, title, msg, "/")).encode()
            headers = [
                (b"content-type", MEDIA_TYPE.encode()),
                (b"content-length", str(len(sent)).encode()),
                (b"connection", b"close"),
            ]
            head = h11.Response(status_code=status, headers=headers, reason=PHRASES[status].encode())
            for event in (head, h11.Data(data=sent), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        if self._head is not None:
            self._head.cancel()
        super().connection_lost(exc)


def origin_form(scope: Scope) -> Scope:
    """The same request with its target as a path, and the authority of an absolute target as its first `Host`.

    A client may name the whole address in the request's line, and what it names there is the host (RFC 9112, 3.2.2).
    A `Host` that says something else stays behind it: a host told twice is no name of this machine.
    """
    scheme, separator, rest = scope.get("raw_path", b"").partition(b"://")
    if not separator or scheme.lower() not in (b"http", b"https"):
        return scope
    authority, slash, path = rest.partition(b"/")
    raw = slash + path or b"/"
    others = [header for header in scope["headers"] if header != (b"host", authority)]
    headers = [(b"host", authority), *others]
    return {**scope, "raw_path": raw, "path": unquote(raw.decode("ascii")), "headers": headers}


def config(application: FastAPI, **options: Any) -> Config:
    """How uvicorn is to run the application."""
    return Config(
        application,
        http=Protocol,
        h11_max_incomplete_event_size=HEAD_BYTES,
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # who is let in without a key is the connection's business, not a header's
        timeout_graceful_shutdown=GRACE_SECONDS,
        **options,
    )


@contextmanager
def told_to_end(close: Callable[[], None]) -> Iterator[None]:
    """Calls `close` in the event loop as soon as the process is told to end, under whatever server it runs.

    A server ends an application after its last request; a stream of events ends only when it is closed.
    """
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def tell(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(close)
        if callable(then := before[signal.Signals(number)]):
            then(number, frame)

    for number, handler in before.items():
        if callable(handler):  # else nobody ends the server in order, and nothing is changed
            signal.signal(number, tell)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
