"""The service's objects. Each keeps the whole answer in `raw`; times are RFC 3339 text, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ockham_client.html import pairs, table


class WithResults:
    """What has results and knows the client that read it: each call is the client's, of this object."""

    client: Any = None

    def _asked(self) -> Any:
        if self.client is None:
            raise ValueError("It was not read by a client: use the client's own call")
        return self.client

    def plot(self, metric: str = "val_data_loss", **options: Any) -> Any:
        """A picture of a metric, which a notebook shows; see `Client.plot`."""
        return self._asked().plot(self, metric, **options)

    def history(self) -> Any:
        """Every epoch of every run; see `Client.history`."""
        return self._asked().history(self)

    def metrics(self) -> Any:
        """A pandas frame with a row per variant; see `Client.metrics`."""
        return self._asked().metrics(self, format="frame")

    def analysis(self) -> Any:
        """A pandas frame with a row per comparison with the baseline; see `Client.analysis`."""
        return self._asked().analysis(self, format="frame")


SHOWN = 20
"""Runs that a notebook shows of a job."""
FINISHED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True)
class Run:
    """One variant with one seed. `epoch` of `epochs` are done; `error` is `{code, message, retryable}`."""

    id: str
    variant: str
    seed: int
    status: str
    epoch: int
    epochs: int
    parameters: int
    error: dict[str, Any] | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Run:
        """The run in an answer."""
        names = ("id", "variant", "seed", "status", "epoch", "epochs", "parameters", "error")
        return cls(**{name: raw.get(name) for name in names}, raw=raw)  # type: ignore[arg-type]

    def _repr_html_(self) -> str:
        shown = {"variant": self.variant, "seed": self.seed, "status": self.status}
        shown |= {"epochs": f"{self.epoch} of {self.epochs}", "parameters": f"{self.parameters:,}"}
        return pairs(self.id, shown | ({"error": self.error["message"]} if self.error else {}))


@dataclass(frozen=True)
class Job(WithResults):
    """A job as it was when it was asked for; ask again for a newer state.

    A list has big jobs without `spec` and `runs`: `raw["run_counts"]` counts them, and `Client.job` reads them.
    """

    id: str
    name: str
    status: str
    spec: Mapping[str, Any] = field(repr=False)
    progress: Mapping[str, Any]
    runs: tuple[Run, ...] = field(repr=False)
    error: dict[str, Any] | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Job:
        """The job in an answer."""
        return cls(
            id=raw["id"],
            name=raw["name"],
            status=raw["status"],
            spec=raw.get("spec") or {},
            progress=raw.get("progress", {}),
            runs=tuple(Run.of(run) for run in raw.get("runs") or ()),
            error=raw.get("error"),
            raw=raw,
        )

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to it, unless it is retried."""
        return self.status in FINISHED

    @property
    def last_event(self) -> int | None:
        """The id of its latest event; None if the service did not say."""
        number: int | None = self.raw.get("last_event")
        return number

    @property
    def succeeded(self) -> bool:
        """Whether every run has its result."""
        return self.status == "succeeded"

    def _repr_html_(self) -> str:
        rows: list[tuple[object, ...]] = [
            (run.variant, run.seed, run.status, f"{run.epoch}/{run.epochs}", run.id) for run in self.runs
        ]
        if len(rows) > SHOWN:
            rows[SHOWN:] = [("…", "", "", "", f"{len(rows) - SHOWN} more")]
        title = f"{self.name}: {self.status}, {self.progress.get('percent', 0):.0f} % ({self.id})"
        title += f": {self.error['message']}" if self.error else ""
        return table(title, ("variant", "seed", "status", "epochs", "run"), rows)


@dataclass(frozen=True)
class Comparison(WithResults):
    """A saved selection of jobs and runs; `missing` are ids of those that have been deleted since."""

    id: str
    name: str
    jobs: tuple[str, ...]
    runs: tuple[str, ...]
    baseline: str
    notes: str
    missing: tuple[str, ...]
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Comparison:
        """The comparison in an answer."""
        return cls(
            id=raw["id"],
            name=raw["name"],
            jobs=tuple(raw["jobs"]),
            runs=tuple(raw["runs"]),
            baseline=raw["baseline"],
            notes=raw["notes"],
            missing=tuple(raw["missing"]),
            raw=raw,
        )

    def _repr_html_(self) -> str:
        shown = {"jobs": ", ".join(self.jobs), "runs": ", ".join(self.runs), "baseline": self.baseline}
        shown |= {"notes": self.notes, "deleted since": ", ".join(self.missing)}
        return pairs(f"{self.name} ({self.id})", {name: value for name, value in shown.items() if value})


@dataclass(frozen=True)
class Event:
    """Something that happened to a job; `data` of `run.epoch` has the epoch's number and metrics."""

    id: int
    type: str
    created_at: str
    run_id: str | None
    data: Mapping[str, Any]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Event:
        """The event in an answer."""
        return cls(raw["id"], raw["type"], raw["created_at"], raw.get("run_id"), raw.get("data") or {})

    @property
    def last(self) -> bool:
        """Whether it ends its job, unless that is retried."""
        return self.type in {f"job.{status}" for status in FINISHED}
