"""The optimizers: a kind in each module here. `AnyOptimizer` is the type of a field that holds one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.kind import any_of, discover
from models.kinds.optimizer import BareOptimizer

OPTIMIZERS = discover(__name__, __path__, BareOptimizer)

if TYPE_CHECKING:
    AnyOptimizer = BareOptimizer
else:
    AnyOptimizer = any_of(OPTIMIZERS)
