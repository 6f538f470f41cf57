"""A search with a budget: the values of a space are tried one after the other, and the best are trained anew.

A trial is a run with the values that a sampler asks for (`reporting.sampling`), trained with the search's own seed.
The API asks for the next ones whenever all trials so far have ended, and for the finalists when the budget is used up
(`reporting.searching` says which, `models.states.search_on` does it). Nothing of this is in a process's memory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    create_model,
)

from models.faults import fault, in_words
from models.kinds.axes import AXES
from models.kinds.kind import Model, Seed, among
from models.until import COMPARED, MAX_SEEDS

MAX_TRIALS = 400
"""Of a job: each is a variant of it."""
MAX_SPACES = 20
MAX_VALUES = 50
"""Of a list."""

Value = float | str
"""Of an axis; a whole number where the axis has whole numbers alone."""


class Interval(Model):
    """All numbers from `low` to `high`, with `log` as many between 1 and 10 as between 10 and 100."""

    low: int | float
    high: int | float
    log: bool = False


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise ValueError("the values must differ")
    return values


def _form(value: Any) -> str:
    return "interval" if isinstance(value, (dict, Interval)) else "values"


def _choice(axis: Any) -> Any:
    values = Annotated[
        tuple[axis.values, ...], AfterValidator(_distinct), Field(min_length=1, max_length=MAX_VALUES), Tag("values")
    ]
    interval = Annotated[Interval, Tag("interval")]
    return Annotated[values | interval, Discriminator(_form)]


class _Space(Model):
    def axes(self) -> dict[str, Interval | tuple[Value, ...]]:
        """The axes that are given, in the catalogue's order."""
        return {name: values for name in AXES if (values := getattr(self, name)) is not None}


if TYPE_CHECKING:
    Space = _Space
else:
    Space = create_model(
        "Space",
        __base__=_Space,
        __doc__="What is searched: an interval of each axis, or the values that it may have.",
        **{
            name: (_choice(axis) | None, Field(default=None, exclude_if=lambda values: values is None))
            for name, axis in AXES.items()
        },
    )


class Runs(Model):
    """So many trials in all."""

    runs: int = Field(ge=1, le=MAX_TRIALS)


class Seconds(Model):
    """Further trials as long as all together have trained for less than `seconds`, up to 400 of them."""

    seconds: float = Field(gt=0, le=1e7)


def _measured(value: Any) -> str:
    return "seconds" if isinstance(value, Seconds) or (isinstance(value, dict) and "seconds" in value) else "runs"


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
    budget: Annotated[Annotated[Runs, Tag("runs")] | Annotated[Seconds, Tag("seconds")], Discriminator(_measured)]
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
        """How many trials there may be at most."""
        return self.budget.runs if isinstance(self.budget, Runs) else MAX_TRIALS

    @property
    def known(self) -> int:
        """How many trials there will be, as far as the budget says."""
        if isinstance(self.budget, Seconds):
            return 0
        return sum(int(min(self.share(i), points(space))) for i, space in enumerate(self.spaces))

    def share(self, space: int) -> int:
        """How many of them the space of this number has: equal parts, the first ones having what is left over."""
        spaces = len(self.spaces)
        return self.most // spaces + (space < self.most % spaces)

    @property
    def finalists(self) -> int:
        """How many finalists there may be at most."""
        return sum(int(min(self.final.top, self.share(i), points(space))) for i, space in enumerate(self.spaces))


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


# --- what may be searched


@cache
def numbers_of(axis: str) -> type[int] | type[float] | None:
    """Of which numbers an interval of the axis has to be; None if its values are none."""
    schema = TypeAdapter(AXES[axis].values).json_schema()
    types = {each.get("type") for each in (schema, *schema.get("anyOf", ()))}
    return int if "integer" in types else float if "number" in types else None


@cache
def _adapter(axis: str) -> TypeAdapter[Any]:
    return TypeAdapter(AXES[axis].values)


MANY = 10**18


def points(space: _Space) -> float:
    """How many different combinations of values it has; infinity if it has an interval of real numbers."""

    def count(axis: str, values: Interval | tuple[Value, ...]) -> float:
        if not isinstance(values, Interval):
            return len(values)
        # What is upside down or beyond all bounds has a fault of its own, and is counted before that is told.
        return float(min(max(1, values.high - values.low + 1), MANY)) if numbers_of(axis) is int else math.inf

    return math.prod(count(axis, values) for axis, values in space.axes().items())


class Probe(NamedTuple):
    """A place of a search's specification, and the values that it asks for."""

    place: tuple[str | int, ...]
    values: Mapping[str, Value]


def probes(search: Search) -> list[Probe]:
    """Each end of each interval and each listed value by itself, and of each space all greatest values at once."""
    found = []
    for i, space in enumerate(search.spaces):
        within = search.place(i)
        greatest: dict[str, Value] = {}
        for axis, values in space.axes().items():
            ends = (
                values.model_dump(include={"low", "high"}) if isinstance(values, Interval) else dict(enumerate(values))
            )
            found += [Probe((*within, axis, end), {axis: value}) for end, value in ends.items()]
            numbers = [value for value in ends.values() if not isinstance(value, str)]
            greatest[axis] = max(numbers) if numbers else next(iter(ends.values()))
        found.append(Probe(within, greatest))
    return found


def check_spaces(search: Search) -> list[dict[str, str]]:
    """What is wrong with the spaces by themselves."""
    errors = []
    for i, space in enumerate(search.spaces):
        within = search.place(i)
        axes = space.axes()
        for axis, values in axes.items():
            if isinstance(values, Interval):
                errors += _check_interval(axis, values, (*within, axis))
        if not axes:
            errors.append(fault(within, "empty", f"Name an axis at least; there are: {', '.join(AXES)}"))
        elif not errors and points(space) < 2:
            errors.append(fault(within, "one_point", "There is one combination of values: nothing to search"))
    return errors


def _check_interval(axis: str, interval: Interval, place: tuple[str | int, ...]) -> list[dict[str, str]]:
    if numbers_of(axis) is None:
        return [fault(place, "not_numbers", "It has no numbers: list the values to choose from")]
    errors = []
    for end in ("low", "high"):
        try:
            _adapter(axis).validate_python(getattr(interval, end), strict=True)
        except ValidationError as invalid:
            each = invalid.errors(include_url=False)[0]
            errors.append(fault((*place, end), each["type"], in_words(each)))
    if not errors and interval.low >= interval.high:
        errors.append(fault((*place, "high"), "not_above_low", f"It must be above `low`, {interval.low:g}"))
    if not errors and rounded(axis, interval.high, interval) == rounded(axis, interval.low, interval):
        detail = f"No number above `low`, {interval.low:g}, would be tried: they are rounded to four digits"
        errors.append(fault((*place, "high"), "not_above_low", detail))
    if not errors and interval.log and interval.low <= 0:
        errors.append(fault((*place, "low"), "not_positive", "With `log` it must be above 0"))
    return errors


def check_budget(search: Search) -> list[dict[str, str]]:
    """What is wrong with the budget, and with how many finalists there shall be."""
    spaces = len(search.spaces)
    if search.most < spaces:
        return [fault(("search", "budget", "runs"), "too_small", f"Each of the {spaces} spaces needs a run at least")]
    if search.final.top > (share := search.share(spaces - 1)):
        each = "" if spaces == 1 else " for each space"
        detail = f"The budget has {share} runs{each}: there cannot be more finalists"
        return [fault(("search", "final", "top"), "too_many_finalists", detail)]
    return []


def rounded(axis: str, value: Value, interval: Interval) -> Value:
    """`value` in four digits, within the interval: what people read in a variant's name is what it was trained with."""
    if isinstance(value, str) or numbers_of(axis) is int:
        return value
    return min(max(float(f"{value:.4g}"), float(interval.low)), float(interval.high))
