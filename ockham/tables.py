"""Jobs and results as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

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


def jobs_table(jobs: Iterable[Job]) -> Table:
    """A row a job."""
    table = Table("id", "name", "status", "data set", "runs", "progress", "created (UTC)")
    for job in jobs:
        runs = sum(job.raw["run_counts"].values())
        progress = f"{job.progress['percent']:.0f} %"
        created = job.raw["created_at"][:19].replace("T", " ")
        table.add_row(job.id, escape(job.name), status(job.status), data_set(job), str(runs), progress, created)
    return table


def job_table(job: Job) -> Table:
    """A row a run: how far it is, and what went wrong."""
    table = Table("run", "variant", "seed", "status", "epochs", "parameters", "seconds", title=escape(_title(job)))
    if any(run.error for run in job.runs):
        table.add_column("error")
    for run in job.runs:
        took = seconds(run)
        cells = [run.id, escape(run.variant), str(run.seed), status(run.status), f"{run.epoch}/{run.epochs}"]
        cells += [f"{run.parameters:,}", "" if took is None else f"{took:.1f}"]
        table.add_row(*cells, *([escape(run.error["message"])] if run.error else []))
    return table


def results(job: Job, metrics: Mapping[str, Any], fair: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each variant came to, means over its seeds: the rows of a job's summary.

    `metrics` are at the best epochs by whatever was asked for, `fair` those by `val_data_loss`: each variant's least
    cross-entropy is at an epoch of its own.
    """
    least = {variant["variant"]: _mean(variant, "best_val_data_loss") for variant in fair["variants"]}
    rows = []
    for variant in metrics["variants"]:
        runs = [run for run in job.runs if run.variant == variant["variant"]]
        took = [each for each in map(seconds, runs) if each is not None]
        rows.append(
            {
                "variant": variant["variant"],
                "parameters": runs[0].parameters if runs else None,
                "n": variant["n"],
                **{name: _mean(variant, name) for name in MEANS},
                "best_val_data_loss": least.get(variant["variant"]),
                "seconds": sum(took) / len(took) if took else None,
            }
        )
    return rows


MEANS = (
    "best_epoch", "best_val_loss", "best_val_acc", "final_val_loss", "final_val_acc", "final_val_data_loss",
    "test_data_loss", "test_acc",
)  # fmt: skip


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
        table = Table(title=escape(self.title))
        for i, heading in enumerate(self.headings):
            table.add_column(escape(heading), justify="left" if i == 0 else "right")
        for row in self.rows:
            table.add_row(*map(escape, row))
        return table

    def markdown(self) -> list[str]:
        """For a page, line by line, without the title."""
        rows = (self.headings, *self.rows)
        lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
        return [lines[0], "|---|" + "---:|" * (len(self.headings) - 1), *lines[1:]]


LOSS, ACCURACY, CROSS_ENTROPY = "validation loss", "validation accuracy", "validation cross-entropy"
COLUMNS = {
    "val_loss": {
        "best_val_loss": f"best {LOSS}",
        "best_val_acc": "accuracy at best epoch",
        "best_val_data_loss": f"best {CROSS_ENTROPY}",
        "final_val_loss": f"final {LOSS}",
    },
    "val_data_loss": {
        "best_val_data_loss": f"best {CROSS_ENTROPY}",
        "best_val_acc": "accuracy at best epoch",
        "final_val_data_loss": f"final {CROSS_ENTROPY}",
    },
    "val_acc": {
        "best_val_acc": f"best {ACCURACY}",
        "best_val_loss": "loss at best epoch",
        "final_val_acc": f"final {ACCURACY}",
    },
}
"""By what the best epoch is chosen by, the values that are shown, and their headings."""

TEST_COLUMNS = {"test_data_loss": "test cross-entropy", "test_acc": "test accuracy"}


def results_grid(job: Job, rows: Sequence[Mapping[str, Any]], by: str = "val_loss") -> Grid:
    """A row a variant: what the experiment is about. `rows` are of `results`; `by` chose the best epochs."""
    shown = dict(COLUMNS[by])
    if any(row["test_acc"] is not None or row["test_data_loss"] is not None for row in rows):
        shown |= TEST_COLUMNS
    seeds = max((row["n"] for row in rows), default=0)
    return Grid(
        _title(job) + (f", means over {seeds} seeds" if seeds > 1 else ""),
        ("variant", "parameters", "best epoch", *shown.values(), "seconds"),
        [
            (
                str(row["variant"]),
                _number(row["parameters"], ",d"),
                _epoch(row["best_epoch"]),
                *(_number(row[name], ".4f") for name in shown),
                _number(row["seconds"], ".1f"),
            )
            for row in rows
        ],
    )


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _epoch(value: float | None) -> str:
    """An epoch, or a mean of some."""
    return _number(value, "g" if value is None or float(value).is_integer() else ".1f")


def _title(job: Job) -> str:
    return f"{job.name}: {job.status}, data set {data_set(job)}"
