"""Variants of several jobs side by side, as if they were those of one job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from models.database import Database
from models.errors import DifferentTasks
from models.history import RunHistory
from models.kinds.task import Task
from models.specification import dataset_of, vary_of
from reporting.analysis import analyse
from reporting.answers import Analysis
from reporting.overfitting import View
from reporting.reading import RunRow, read_histories, read_rows
from reporting.setting import Setting, setting_of

T = TypeVar("T")

OF_TRAINING = {"train_samples", "num_words", "encoding", "ngrams"}
"""Fields of a data set that leave the rows of its validation set what they are."""


@dataclass(frozen=True)
class Chosen:
    """Runs of one job, in the job's order; `trials` are those of its search that nobody has named.

    The variant of a trial that somebody has named is called one: it has no seed in common with the finalist's runs.
    """

    job_id: str
    name: str
    spec: dict[str, Any]
    runs: list[RunRow]
    trials: list[RunRow] = field(default_factory=list)

    @property
    def variants(self) -> list[str]:
        """The variants of its runs, in the job's order; then trials."""
        have = dict.fromkeys(run.variant for run in self.runs)
        given = [each["name"] for each in self.spec["variants"]]
        return [name for name in given if name in have] + [name for name in have if name not in given]


def common_task(chosen: Sequence[Chosen]) -> Task:
    """The task of all these jobs. Raises DifferentTasks if it is not one."""
    tasks = [dataset_of(each.spec).task for each in chosen]
    if len({task.name for task in tasks}) > 1:
        found = ", ".join(f"{each.job_id} is {task.title}" for each, task in zip(chosen, tasks, strict=True))
        raise DifferentTasks(f"Jobs of different tasks have losses of different kinds: {found}"[:1000])
    return tasks[0]


def labels(chosen: Sequence[Chosen]) -> list[dict[str, str]]:
    """For each job, what each of its variants is called beside those of the others; no two are called the same.

    A name that several have is told apart by its job's name, by the end of the job's id if that is not enough.
    """
    variants = [sorted({run.variant for run in each.runs}) for each in chosen]
    shared = {name for name, jobs in Counter(name for names in variants for name in names).items() if jobs > 1}
    names = [each.name.replace(",", " ") for each in chosen]
    ends = [f"…{each.job_id[-6:]}" for each in chosen]
    mixed = [name if names.count(name) == 1 else end for name, end in zip(names, ends, strict=True)]
    for jobs in (mixed, ends, [each.job_id for each in chosen]):
        found = [
            {name: f"{name} ({job})" if name in shared else name for name in of_job}
            for of_job, job in zip(variants, jobs, strict=True)
        ]
        if len({label for each in found for label in each.values()}) == sum(map(len, found)):
            break
    return found


def data_sets(chosen: Sequence[Chosen]) -> str:
    """The names of the data sets of these jobs, as figures say them."""
    return ", ".join(sorted({dataset_of(each.spec).called for each in chosen}))


def read_labelled(database: Database, chosen: Sequence[Chosen], metrics: Any = None) -> Iterator[RunHistory]:
    """The histories of all these runs, each variant called as `labels` says; see `read_histories`."""
    for each, label_of in zip(chosen, labels(chosen), strict=True):
        for history in read_histories(database, each.runs, metrics):
            yield replace(history, variant=label_of[history.variant])


def analyse_across(
    database: Database,
    chosen: Sequence[Chosen],
    baseline: tuple[str, str],
    *,
    view: View = "data",
    bootstrap: bool = False,
    smallest: float | None = None,
) -> Analysis:
    """The analysis of the variants of these jobs together, as `labels` calls them.

    `baseline`: its job's id and its name there. Runs of one seed are paired across jobs. A variant that was validated
    on other rows than the baseline is described, and not compared. Raises DifferentTasks.
    """
    task, called = common_task(chosen), labels(chosen)
    (at,) = (i for i, each in enumerate(chosen) if each.job_id == baseline[0])
    rows_of_baseline = _validated_on(chosen[at].spec)
    apart = {
        label
        for each, label_of in zip(chosen, called, strict=True)
        if _validated_on(each.spec) != rows_of_baseline
        for label in label_of.values()
    }
    return analyse(
        read_labelled(database, chosen),
        called[at][baseline[1]],
        view=view,
        bootstrap=bootstrap,
        validated_on_test=any(not dataset_of(each.spec).held_out for each in chosen),
        task=task,
        smallest=smallest,
        setting=_setting(chosen, called, at),
        rows=read_rows(database, [run for each in chosen for run in each.runs], task),
        apart=apart,
    )


def _validated_on(spec: Mapping[str, Any]) -> object:
    """The same for jobs whose runs of one seed are validated on the same rows."""
    own = {name: value for name, value in spec["dataset"].items() if name not in OF_TRAINING}
    return own, "split" in vary_of(spec)


def _setting(chosen: Sequence[Chosen], called: Sequence[Mapping[str, str]], at: int) -> Setting:
    """How these jobs came by their numbers: that of the baseline's job, and what is known of every variant."""
    settings = [setting_of(each.spec, each.runs) for each in chosen]

    def called_so(counts: Sequence[Mapping[str, T]]) -> dict[str, T]:
        pairs = zip(counts, called, strict=True)
        return {label_of[name]: n for of_job, label_of in pairs for name, n in of_job.items() if name in label_of}

    return replace(
        settings[at],
        parameters=called_so([setting.parameters for setting in settings]),
        updates=called_so([setting.updates for setting in settings]),
        places=called_so([setting.places for setting in settings]),
        grown=any(setting.grown for setting in settings),
        decides=any(setting.decides for setting in settings),
        jobs=len(chosen),
    )
