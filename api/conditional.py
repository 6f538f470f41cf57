"""What HTTP has for not sending the same thing twice: ETag, If-None-Match, ranges (RFC 9110)."""

from __future__ import annotations

import threading
from collections import OrderedDict

from fastapi import Request, Response

from models.errors import OckhamError


class RangeNotSatisfiable(OckhamError):
    """The range asked for lies outside."""

    status, code, title = 416, "range_not_satisfiable", "There is no such range"


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has what `etag` names; weak comparison (13.1.2)."""
    sent = request.headers.get("If-None-Match", "")
    return sent.strip() == "*" or etag.removeprefix("W/") in {tag.strip().removeprefix("W/") for tag in sent.split(",")}


def cached(etag: str, **others: str) -> dict[str, str]:
    """The headers of an answer that a client may keep, and has to ask about each time."""
    return {"ETag": etag, "Cache-Control": "private, no-cache", **others}


class Bodies:
    """Answers that this process made not long ago, by their ETags: whoever asks again need not wait for them.

    The bytes of all together are bounded; those that were not asked for longest go first.
    """

    def __init__(self, most_bytes: int = 32 << 20) -> None:
        self._most, self._size = most_bytes, 0
        self._kept = OrderedDict[str, tuple[bytes, str]]()
        self._lock = threading.Lock()

    def keep(self, etag: str, body: bytes, media_type: str) -> None:
        """Keeps the body, unless it is so large that others would have no room beside it."""
        if len(body) > self._most // 8:
            return
        with self._lock:
            replaced, _ = self._kept.pop(etag, (b"", ""))
            self._kept[etag] = body, media_type
            self._size += len(body) - len(replaced)
            while self._size > self._most:
                _, (oldest, _) = self._kept.popitem(last=False)
                self._size -= len(oldest)

    def find(self, etag: str) -> tuple[bytes, str] | None:
        """The body and its media type, if it is still there."""
        with self._lock:
            if (found := self._kept.get(etag)) is not None:
                self._kept.move_to_end(etag)
            return found


def answered(request: Request, headers: dict[str, str]) -> Response | None:
    """304 if the client has what these headers' ETag names; the answer itself if it was made before; else None."""
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    bodies: Bodies = request.app.state.bodies
    found = bodies.find(headers["ETag"])
    return None if found is None else Response(found[0], headers=headers, media_type=found[1])


def byte_range(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """The first byte and the one after the last that are asked for; None for the whole (14.2).

    Several ranges at once, other units and what cannot be read are answered with the whole, as is a
    range of something that has changed since (`If-Range`). Raises RangeNotSatisfiable.
    """
    unit, _, span = request.headers.get("Range", "").partition("=")
    first, dash, last = span.strip().partition("-")
    digits = (first or "0") + (last or "0")
    if unit.strip().lower() != "bytes" or not dash or not (digits.isascii() and digits.isdecimal()) or len(digits) > 40:
        return None
    if not (first or last) or request.headers.get("If-Range", etag) != etag:
        return None
    if first:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    else:
        start, end = max(0, size - int(last)), size
    if first and last and int(last) < int(first):
        return None
    if start >= size or start >= end:
        raise RangeNotSatisfiable(f"It has {size} bytes", headers={"Content-Range": f"bytes */{size}"})
    return start, end
