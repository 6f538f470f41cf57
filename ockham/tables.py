"""Jobs and results as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from rich.box import HEAVY_HEAD, SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from models.kinds.metric import Of
from models.kinds.metrics import DATA_LOSS, METRICS, VAL_DATA_LOSS, phrase
from models.kinds.task import Task
from models.specification import dataset_of
from ockham_client import Job, Run
from ockham_client.references import shortest

WIDE = 120
"""A screen of fewer columns gets short ids and fewer columns."""
NAME = 16
"""So much room a name has at least."""
PADDING = 3
"""Of a column: a space on either side, and a line."""

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
    """The name of the data set that a job trains on; a list has big jobs without their specification."""
    return str(job.spec["dataset"]["name"] if job.spec else job.raw.get("dataset", ""))


def column(heading: str, justify: Literal["left", "right"] = "left") -> Column:
    """A column whose cells go on in the next line if they have no room: cut off, two could look the same."""
    return Column(escape(heading), justify=justify, overflow="fold")


def jobs_table(jobs: Sequence[Job], width: int = WIDE, beside: Sequence[Job] = ()) -> Table:
    """One row per job. If `width` is small, ids are cut so that they still differ, from those of `beside` too."""
    wide = width >= WIDE
    ids = {job.id: job.id for job in jobs} if wide else shortest([job.id for job in (*jobs, *beside)])
    id_column = column("id")
    id_column.no_wrap = True
    others = ("name", "status", *(["data set"] if wide else []), "runs", "progress", "created (UTC)")
    table = Table(id_column, *map(column, others), box=HEAVY_HEAD if wide else SIMPLE_HEAD, pad_edge=wide)
    for job in jobs:
        runs = sum(job.raw["run_counts"].values())
        progress = f"{job.progress['percent']:.0f} %"
        created = (
            job.raw["created_at"][:19].replace("T", " ") if wide else job.raw["created_at"][5:16].replace("T", " ")
        )
        data = [data_set(job)] if wide else []
        table.add_row(ids[job.id], escape(job.name), status(job.status), *data, str(runs), progress, created)
    return table


def job_table(job: Job, width: int = WIDE) -> Table:
    """One row per run: how far it is, and what went wrong. If `width` is small, without what the other tables have."""
    failed, wide = any(run.error for run in job.runs), width >= WIDE
    ids = {run.id: run.id for run in job.runs} if wide else shortest([run.id for run in job.runs])
    id_column = column("run")
    id_column.no_wrap = True
    numbers = ("parameters", "seconds") if wide else ()
    others = ("variant", "seed", "status", "epochs", *numbers, *(["error"] if failed else []))
    look = HEAVY_HEAD if wide else SIMPLE_HEAD
    table = Table(id_column, *map(column, others), title=escape(_title(job)), box=look, pad_edge=wide)
    for run in job.runs:
        took = seconds(run)
        cells = [ids[run.id], escape(run.variant), str(run.seed), status(run.status), f"{run.epoch}/{run.epochs}"]
        cells += [f"{run.parameters:,}", "" if took is None else f"{took:.1f}"] if wide else []
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


def signed(interval: Sequence[float] | None) -> str:
    """An interval of differences, or that there is none."""
    return "–" if interval is None else f"{interval[0]:+.4f} to {interval[1]:+.4f}"


@dataclass(frozen=True)
class Grid:
    """A table of words: the first column is names, the others numbers."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def table(self, columns: Sequence[int] | None = None, title: str | None = None) -> Table:
        """For a terminal: all columns, or those of these numbers beside the names."""
        chosen = range(1, len(self.headings)) if columns is None else columns
        others = [column(self.headings[i], "right") for i in chosen]
        if columns is not None:  # they have the room: rich would else take it from those with the longest headings
            for i, each in zip(chosen, others, strict=True):
                each.min_width = self._width(i)
        table = Table(column(self.headings[0]), *others, title=escape(self.title if title is None else title))
        for row in self.rows:
            table.add_row(*(escape(row[i]) for i in (0, *chosen)))
        return table

    def show(self, console: Console) -> None:
        """Prints it: in several tables one below another if one has no room, so that no word is cut in two."""
        widths = [self._width(i) + PADDING for i in range(len(self.headings))]
        room = console.width - 1 - min(widths[0], max(NAME + PADDING, console.width // 3))
        parts: list[list[int]] = [[]]
        for i in range(1, len(widths)):
            if parts[-1] and sum(widths[j] for j in parts[-1]) + widths[i] > room:
                parts.append([])
            parts[-1].append(i)
        for i, part in enumerate(parts):
            console.print(self.table(part, self.title if i == 0 else ""))

    def _width(self, i: int) -> int:
        """Of a column: its longest line, or the longest word of its heading."""
        lines = [line for row in self.rows for line in row[i].split("\n")]
        return max(map(cell_len, (*self.headings[i].split(), *lines)))

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
    """One row per variant: what the experiment is about. `rows` are of `results`; `by` chose the best epochs."""
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
