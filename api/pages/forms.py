"""The fields of the form that makes a job, read off the catalogue of kinds and the specification's own models."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from string import Formatter
from typing import Any, get_args

from pydantic import BaseModel

from models import specification
from models.kinds.axes import AXES
from models.kinds.datasets import DATASETS
from models.kinds.kind import Kind, Model
from models.kinds.layers import LAYERS
from models.kinds.metrics import ASKED, MEASURES
from models.kinds.optimizers import OPTIMIZERS


@cache
def forms() -> dict[str, Any]:
    """What the form is made of: the fields of every layer, optimizer and data set, and of the training."""
    return {
        "fields": {
            "layers": _family(LAYERS),
            "optimizers": _family(OPTIMIZERS),
            "datasets": {name: {**each, "rows": DATASETS[name].rows} for name, each in _family(DATASETS).items()},
            "training": _fields(specification.Training),
            "stopping": _fields(specification.EarlyStopping),
            "axes": [{"name": name, "title": axis.title, "about": _about(axis)} for name, axis in AXES.items()],
            "metrics": [
                {"name": name, "title": MEASURES[name].title, "about": _about(MEASURES[name])} for name in ASKED
            ],
            "varied": [
                {"name": name, "title": title, "about": about}
                for name, (title, about) in specification.VARY_IN_WORDS.items()
            ],
        }
    }


@cache
def layers_in_words() -> dict[str, Any]:
    """How a network's line names each layer: a text with its fields' names in braces, and those fields' defaults."""
    found = {}
    for name, kind in LAYERS.items():
        fields = [field for _, field, _, _ in Formatter().parse(kind.words) if field]
        defaults = {field["name"]: field["default"] for field in _fields(kind) if field["name"] in fields}
        found[name] = {"words": kind.words, "defaults": defaults}
    return found


def _family(kinds: Mapping[str, type[Kind]]) -> dict[str, Any]:
    return {
        name: {
            "title": kind.title,
            "about": _about(kind),
            "fields": [field for field in _fields(kind, kind.starts, kind.main) if field["name"] != kind.tag],
        }
        for name, kind in kinds.items()
    }


def _about(kind: type) -> str:
    """The first line of its docstring: what people read of it."""
    return (kind.__doc__ or "").partition("\n")[0]


def _fields(
    model: type[BaseModel], starts: Mapping[str, Any] | None = None, main: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Each field's name, kind of input, start value, choices and limits."""
    schema = model.model_json_schema()
    found = []
    for name, each in schema["properties"].items():
        any_of = each.get("anyOf") or each.get("oneOf") or [each]
        plain = next((option for option in any_of if "type" in option and option["type"] != "null"), each)
        # What one input cannot hold is set in the specification's JSON.
        numbers = plain.get("items", {}).get("type") in ("integer", "number")
        nested = any(option.keys() & {"$ref", "oneOf"} for option in any_of) or plain.get("type") == "array"
        # A kind that has no name of its own is written as its numbers; one that has may be chosen, or none.
        kinds = list(_kinds(model.model_fields[name].annotation))
        parts = next((kind for kind in kinds if not kind.tag), None)
        default = each.get("default")
        # Either a number of its own, or a kind that says what the number is when.
        varies = bool(kinds) and not parts and plain.get("type") == "number"
        family = {kind.kind(): kind for kind in kinds} if kinds and not parts and (varies or default is None) else {}
        found.append(
            {
                "name": name,
                "label": name.replace("_", " "),
                "kind": "parts"
                if parts
                else "family"
                if family
                else "list"
                if numbers
                else "nested"
                if nested
                else _input(plain),
                "varies": varies,
                "tag": next((kind.tag for kind in family.values()), ""),
                "parts": [{"name": part, "label": part.upper()} for part in parts.model_fields] if parts else [],
                "family": {**_family(family), **(_wrapped(model.model_fields[name].annotation) if varies else {})},
                "default": default,
                # Nothing in it means null, not the default.
                "empty": default is not None and any(option.get("type") == "null" for option in any_of),
                "start": (starts or {}).get(name, default),
                "choices": plain.get("enum", [plain["const"]] if "const" in plain else []),
                "low": plain.get("minimum", plain.get("exclusiveMinimum")),
                "high": plain.get("maximum"),
                "main": name in main,
                "required": name in schema.get("required", ()),
            }
        )
    return found


def _kinds(annotation: Any) -> Iterator[type[Kind]]:
    """The kinds that a field's type speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, Kind):
        yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)


def _wrapped(annotation: Any) -> dict[str, Any]:
    """The kinds that a field's type has within an object of one field, by that field."""
    if isinstance(annotation, type) and issubclass(annotation, Model) and not issubclass(annotation, Kind):
        (within,) = annotation.model_fields
        kinds = dict.fromkeys([within], next(_kinds(annotation.model_fields[within].annotation)))
        return {name: {**each, "within": within} for name, each in _family(kinds).items()}
    return {name: each for part in get_args(annotation) for name, each in _wrapped(part).items()}


def _input(schema: dict[str, Any]) -> str:
    if schema.keys() & {"enum", "const"}:
        return "choice"
    return {"boolean": "switch", "integer": "integer", "number": "number"}.get(schema.get("type", ""), "text")
