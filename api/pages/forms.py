"""The fields of the form that makes a job, read off the specification's own models."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel

from models import presets, specification
from models.sweeps import Grid

LAYERS: tuple[type[BaseModel], ...] = (
    specification.Dense,
    specification.Dropout,
    specification.GaussianNoise,
    specification.BatchNormalization,
    specification.LayerNormalization,
)
OPTIMIZERS: tuple[type[BaseModel], ...] = (
    specification.RMSprop,
    specification.Adam,
    specification.AdamW,
    specification.SGD,
    specification.Adagrad,
)
STARTS = {"units": 16, "rate": 0.5, "stddev": 0.1, "activation": "relu"}
"""What a layer begins with where Keras has no default, or one that nobody means in a hidden layer."""


@cache
def forms() -> dict[str, Any]:
    """What the form's template needs: every layer's and optimizer's fields, and the limits of the rest."""
    return {
        "layers": {name: fields for kind in LAYERS for name, fields in [_kind(kind, "type")]},
        "optimizers": {name: fields for kind in OPTIMIZERS for name, fields in [_kind(kind, "name")]},
        "training": {field["name"]: field for field in _fields(specification.Training)},
        "stopping": _fields(specification.EarlyStopping),
        "axes": list(Grid.model_fields),
        "presets": presets,
        "limits": specification,
    }


def _kind(model: type[BaseModel], tag: str) -> tuple[str, list[dict[str, Any]]]:
    schema = model.model_json_schema()["properties"][tag]
    return schema["const"], [field for field in _fields(model) if field["name"] != tag]


def _fields(model: type[BaseModel]) -> list[dict[str, Any]]:
    """Each field's name, kind of input, start value, choices and limits."""
    schema = model.model_json_schema()
    found = []
    for name, each in schema["properties"].items():
        any_of = each.get("anyOf", [each])
        nested = any("$ref" in option for option in any_of) or "discriminator" in each
        kind = "regularizer" if name.endswith("regularizer") else "nested" if nested else _input(each)
        start = STARTS.get(name, each.get("default"))
        found.append(
            {
                "name": name,
                "label": name.replace("_", " "),
                "kind": kind,
                "start": start,
                "choices": each.get("enum", []),
                "low": each.get("minimum", each.get("exclusiveMinimum")),
                "high": each.get("maximum"),
                "main": name in ("units", "activation", "rate", "stddev", "kernel_regularizer", "momentum"),
            }
        )
    return found


def _input(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "choice"
    return {"boolean": "switch", "integer": "integer", "number": "number"}.get(schema.get("type", ""), "text")
