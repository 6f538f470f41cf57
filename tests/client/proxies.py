"""What lies between a client and a service in real networks: things that cut, buffer and refuse."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

import httpx


class Cutting:
    """A TCP relay to `url` that cuts each connection off once it has brought `limit` bytes of answers."""

    def __init__(self, url: str, limit: int) -> None:
        parts = urlsplit(url)
        self._to = (str(parts.hostname), int(parts.port or 80))
        self._limit = limit
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._to)
                threading.Thread(target=self._up, args=(client, server), daemon=True).start()
                threading.Thread(target=self._down, args=(client, server), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while part := client.recv(65536):
                server.sendall(part)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        left = self._limit
        with contextlib.suppress(OSError), client, server:
            while part := server.recv(left):
                client.sendall(part)
                left -= len(part)
                if not left:
                    self.cuts += 1
                    break
            # A socket that a thread still reads from is only closed by shutting it down.
            for end in (client, server):
                end.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@dataclass(frozen=True)
class Seen:
    """A request as a server got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What a server says; `status` 0 hangs up without a word."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Server:
    """An HTTP server on a free port, whose every answer is `answer(request)`."""

    def __init__(self, answer: Callable[[Seen], Answer]) -> None:
        seen: list[Seen] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen.append(Seen(self.command, self.path, headers, self.rfile.read(length)))
                said = answer(seen[-1])
                if not said.status:
                    self.close_connection = True
                    return
                self.send_response(said.status)
                for name, value in {**said.headers, "Content-Length": str(len(said.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said.body)

            do_GET = do_POST = do_DELETE = do

            def log_message(self, *_: object) -> None: ...

        self.requests = seen
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def telling(answers: Sequence[Answer]) -> Server:
    """A server that gives `answers` one after the other, and the last one for ever."""
    left = list(answers)
    return Server(lambda _: left.pop(0) if len(left) > 1 else left[0])


def without_streams(url: str) -> Server:
    """A reverse proxy to `url` that passes whole answers only: it asks for nothing but JSON."""

    def forward(request: Seen) -> Answer:
        kept = {"accept": "application/json", "content-type": request.headers.get("content-type", "text/plain")}
        answer = httpx.request(
            request.method, url + request.path, content=request.body, headers=kept, trust_env=False, timeout=30
        )
        return Answer(answer.status_code, answer.content, {"Content-Type": answer.headers.get("content-type", "")})

    return Server(forward)
