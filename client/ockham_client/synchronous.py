"""The client that blocks, made from `asynchronous.py` by `client/make_synchronous.py`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from ockham_client import calls
from ockham_client.calls import ComparisonLike, JobLike, Jobs, Results, RunLike, Table
from ockham_client.effects import (
    Attempts,
    Emit,
    NextLine,
    Plan,
    Request,
    Sleep,
    Stream,
    arguments,
    connection,
    emitting,
)
from ockham_client.events import deadline_in, follow, outcome
from ockham_client.notebook import Figure, ProgressLine, in_notebook
from ockham_client.objects import Comparison, Event, Job, Run, WithResults
from ockham_client.specifications import Specification

T = TypeVar("T")


class Client:
    """A connection to the service at `url` (else OCKHAM_URL, else this machine's port 8000). Calls block.

    `api_key` is OCKHAM_API_KEY's unless given; `timeout` is how many seconds the service may be silent.
    A call is tried up to `attempts` times if that can help and does no harm. It raises `OckhamAPIError`
    for what the service refuses, and `OckhamConnectionError` if it cannot be reached. A job is named by a `Job`,
    its id, the beginning of its id, its name, or `latest`; a run by a `Run`, its id, or `JOB/VARIANT/SEED`.
    Raises ValueError if `url` does not begin with http:// or https:// and a host.
    """

    def __init__(
        self, url: str | None = None, api_key: str | None = None, timeout: float = 30.0, attempts: int = 6
    ) -> None:
        self.url = url or os.environ.get("OCKHAM_URL", "http://127.0.0.1:8000")
        self.attempts = attempts
        key = api_key or os.environ.get("OCKHAM_API_KEY")
        self._http = httpx.Client(**connection(self.url, key, timeout))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def submit(self, specification: Specification, *, idempotency_key: str | None = None, **overrides: Any) -> Job:
        """Submits a mapping, a file (JSON or YAML) or a preset's name; `overrides` replace its fields.

        A key of one's own makes the job the same one even across restarts of this program.
        """
        return self._run(calls.submit(specification, overrides, idempotency_key))

    def validate(self, specification: Specification, **overrides: Any) -> dict[str, Any]:
        """The resolved specification, parameter counts and warnings; nothing is stored."""
        return self._run(calls.validate(specification, overrides))

    def job(self, job: JobLike) -> Job:
        """The job as it is now."""
        return self._run(calls.job(job))

    def jobs(
        self,
        status: str | None = None,
        name: str | None = None,
        limit: int | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> Iterator[Job]:
        """Jobs, newest first, fetched as they are asked for: with all of these tags and members of metadata."""
        return self._iterate(calls.jobs(status, name, tags, metadata or {}, limit))

    def events(self, job: JobLike, after: int | None = None, timeout: float | None = None) -> Iterator[Event]:
        """The job's events after the one with the id `after`, each once, as they happen, until its last."""
        return self._iterate(calls.events(job, after, deadline_in(timeout)))

    def wait(
        self,
        job: JobLike,
        timeout: float | None = None,
        on_event: Callable[[Event], object] | None = None,
        progress: bool | None = None,
    ) -> Job:
        """The job when it has finished. Raises `JobTimeout` after `timeout` seconds; the job goes on then.

        Until then, without `timeout` for good, it outlasts whatever keeps the service from answering. Raises
        `OckhamAPIError` at once where the service refuses: no such job, no valid key.

        `progress`: whether a line on standard error shows how far it is; by default in a notebook alone, and not
        beside `on_event`.
        """
        deadline = deadline_in(timeout)
        after, job_id = None, self._run(calls.identify(job))
        if progress or (progress is None and on_event is None and in_notebook()):
            line, told = ProgressLine(self._run(outcome(job_id, deadline))), on_event

            def on_event(event: Event) -> object:
                line.on_event(event)
                return told(event) if told else None

        if on_event is None:  # nobody wants to know what happened so far
            now = self._run(outcome(job_id, deadline))
            if now.finished:
                return now
            after = now.last_event
        with closing(self._iterate(follow(job_id, after, deadline))) as events:
            for event in events:
                if on_event:
                    on_event(event)
        return self._run(outcome(job_id, deadline))

    def cancel(self, job: JobLike, variants: Sequence[str] = ()) -> Job:
        """Asks for the end of the job, or of the runs of these variants alone; results so far stay."""
        return self._run(calls.act(job, "cancel", variants))

    def cancel_run(self, run: RunLike) -> Run:
        """Asks for the end of one run; the others of its job go on."""
        return self._run(calls.act_on_run(run, "cancel"))

    def resume_run(self, run: RunLike) -> Run:
        """Trains a trial on to its end that a search's pruner ended; its job must have found its finalists."""
        return self._run(calls.act_on_run(run, "resume"))

    def retry(self, job: JobLike) -> Job:
        """Queues the failed and cancelled runs again."""
        return self._run(calls.act(job, "retry"))

    def add_seeds(self, job: JobLike, seeds: Sequence[int] = (), *, until: Mapping[str, Any] | None = None) -> Job:
        """Trains a finished job's variants with further seeds; what is there stays.

        With `until` in place of `seeds`, `{"smallest": 0.005, "max_seeds": 30}` say, until its comparisons are decided.
        """
        return self._run(calls.add_seeds(job, seeds, until))

    def describe(
        self, job: JobLike, name: str | None = None, tags: Sequence[str] | None = None, notes: str | None = None
    ) -> Job:
        """Changes a job's name, tags or notes, in whatever state it is; what is None stays."""
        return self._run(calls.describe(job, name, tags, notes))

    def delete(self, job: JobLike) -> None:
        """Deletes a finished job with all its results."""
        self._run(calls.delete(job))

    def history(self, job: Jobs, format: str | None = None) -> Any:
        """Every epoch of every run, of one job or of several.

        `format`: `frame` (pandas; the default where that is installed), `json` (a dict; else the
        default), `csv` or `ndjson` (text), `parquet` (bytes), or another that the service has (bytes).
        """
        return self._run(calls.history(job, format))

    def metrics(self, job: Jobs, by: str | None = None, format: str = "json") -> Any:
        """Final and best values a run and a variant; `by` is the metric that says which epoch is best, by
        default the validation loss without penalties.

        `format`: `json` (a dict), or `frame` (pandas, a row per variant).
        """
        return self._run(calls.metrics(job, by, format))

    def analysis(
        self, job: Results, view: str | None = None, format: str = "json", smallest: float | None = None
    ) -> Any:
        """The overfitting report and the comparisons with the baseline; `view` is `data` or `keras`.

        `format`: `json` (a dict), or `frame` (pandas, a row per comparison). `smallest`: the smallest difference that
        matters, in each metric's own unit; without it that of the job's `until`, or one of the service's choice.
        """
        return self._run(calls.analysis(job, view, format, smallest))

    def why(self, job: Results) -> dict[str, Any]:
        """By which rows the validation losses rise: a `sentence` for each of `variants`, and every epoch of `runs`."""
        return self._run(calls.why(job))

    def mistakes(self, job: JobLike, variant: str | None = None, limit: int | None = None) -> dict[str, Any]:
        """Validation rows that a variant (the baseline unless named) gets wrong, at most `limit` of each kind.

        `always`: with every seed. `overfitted`: with every seed, but only at the last epoch. `label_errors`: whose
        labels are likely wrong. Each is a `count` and `data`, the first rows.
        """
        return self._run(calls.mistakes(job, variant, limit))

    def ensembles(self, job: JobLike, split: str = "validation") -> dict[str, Any]:
        """Of each of `variants` what its runs score `together`, by their averaged predictions, and one does (`single`).

        `sentence`: what that means. `split`: `validation` or `test`.
        """
        return self._run(calls.ensembles(job, split))

    def recalibration(self, job: JobLike, at: str = "chosen") -> dict[str, Any]:
        """Each variant's loss with recalibrated probabilities, and what is left of its gain (`comparisons`).

        `sentence`: what that means. `at`: each run's `chosen` epoch or its `last` one.
        """
        return self._run(calls.recalibration(job, at))

    def plot(
        self,
        job: Jobs,
        metric: str = "val_data_loss",
        *,
        format: str = "png",
        path: Path | str | None = None,
        **options: Any,
    ) -> Figure:
        """A comparison plot, as PNG, SVG or PDF: bytes that a notebook shows; written to `path` too if there is one.

        `options`: `variants` (a list of names), `style`, `band`, `width`, `height`, `dpi`;
        `over` of `sweep`, `against` of `tradeoff`.
        """
        return self._run(calls.plot(job, metric, format, options, path))

    def presets(self) -> dict[str, Any]:
        """The named variants and jobs, resolved."""
        return self._run(calls.presets())

    def add_dataset(
        self,
        train: Table,
        label: str,
        *,
        test: Table | None = None,
        validate_only: bool = False,
        **options: Any,
    ) -> dict[str, Any]:
        """Sends a table, a file's path or a pandas frame: the data set with its card.

        `label` is the column to predict; `options`: `name`, `task`, `inputs`, `group`, `positive`. With
        `validate_only` nothing is stored.
        """
        return self._run(calls.add_dataset(train, test, {"label": label, **options}, validate_only))

    def datasets(self) -> Iterator[dict[str, Any]]:
        """Data sets, newest first, then the built-in ones, fetched as they are asked for."""
        return self._iterate(calls.datasets())

    def dataset(self, dataset_id: str) -> dict[str, Any]:
        """The data set with its card."""
        return self._run(calls.dataset(dataset_id))

    def rows(self, dataset_id: str, split: str = "train", limit: int = 20, after: int = 0) -> list[dict[str, Any]]:
        """Rows of a data set as they were read, those after the row with the number `after`."""
        return self._run(calls.rows(dataset_id, split, limit, after))

    def delete_dataset(self, dataset_id: str) -> None:
        """Deletes a data set that no unfinished job trains on."""
        self._run(calls.delete_dataset(dataset_id))

    def run(self, run: RunLike) -> Run:
        """The run as it is now."""
        return self._run(calls.run(run))

    def predict(
        self,
        run: RunLike,
        rows: Sequence[Mapping[str, Any]] | None = None,
        texts: Sequence[str] | None = None,
        contributions: bool = True,
    ) -> list[dict[str, Any]]:
        """What a run's model says of new rows, or of `texts` if a text is all of a row.

        Of each: its `label`, `probabilities`, `value`, and `contributions`, how much each input changes the value.
        """
        return self._run(calls.predict(run, rows, texts, contributions))

    def predictions(
        self,
        run: RunLike,
        split: str = "validation",
        format: str | None = None,
        *,
        limit: int | None = None,
        after: int = 0,
        at: str = "chosen",
    ) -> Any:
        """What a run's network predicts of each row at its chosen epoch: `row`, `label`, `prediction`, `loss`.

        `split`: `validation` or `test`. `format`: `frame` (pandas; the default where that is installed), `json` (a
        dict; else the default), `csv` (text) or `parquet` (bytes). At most `limit` rows, those after the row `after`.
        `at`: `chosen`, or of validation rows `least` or `last`, the epoch of the least validation loss or the last.
        """
        return self._run(calls.predictions(run, split, format, limit, after, at))

    def model(self, run: RunLike, path: Path | str, raw: bool = False, epoch: int | None = None) -> Path:
        """Writes a run's trained Keras model to `path`; Keras 3.15 or later loads it.

        `epoch`: one that the job's `keep` names, in place of the chosen one. With `raw` it takes rows as they are
        written, a dict of columns, and not the inputs that were made of them.
        """
        return self._run(calls.model(run, path, raw, epoch))

    def reproduce(self, run: RunLike) -> dict[str, Any]:
        """Trains a run again, in a job of its own (`job_id`).

        When that has finished, `run(run_id).raw["reproductions"]` has the verdict: `bitwise`,
        `within_tolerance` or `diverged`.
        """
        return self._run(calls.reproduce(run))

    def compare(
        self,
        *jobs: JobLike,
        runs: Sequence[RunLike] = (),
        name: str | None = None,
        baseline: str | None = None,
        notes: str | None = None,
    ) -> Comparison:
        """Saves a comparison of jobs, and of single runs beside them; `baseline` is a variant, or a job's id.

        `history`, `metrics`, `analysis`, `plot` and `report` take it like a job.
        """
        return self._run(calls.compare(jobs, runs, name, baseline, notes))

    def comparisons(self, name: str | None = None) -> Iterator[Comparison]:
        """Saved comparisons, newest first, fetched as they are asked for."""
        return self._iterate(calls.comparisons(name))

    def comparison(self, comparison: ComparisonLike) -> Comparison:
        """The comparison as it is now."""
        return self._run(calls.comparison(comparison))

    def change_comparison(
        self,
        comparison: ComparisonLike,
        name: str | None = None,
        baseline: str | None = None,
        notes: str | None = None,
    ) -> Comparison:
        """Changes a comparison's name, baseline or notes; what is None stays."""
        return self._run(calls.change_comparison(comparison, name, baseline, notes))

    def delete_comparison(self, comparison: ComparisonLike) -> None:
        """Deletes a comparison; its jobs stay."""
        self._run(calls.delete_comparison(comparison))

    def report(self, job: Results, path: Path | str) -> Path:
        """Writes the job's report, one HTML page, to `path`."""
        return self._run(calls.document(job, "report.html", path))

    def bundle(self, job: JobLike, path: Path | str) -> Path:
        """Writes the job's specification, histories, figures, analysis and training script, one ZIP, to `path`."""
        return self._run(calls.document(job, "bundle.zip", path))

    def _run(self, plan: Plan[T]) -> T:
        with closing(self._iterate(emitting(plan))) as values:
            result: T = next(values)
            return result

    def _bound(self, value: Any) -> Any:
        """`value`; a job or a comparison knows this client from now on."""
        if isinstance(value, WithResults):
            object.__setattr__(value, "client", self)  # frozen but for this
        return value

    def _iterate(self, plan: Plan[Any]) -> Generator[Any]:
        """Carries out a plan's effects; yields what it emits."""
        outcome: Any = None
        failed: httpx.RequestError | None = None
        with _Hands(self._http, self.attempts) as hands:
            while True:
                try:
                    effect = plan.throw(failed) if failed else plan.send(outcome)
                except StopIteration:
                    return
                outcome = failed = None
                if isinstance(effect, Emit):
                    yield self._bound(effect.value)
                    continue
                try:
                    outcome = hands.do(effect)
                except httpx.RequestError as error:
                    failed = error


class _Hands:
    """Carries out the effects of one plan; has at most one stream open."""

    def __init__(self, http: httpx.Client, attempts: int) -> None:
        self._http, self._attempts = http, attempts
        self._stream: httpx.Response | None = None
        self._lines: Iterator[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream:
            self._stream.close()

    def do(self, effect: Any) -> Any:
        match effect:
            case Request():
                return self._send(effect)
            case Stream(request):
                return self._open(request)
            case Attempts():
                return self._attempts
            case NextLine():
                assert self._lines is not None
                return next(self._lines, None)
            case Sleep(seconds):
                return time.sleep(seconds)
        raise TypeError(effect)

    def _open(self, request: Request) -> httpx.Response:
        if self._stream:
            self._stream.close()
        self._stream = self._http.send(self._http.build_request(**arguments(request)), stream=True)
        if self._stream.is_error:
            self._stream.read()
        self._lines = self._stream.iter_lines()
        return self._stream

    def _send(self, request: Request) -> httpx.Response:
        response = self._http.send(self._http.build_request(**arguments(request)), stream=True)
        try:
            if request.into and not response.is_error:
                for part in response.iter_bytes():
                    request.into.write(part)
            else:
                response.read()
        finally:
            response.close()
        return response
