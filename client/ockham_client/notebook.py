"""What a notebook shows: pictures, and a line of progress."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO

from ockham_client.objects import Event, Job

BAR = 30
MEDIA_TYPES = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}


class Figure(bytes):
    """A picture's bytes; a notebook shows it."""

    format: str

    def __new__(cls, content: bytes, format: str) -> Figure:
        """`format` is `png`, `svg` or `pdf`."""
        figure = super().__new__(cls, content)
        figure.format = format
        return figure

    def __repr__(self) -> str:
        return f"<{self.format} of {len(self):,} bytes>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        shown = self.decode() if self.format == "svg" else bytes(self)
        return {MEDIA_TYPES.get(self.format, "text/plain"): shown, "text/plain": repr(self)}


class ProgressLine:
    """Shows a job's progress on one line of standard error, told of its events."""

    def __init__(self, job: Job, to: TextIO | None = None) -> None:
        self._to = sys.stderr if to is None else to
        self._epochs = {run.id: run.epochs for run in job.runs}
        self._done = dict.fromkeys(self._epochs, 0)
        search = job.raw.get("search") or {}
        searched = search.get("finalists", ())
        self._given = sum(run.raw.get("trial") is None and run.variant not in searched for run in job.runs)
        self._seeds = len(job.spec.get("seeds", ()))
        self._each = (job.spec.get("training") or {}).get("epochs", 0)
        self._expected = self._runs_of(search)
        self._ended = 0
        self._said = ""

    def _runs_of(self, search: Mapping[str, Any]) -> int:
        """How many runs there will be, as far as a search says that is so far."""
        finalists = len(search.get("finalists", ())) * self._seeds
        return self._given + int(search.get("trials", 0)) + int(search.get("coming", 0)) + finalists

    def on_event(self, event: Event) -> None:
        """Shows where the job stands after the event."""
        run = event.run_id
        if event.type == "job.searched":
            self._expected = self._runs_of(event.data)
        elif event.type == "run.started" and run and run not in self._done:
            self._epochs[run], self._done[run] = event.data.get("epochs", 0), 0
        if event.type == "run.epoch" and run in self._done:
            self._done[run] = event.data["epoch"]
        elif event.type == "run.restarted" and run in self._done:
            self._done[run] = 0
        elif event.type in ("run.succeeded", "run.failed", "run.cancelled") and run in self._done:
            self._epochs[run] = self._done[run]  # it may have stopped early
            self._ended += 1
        done, total, runs = sum(self._done.values()), sum(self._epochs.values()), len(self._done)
        if runs < self._expected and not event.last:
            total, runs = total + (self._expected - runs) * self._each, self._expected
        share = done / total if total else float(event.last)
        bar = "#" * round(BAR * share)
        said = f"[{bar:<{BAR}}] {share:4.0%}  {done} of {total} epochs, {self._ended} of {runs} runs"
        if said != self._said or event.last:
            self._to.write(f"\r{said:<{len(self._said)}}" + ("\n" if event.last else ""))
            self._to.flush()
            self._said = said


def in_notebook() -> bool:
    """Whether this program is a notebook's."""
    return "ipykernel" in sys.modules
