"""What every regularizer is."""

from __future__ import annotations

from models.kinds.kind import KerasKind


class Regularizer(KerasKind):
    """A penalty added to the loss. Told from other kinds by its fields."""
