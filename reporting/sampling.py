"""What a search tries next: Optuna's samplers, asked for some trials at once.

A study is made anew of the trials so far whenever it is asked, from a seed of its own: what is asked for depends on
the search and on these trials alone, not on who asks, when, or how often a process died in between.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from models.search import GENERATION, Search
from models.spaces import Interval, Value, listed, numbers_of, points, rounded

if TYPE_CHECKING:
    import optuna

TRIES = 20
"""So often a combination is drawn that was tried before, and another asked for."""
MOST_LISTED = 100_000
"""Of a space of no more combinations all can be listed, so that the last ones are found too."""


class Told(NamedTuple):
    """A trial's values, and what it is worth, less being better: None if it has failed or was pruned.

    seen: what it was worth after each epoch, of one that was pruned.
    """

    values: Mapping[str, Value]
    value: float | None
    seen: Sequence[float] = ()


def ask(search: Search, space: int, told: Sequence[Told]) -> list[dict[str, Value]]:
    """The next values to try in the space of this number, all different from those tried: none if there are no others.

    `told`: all its trials so far, in the order of their numbers.
    """
    share = search.share(space)
    first = search.first(space)
    count = min(first if not told else GENERATION, share - len(told))
    if count <= 0:
        return []
    study, distributions = _study(search, space, told, first)
    axes = search.spaces[space].axes()
    seen = [dict(each.values) for each in told]
    asked: list[dict[str, Value]] = []
    tries = 0
    while len(asked) < count and tries < TRIES:
        drawn = study.ask(distributions).params
        values = {
            axis: rounded(axis, drawn[axis], choice) if isinstance(choice, Interval) else choice[drawn[axis]]
            for axis, choice in axes.items()
        }
        if values in seen:
            tries += 1
        else:
            seen.append(values)
            asked.append(values)
    if len(asked) < count and points(search.spaces[space]) <= MOST_LISTED:
        left = [values for values in _all(search, space) if values not in seen]
        np.random.default_rng(_seed(search, space, len(told))).shuffle(left)
        asked += left[: count - len(asked)]
    return asked


def _seed(search: Search, space: int, trials: int) -> int:
    return int(np.random.SeedSequence((search.seed, space, trials)).generate_state(1)[0])


def _study(
    search: Search, space: int, told: Sequence[Told], first: int
) -> tuple[optuna.Study, dict[str, optuna.distributions.BaseDistribution]]:
    """A study to which all of `told` is told, and how the values of each axis are distributed.

    Of a list the place is drawn: its values may be of any kind.
    """
    import optuna  # takes half a second, and is needed here alone

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seed = _seed(search, space, len(told))
    sampler: optuna.samplers.BaseSampler = (
        optuna.samplers.TPESampler(seed=seed, n_startup_trials=first, multivariate=True, constant_liar=True)
        if search.sampler == "tpe"
        else optuna.samplers.RandomSampler(seed=seed)
    )
    axes = search.spaces[space].axes()
    distributions = {axis: _distribution(axis, choice) for axis, choice in axes.items()}
    study = optuna.create_study(sampler=sampler)
    state = optuna.trial.TrialState
    for values, value, seen in told:
        params = {
            axis: values[axis] if isinstance(choice, Interval) else choice.index(values[axis])
            for axis, choice in axes.items()
        }
        study.add_trial(
            optuna.trial.create_trial(
                params=params,
                distributions=distributions,
                value=value,
                intermediate_values=dict(enumerate(seen, 1)),
                state=state.COMPLETE if value is not None else state.PRUNED if seen else state.FAIL,
            )
        )
    return study, distributions


def _distribution(axis: str, choice: Interval | tuple[Value, ...]) -> optuna.distributions.BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(choice, Interval):
        return CategoricalDistribution(range(len(choice)))
    if numbers_of(axis) is int:
        return IntDistribution(int(choice.low), int(choice.high), log=choice.log)
    return FloatDistribution(float(choice.low), float(choice.high), log=choice.log)


def _all(search: Search, space: int) -> list[dict[str, Any]]:
    axes = search.spaces[space].axes()
    choices = itertools.product(*(listed(axis, choice) for axis, choice in axes.items()))
    return [dict(zip(axes, values, strict=True)) for values in choices]
