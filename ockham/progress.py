"""A job's progress as it happens: a bar a run, or, where nobody sees a bar move, a line now and then."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from models.kinds.metric import Metric, Of
from models.kinds.metrics import METRICS
from ockham_client import Event, Job
from ockham_client.objects import Run
from reporting.names import shortened

MOST_BARS = 16
"""More do not fit on a screen: those of runs that have ended make room."""

_WORDS = {
    "run.requeued": "queued again",
    "run.succeeded": "done",
    "run.failed": "failed",
    "run.cancelled": "cancelled",
}


class JobProgress:
    """Shows the events that it is told of. Goes to standard error, so that results can be piped."""

    def __init__(self, job: Job, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._runs = {run.id: run for run in job.runs}
        further = bool(job.spec.get("until") or job.spec.get("search"))
        self._several_seeds = further or len({run.seed for run in job.runs}) > 1
        self._bars: dict[str, TaskID] = {}
        self._ended: list[str] = []
        self._names = self._named()
        width = max(map(cell_len, self._names.values()), default=0)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, min_width=width)),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[values]}", markup=False, table_column=Column()),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def on_event(self, event: Event) -> None:
        """Shows one event."""
        if event.type == "job.searched":
            self._progress.console.print(_searched(event), markup=False)
        if event.type == "run.started" and event.run_id and event.run_id not in self._runs:
            self._add(event)
        if event.run_id not in self._runs:
            return
        run, bar = self._runs[event.run_id], self._bar(event.run_id)
        if event.type == "run.epoch":
            self._progress.update(bar, completed=event.data["epoch"], values=_values(event))
            self._say(event.run_id, f"epoch {event.data['epoch']} of {run.epochs}: {_values(event)}")
        elif event.type == "run.restarted":
            self._progress.update(bar, completed=0, values="")
            self._say(event.run_id, "begins again: this worker's versions or processor are others")
        elif event.type == "run.started":
            self._progress.start_task(bar)
            self._say(event.run_id, "started")
        elif event.type in _WORDS:
            error = event.data.get("error") or {}
            word = ": ".join(filter(None, [_WORDS[event.type], error.get("message")]))
            if event.type == "run.succeeded":  # training may have stopped early
                self._progress.update(bar, total=self._progress.tasks[self._progress.task_ids.index(bar)].completed)
            else:
                self._progress.update(bar, values=word)
            self._progress.stop_task(bar)
            self._make_room(event.run_id)
            self._say(event.run_id, word)

    def _named(self) -> dict[str, str]:
        """What each run is called: in as much room as there is, so that no two are called the same."""
        several = self._several_seeds
        names = [f"{run.variant}, seed {run.seed}" if several else run.variant for run in self._runs.values()]
        if self._console.is_terminal:
            room = max(16, self._console.width // 3)
            names = shortened(names, lambda name: cell_len(name) <= room)
        return dict(zip(self._runs, names, strict=True))

    def _add(self, event: Event) -> None:
        """A run that the job was given by its search or by `until`."""
        raw = {"status": "running", "epoch": 0, "epochs": 0, **event.data, "id": event.run_id}
        self._runs[raw["id"]] = Run.of(raw)
        self._names = self._named()
        for run_id, bar in self._bars.items():
            self._progress.update(bar, description=self._names[run_id])

    def _bar(self, run_id: str) -> TaskID:
        if run_id not in self._bars:
            self._bars[run_id] = self._progress.add_task(
                self._names[run_id], total=self._runs[run_id].epochs, start=False, values=""
            )
        return self._bars[run_id]

    def _make_room(self, run_id: str) -> None:
        self._ended.append(run_id)
        shown = [task for task in self._progress.tasks if task.visible]
        if len(shown) > MOST_BARS:
            self._progress.update(self._bars[self._ended.pop(0)], visible=False)

    def _say(self, run_id: str, text: str) -> None:
        if not self._console.is_terminal:
            self._console.print(f"{self._names[run_id]}: {text}", markup=False)


def _searched(event: Event) -> str:
    """How far a search is."""
    best = "; ".join(f"{each['variant']} {each['value']:.4f}" for each in event.data["best"])
    return f"search: {event.data['ended']} of {event.data['trials']} trials done" + (
        f", best so far: {best}" if best else ""
    )


def _values(event: Event) -> str:
    shown = [
        f"{name} {value:.4f}" if abs(value) < 1e4 else f"{name} {value:.3g}"
        for name, metric in METRICS.items()
        if _is_shown(metric) and (value := event.data["metrics"].get(name)) is not None
    ]
    return "  ".join(shown)


def _is_shown(metric: Metric) -> bool:
    """Losses are shown without weight penalties."""
    return metric.of != Of.EVALUATED and not metric.measure.asked and not metric.measure.penalised
