"""What HTTP has for not sending the same thing twice: ETag, If-None-Match, ranges (RFC 9110)."""

from __future__ import annotations

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


def not_modified(request: Request, headers: dict[str, str]) -> Response | None:
    """304 with these headers, if the client has what their ETag names."""
    return Response(status_code=304, headers=headers) if is_known(request, headers["ETag"]) else None


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
