"""What a sweep may vary: an axis in each module here."""

from __future__ import annotations

from models.kinds.axis import Axis
from models.kinds.kind import discover

AXES = discover(__name__, __path__, Axis)
