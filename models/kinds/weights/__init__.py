"""What is measured of the weights of each layer: a kind in each module here."""

from __future__ import annotations

from models.kinds.kind import discover
from models.kinds.metric import WeightMeasure

WEIGHTS = discover(__name__, __path__, WeightMeasure)
