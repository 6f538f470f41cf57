"""How far a search is, and what it tries next: a pure function of its trials' histories."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import Pruned
from models.history import RunHistory
from models.resolution import trial_of
from models.search import Best, Runs, Search, State
from models.spaces import Value
from models.specification import Specification, Variant, stored
from models.tables import Run, Status
from reporting.answers import Finalist, Searched, TrialAnswer
from reporting.overfitting import best_of, best_value, higher_is_better
from reporting.reading import RunRow
from reporting.sampling import Told, ask


@dataclass(frozen=True)
class Tried:
    """A trial that has ended: `value` is that of its best epoch, on the rows held out; both None if it has failed.

    seen: of one that was pruned its values, epoch by epoch; empty for any other.
    """

    number: int
    space: int
    variant: str
    values: Mapping[str, Value]
    value: float | None
    epoch: int | None
    seen: Sequence[float] = ()


def tried(search: Search, specification: Specification, histories: Mapping[str, RunHistory]) -> list[Tried]:
    """The trials in the order of their numbers; `histories` has those that count (`counting`), by their variant."""
    found = []
    for variant in specification.variants:
        if variant.trial is None:
            continue
        history = histories.get(variant.name)
        epoch, value = (history and best_of(history, search.metric)) or (None, None)
        seen = history.metrics.get(search.metric, ()) if history and history.status != Status.SUCCEEDED else ()
        number, space = variant.trial.number, variant.trial.space
        found.append(Tried(number, space, variant.name, variant.swept or {}, value, epoch, seen))
    return sorted(found, key=lambda each: each.number)


def counting(trials: Iterable[RunRow | Run]) -> list[RunRow | Run]:
    """The trials whose histories say something: those trained to their end, and those that were pruned."""
    return [run for run in trials if run.status == Status.SUCCEEDED or is_pruned(run)]


def is_pruned(run: RunRow | Run) -> bool:
    """Whether the search's pruner ended it."""
    return run.status == Status.CANCELLED and (run.error or {}).get("code") == Pruned.code


def ordered(search: Search, trials: Sequence[Tried]) -> list[list[Tried]]:
    """Of each space those trained to their end, the best first; of equals that with the lower number."""
    sign = _sign(search)
    found: list[list[Tried]] = [[] for _ in search.spaces]
    for each in sorted(trials, key=lambda each: (sign * (each.value or 0), each.number)):
        if each.value is not None and not each.seen:
            found[each.space].append(each)
    return found


def _sign(search: Search) -> int:
    """What a value is multiplied by so that less is better."""
    return -1 if higher_is_better(search.metric) else 1


def step(
    specification: Specification, histories: Mapping[str, RunHistory], trained: float
) -> tuple[State, list[Variant]]:
    """What is seen when all trials have ended, and the variants to try next; if there are none, there are finalists.

    histories: see `tried`. trained: the seconds that all trials together have trained.
    """
    search = specification.search
    assert search is not None
    trials, sign = tried(search, specification, histories), _sign(search)
    asked: list[Variant] = []
    if isinstance(search.budget, Runs) or trained < search.budget.seconds:
        for space in range(len(search.spaces)):
            told = [_told(each, sign) for each in trials if each.space == space]
            for values in ask(search, space, told):
                known = specification.model_copy(update={"variants": (*specification.variants, *asked)})
                asked.append(trial_of(known, values, len(trials) + len(asked), space, after=len(trials)))
    of_spaces = ordered(search, trials)
    finalists = [] if asked else [each.variant for found in of_spaces for each in found[: search.final.top]]
    further = max(0, search.known - len(trials) - len(asked)) + search.finalists * len(specification.seeds)
    state = State(
        trials=len(trials) + len(asked),
        ended=len(trials),
        failed=sum(each.value is None for each in trials),
        pruned=sum(bool(each.seen) for each in trials),
        coming=further if asked else 0,
        best=[_best(found[0]) for found in of_spaces if found],
        finalists=finalists,
    )
    return state, asked


def _told(trial: Tried, sign: int) -> Told:
    """The trial as the sampler is told it; of a pruned one what it was worth up to each epoch."""
    if trial.value is None or not trial.seen:
        return Told(trial.values, None if trial.value is None else sign * trial.value)
    return Told(trial.values, None, list(itertools.accumulate((sign * value for value in trial.seen), min)))


def _best(trial: Tried) -> Best:
    assert trial.value is not None
    return Best(trial=trial.number, variant=trial.variant, value=trial.value)


def searched(
    spec: Mapping[str, Any],
    trials: Sequence[RunRow | Run],
    histories: Iterable[RunHistory],
    fresh: Iterable[RunHistory],
) -> Searched:
    """The trials of a job with the stored specification `spec`; `fresh` are the histories of its other runs."""
    specification = stored(spec)
    search = specification.search
    assert search is not None
    of_variant = {run.variant: run for run in trials}
    ended = {run.id for run in counting(trials)}
    well = {each.variant: each for each in histories if each.run_id in ended}
    found, sign = tried(search, specification, well), _sign(search)
    least: dict[int, float] = {}
    answers = []
    for each in found:
        run = of_variant[each.variant]
        best_so_far = each.value is not None and not each.seen and sign * each.value < least.get(each.space, math.inf)
        if best_so_far and each.value is not None:
            least[each.space] = sign * each.value
        answers.append(
            TrialAnswer(
                trial=each.number,
                space=each.space,
                run_id=run.id,
                variant=each.variant,
                status=Status(run.status),
                values=dict(each.values),
                value=each.value,
                epoch=each.epoch,
                pruned=len(each.seen) or None,
                best=best_so_far,
            )
        )
    again: dict[str, list[float]] = {}
    for history in fresh:
        found_again = again.setdefault(history.variant, [])
        value = best_value(history, search.metric)
        if history.status == Status.SUCCEEDED and value is not None:
            found_again.append(value)
    finalists = [
        _finalist(each, again[each.variant], sign)
        for of_space in ordered(search, found)
        for each in of_space
        if each.variant in again
    ]
    return Searched(metric=search.metric, trials=answers, finalists=finalists)


def _finalist(trial: Tried, again: Sequence[float], sign: int) -> Finalist:
    assert trial.value is not None
    mean = sum(again) / len(again) if again else None
    return Finalist(
        variant=trial.variant,
        trial=trial.number,
        value=trial.value,
        n=len(again),
        fresh=mean,
        selection=None if mean is None else sign * (mean - trial.value),
    )
