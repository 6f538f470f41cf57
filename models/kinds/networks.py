"""Hidden layers as specifications write them, for ready-made variants and jobs."""

from __future__ import annotations

from typing import Any

Layers = list[dict[str, Any]]


def hidden(units: int, **arguments: Any) -> Layers:
    """Two dense layers of `units`, relu."""
    return [{"type": "dense", "units": units, "activation": "relu", **arguments} for _ in range(2)]


def with_dropout(layers: Layers, rate: float) -> Layers:
    """`layers` with dropout behind each."""
    return [part for layer in layers for part in (layer, {"type": "dropout", "rate": rate})]
