"""A search with a budget: the values of a space are tried one after the other, and the best are trained anew.

A trial is a run with the values that a sampler asks for (`reporting.sampling`), trained with the search's own seed.
The API asks for the next ones whenever all trials so far have ended, and for the finalists when the budget is used up
(`reporting.searching` says which, `models.states.search_on` does it). Nothing of this is in a process's memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, Discriminator, Field, Tag

from models.faults import fault
from models.kinds.axes import AXES
from models.kinds.kind import Model, Seed, among
from models.spaces import Interval, Space, Value, points
from models.until import COMPARED, MAX_SEEDS

MAX_TRIALS = 400
"""Of a job: each is a variant of it."""
MAX_SPACES = 20
LEAST_SECONDS = 1.0
"""Of each space's part of a budget: less is no run's."""
STARTUP = 8
"""Trials of a space whose values are drawn by chance, all at once; of a small budget a quarter, and 4 at least."""
GENERATION = 4
"""Trials of a space that are asked for at once afterwards: they train beside each other, and are told together."""


class Runs(Model):
    """So many trials in all."""

    runs: int = Field(ge=1, le=MAX_TRIALS)


class Seconds(Model):
    """Further trials as long as all together have trained for less than `seconds`, up to 400 of them.

    At least a second for each space. It is looked at whenever all trials so far have ended.
    """

    seconds: float = Field(gt=0, le=1e7)


def _measured(value: Any) -> str:
    # No field has the name of a tag: a fault's place has both.
    timed = isinstance(value, Seconds) or (isinstance(value, dict) and "seconds" in value)
    return "in seconds" if timed else "in runs"


class Final(Model):
    """The `top` best trials of each space are trained anew with `seeds` fresh seeds each."""

    top: int = Field(default=3, ge=1, le=20)
    seeds: int = Field(default=10, ge=1, le=MAX_SEEDS)


def _several(value: Any) -> str:
    return "several" if isinstance(value, (list, tuple)) else "one"


class Search(Model):
    """Tries values of `space` until the `budget` is used up; the best are finalists.

    With several spaces each has an equal part of the budget, and finalists of its own. `sampler`: `tpe` learns from the
    trials so far, `random` does not. `pruner`: `median` and `hyperband` end trials early that are worse than those
    before them. A trial's value is the best `metric` over its epochs, on the rows held out. `seed`: the sampler draws
    from it, and trials are trained with it.
    """

    space: Annotated[
        Annotated[Space, Tag("one")]
        | Annotated[tuple[Space, ...], Field(min_length=1, max_length=MAX_SPACES), Tag("several")],
        Discriminator(_several),
    ]
    budget: Annotated[Annotated[Runs, Tag("in runs")] | Annotated[Seconds, Tag("in seconds")], Discriminator(_measured)]
    sampler: Literal["tpe", "random"] = "tpe"
    pruner: Literal["none", "median", "hyperband"] = "none"
    final: Final = Final()
    metric: Annotated[
        str, AfterValidator(among(COMPARED, "the metrics to choose by")), Field(json_schema_extra={"enum": COMPARED})
    ] = "val_data_loss"
    seed: Seed = 0

    @property
    def spaces(self) -> tuple[Space, ...]:
        """The spaces, also if it is one."""
        return self.space if isinstance(self.space, tuple) else (self.space,)

    def place(self, space: int) -> tuple[str | int, ...]:
        """Where the space of this number stands in a specification."""
        return ("search", "space", space) if isinstance(self.space, tuple) else ("search", "space")

    @property
    def most(self) -> int:
        """How many trials the budget allows at most."""
        return self.budget.runs if isinstance(self.budget, Runs) else MAX_TRIALS

    @property
    def known(self) -> int:
        """How many trials there will be, as far as the budget says."""
        if isinstance(self.budget, Seconds):
            return 0
        return self.trials

    @property
    def trials(self) -> int:
        """How many trials there may be at most."""
        return sum(self.tries(space) for space in range(len(self.spaces)))

    def tries(self, space: int) -> int:
        """How many of them the space of this number has: its share, or all its combinations if these are fewer."""
        return int(min(self.share(space), points(self.spaces[space])))

    def first(self, space: int) -> int:
        """How many trials of the space of this number are asked for at once before any of it has ended."""
        return min(STARTUP, max(GENERATION, self.share(space) // 4))

    def share(self, space: int) -> int:
        """The part of the budget that the space of this number has: equal ones, the first having what is left over."""
        spaces = len(self.spaces)
        return self.most // spaces + (space < self.most % spaces)

    @property
    def finalists(self) -> int:
        """How many finalists there may be at most."""
        return sum(min(self.final.top, self.tries(space)) for space in range(len(self.spaces)))


class Trial(Model):
    """What a variant is within a search: the trial's number, from 0 on, and that of its space.

    after: so many trials had ended when it was asked for; a pruner compares it with these.
    """

    number: int
    space: int = 0
    after: int = 0


class Best(Model):
    """A space's best trial so far."""

    trial: int
    variant: str
    value: float


class State(Model):
    """How far a search is."""

    trials: int = Field(description="Trials asked for so far")
    ended: int = Field(description="How many of them have ended")
    failed: int = Field(description="How many of those have no value: all their epochs diverged, say")
    pruned: int = Field(default=0, description="How many of those were ended early by the pruner")
    coming: int = Field(description="Runs that are not queued yet, as far as that is known")
    best: list[Best] = Field(description="The best trial of each space so far")
    finalists: list[str] = Field(description="The variants that were trained anew; none while trials are to come")


class Probe(NamedTuple):
    """A place of a search's specification, and the values that it asks for."""

    place: tuple[str | int, ...]
    values: Mapping[str, Value]


def probes(search: Search) -> list[Probe]:
    """Each end of each interval and each listed value by itself; of each space all greatest values at once, and those
    with which a run is shortest.

    If the learning rate is searched too, no trial has the job's: each probe has one of those that are searched.
    """
    found = []
    for i, space in enumerate(search.spaces):
        within = search.place(i)
        ends = {axis: _ends(values) for axis, values in space.axes().items()}
        rates = {axis: next(iter(values.values())) for axis, values in ends.items() if AXES[axis].rates}
        greatest = {axis: _extreme(values, 1) for axis, values in ends.items()}
        shortest = {axis: _extreme(ends[axis], -AXES[axis].updates) for axis in ends if AXES[axis].updates}
        for axis, values in ends.items():
            found += [Probe((*within, axis, end), {**rates, axis: value}) for end, value in values.items()]
        found.append(Probe(within, greatest))
        if len(shortest) > 1:
            found.append(Probe(within, {**rates, **shortest}))
    return found


def _ends(values: Interval | tuple[Value, ...]) -> dict[str | int, Value]:
    """The values of an axis that are named, by the name or number of their places."""
    if isinstance(values, Interval):
        return {"low": values.low, "high": values.high}
    return dict(enumerate(values))


def _extreme(values: Mapping[str | int, Value], sign: int) -> Value:
    """The greatest of them times `sign`; the first if they are no numbers."""
    numbers = [value for value in values.values() if not isinstance(value, str)]
    return max(numbers, key=lambda value: sign * value) if numbers else next(iter(values.values()))


def check_budget(search: Search) -> list[dict[str, str]]:
    """What is wrong with the budget, and with how many finalists there shall be."""
    spaces = len(search.spaces)
    if search.most < spaces:
        return [fault(("search", "budget", "runs"), "too_small", f"Each of the {spaces} spaces needs a run at least")]
    if isinstance(search.budget, Seconds) and search.budget.seconds < (least := spaces * LEAST_SECONDS):
        of = "" if spaces == 1 else f" for {spaces} spaces"
        detail = f"It is too small for a run: at least {least:g} s are needed{of}"
        return [fault(("search", "budget", "seconds"), "too_small", detail)]
    if search.final.top > (share := search.share(spaces - 1)):
        each = "" if spaces == 1 else " for each space"
        detail = f"The budget has {share} runs{each}: there cannot be more finalists"
        return [fault(("search", "final", "top"), "too_many_finalists", detail)]
    return []
