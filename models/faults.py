"""What is wrong with a client's document, in words of JSON and with its place: pydantic's faults translated."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from models.suggestions import did_you_mean, fields_of

MOST_FAULTS = 1000
"""So many of pydantic's faults are looked at; the others of a longer list are counted."""


def fault(location: tuple[str | int, ...], code: str, detail: str) -> dict[str, str]:
    """One fault: `{pointer, code, detail}`, the pointer (RFC 6901) into the document that was sent."""
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return {"pointer": pointer, "code": code, "detail": detail}


def duplicates(
    values: Sequence[Any], location: tuple[str | int, ...], detail: str = "It is listed before"
) -> list[dict[str, str]]:
    """A fault for each of the values of the array at `location` that equals one before it."""
    found = [i for i, value in enumerate(values) if value in values[:i]]
    return [fault((*location, i), "duplicate", detail) for i in found]


def told(invalid: ValidationError) -> list[ErrorDetails]:
    """The first of pydantic's faults."""
    return invalid.errors(include_url=False, include_context=False, include_input=False)[:MOST_FAULTS]


def faults_of(
    told: Sequence[ErrorDetails],
    body: Any,
    raw: Any,
    model: type[BaseModel],
    within: tuple[str | int, ...] = (),
    beside: Collection[str] = (),
) -> Iterable[dict[str, str]]:
    """pydantic's faults, their places freed of the union tags it puts between, each once.

    `raw` is what pydantic saw as a `model`, `body` what the client sent, `within` where they lie in the request.
    `beside`: further fields that the client's document may have.
    """
    found: dict[tuple[str | int, ...], dict[str, str]] = {}
    places = {each["loc"][:depth] for each in told for depth in range(len(each["loc"]))}
    for each in told:
        place: list[str | int] = []
        node: Any = raw
        for depth, part in enumerate(each["loc"], 1):
            inside = (isinstance(node, dict) and part in node) or (
                isinstance(node, (list, tuple)) and isinstance(part, int)
            )
            if inside:
                node = node[part]
            elif not (each["type"] == "missing" and depth == len(each["loc"])):
                continue  # a tag of a union, not a place in the document
            place.append(part)
        if each["type"] == "too_short" and node and each["loc"] in places:
            continue  # pydantic counts only the valid members; the faults of the others are told
        if place == ["baseline"] and not sent(body, place):
            continue  # filled in from the variants: reported there
        if place[:1] == ["variants"] and len(place) > 3 and place[2] == "training" and not sent(body, place):
            place = place[2:]  # completed from the job's training: reported there, once
        words = in_words(each)
        if each["type"] == "extra_forbidden" and isinstance(node := _at(raw, place[:-1]), dict):
            known = fields_of(model, len(place) == 1, [name for name in node if name != place[-1]])
            words += did_you_mean(str(place[-1]), {*known, *(beside if len(place) == 1 else ())})
        first = found.setdefault(tuple(place), fault((*within, *place), each["type"], words))
        if first["code"] == "literal_error" and each["type"] == "model_type":
            first["detail"] += " or an object"  # either is allowed, and it is neither
    parents = {place[:depth] for place in found for depth in range(len(place))}
    for where, error in found.items():
        # Where a word or an object is allowed, an object's faults are its own.
        if not (error["code"] == "literal_error" and where in parents):
            yield error


def in_words(fault: ErrorDetails) -> str:
    """pydantic's message, but of JSON's types where it speaks of Python's."""
    match fault["type"]:
        case "extra_forbidden":
            return "There is no such field"
        case "tuple_type" | "list_type":
            return "Input should be an array"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "Input should be an object"
        case "value_error":
            words = fault["msg"].removeprefix("Value error, ")
            return words[:1].upper() + words[1:]
        case "too_short" | "too_long":
            words = fault["msg"].replace(" after validation", "")
            return re.sub("^(Tuple|List)", "The array", words).replace("Dictionary", "The object")
    return fault["msg"]


def sent(body: Any, place: Sequence[str | int]) -> bool:
    """Whether the client's own document has this place."""
    return _at(body, place) is not _NOTHING


_NOTHING = object()


def _at(body: Any, place: Sequence[str | int]) -> Any:
    for part in place:
        try:
            body = body[part]
        except (KeyError, IndexError, TypeError):
            return _NOTHING
    return body
