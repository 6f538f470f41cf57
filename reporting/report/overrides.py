"""What a job's variants do otherwise than the job, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from models.kinds.axes import AXES
from models.kinds.kind import Kind
from models.specification import Specification, Variant


def overrides(specification: Specification) -> list[str]:
    """A part for each variant with a training or rows of its own, and one for all variants of a sweep."""
    own = [(each, found) for each in specification.variants if (found := list(_differences(specification, each)))]
    axes = dict.fromkeys(name for each, _ in own for name in each.swept or ())
    swept = [f"what was swept ({', '.join(AXES[name].title for name in axes)})"] if axes else []
    return swept + [f"{each.name} ({', '.join(found)})" for each, found in own if not each.swept]


def _differences(specification: Specification, variant: Variant) -> Iterator[str]:
    job, own = specification.training, variant.training or specification.training
    for name in type(job).model_fields:
        if getattr(own, name) != getattr(job, name):
            yield _in_words(name, getattr(own, name))
    rows = specification.dataset
    if variant.dataset and (samples := variant.dataset.train_samples) != rows.train_samples:
        yield f"trained on all {rows.rows}" if samples is None else f"trained on {samples:,}"
    if variant.dataset and (words := variant.dataset.num_words):
        yield f"reading {words:,} words"


def _in_words(name: str, value: Any) -> str:
    """A field and its value: of a model those of its fields that a form shows first or that are no defaults."""
    words = name.replace("_", " ")
    match value:
        case None | False | ():
            return f"no {words}"
        case True:
            return words
        case BaseModel():
            title, tag, main = (value.title, value.tag, value.main) if isinstance(value, Kind) else (words, "", ())
            fields = {field: getattr(value, field) for field in type(value).model_fields if field != tag}
            usual = {field: type(value).model_fields[field].default for field in fields}
            said = [_in_words(each, it) for each, it in fields.items() if each in main or it != usual[each]]
            return f"{title} with {' and '.join(said)}" if said else title
        case dict():
            return f"{words} {', '.join(f'{of} {it}' for of, it in value.items())}"
        case tuple():
            return f"{words} {' and '.join(map(str, value))}"
        case _:
            return f"{words} {value:,}" if isinstance(value, int) else f"{words} {value}"
