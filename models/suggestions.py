"""What somebody may have meant by a name that is not known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import cache

from pydantic import BaseModel


def did_you_mean(name: str, known: Collection[str]) -> str:
    """What to append to a message: a question if one of the `known` names is like `name`, else nothing.

    If `known` is a mapping, what it has for the name is what was meant.
    """
    meant = known if isinstance(known, Mapping) else {each: each for each in known}
    lower = {each.lower(): meant[each] for each in meant}
    close = get_close_matches(name.lower(), lower, n=1)
    # A field that is known elsewhere, and refused where it stands, is not to be suggested in its own place.
    return f"; did you mean `{lower[close[0]]}`?" if close and lower[close[0]] != name else ""


def fields_of(model: type[BaseModel], root: bool, beside: Collection[str]) -> Collection[str]:
    """The fields that an object of a document of `model` may have, which has those `beside`.

    The document itself if it is the `root`; else all objects that may have as many of the fields beside as any.
    """
    document, *others = _objects(model)
    if root or not others:
        return document
    shared = [len(each.intersection(beside)) for each in others]
    return frozenset().union(*(each for each, n in zip(others, shared, strict=True) if n == max(shared)))


@cache
def _objects(model: type[BaseModel]) -> tuple[frozenset[str], ...]:
    """The names of fields of each object in the schema of `model`, its own first."""
    schema = model.model_json_schema()
    return tuple(frozenset(each.get("properties", ())) for each in (schema, *schema.get("$defs", {}).values()))
