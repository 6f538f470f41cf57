"""Jobs and results as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from rich.markup import escape
from rich.table import Column, Table

from models.kinds.metric import Of
from models.kinds.metrics import DATA_LOSS, METRICS, VAL_DATA_LOSS, phrase
from models.kinds.task import Task
from models.specification import dataset_of
from ockham_client import Job, Run

COLOURS = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "running": "cyan"}


def status(word: str) -> str:
    """A status in its colour, as rich's markup."""
    return f"[{COLOURS[word]}]{word}[/]" if word in COLOURS else word


def seconds(run: Run) -> float | None:
    """How long a finished run took, from its first beginning on; None for one that has not finished."""
    started, finished = run.raw.get("started_at"), run.raw.get("finished_at")
    if not started or not finished:
        return None
    return (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()


def data_set(job: Job) -> str:
    """The name of the data set that a job trains on; empty for a big job in a list."""
    return str(job.spec["dataset"]["name"]) if job.spec else ""


def column(heading: str, justify: Literal["left", "right"] = "left") -> Column:
    """A column whose cells go on in the next line if they have no room: cut off, two could look the same."""
    return Column(escape(heading), justify=justify, overflow="fold")


def jobs_table(jobs: Iterable[Job]) -> Table:
    """A row a job."""
    headings = ("id", "name", "status", "data set", "runs", "progress", "created (UTC)")
    table = Table(*map(column, headings))
    for job in jobs:
        runs = sum(job.raw["run_counts"].values())
        progress = f"{job.progress['percent']:.0f} %"
        created = job.raw["created_at"][:19].replace("T", " ")
        table.add_row(job.id, escape(job.name), status(job.status), data_set(job), str(runs), progress, created)
    return table


def job_table(job: Job) -> Table:
    """A row a run: how far it is, and what went wrong."""
    failed = any(run.error for run in job.runs)
    headings = ("run", "variant", "seed", "status", "epochs", "parameters", "seconds", *(["error"] if failed else []))
    table = Table(*map(column, headings), title=escape(_title(job)))
    for run in job.runs:
        took = seconds(run)
        cells = [run.id, escape(run.variant), str(run.seed), status(run.status), f"{run.epoch}/{run.epochs}"]
        cells += [f"{run.parameters:,}", "" if took is None else f"{took:.1f}"]
        table.add_row(*cells, *([escape(run.error["message"])] if run.error else []))
    return table


def results(job: Job, metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each variant came to, means over its seeds: the rows of a job's summary."""
    rows = []
    for variant in metrics["variants"]:
        runs = [run for run in job.runs if run.variant == variant["variant"] and run.raw.get("trial") is None]
        took = [each for each in map(seconds, runs) if each is not None]
        rows.append(
            {
                "variant": variant["variant"],
                "parameters": runs[0].parameters if runs else None,
                "n": variant["n"],
                **{name: _mean(variant, name) for name, value in variant.items() if value is None or _is_mean(value)},
                "ci95": {name: value.get("ci95") for name, value in variant.items() if _is_mean(value)},
                "seconds": sum(took) / len(took) if took else None,
            }
        )
    return rows


def _is_mean(value: Any) -> bool:
    return isinstance(value, Mapping) and "mean" in value


def _mean(variant: Mapping[str, Any], name: str) -> float | None:
    value: float | None = (variant.get(name) or {}).get("mean")
    return value


@dataclass(frozen=True)
class Grid:
    """A table of words: the first column is names, the others numbers."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def table(self) -> Table:
        """For a terminal."""
        first, *others = self.headings
        table = Table(column(first), *(column(each, "right") for each in others), title=escape(self.title))
        for row in self.rows:
            table.add_row(*map(escape, row))
        return table

    def markdown(self) -> list[str]:
        """For a page, line by line, without the title."""
        rows = (self.headings, *self.rows)
        cells = [[cell.replace("|", "\\|").replace("\n", "<br>") for cell in row] for row in rows]
        lines = ["| " + " | ".join(row) + " |" for row in cells]
        return [lines[0], "|---|" + "---:|" * (len(self.headings) - 1), *lines[1:]]


def columns(by: str, rows: Sequence[Mapping[str, Any]], task: Task) -> dict[str, str]:
    """The values that are shown if the best epoch is chosen by `by`, and their headings."""
    measure = Of.VALIDATION + task.measure
    asked = [
        name
        for name, metric in METRICS.items()
        if metric.measure.asked and any(row.get(f"best_{name}") is not None for row in rows)
    ]
    beside = [name for name in (measure if by != measure else VAL_DATA_LOSS, *asked) if name != by]
    test = [f"test_{name}" for name in (DATA_LOSS.name, task.measure)]
    if all(row.get(name) is None for row in rows for name in test):
        test = []
    return {
        f"best_{by}": f"best {phrase(by, task)}",
        **{f"best_{name}": f"{METRICS[name].measure.titled(task)} at best epoch" for name in beside},
        f"final_{by}": phrase(f"final_{by}", task),
        "rise": "rise",
        "gap_at_end": "gap",
        **{name: phrase(name, task) for name in test},
    }


def results_grid(job: Job, rows: Sequence[Mapping[str, Any]], by: str = VAL_DATA_LOSS) -> Grid:
    """A row a variant: what the experiment is about. `rows` are of `results`; `by` chose the best epochs."""
    shown = columns(by, rows, dataset_of(job.spec).task)
    seeds = max((row["n"] for row in rows), default=0)
    return Grid(
        _title(job) + (f", means over {seeds} seeds" if seeds > 1 else ""),
        ("variant", "parameters", "best epoch", *shown.values(), "seconds"),
        [
            (
                str(row["variant"]),
                _number(row["parameters"], ",d"),
                _epoch(row.get("best_epoch")),
                *(_spread(row, name) for name in shown),
                _number(row["seconds"], ".1f"),
            )
            for row in rows
        ],
    )


def _spread(row: Mapping[str, Any], name: str) -> str:
    """A mean, and below it its interval if there is one."""
    low, high = row.get("ci95", {}).get(name) or (None, None)
    return _number(row.get(name), ".4f") + ("" if low is None else f"\n{low:.4f} to {high:.4f}")


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _epoch(value: float | None) -> str:
    """An epoch, or a mean of some."""
    return _number(value, "g" if value is None or float(value).is_integer() else ".1f")


def _title(job: Job) -> str:
    return f"{job.name}: {job.status}, data set {data_set(job)}"
