"""Jobs and results as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    """The name of the data set that a job trains on."""
    return str(job.spec["dataset"]["name"])


def jobs_table(jobs: Iterable[Job]) -> Table:
    """A row a job."""
    table = Table("id", "name", "status", "data set", "runs", "progress", "created")
    for job in jobs:
        progress = f"{job.progress['percent']:.0f} %"
        created = job.raw["created_at"][:19].replace("T", " ")
        table.add_row(
            job.id, escape(job.name), status(job.status), data_set(job), str(len(job.runs)), progress, created
        )
    return table


def job_table(job: Job) -> Table:
    """A row a run: how far it is, and what went wrong."""
    table = Table("run", "variant", "seed", "status", "epochs", "parameters", "seconds", title=_title(job))
    if any(run.error for run in job.runs):
        table.add_column("error")
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
        runs = [run for run in job.runs if run.variant == variant["variant"]]
        took = [each for each in map(seconds, runs) if each is not None]
        rows.append(
            {
                "variant": variant["variant"],
                "parameters": runs[0].parameters if runs else None,
                "n": variant["n"],
                "best_epoch": _mean(variant, "best_epoch"),
                "best_val_loss": _mean(variant, "best_val_loss"),
                "best_val_acc": _mean(variant, "best_val_acc"),
                "final_val_loss": _mean(variant, "final_val_loss"),
                "seconds": sum(took) / len(took) if took else None,
            }
        )
    return rows


def _mean(variant: Mapping[str, Any], name: str) -> float | None:
    value: float | None = (variant.get(name) or {}).get("mean")
    return value


HEADINGS = (
    "variant",
    "parameters",
    "best epoch",
    "best validation loss",
    "best validation accuracy",
    "final validation loss",
    "seconds",
)


def cells(row: Mapping[str, Any]) -> Sequence[str]:
    """A row of `results` as text, in the order of `HEADINGS`."""

    def number(name: str, form: str) -> str:
        return "–" if row[name] is None else format(row[name], form)

    return (
        str(row["variant"]),
        number("parameters", ",d"),
        number("best_epoch", "g"),
        number("best_val_loss", ".4f"),
        number("best_val_acc", ".4f"),
        number("final_val_loss", ".4f"),
        number("seconds", ".1f"),
    )


def results_table(job: Job, metrics: Mapping[str, Any]) -> Table:
    """A row a variant: what the experiment is about."""
    table = Table(title=_title(job))
    for i, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if i == 0 else "right")
    for row in results(job, metrics):
        table.add_row(*map(escape, cells(row)))
    return table


def _title(job: Job) -> str:
    return f"{escape(job.name)}: {job.status}, data set {data_set(job)}"
