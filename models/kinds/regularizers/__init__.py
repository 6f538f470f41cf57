"""The regularizers: a kind in each module here. `AnyRegularizer` is the type of a field that holds one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.kind import any_of, discover
from models.kinds.regularizer import Regularizer

REGULARIZERS = discover(__name__, __path__, Regularizer)

if TYPE_CHECKING:
    AnyRegularizer = Regularizer
else:
    AnyRegularizer = any_of(REGULARIZERS)
