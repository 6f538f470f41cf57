"""Every call of the service, each written once, as a plan that either client carries out."""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from ockham_client.effects import Emit, Plan, Request
from ockham_client.events import follow
from ockham_client.files import Measured
from ockham_client.frames import frame_of, frame_of_analysis, frame_of_metrics, frame_of_rows, has_pandas
from ockham_client.notebook import Figure
from ockham_client.objects import Comparison, Job, Run
from ockham_client.references import find, find_run
from ockham_client.retries import json_of, send
from ockham_client.specifications import Specification, body_of

JobLike = Job | str
RunLike = Run | str
ComparisonLike = Comparison | str
Results = JobLike | Comparison
"""What has results: a job or a comparison."""
Jobs = Results | Sequence[JobLike]
Table = Path | str | Any
"""A file's path, or a pandas frame."""
PAGE = 100
UPLOAD_SECONDS = 900.0
MAKING_SECONDS = 180.0


def identify(one: JobLike) -> Plan[str]:
    """The id of a job, or of what means one."""
    return one.id if isinstance(one, Job) else (yield from find("job", one))


def _once(key: str | None = None) -> dict[str, str]:
    """One key for every attempt: the service answers a second one as it answered the first."""
    return {"Idempotency-Key": key or str(uuid.uuid4())}


def submit(specification: Specification, overrides: Mapping[str, Any], key: str | None) -> Plan[Job]:
    """The new job."""
    body = body_of(specification, overrides)
    response: httpx.Response = yield from send(Request("POST", "/v1/jobs", body=body, headers=_once(key)))
    return Job.of(json_of(response))


def validate(specification: Specification, overrides: Mapping[str, Any]) -> Plan[dict[str, Any]]:
    """The resolved specification, parameter counts and warnings."""
    body = body_of(specification, overrides)
    return (yield from _json(Request("POST", "/v1/jobs", {"validate_only": "true"}, body=body)))


def job(one: JobLike) -> Plan[Job]:
    """The job as it is now."""
    return Job.of((yield from _json(Request("GET", (yield from _job_path(one))))))


def jobs(
    status: str | None, name: str | None, tags: Sequence[str], metadata: Mapping[str, Any], limit: int | None
) -> Plan[None]:
    """Emits jobs, newest first, a page at a time."""
    written = {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
    asked = {"status": status, "name": name, "tag": list(tags), **{f"metadata[{k}]": v for k, v in written.items()}}
    yield from _pages("/v1/jobs", asked, Job.of, limit)


def events(one: JobLike, after: int | None, deadline: float | None) -> Plan[None]:
    """Emits the job's events."""
    yield from follow((yield from identify(one)), after, deadline)


def act(one: JobLike, verb: str, variants: Sequence[str] = ()) -> Plan[Job]:
    """`cancel` or `retry`; the job after it."""
    path = yield from _job_path(one)
    return Job.of((yield from _json(Request("POST", f"{path}/{verb}", {"variant": list(variants)}, repeatable=False))))


def act_on_run(one: RunLike, verb: str) -> Plan[Run]:
    """`cancel` or `resume`; the run after it."""
    path = yield from _run_path(one)
    return Run.of((yield from _json(Request("POST", f"{path}/{verb}", repeatable=False))))


def describe(one: JobLike, name: str | None, tags: Sequence[str] | None, notes: str | None) -> Plan[Job]:
    """The job as it is described now."""
    body = _given({"name": name, "tags": None if tags is None else list(tags), "notes": notes})
    return Job.of((yield from _json(Request("PATCH", (yield from _job_path(one)), body=body))))


def delete(one: JobLike) -> Plan[None]:
    """Deletes a finished job."""
    yield from send(Request("DELETE", (yield from _job_path(one)), repeatable=False))


def history(of: Jobs, format: str | None) -> Plan[Any]:
    """The history in the format asked for."""
    if format is None:
        format = "frame" if has_pandas() else "json"
    path, params = yield from _across(of, "history")
    return (yield from _table(path, params, format, frame_of))


def predictions(one: RunLike, split: str, format: str | None, limit: int | None, after: int, at: str) -> Plan[Any]:
    """The predictions in the format asked for."""
    if format is None:
        format = "frame" if has_pandas() else "json"
    path = f"{(yield from _run_path(one))}/predictions"
    params = {"split": split, "limit": limit, "after": after, "at": at}
    return (yield from _table(path, params, format, frame_of_rows))


def _table(path: str, params: dict[str, Any], format: str, frame: Callable[[dict[str, Any]], Any]) -> Plan[Any]:
    """A `frame`, a dict, text or bytes, as the format is."""
    asked = "json" if format == "frame" else format
    response: httpx.Response = yield from send(Request("GET", path, {**params, "format": asked}))
    if format == "frame":
        return frame(json_of(response))
    if format == "json":
        return json_of(response)
    media_type = response.headers["Content-Type"].partition(";")[0]
    return response.text if media_type.startswith("text/") or media_type.endswith("json") else response.content


def metrics(of: Jobs, by: str | None, format: str) -> Plan[Any]:
    """The summary a run and a variant."""
    path, params = yield from _across(of, "metrics")
    answer = yield from _json(Request("GET", path, {**params, "by": by}))
    return frame_of_metrics(answer) if _is_frame(format) else answer


def analysis(one: Results, view: str | None, format: str, smallest: float | None) -> Plan[Any]:
    """The overfitting report."""
    path = yield from _path(one)
    answer = yield from _json(Request("GET", f"{path}/analysis", {"view": view, "smallest": smallest}))
    return frame_of_analysis(answer) if _is_frame(format) else answer


def _is_frame(format: str) -> bool:
    if format not in ("json", "frame"):
        raise ValueError(f"{format!r} is not a format: json, frame")
    return format == "frame"


def why(one: Results) -> Plan[dict[str, Any]]:
    """Why the losses rise."""
    return (yield from _json(Request("GET", f"{(yield from _path(one))}/why")))


def mistakes(one: JobLike, variant: str | None, limit: int | None) -> Plan[dict[str, Any]]:
    """The rows that a variant gets wrong."""
    path = f"{(yield from _job_path(one))}/mistakes"
    return (yield from _json(Request("GET", path, {"variant": variant, "limit": limit})))


def ensembles(one: JobLike, split: str) -> Plan[dict[str, Any]]:
    """What the seeds of each variant score together."""
    return (yield from _json(Request("GET", f"{(yield from _job_path(one))}/ensembles", {"split": split})))


def recalibration(one: JobLike, at: str) -> Plan[dict[str, Any]]:
    """The losses with recalibrated probabilities."""
    return (yield from _json(Request("GET", f"{(yield from _job_path(one))}/recalibration", {"at": at})))


def plot(of: Jobs, metric: str, format: str, options: Mapping[str, Any], path: Path | str | None) -> Plan[Figure]:
    """The picture, written to `path` too if there is one."""
    where, params = yield from _across(of, "plots")
    variants = options.get("variants")
    chosen = {**options, "variants": ",".join(variants) if variants else None}
    request = Request("GET", f"{where}/{quote(metric, safe='')}.{format}", {**params, **chosen})
    response: httpx.Response = yield from send(request)
    if path is not None:
        Path(path).write_bytes(response.content)
    return Figure(response.content, format)


def presets() -> Plan[dict[str, Any]]:
    """The named variants and jobs."""
    return (yield from _json(Request("GET", "/v1/presets")))


def add_dataset(train: Table, test: Table | None, options: Mapping[str, Any], validate: bool) -> Plan[dict[str, Any]]:
    """The data set that was sent, with its card."""
    with ExitStack() as opened:
        files: list[tuple[str, tuple[str | None, Any, str]]] = [("train", _file(train, "train", opened))]
        if test is not None:
            files.append(("test", _file(test, "test", opened)))
        files.append(("options", (None, json.dumps(options), "application/json")))
        params = {"validate_only": "true"} if validate else {}
        return (yield from _json(Request("POST", "/v1/datasets", params, files=files, timeout=UPLOAD_SECONDS)))


def _file(table: Table, name: str, opened: ExitStack) -> tuple[str, Any, str]:
    """A file's name, content and media type; a frame is sent as CSV."""
    if isinstance(table, (str, Path)):
        path = Path(table)
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is not a file: its length must be known before it is sent")
        return path.name, Measured(opened.enter_context(path.open("rb"))), "application/octet-stream"
    return f"{name}.csv", table.to_csv(index=False).encode(), "text/csv"


def datasets() -> Plan[None]:
    """Emits data sets, newest first, a page at a time."""
    yield from _pages("/v1/datasets", {}, lambda raw: raw)


def dataset(dataset_id: str) -> Plan[dict[str, Any]]:
    """The data set with its card."""
    return (yield from _json(Request("GET", f"/v1/datasets/{quote(dataset_id, safe='')}")))


def rows(dataset_id: str, split: str, limit: int, after: int) -> Plan[list[dict[str, Any]]]:
    """Rows as they were read."""
    path = f"/v1/datasets/{quote(dataset_id, safe='')}/rows"
    page = yield from _json(Request("GET", path, {"split": split, "limit": limit, "after": after}))
    return [row["values"] for row in page["data"]]


def delete_dataset(dataset_id: str) -> Plan[None]:
    """Deletes a data set."""
    yield from send(Request("DELETE", f"/v1/datasets/{quote(dataset_id, safe='')}", repeatable=False))


def run(one: RunLike) -> Plan[Run]:
    """The run as it is now."""
    return Run.of((yield from _json(Request("GET", (yield from _run_path(one))))))


def add_seeds(one: JobLike, seeds: Sequence[int], until: Mapping[str, Any] | None) -> Plan[Job]:
    """The job with further seeds queued, or to be decided."""
    body: dict[str, Any] = {"until": dict(until)} if until is not None else {}
    if seeds or until is None:
        body["seeds"] = list(seeds)
    path = yield from _job_path(one)
    return Job.of((yield from _json(Request("POST", f"{path}/seeds", body=body, repeatable=False))))


def reproduce(one: RunLike) -> Plan[dict[str, Any]]:
    """The reproduction that was asked for."""
    path = yield from _run_path(one)
    return (yield from _json(Request("POST", f"{path}/reproduce", repeatable=False)))


def predict(
    one: RunLike, rows: Sequence[Mapping[str, Any]] | None, texts: Sequence[str] | None, contributions: bool
) -> Plan[list[dict[str, Any]]]:
    """What the run's model says of rows, or of texts."""
    given = {"rows": rows and [dict(row) for row in rows], "texts": texts and list(texts)}
    body = {**{name: value for name, value in given.items() if value is not None}, "contributions": contributions}
    answer = yield from _json(Request("POST", f"{(yield from _run_path(one))}/predict", body=body))
    return list(answer["predictions"])


def model(one: RunLike, path: Path | str, raw: bool, epoch: int | None) -> Plan[Path]:
    """Writes a run's Keras model."""
    address = f"{(yield from _run_path(one))}/model.keras"
    if raw:  # it may have to be made first
        return (yield from _download(address, path, {"inputs": "raw", "epoch": epoch}, MAKING_SECONDS))
    return (yield from _download(address, path, {"epoch": epoch}))


def document(one: Results, name: str, path: Path | str) -> Plan[Path]:
    """Writes `report.html` or `bundle.zip`."""
    return (yield from _download(f"{(yield from _path(one))}/{name}", path))


def compare(
    jobs: Sequence[JobLike], runs: Sequence[RunLike], name: str | None, baseline: str | None, notes: str | None
) -> Plan[Comparison]:
    """The comparison that was saved."""
    ids = []
    for each in jobs:
        ids.append((yield from identify(each)))
    run_ids = []
    for one in runs:
        run_ids.append(one.id if isinstance(one, Run) else (yield from find_run(one)))
    body = _given({"name": name, "jobs": ids, "runs": run_ids, "baseline": baseline, "notes": notes})
    return Comparison.of((yield from _json(Request("POST", "/v1/comparisons", body=body, headers=_once()))))


def comparisons(name: str | None) -> Plan[None]:
    """Emits comparisons, newest first, a page at a time."""
    yield from _pages("/v1/comparisons", {"name": name}, Comparison.of)


def comparison(one: ComparisonLike) -> Plan[Comparison]:
    """The comparison as it is now."""
    return Comparison.of((yield from _json(Request("GET", (yield from _comparison_path(one))))))


def change_comparison(
    one: ComparisonLike, name: str | None, baseline: str | None, notes: str | None
) -> Plan[Comparison]:
    """The comparison as it is described now."""
    body = _given({"name": name, "baseline": baseline, "notes": notes})
    return Comparison.of((yield from _json(Request("PATCH", (yield from _comparison_path(one)), body=body))))


def delete_comparison(one: ComparisonLike) -> Plan[None]:
    """Deletes a comparison."""
    yield from send(Request("DELETE", (yield from _comparison_path(one)), repeatable=False))


def _download(
    address: str, path: Path | str, params: Mapping[str, Any] | None = None, timeout: float | None = None
) -> Plan[Path]:
    """The file appears when it is whole, where a link points to; a device or a pipe is written to."""
    asked = Path(path)
    if asked.exists() and not asked.is_file():
        with tempfile.TemporaryFile() as whole:
            yield from send(Request("GET", address, params or {}, into=whole, timeout=timeout))
            whole.seek(0)
            with asked.open("wb") as there:
                shutil.copyfileobj(whole, there)
        return asked
    target = asked.resolve()
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as file:
            yield from send(Request("GET", address, params or {}, into=file, timeout=timeout))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return asked


def _json(request: Request) -> Plan[dict[str, Any]]:
    response: httpx.Response = yield from send(request)
    return json_of(response)


def _pages(
    path: str, asked: Mapping[str, Any], make: Callable[[dict[str, Any]], Any], limit: int | None = None
) -> Plan[None]:
    """Emits what `make` makes of each member of a list, up to `limit` of them, a page at a time."""
    after = None
    while limit is None or limit > 0:
        size = PAGE if limit is None else min(PAGE, limit)
        page = yield from _json(Request("GET", path, {**asked, "limit": size, "after": after}))
        for raw in page["data"]:
            after = raw["id"]
            yield Emit(make(raw))
        if limit is not None:
            limit -= len(page["data"])
        if not page["has_more"]:
            return


def _given(told: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is left out."""
    return {key: value for key, value in told.items() if value is not None}


def _path(one: Results) -> Plan[str]:
    """Where a job is, or a comparison: text that begins with `cmp_` means one."""
    if isinstance(one, Comparison) or (isinstance(one, str) and one.startswith("cmp_")):
        return (yield from _comparison_path(one))
    return (yield from _job_path(one))


def _job_path(one: JobLike) -> Plan[str]:
    """Where a job is, of whatever is asked of jobs alone."""
    return f"/v1/jobs/{(yield from identify(one))}"


def _comparison_path(one: ComparisonLike) -> Plan[str]:
    return f"/v1/comparisons/{one.id if isinstance(one, Comparison) else (yield from find('cmp', one))}"


def _run_path(one: RunLike) -> Plan[str]:
    return f"/v1/runs/{one.id if isinstance(one, Run) else (yield from find_run(one))}"


def _across(of: Jobs, what: str) -> Plan[tuple[str, dict[str, Any]]]:
    """Where `what` of one job or comparison, or of several jobs together, is found."""
    if isinstance(of, (Job, Comparison, str)):
        return f"{(yield from _path(of))}/{what}", {}
    ids = []
    for one in of:
        ids.append((yield from identify(one)))
    return f"/v1/{what}", {"job": ids}
