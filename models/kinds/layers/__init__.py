"""The hidden layers: a kind in each module here. `AnyLayer` is the type of a field that holds one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.kind import any_of, discover
from models.kinds.layer import OUTPUT, Layer, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable

LAYERS = discover(__name__, __path__, Layer)


def with_kernels(*networks: Iterable[str]) -> list[str]:
    """The names of the layers that have kernels, in any of these networks, of which each is its hidden layers' types.

    By their places, the output layer last. Types that there are not any more have none.
    """
    places = {
        (place, type)
        for types in networks
        for place, type in enumerate(types, 1)
        if (kind := LAYERS.get(type)) and kind.kernel
    }
    return [*(name_of(type, place) for place, type in sorted(places)), OUTPUT]


if TYPE_CHECKING:
    AnyLayer = Layer
else:
    AnyLayer = any_of(LAYERS)
