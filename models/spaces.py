"""What a search may try: of each axis an interval or a list of values.

Numbers are tried in four digits, so that what people read in a variant's name is what it was trained with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, Field, Tag, TypeAdapter, ValidationError, create_model

from models.faults import duplicates, fault, in_words
from models.kinds.axes import AXES
from models.kinds.kind import Model
from models.sweeps import MAX_VALUES

Value = float | str
"""Of an axis; a whole number where the axis has whole numbers alone."""


class Interval(Model):
    """All numbers from `low` to `high`, with `log` as many between 1 and 10 as between 10 and 100."""

    low: int | float
    high: int | float
    log: bool = False


def _form(value: Any) -> str:
    return "interval" if isinstance(value, (dict, Interval)) else "values"


def _choice(axis: Any) -> Any:
    values = Annotated[tuple[axis.values, ...], Field(min_length=1, max_length=MAX_VALUES), Tag("values")]
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


# --- which values may be tried


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
DENSE = 1.5
"""An interval of real numbers whose ends are further apart than by this factor has more numbers of four digits than a
search has trials."""


def points(space: _Space) -> float:
    """How many combinations of values may be tried; infinity if there are more of real numbers than trials."""

    def count(axis: str, values: Interval | tuple[Value, ...]) -> float:
        if not isinstance(values, Interval):
            return len(values)
        if numbers_of(axis) is not int:
            return len(_decimals(axis, values)) or math.inf
        # What is upside down or beyond all bounds has a fault of its own, and is counted before that is told.
        return float(min(max(1, values.high - values.low + 1), MANY))

    return math.prod(count(axis, values) for axis, values in space.axes().items())


def listed(axis: str, values: Interval | tuple[Value, ...]) -> Sequence[Value]:
    """The values of an axis that may be tried, of a space with finitely many `points`."""
    if not isinstance(values, Interval):
        return values
    return range(int(values.low), int(values.high) + 1) if numbers_of(axis) is int else _decimals(axis, values)


def _decimals(axis: str, interval: Interval) -> list[Value]:
    """The numbers of four digits in an interval of real numbers; none if there are more than trials."""
    low, high = float(interval.low), float(interval.high)
    if not 1e-300 < low < high < DENSE * low:
        return []
    unit = 10.0 ** (math.floor(math.log10(low)) - 3)
    steps = range(math.floor(low / unit), math.ceil(high / unit) + 1)
    return sorted({rounded(axis, min(max(step * unit, low), high), interval) for step in steps})


def rounded(axis: str, value: Value, interval: Interval) -> Value:
    """`value` in four digits, within the interval: what people read in a variant's name is what it was trained with."""
    if isinstance(value, str) or numbers_of(axis) is int:
        return value
    return min(max(float(f"{value:.4g}"), float(interval.low)), float(interval.high))


# --- what is wrong with them


def check_spaces(spaces: Sequence[Space], places: Sequence[tuple[str | int, ...]]) -> list[dict[str, str]]:
    """What is wrong with the spaces by themselves; `places` are theirs in a specification."""
    errors: list[dict[str, str]] = []
    for space, place in zip(spaces, places, strict=True):
        errors += _check_space(space, place)
    return errors or duplicates([_as_set(space) for space in spaces], places[0][:-1])


def _check_space(space: _Space, within: tuple[str | int, ...]) -> list[dict[str, str]]:
    errors = []
    axes = space.axes()
    for axis, values in axes.items():
        if isinstance(values, Interval):
            errors += _check_interval(axis, values, (*within, axis))
        else:
            errors += duplicates(values, (*within, axis))
    if not axes:
        errors.append(fault(within, "empty", f"Name an axis at least; there are: {', '.join(AXES)}"))
    elif not errors and points(space) < 2:
        place = (*within, *axes) if len(axes) == 1 else within
        errors.append(fault(place, "one_point", "There is one combination of values: nothing to search"))
    return errors


def _as_set(space: _Space) -> dict[str, Any]:
    """The same for spaces in which the same is searched in the same way."""
    return {axis: values if isinstance(values, Interval) else set(values) for axis, values in space.axes().items()}


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
