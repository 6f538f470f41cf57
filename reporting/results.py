"""All that a job's report and its archive are made of, and its analysis with all that it needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from models.database import Database
from models.history import RunHistory
from models.kinds.metrics import VAL_DATA_LOSS
from models.kinds.task import Task
from models.predictions import Predictions
from models.specification import dataset_of, until_of
from models.tables import ENDS, PREDICTED, Job, Run, Status
from models.why import Explained
from reporting.analysis import analyse
from reporting.answers import Analysis
from reporting.ensembles import Ensembles, ensembles
from reporting.mistakes import Kept, Mistakes, mistakes
from reporting.overfitting import View
from reporting.reading import (
    MOST_ROWS,
    RunRow,
    read_end,
    read_histories,
    read_predictions,
    read_rows,
    read_why,
)
from reporting.recalibration import Recalibration, recalibration
from reporting.searching import searched
from reporting.setting import setting_of
from reporting.summary import Metrics, summarize


@dataclass(frozen=True)
class Results:
    """A job's runs and all that is said of their histories, as far as there are any; without trials of a search.

    ensembles, recalibration, mistakes (of the baseline): None if there are too many predictions to read for a report or
    none that have a meaning. predictions: what a run keeps of the validation rows at its chosen epoch.
    """

    job: Job
    runs: Sequence[Run]
    histories: Sequence[RunHistory]
    analysis: Analysis
    keras: Analysis
    metrics: Metrics
    rises: Mapping[str, Sequence[Explained]]
    ensembles: Ensembles | None
    recalibration: Recalibration | None
    mistakes: Mistakes | None
    predictions: Callable[[RunRow | Run, Task], Predictions | None]

    def read(self, runs: Iterable[RunRow | Run], metrics: Collection[str] | None = None) -> Iterator[RunHistory]:
        """The histories of these runs, with all metrics: they have been read."""
        asked = {run.id for run in runs}
        return (history for history in self.histories if history.run_id in asked)

    def analysis_in(self, view: View) -> Analysis:
        """The analysis in a view."""
        return self.analysis if view == "data" else self.keras

    @property
    def dataset(self) -> str:
        """The data set's name as figures say it."""
        return dataset_of(self.job.spec).called

    @property
    def task(self) -> Task:
        """What the data set sets."""
        return dataset_of(self.job.spec).task


def analyses_of(
    database: Database,
    spec: Mapping[str, Any],
    runs: Sequence[RunRow | Run],
    trials: Sequence[RunRow | Run] = (),
    *,
    views: Sequence[View],
    histories: Sequence[RunHistory] | None = None,
    bootstrap: bool = False,
    smallest: float | None = None,
) -> list[Analysis]:
    """The analyses of the job with the stored specification `spec` and these runs, one per view.

    Whoever shows an analysis has it from here. `trials` are those of its search. `histories` are those of the runs if
    they have been read; the rest is as `reporting.analysis.analyse` has it.
    """
    dataset = dataset_of(spec)
    if histories is None and (trials or len(views) > 1):
        histories = list(read_histories(database, runs))
    rows = read_rows(database, runs, dataset.task)
    search = searched(spec, trials, read_histories(database, trials), histories or ()) if trials else None
    return [
        analyse(
            read_histories(database, runs) if histories is None else histories,
            spec["baseline"],
            view=view,
            bootstrap=bootstrap,
            validated_on_test=not dataset.held_out,
            task=dataset.task,
            smallest=smallest,
            until=until_of(spec),
            setting=setting_of(spec, runs),
            rows=rows,
            scores={run.id: run.test for run in runs},
            selected=len(trials),
        ).model_copy(update={} if search is None else {"search": search})
        for view in views
    ]


def ensembles_of(
    database: Database, spec: Mapping[str, Any], runs: Sequence[RunRow | Run], split: Literal["validation", "test"]
) -> Ensembles:
    """What the succeeded runs of each variant of the stored specification `spec` score together, of those rows."""
    dataset = dataset_of(spec)
    kept = "test" if split == "test" and dataset.held_out else "validation"

    def of(name: str) -> Iterator[Predictions]:
        for run in runs:
            if run.variant == name and run.status == Status.SUCCEEDED:
                with database.read() as session:
                    predicted = read_predictions(session, run.id, kept, dataset.task)
                if predicted is not None:
                    yield predicted

    return ensembles(_variants(runs), spec["baseline"], of, dataset.task)


def recalibration_of(
    database: Database, spec: Mapping[str, Any], runs: Sequence[RunRow | Run], at: Literal["chosen", "last"]
) -> Recalibration:
    """The losses of the succeeded runs with recalibrated probabilities, at that epoch of each; of classes alone."""
    task = dataset_of(spec).task
    succeeded = [run for run in runs if run.status == Status.SUCCEEDED]

    def predicted() -> Iterator[tuple[str, int, Predictions]]:
        told = read_why(database, succeeded) if at == "last" else {}
        for run in succeeded:
            since = told[run.id][-1]["since"] if told.get(run.id) else 0
            with database.read() as session:
                found = read_end(session, run, at, since, task)
            if found is not None and len(found.rows) > 1:
                yield run.variant, run.seed, found

    return recalibration(predicted(), _variants(runs), spec["baseline"], task.loss_title)


def kept_of(database: Database, runs: Sequence[RunRow | Run], name: str, task: Task) -> Iterator[Kept]:
    """What the variant's succeeded runs keep at both ends, one at a time."""
    succeeded = [run for run in runs if run.variant == name and run.status == Status.SUCCEEDED]
    told = read_why(database, succeeded)
    for run in succeeded:
        if told.get(run.id):
            since = told[run.id][-1]["since"]
            with database.read() as session:
                ends = {end: read_end(session, run, end, since, task) for end in ENDS}
            there = {end: each for end, each in ends.items() if each is not None}
            if len(there) == len(ENDS):
                yield Kept(**there)


def _variants(runs: Iterable[RunRow | Run]) -> list[str]:
    return list(dict.fromkeys(run.variant for run in runs))


def results_of(database: Database, job: Job) -> Results:
    """Reads what a report and a bundle are made of; `job` was read with its runs."""
    runs, trials = [run for run in job.runs if run.trial is None], [run for run in job.runs if run.trial is not None]
    histories = list(read_histories(database, runs))
    data, keras = analyses_of(database, job.spec, runs, trials, views=get_args(View), histories=histories)
    dataset = dataset_of(job.spec)
    few = len(runs) * dataset.validated_on * dataset.task.units <= MOST_ROWS
    sides, name = few and dataset.task.class_count is not None, job.spec["baseline"]

    def kept(run: RunRow | Run, task: Task) -> Predictions | None:
        if not few:
            return None
        with database.read() as session:
            return read_predictions(session, run.id, PREDICTED[0], task)

    return Results(
        job=job,
        runs=runs,
        histories=histories,
        analysis=data,
        keras=keras,
        metrics=summarize(histories, VAL_DATA_LOSS, task=dataset.task),
        rises=read_why(database, runs),
        ensembles=ensembles_of(database, job.spec, runs, "validation") if few else None,
        recalibration=recalibration_of(database, job.spec, runs, "chosen") if sides else None,
        mistakes=mistakes(name, kept_of(database, runs, name, dataset.task), None, "test", 0) if sides else None,
        predictions=kept,
    )
