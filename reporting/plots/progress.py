"""How far the runs of a figure have come, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from models.tables import FINISHED, Status


class HasStatus(Protocol):
    """A run or its history."""

    @property
    def variant(self) -> str: ...
    @property
    def status(self) -> str: ...


def is_unfinished(run: HasStatus) -> bool:
    """Whether more of it may come."""
    return run.status not in FINISHED


def progress(runs: Sequence[HasStatus]) -> str:
    """Such as `2 of 9 runs finished, 1 failed`; empty where all have succeeded."""
    of = Counter(run.status for run in runs)
    if of[Status.SUCCEEDED] == len(runs):
        return ""
    ended = [f"{of[status]} {status}" for status in (Status.FAILED, Status.CANCELLED) if of[status]]
    return ", ".join([f"{of[Status.SUCCEEDED]} of {len(runs)} run{'s' if len(runs) > 1 else ''} finished", *ended])
