"""Reads a request's JSON strictly: bounded, UTF-8, no doubled keys, no NaN, no endless nesting."""

from __future__ import annotations

import json
import math
from typing import Any

from fastapi import Request

from models.errors import Malformed, OckhamError
from models.numbers import number

MAX_DEPTH = 32


class TooLarge(OckhamError):
    """The body is larger than `OCKHAM_MAX_BODY_BYTES`."""

    status, code, title = 413, "too_large", "The request is too large"


async def read_json(request: Request) -> Any:
    """The request's JSON value. Raises Malformed or TooLarge."""
    limit = request.app.state.settings.max_body_bytes
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge(f"A request's body may have at most {limit} bytes")
    return parse_json(bytes(body))


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. Raises Malformed."""
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant
        )
        _check_depth(value)
        json.dumps(value, ensure_ascii=False).encode()  # lone surrogates are JSON, but no text
    except UnicodeDecodeError:
        raise Malformed("The body is not valid UTF-8") from None
    except UnicodeEncodeError:
        raise Malformed("The body holds a lone surrogate, which is not text") from None
    except RecursionError:
        raise Malformed(f"The body is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise Malformed(f"The body is not valid JSON: {error}") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object has the same key twice")
    return members


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _int(text: str) -> int:
    _float(text)  # what is more than a double holds is a number in few languages, and costs time to read
    return int(text)


def _float(text: str) -> float | int:
    value = number(text)
    if math.isinf(value):
        raise ValueError(f"{text[:20]} is more than a number can be here")
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for node in level
            if isinstance(node, (dict, list))
            for part in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
