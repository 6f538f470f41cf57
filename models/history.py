"""A run's history as plain values: what plots, metrics and analysis are made from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from models.kinds.metrics import METRICS

T = TypeVar("T")

Stored = dict[str, float | str]
"""Values by name as JSON keeps them whole: one that is not finite is the text `nan`, `inf` or `-inf`."""


def kind(value: float) -> Literal["nan", "inf", "-inf"]:
    """What a value that is not finite is: `nan`, `inf` or `-inf`."""
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def encode(values: Mapping[str, float]) -> Stored:
    """`values` as they are stored."""
    return {name: value if math.isfinite(value) else kind(value) for name, value in values.items()}


def decode(stored: Mapping[str, float | str]) -> dict[str, float]:
    """What `encode` was given, bit for bit."""
    return {name: float(value) for name, value in stored.items()}


def show(value: float) -> float | None:
    """`value` as answers carry it: None if it is not finite; its `kind` stands beside it."""
    return value if math.isfinite(value) else None


def shown(values: Mapping[str, float]) -> tuple[dict[str, float | None], dict[str, str]]:
    """`values` as answers carry them, and the kinds of those that are not finite."""
    odd: dict[str, str] = {name: kind(value) for name, value in values.items() if not math.isfinite(value)}
    return {name: show(value) for name, value in values.items()}, odd


def in_order(values: Mapping[str, T]) -> dict[str, T]:
    """An epoch's metrics in the order of the catalogue; of layers' weights, and those it no longer has, come last."""
    return {name: values[name] for name in (*METRICS, *values) if name in values}


@dataclass(frozen=True)
class RunHistory:
    """One run's epochs so far.

    `epochs` counts from 1; each of `metrics` has a value per epoch, NaN and infinities included;
    a metric that was not recorded is absent. `recorded_at` has one time per epoch, or is empty where
    nobody asked for it. What is read from the database is in arrays: eight bytes per value.
    """

    run_id: str
    variant: str
    seed: int
    status: str
    epochs: Sequence[int]
    metrics: Mapping[str, Sequence[float]]
    recorded_at: Sequence[datetime] = ()
