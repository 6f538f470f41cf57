"""What every constraint is."""

from __future__ import annotations

from models.kinds.kind import KerasKind


class Constraint(KerasKind):
    """What a kernel is made to keep to after each update. The kernel is float32 (inputs, units)."""

    tag = "name"

    name: str
