"""The hidden layers: a kind in each module here. `AnyLayer` is the type of a field that holds one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.kind import any_of, discover
from models.kinds.layer import Layer

LAYERS = discover(__name__, __path__, Layer)

if TYPE_CHECKING:
    AnyLayer = Layer
else:
    AnyLayer = any_of(LAYERS)
