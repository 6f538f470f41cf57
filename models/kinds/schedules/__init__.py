"""The schedules of the learning rate: a kind in each module here."""

from __future__ import annotations

from models.kinds.kind import discover
from models.kinds.schedule import Schedule

SCHEDULES = discover(__name__, __path__, Schedule)
