"""All that a job's report and its archive are made of, and its analysis with all that it needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from models.database import Database
from models.history import RunHistory
from models.kinds.metrics import VAL_DATA_LOSS
from models.kinds.task import Task
from models.specification import dataset_of, until_of
from models.tables import Job, Run
from models.why import Explained
from reporting.analysis import analyse
from reporting.answers import Analysis, Metrics
from reporting.overfitting import View
from reporting.reading import RunRow, read_histories, read_rows, read_why
from reporting.searching import searched
from reporting.setting import setting_of
from reporting.summary import summarize


@dataclass(frozen=True)
class Results:
    """A job's runs and all that is said of their histories, as far as there are any; without trials of a search."""

    job: Job
    runs: Sequence[Run]
    histories: Sequence[RunHistory]
    analysis: Analysis
    keras: Analysis
    metrics: Metrics
    rises: Mapping[str, Sequence[Explained]]

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


def results_of(database: Database, job: Job) -> Results:
    """Reads what a report and a bundle are made of; `job` was read with its runs."""
    runs, trials = [run for run in job.runs if run.trial is None], [run for run in job.runs if run.trial is not None]
    histories = list(read_histories(database, runs))
    data, keras = analyses_of(database, job.spec, runs, trials, views=get_args(View), histories=histories)
    task = dataset_of(job.spec).task
    summary, rises = summarize(histories, VAL_DATA_LOSS, task=task), read_why(database, runs)
    return Results(job, runs, histories, data, keras, summary, rises)
