"""The fields of the form that makes a job, read off the specification's own models."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel

from models import specification
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
DATASETS: tuple[type[BaseModel], ...] = (specification.Imdb, specification.Synthetic)
STARTS = {"units": 16, "rate": 0.5, "stddev": 0.1, "activation": "relu"}
"""What a layer begins with where Keras has no default, or one that nobody means in a hidden layer."""
MAIN = ("units", "activation", "rate", "stddev", "kernel_regularizer", "learning_rate")
"""What most networks set; the rest is folded away."""


@cache
def forms() -> dict[str, Any]:
    """What the form is made of: the fields of every layer, optimizer and data set, and of the training."""
    return {
        "fields": {
            "layers": dict(_kind(kind, "type") for kind in LAYERS),
            "optimizers": dict(_kind(kind, "name") for kind in OPTIMIZERS),
            "datasets": dict(_kind(kind, "name") for kind in DATASETS),
            "training": _fields(specification.Training),
            "stopping": _fields(specification.EarlyStopping),
            "axes": list(Grid.model_fields),
        }
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
        plain = next((option for option in any_of if "type" in option and option["type"] != "null"), each)
        nested = any("$ref" in option for option in any_of) or "discriminator" in each
        default = each.get("default")
        found.append(
            {
                "name": name,
                "label": name.replace("_", " "),
                "kind": "regularizer" if name.endswith("regularizer") else "nested" if nested else _input(plain),
                "default": default,
                "start": STARTS.get(name, default),
                "choices": plain.get("enum", []),
                "low": plain.get("minimum", plain.get("exclusiveMinimum")),
                "high": plain.get("maximum"),
                "main": name in MAIN,
                "required": name in schema.get("required", ()),
            }
        )
    return found


def _input(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "choice"
    return {"boolean": "switch", "integer": "integer", "number": "number"}.get(schema.get("type", ""), "text")
