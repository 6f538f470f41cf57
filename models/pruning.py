"""When a trial of a search is ended early: one of Optuna's pruners is asked after each of its epochs.

A trial is compared with those trials of its space that had ended when it was asked for (`models.search.Trial.after`),
and with no others. What the pruner says so depends on these, which change no more, and on the trial's own epochs: it
is the same with one worker or eight, and whoever asks again after a kill is told the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, takewhile
from typing import TYPE_CHECKING

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.errors import Pruned
from models.kinds.metrics import METRICS
from models.search import Search
from models.specification import stored
from models.tables import PRUNED, Epoch, Job, Run, Status

if TYPE_CHECKING:
    import optuna

STARTUP = 4
"""So many trials must have been trained to their end before the median of them ends another."""
REDUCTION = 3
"""Of the trials of a bracket of Hyperband one in so many goes on, each time for so many times as many epochs."""


@dataclass(frozen=True)
class Past:
    """A trial as a pruner knows it. values: of its metric, epoch by epoch; empty if nothing of it counts.

    whole: it was trained to its end.
    """

    values: Sequence[float] = ()
    whole: bool = False


@dataclass
class Pruner:
    """Asks Optuna's pruner about one trial.

    before: the trials of its space with lower numbers, in their order; of those asked for together with it nothing
    counts. own: its values so far. epochs: how many it is to be trained. A trial's value at an epoch is the best up
    to there, as the whole trial's is that of its best epoch.
    """

    search: Search
    space: int
    epochs: int
    before: Sequence[Past]
    own: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._trial = _replayed(self)

    def best_so_far(self, values: Iterable[float]) -> list[float]:
        """Of each epoch the best value up to it, until one is not finite: behind that nothing counts."""
        best = max if self.higher else min
        return list(accumulate(takewhile(math.isfinite, values), best))

    @property
    def higher(self) -> bool:
        """Whether of two values the higher is the better."""
        return METRICS[self.search.metric].measure.higher_is_better

    def see(self, epoch: int, metrics: Mapping[str, float]) -> Pruned | None:
        """Takes the metrics of the trial's next epoch, its number from 1 on; why it is to end there, or None.

        Its last epoch ends it anyway, and so does a loss that is not finite.
        """
        self.own.append(metrics.get(self.search.metric, math.nan))
        best = self.best_so_far(self.own)
        if len(best) < epoch or not all(map(math.isfinite, metrics.values())):
            return None
        value = best[-1]
        self._trial.report(value, epoch)
        if not self._trial.should_prune() or epoch >= self.epochs:
            return None
        than = {
            "median": "was worse than the median of those of the trials before it",
            "hyperband": f"was not in the best one in {REDUCTION} of its bracket's trials before it",
        }[self.search.pruner]
        return Pruned(f"Ended after epoch {epoch}: {self.search.metric} up to there, {value:.4g} at best, {than}")


def _replayed(pruner: Pruner) -> optuna.Trial:
    """The trial in a study to which all trials before it were told, epoch by epoch, and its own epochs too.

    The pruner is asked at each of these, since Hyperband notes what a trial is worth when it comes to the end of a
    round; what it answered counted then, and is in the trials' ends. The study's name and a trial's number tell the
    bracket.
    """
    import optuna  # takes half a second, and is needed here alone

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search = pruner.search
    made: optuna.pruners.BasePruner
    if search.pruner == "median":
        made = optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=pruner.epochs // 4)
    else:
        made = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=pruner.epochs, reduction_factor=REDUCTION)
    study = optuna.create_study(
        study_name=f"{search.seed}/{pruner.space}",
        direction="maximize" if pruner.higher else "minimize",
        sampler=optuna.samplers.RandomSampler(0),
        pruner=made,
    )
    state = optuna.trial.TrialState
    for past in pruner.before:
        trial = study.ask()
        best = pruner.best_so_far(past.values)
        _tell(trial, best)
        if past.whole and best:
            study.tell(trial, best[-1])
        else:
            study.tell(trial, state=state.PRUNED if best else state.FAIL)
    trial = study.ask()
    _tell(trial, pruner.best_so_far(pruner.own))
    return trial


def _tell(trial: optuna.Trial, values: Iterable[float]) -> None:
    for epoch, value in enumerate(values, 1):
        trial.report(value, epoch)
        trial.should_prune()


def pruner_of(session: Session, job_id: str, number: int) -> Pruner | None:
    """The pruner of a trial that is about to be trained; None if there is none, or the search is over.

    Raises UnreadableSpecification.
    """
    job = session.execute(select(Job.spec, Job.searching).where(Job.id == job_id)).one_or_none()
    if job is None or not job.searching:
        return None
    specification = stored(job.spec)
    search, trials = (
        specification.search,
        {each.trial.number: each.trial for each in specification.variants if each.trial},
    )
    if search is None or search.pruner == "none" or number not in trials:
        return None
    mine = trials[number]
    before = sorted(each.number for each in trials.values() if each.space == mine.space and each.number < number)
    known = [each for each in before if each < mine.after]
    values: dict[int, list[float]] = {}
    whole: set[int] = set()
    counts = or_(Run.status == Status.SUCCEEDED, PRUNED, Run.trial == number)
    recorded = select(Run.trial, Run.status, Epoch.metrics).join(Epoch, Epoch.run_id == Run.id)
    recorded = recorded.where(Run.job_id == job_id, Run.trial.in_([*known, number]), counts)
    for trial, status, metrics in session.execute(recorded.order_by(Run.trial, Epoch.epoch)):
        assert trial is not None
        values.setdefault(trial, []).append(metrics.get(search.metric, math.nan))
        if status == Status.SUCCEEDED:
            whole.add(trial)
    return Pruner(
        search=search,
        space=mine.space,
        epochs=specification.training.epochs,
        before=[Past(values.get(each, ()), each in whole) for each in before],
        own=values.get(number, []),
    )
