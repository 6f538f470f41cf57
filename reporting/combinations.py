"""Which two remedies add up: main effects and two-way interactions of the whole grid of a sweep.

The method is that of factorial designs (Box, Hunter and Hunter 2005, "Statistics for experimenters", chapter 5): an
effect is a contrast of the grid's cells, computed for each seed by itself, since seeds are blocks. So each contrast has
an error of its own, from its spread over the seeds, and does not assume that all have the same (Maxwell and Delaney
2004, "Designing experiments and analyzing data", chapter 12). Interval and p are Student's, as of any paired
comparison.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from reporting.answer import Answer, Interval
from reporting.decisions import ALPHA, decide
from reporting.statistics import holm, paired
from reporting.verdicts import Finding, finding

Values = NDArray[np.float64]
Level = float | str
Place = Mapping[str, Level]
"""Where in a grid a variant lies: its level of each axis."""

WORDS = {
    "undecided": "not decided",
    "equivalent": "they add up",
    "higher": "together less than the sum",
    "lower": "together more than the sum",
}
"""What is said of an interaction, by what is found of it: of a loss, which the lower is the better."""


class Effect(Answer):
    """What a change of one axis's level, or of two, makes of the loss: the mean over seeds, over all other axes."""

    n: int = Field(description="Seeds that have a loss in every cell of the grid")
    difference: float | None = Field(description="The loss with it minus the loss without")
    ci95: Interval | None = Field(description="Student's, over the seeds")
    p: float | None = Field(description="Two-sided")


class MainEffect(Effect):
    """What a level of an axis makes of the loss, against the axis's reference."""

    axis: str
    reference: float | str
    level: float | str
    p_holm: float | None = Field(description="Corrected for all main effects")


class Interaction(Effect):
    """Whether two changes add up: what both together make of the loss, beyond the sum of what each makes alone."""

    axes: tuple[str, str]
    references: tuple[float | str, float | str]
    levels: tuple[float | str, float | str]
    first: Effect = Field(description="The first axis's change alone, the second being at its reference")
    second: Effect = Field(description="The second axis's change alone")
    together: Effect = Field(description="Both changes")
    p_holm: float | None = Field(description="Corrected for all interactions")
    finding: Finding | None = Field(
        description="`equivalent`: they add up, within the smallest difference that matters; `lower`: together they "
        "lower the loss by more than the sum; `higher`: by less; `undecided`. Null with one seed"
    )
    in_words: str = Field(description="The same in words")


class Combinations(Answer):
    """Main effects and two-way interactions of the whole grid of a sweep."""

    metric: str = Field(description="The loss, as `comparisons` name it")
    seeds: list[int] = Field(description="Those that count: trained in every cell of the grid")
    left_out: list[int] = Field(description="Those that are trained in some cells alone")
    effects: list[MainEffect]
    interactions: list[Interaction]


def combinations(
    losses: Mapping[str, Mapping[int, float]],
    places: Mapping[str, Place],
    metric: str,
    baseline: str,
    smallest: float | None = None,
    sequential: bool = False,
    alpha: float = ALPHA,
) -> Combinations | None:
    """The effects on `metric`, a loss; None unless the places are a whole grid of two axes of two levels each, or more,
    and a seed has been trained in all of it.

    losses: of each variant its loss per seed. A seed counts that has a loss in every cell of the grid. The reference
    of each axis is the baseline's level if it is in the grid, else the level that comes first. `smallest`: two remedies
    add up if the interval of their interaction, valid at every look, lies within ± it. `sequential`: the number of
    seeds was not fixed before, so that p decides nothing (`reporting.verdicts`).
    """
    grid = _grid({name: place for name, place in places.items() if name in losses})
    if grid is None:
        return None
    axes, cells = grid
    levels = {axis: list(dict.fromkeys(place[i] for place in cells)) for i, axis in enumerate(axes)}
    if baseline in cells.values():
        for axis, of in levels.items():
            of.sort(key=lambda level: level != places[baseline][axis])
    known = [set(losses[name]) for name in cells.values()]
    seeds = sorted(set.intersection(*known))
    if not seeds:
        return None
    in_cells = [[losses[cells[place]][seed] for seed in seeds] for place in itertools.product(*levels.values())]
    table = np.array(in_cells, dtype=float).reshape(*map(len, levels.values()), len(seeds))
    effects = list(_effects(levels, table))
    interactions = list(_interactions(levels, table))
    return Combinations(
        metric=metric,
        seeds=seeds,
        left_out=sorted(set.union(*known) - set(seeds)),
        effects=[
            each.model_copy(update={"p_holm": p})
            for each, p in zip(effects, holm([each.p for each in effects]), strict=True)
        ],
        interactions=[
            _judged(each.model_copy(update={"p_holm": p}), values, smallest, sequential, len(interactions), alpha)
            for (each, values), p in zip(interactions, holm([each.p for each, _ in interactions]), strict=True)
        ],
    )


def _grid(places: Mapping[str, Place]) -> tuple[list[str], dict[tuple[Level, ...], str]] | None:
    """The axes with more than one level, and which variant is in each cell; None if a cell is empty, or with one axis.

    Of two variants in one cell the first counts.
    """
    axes = list(dict.fromkeys(axis for place in places.values() for axis in place))
    if any(set(place) != set(axes) for place in places.values()):
        return None
    axes = [axis for axis in axes if len({place[axis] for place in places.values()}) > 1]
    cells: dict[tuple[Level, ...], str] = {}
    for name, place in places.items():
        cells.setdefault(tuple(place[axis] for axis in axes), name)
    whole = math.prod(len({cell[i] for cell in cells}) for i in range(len(axes)))
    return (axes, cells) if len(axes) > 1 and len(cells) == whole else None


def _over_others(table: Values, kept: Collection[int]) -> Values:
    """The mean over all axes but these and the last, which is that of the seeds."""
    others = tuple(i for i in range(table.ndim - 1) if i not in kept)
    return np.asarray(np.mean(table, axis=others), dtype=np.float64)


def _effects(levels: Mapping[str, Sequence[Level]], table: Values) -> Iterator[MainEffect]:
    for i, (axis, of) in enumerate(levels.items()):
        means = _over_others(table, (i,))
        for place, level in enumerate(of[1:], 1):
            yield MainEffect(axis=axis, reference=of[0], level=level, p_holm=None, **_effect(means[place] - means[0]))


def _interactions(levels: Mapping[str, Sequence[Level]], table: Values) -> Iterator[tuple[Interaction, Values]]:
    """Each interaction, and its value for each seed."""
    for (i, one), (j, other) in itertools.combinations(enumerate(levels), 2):
        means = _over_others(table, (i, j))
        for a, b in itertools.product(range(1, len(levels[one])), range(1, len(levels[other]))):
            first, second, together = (means[place] - means[0, 0] for place in ((a, 0), (0, b), (a, b)))
            values = together - first - second
            interaction = Interaction(
                axes=(one, other),
                references=(levels[one][0], levels[other][0]),
                levels=(levels[one][a], levels[other][b]),
                first=Effect(**_effect(first)),
                second=Effect(**_effect(second)),
                together=Effect(**_effect(together)),
                p_holm=None,
                finding=None,
                in_words="",
                **_effect(values),
            )
            yield interaction, values


def _effect(values: Values) -> dict[str, Any]:
    """The fields of an effect whose value for each seed is given."""
    found = paired(values.tolist(), [0.0] * len(values))
    return {"n": found.n, "difference": found.difference, "ci95": found.ci95, "p": found.p}


def _judged(
    interaction: Interaction, values: Values, smallest: float | None, sequential: bool, comparisons: int, alpha: float
) -> Interaction:
    decided = decide(values.tolist(), lower_is_better=True, smallest=smallest, comparisons=comparisons, alpha=alpha)
    found = finding(
        interaction.n,
        interaction.difference,
        sequential=sequential,
        decision=decided.verdict,
        p_holm=interaction.p_holm,
    )
    words = "one seed" if found is None else WORDS[found]
    if found == "equivalent":
        words += f", within {smallest:g}"
    return interaction.model_copy(update={"finding": found, "in_words": words})
