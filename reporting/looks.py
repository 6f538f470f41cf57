"""A look at a job with `until`: which of its comparisons are decided, and how many seeds the others get next."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pydantic import BaseModel, Field

from models.history import RunHistory
from models.specification import Specification
from models.until import Until
from reporting.analysis import analyse
from reporting.comparing import view_of
from reporting.decisions import Verdict

FURTHER = 0.25
"""At most so many of the seeds that there are, rounded up, are added at once: what more they might be is luck."""


class Look(BaseModel):
    """What was seen of a job when all its runs had ended."""

    seeds: int = Field(description="How many the job has; runs that failed or were cancelled count")
    decided: dict[str, Verdict] = Field(description="What was decided, by variant")
    open: list[str] = Field(description="The variants whose comparisons are not decided")
    more: int = Field(description="How many seeds the open comparisons get next; 0: this was the last look")


def look(histories: Iterable[RunHistory], specification: Specification) -> Look:
    """The look at a job whose specification has `until`, all its runs having ended.

    It depends on the histories alone, so that whoever looks, and whenever, sees the same. Seeds are added by as many
    as the spread seen so far says are needed, and no more than `FURTHER` of those that there are. A variant that
    diverged with every seed has nothing to compare, and is left as it is.
    """
    until = specification.until or Until()
    data = specification.dataset
    metric = f"best_{until.metric}"
    analysis = analyse(
        histories,
        specification.baseline,
        view=view_of(metric, data.task),
        task=data.task,
        until=until,
    )
    decided: dict[str, Verdict] = {}
    needed: dict[str, float] = {}
    seeds = len(specification.seeds)
    for comparison in analysis.comparisons:
        if comparison.metric != metric or comparison.decision is None:
            continue
        if comparison.decision != "undecided" and comparison.n >= 2:
            decided[comparison.variant] = comparison.decision
        elif comparison.n or seeds < until.min_seeds:
            needed[comparison.variant] = comparison.seeds_needed or math.inf
    if seeds < until.min_seeds:
        more = until.min_seeds - seeds
        needed.update(dict.fromkeys(decided, 0.0))
        decided = {}
    elif needed and seeds < until.max_seeds:
        wanted = min(needed.values()) - seeds
        more = int(max(1, min(wanted, math.ceil(FURTHER * seeds), until.max_seeds - seeds)))
    else:
        more = 0
    names = [variant.name for variant in specification.variants]
    return Look(seeds=seeds, decided=decided, open=[name for name in names if name in needed], more=more)
