"""The constraints: a kind in each module here. `AnyConstraint` is the type of a field that holds one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.constraint import Constraint
from models.kinds.kind import any_of, discover

CONSTRAINTS = discover(__name__, __path__, Constraint)

if TYPE_CHECKING:
    AnyConstraint = Constraint
else:
    AnyConstraint = any_of(CONSTRAINTS)
