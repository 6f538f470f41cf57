"""How far the runs of a figure have come, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from models.history import RunHistory

UNFINISHED = ("queued", "running", "cancelling")


def progress(runs: Sequence[RunHistory]) -> str:
    """Such as `2 of 9 runs finished, 1 failed`; empty where all have succeeded."""
    of = Counter(run.status for run in runs)
    if of["succeeded"] == len(runs):
        return ""
    ended = [f"{of[status]} {status}" for status in ("failed", "cancelled") if of[status]]
    return ", ".join([f"{of['succeeded']} of {len(runs)} run{'s' if len(runs) > 1 else ''} finished", *ended])
