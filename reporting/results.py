"""All that a job's report and its archive are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from models.database import Database
from models.history import RunHistory
from models.kinds.metrics import VAL_DATA_LOSS
from models.kinds.task import Task
from models.specification import dataset_of, until_of
from models.tables import Job, Run
from reporting.analysis import analyse
from reporting.answers import Analysis, Metrics
from reporting.overfitting import View
from reporting.reading import RunRow, read_histories, read_rows
from reporting.setting import setting_of
from reporting.summary import summarize


@dataclass(frozen=True)
class Results:
    """A job's runs and all that is said of their histories, as far as there are any."""

    job: Job
    runs: Sequence[Run]
    histories: Sequence[RunHistory]
    analysis: Analysis
    keras: Analysis
    metrics: Metrics

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


def results_of(database: Database, job: Job) -> Results:
    """Reads what a report and a bundle are made of; `job` was read with its runs."""
    histories = list(read_histories(database, job.runs))
    baseline, dataset = job.spec["baseline"], dataset_of(job.spec)
    on_test, task, until = not dataset.held_out, dataset.task, until_of(job.spec)
    setting, rows = setting_of(job.spec, job.runs), read_rows(database, job.runs, task)
    data, keras = (
        analyse(
            histories,
            baseline,
            view=view,
            validated_on_test=on_test,
            task=task,
            until=until,
            setting=setting,
            rows=rows,
        )
        for view in ("data", "keras")
    )
    return Results(job, job.runs, histories, data, keras, summarize(histories, VAL_DATA_LOSS, task=task))
