"""The tasks: a class in each module here. A data set says which one it sets."""

from __future__ import annotations

from models.kinds.kind import discover
from models.kinds.task import Task

TASKS = discover(__name__, __path__, Task)
