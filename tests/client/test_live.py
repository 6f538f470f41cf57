"""The client against a whole service."""

from __future__ import annotations

import asyncio
import json
import math
import os
import threading
import time
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from benchmarks.why import facts
from ockham_client import AsyncClient, Client, Event, Job, JobTimeout, OckhamAPIError, OckhamConnectionError, calls
from ockham_client.frames import frame_of
from tests.client.proxies import Cutting, without_streams
from tests.ockham.serving import Served
from tests.servers import free_port

ROOT = Path(__file__).parents[2]

TINY: dict[str, Any] = {
    "name": "tiny",
    "dataset": {"name": "synthetic", "num_words": 200, "reviews": 200},
    "training": {"epochs": 3, "batch_size": 64},
    "variants": [
        "original",
        {"name": "two", "layers": [{"type": "dense", "units": 2, "activation": "relu"}]},
    ],
    "seeds": [1, 2],
}


@pytest.fixture(scope="module")
def client(live: str) -> Any:
    with Client(live) as client:
        yield client


@pytest.fixture(scope="module")
def done(client: Client) -> Job:
    """A job that others read from."""
    job = client.wait(client.submit(TINY), timeout=120)
    assert job.succeeded, job
    return job


def never_ends() -> dict[str, Any]:
    """Nobody waits for it: more epochs than there is time for."""
    return {**TINY, "training": {"epochs": 1000, "batch_size": 1}, "seeds": [uuid.uuid4().int % 2**32]}


def test_submit_and_wait_tell_every_event_in_order(client: Client) -> None:
    job = client.submit(TINY, name="told", reuse="never")
    assert job.status == "queued"
    assert {run.variant for run in job.runs} == {"original", "two"}
    events: list[Event] = []
    after = client.wait(job, timeout=120, on_event=events.append)
    assert after.succeeded
    assert after.name == "told"
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert [event.type for event in events].count("run.epoch") == 12
    assert events[-1].type == "job.succeeded"
    assert events[-1].last
    for run in after.runs:
        assert [e.data["epoch"] for e in events if e.type == "run.epoch" and e.run_id == run.id] == [1, 2, 3]


def test_one_run_is_cancelled_while_the_other_trains(client: Client) -> None:
    job = client.submit({**never_ends(), "variants": ["original", "l2", "dropout"]}, reuse="never")
    events = client.events(job, timeout=120)
    begun = next(event for event in events if event.type == "run.epoch")
    first = client.cancel_run(str(begun.run_id))
    assert first.status in ("cancelling", "cancelled")
    ended = next(event for event in events if event.type == "run.cancelled")
    assert ended.run_id == begun.run_id
    now = client.job(job)
    assert now.status == "running"
    others = {run.status for run in now.runs if run.id != begun.run_id}
    assert others <= {"running", "queued"}, others
    with pytest.raises(OckhamAPIError) as refused:
        client.cancel_run(first)
    assert (refused.value.status, refused.value.code) == (409, "conflict")
    left = [run for run in now.runs if run.id != begun.run_id]
    client.cancel(job, variants=[left[0].variant])
    client.cancel_run(f"{job.id}/{left[1].variant}")
    after = client.wait(job, timeout=60)
    assert after.status == "cancelled"
    assert {run.status for run in after.runs} == {"cancelled"}


def test_jobs_and_runs_are_named_as_people_type(client: Client, done: Job) -> None:
    one = client.submit(TINY, name=f"named {uuid.uuid4().hex}")
    client.wait(one, timeout=120)
    for means in (one.id, one.name, "latest", one.id[:-2], one.id.removeprefix("job_")[:-2]):
        assert client.job(means).id == one.id, means
    assert client.wait("latest", timeout=60).id == one.id
    assert {event.type for event in client.events(one.name, timeout=60)} >= {"job.queued", "job.succeeded"}
    run = one.runs[1]
    for means in (run.id, run.id[:-2], f"latest/{run.variant}/{run.seed}", f"{one.name}/{run.variant}/{run.seed}"):
        assert client.run(means).id == run.id, means
    for means, code in (
        ("job_0", "ambiguous"),
        ("0", "ambiguous"),
        (f"{one.id}/original", "ambiguous"),
        (f"{one.id}/nobody", "not_found"),
        ("job_zzz", "not_found"),
        ("run_zzz", "not_found"),
        (one.name[:-1], "not_found"),
    ):
        with pytest.raises(OckhamAPIError) as unknown:
            client.run(means) if "/" in means or means.startswith("run") else client.job(means)
        assert (unknown.value.status, unknown.value.code) == (404, code), means
        if code == "ambiguous":
            assert (one.runs[0].id if "/" in means else one.id) in str(unknown.value) or "others" in str(unknown.value)
    assert f"did you mean {one.name!r}" in str(unknown.value)


def test_wrong_rows_and_ensembles_are_those_of_the_predictions(client: Client, done: Job) -> None:
    """Of a job that was trained: what is answered is counted again from what each run keeps."""
    runs = [run.id for run in done.runs if run.variant == "two"]
    kept = {at: [client.predictions(run, format="frame", at=at) for run in runs] for at in ("least", "last", "chosen")}
    wrong = {at: [(frame.prediction > 0.5) != frame.label for frame in frames] for at, frames in kept.items()}
    found = client.mistakes(done, "two", limit=100)
    assert (found["n"], found["rows"]) == (2, len(wrong["last"][0]))
    always = wrong["least"][0] & wrong["least"][1] & wrong["last"][0] & wrong["last"][1]
    overfitted = ~wrong["least"][0] & ~wrong["least"][1] & wrong["last"][0] & wrong["last"][1]
    assert found["always"]["count"] == always.sum()
    assert found["overfitted"]["count"] == overfitted.sum()
    listed = {row["row"] for row in found["always"]["data"]}
    assert listed <= set(kept["last"][0].row[always])
    together = next(each for each in client.ensembles(done)["variants"] if each["variant"] == "two")
    averaged = sum(frame.prediction for frame in kept["chosen"]) / 2
    label = kept["chosen"][0].label
    assert together["together"]["acc"] == pytest.approx(((averaged > 0.5) == label).mean())
    assert together["together"]["brier"] == pytest.approx(((averaged - label) ** 2).mean(), rel=1e-6)
    assert together["single"]["data_loss"] == pytest.approx(sum(frame.loss.mean() for frame in kept["chosen"]) / 2)
    gain = together["together"]["data_loss"] - together["single"]["data_loss"]
    assert together["gain"]["difference"] == pytest.approx(gain, abs=1e-9)


def test_the_page_that_says_why_is_of_the_predictions(client: Client, done: Job) -> None:
    """What `python -m benchmarks.why` writes of a job, counted again from what each run keeps."""
    of = facts(client, done)
    for variant, found in of.items():
        runs = [run.id for run in done.runs if run.variant == variant]
        parts: dict[str, list[tuple[int, float]]] = {}
        rises, accuracies = [], []
        for run in runs:
            least, last = (client.predictions(run, format="frame", at=at) for at in ("least", "last"))
            rise = last.loss - least.loss
            was, right = ((frame.prediction > 0.5) == frame.label for frame in (least, last))
            groups = {
                "surer": ~was & ~right & (rise > 0),
                "less_sure": was & right & (rise > 0),
                "changed": was != right,
            }
            for name, rows in groups.items():
                parts.setdefault(name, []).append((rows.sum(), rise[rows].sum() / len(rise)))
            rises.append(rise.mean())
            accuracies.append((was.mean(), right.mean()))
        assert found["rise"]["mean"] == pytest.approx(sum(rises) / len(rises), abs=1e-3)
        for name, counted in parts.items():
            rows, loss = (sum(each) / len(counted) for each in zip(*counted, strict=True))
            # Kept are 16 bits of each output: a row near one half may be on its other side.
            assert found["parts"][name]["rows"] == pytest.approx(rows, abs=2)
            assert found["parts"][name]["loss"] == pytest.approx(loss, abs=1e-3)
        for end, of_runs in zip(("least", "last"), zip(*accuracies, strict=True), strict=True):
            assert found["val_acc"][end] == pytest.approx(sum(of_runs) / len(of_runs), abs=2e-3)
        assert found["sentence"]


def test_what_is_asked_of_jobs_alone_finds_no_comparison(client: Client, done: Job) -> None:
    saved = client.compare(done, name="not a job")
    for ask in (client.job, client.delete, client.mistakes, client.ensembles, client.cancel, client.retry):
        with pytest.raises(OckhamAPIError, match="There is no job"):
            ask(saved.id)
    assert client.why(saved.id)["comparison_id"] == saved.id
    assert client.why(saved)["variants"], "of all its jobs"
    client.delete_comparison(saved)


def test_a_comparison_is_saved_and_read_like_a_job(client: Client, done: Job) -> None:
    other = client.wait(client.submit(TINY, variants=["l2"]), timeout=120)
    saved = client.compare(done, other.id, name=f"both {uuid.uuid4().hex}", notes="two seeds")
    assert (saved.jobs, saved.runs, saved.baseline, saved.missing) == ((done.id, other.id), (), "original", ())
    for means in (saved, saved.id, saved.id[:-2]):
        assert {each["variant"] for each in client.analysis(means)["variants"]} == {"original", "two", "l2"}
    assert client.history(saved, format="json")["comparison_id"] == saved.id
    assert len(client.metrics(saved)["variants"]) == 3
    assert client.plot(saved).startswith(b"\x89PNG")
    assert [each.id for each in client.comparisons(name=saved.name)] == [saved.id]
    assert client.comparison(saved.name).id == client.comparison("latest").id == saved.id
    assert client.change_comparison(saved, baseline="l2").raw["baseline_job_id"] == other.id
    client.delete_comparison(saved)
    with pytest.raises(OckhamAPIError):
        client.comparison(saved)


def test_events_of_a_finished_job_come_and_end(client: Client, done: Job) -> None:
    events = list(client.events(done, timeout=60))
    assert events[-1].type == "job.succeeded"
    assert list(client.events(done, after=events[-3].id, timeout=60)) == events[-2:]
    assert list(client.events(done, after=events[-1].id, timeout=60)) == []


def test_a_stream_that_is_cut_again_and_again_loses_and_doubles_nothing(live: str, client: Client) -> None:
    job = client.submit(TINY, training={"epochs": 60, "batch_size": 32}, reuse="never")
    with Cutting(live, limit=4000) as relay, Client(relay.url) as behind:
        got = list(behind.events(job, timeout=240))
        assert relay.cuts > 3
    assert len(got) > 240
    assert got == list(client.events(job))


def test_waiting_works_where_streams_do_not(live: str, client: Client) -> None:
    with without_streams(live) as proxy, Client(proxy.url) as behind:
        job = behind.submit(TINY, reuse="never")
        events: list[Event] = []
        assert behind.wait(job, timeout=120, on_event=events.append).succeeded
        assert any("/events?" in request.path for request in proxy.requests)
    assert events == list(client.events(job))


@pytest.mark.faults
def test_waiting_outlasts_a_service_that_is_killed_and_started_again(tmp_path: Path) -> None:
    port = str(free_port())
    with Served(tmp_path / "data", "--workers", "1", "--port", port) as service:
        url = service.ready()
        with Client(url) as client:
            job = client.submit(TINY, training={"epochs": 400, "batch_size": 16}, seeds=[1], reuse="never")
        events: list[Event] = []
        waiting = threading.Event()

        def note(event: Event) -> None:
            events.append(event)
            waiting.set()

        def wait() -> Job:
            with Client(url, attempts=1) as client:
                return client.wait(job, timeout=240, on_event=note)

        async def wait_too() -> Job:
            async with AsyncClient(url, attempts=1) as client:
                return await client.wait(job, timeout=240)

        with ThreadPoolExecutor() as pool:
            done = pool.submit(wait), pool.submit(lambda: asyncio.run(wait_too()))
            assert waiting.wait(60)
            service.kill()
            time.sleep(5)
            assert not any(each.done() for each in done)
            with Served(tmp_path / "data", "--workers", "1", "--port", port) as again:
                assert again.ready() == url
                assert all(each.result(240).succeeded for each in done)
                with Client(url) as client:
                    assert events == list(client.events(job))


def test_waiting_ends_when_its_time_is_over_and_the_job_goes_on(client: Client) -> None:
    job = client.submit(never_ends())
    with pytest.raises(JobTimeout):
        client.wait(job, timeout=0.5)
    assert not client.job(job).finished
    client.cancel(job)
    assert client.wait(job, timeout=60).status == "cancelled"


def test_cancel_retry_delete(client: Client) -> None:
    job = client.submit(never_ends())
    assert client.cancel(job).status in ("cancelling", "cancelled")
    assert client.wait(job, timeout=60).status == "cancelled"
    assert client.retry(job.id).status == "queued"
    client.cancel(job)
    client.wait(job, timeout=60)
    client.delete(job)
    with pytest.raises(OckhamAPIError) as caught:
        client.job(job)
    assert caught.value.status == 404


def test_a_bad_specification_tells_every_error(client: Client) -> None:
    with pytest.raises(OckhamAPIError) as caught:
        client.submit({"variants": ["orignal"], "training": {"epochs": 0}, "colour": "red"})
    error = caught.value
    assert (error.status, error.code) == (422, "invalid_specification")
    assert {e["pointer"] for e in error.errors} == {"/variants/0", "/training/epochs", "/colour"}
    assert all(e["pointer"] in str(error) for e in error.errors)


def test_validate_stores_nothing(client: Client) -> None:
    name = f"validated {uuid.uuid4()}"
    answer = client.validate("notebook", name=name)
    assert answer["spec"]["training"]["epochs"] == 20
    assert list(client.jobs(name=name)) == []


def test_specifications_from_files(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(TINY))
    assert client.validate(path)["spec"]["name"] == "tiny"
    assert client.validate(str(path), name="other")["spec"]["name"] == "other"
    path = tmp_path / "spec.yaml"
    path.write_text("name: from yaml\nvariants: [original, {preset: bigger, name: big}]\n")
    assert [v["name"] for v in client.validate(path)["spec"]["variants"]] == ["original", "big"]
    path.write_text("name: [")
    with pytest.raises(ValueError, match="neither JSON nor YAML"):
        client.validate(path)
    with pytest.raises(FileNotFoundError):
        client.validate("missing.yaml")


def test_jobs_come_a_page_at_a_time_each_once(client: Client, done: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"paged {uuid.uuid4()}"
    made = [client.submit(TINY, name=name).id for _ in range(5)]
    monkeypatch.setattr(calls, "PAGE", 2)
    assert [job.id for job in client.jobs(name=name)] == made[::-1]
    assert [job.id for job in client.jobs(name=name, limit=3)] == made[:-4:-1]
    assert list(client.jobs(name=name, limit=0)) == []
    assert done.id in [job.id for job in client.jobs(status="succeeded")]


def test_a_file_is_written_where_it_is_asked_for(client: Client, done: Job, tmp_path: Path) -> None:
    """A link is followed and a pipe is written to; what is no regular file is not replaced by one."""
    kept, link, pipe = tmp_path / "kept.html", tmp_path / "link.html", tmp_path / "pipe"
    kept.write_text("before")
    link.symlink_to(kept)
    client.report(done, link)
    assert link.is_symlink()
    assert kept.read_text().startswith("<!DOCTYPE html>")
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_bytes)
        client.report(done, pipe)
        assert read.result(30) == kept.read_bytes()
    assert pipe.is_fifo()


@pytest.mark.parametrize("key", ["ock_secret\r", "ock_é", "ock secret"])
def test_a_key_that_cannot_be_one_is_not_told(key: str) -> None:
    with pytest.raises(ValueError, match="no key has") as raised:
        Client("http://127.0.0.1:9", api_key=key)
    assert "ock" not in str(raised.value)


def test_jobs_are_described_and_found_again(client: Client) -> None:
    name = f"found {uuid.uuid4()}"
    job = client.submit(TINY, name=name, tags=["draft"], metadata={"of": name, "try": 1})
    other = client.submit(TINY, name=name, metadata={"of": name, "try": 2})
    assert [each.id for each in client.jobs(metadata={"of": name, "try": 1})] == [job.id]
    described = client.describe(job, name=f"{name}, again", tags=["paper"], notes="One line")
    assert (described.name, described.raw["tags"], described.raw["notes"]) == (f"{name}, again", ["paper"], "One line")
    assert client.describe(job, notes="").raw["tags"] == ["paper"]
    assert [each.id for each in client.jobs(tags=["paper"], metadata={"of": name})] == [job.id]
    assert list(client.jobs(tags=["draft"], metadata={"of": name})) == []
    assert [each.id for each in client.jobs(metadata={"of": name})] == [other.id, job.id]


def test_history_is_a_frame_with_every_epoch(client: Client, done: Job) -> None:
    frame = client.history(done)
    raw = client.history(done, format="json")
    assert len(frame) == 12
    assert set(frame["job_id"]) == {done.id}
    for run in raw["runs"]:
        rows = frame[frame["run_id"] == run["run_id"]]
        assert list(rows["epoch"]) == run["epochs"]
        for metric, values in run["metrics"].items():
            assert list(rows[metric]) == values


def test_a_frame_keeps_what_json_cannot_say() -> None:
    run = {
        "run_id": "r",
        "variant": "v",
        "seed": 0,
        "epochs": [1, 2, 3],
        "metrics": {"loss": [0.5, None, None], "acc": [None, 1, 1]},
        "nonfinite": [
            {"epoch": 2, "metric": "loss", "kind": "inf"},
            {"epoch": 3, "metric": "loss", "kind": "nan"},
            {"epoch": 1, "metric": "acc", "kind": "-inf"},
        ],
    }
    frame = frame_of({"job_id": "j", "runs": [run]})
    assert list(frame["loss"])[:2] == [0.5, math.inf]
    assert math.isnan(frame["loss"][2])
    assert list(frame["acc"]) == [-math.inf, 1, 1]
    assert len(frame_of({"job_id": "j", "runs": []})) == 0


def test_results(client: Client, done: Job, tmp_path: Path) -> None:
    metrics = client.metrics(done)
    assert {v["variant"]: v["n"] for v in metrics["variants"]} == {"original": 2, "two": 2}
    assert client.metrics(done, by="val_data_loss")["object"] == "metrics"
    assert client.analysis(done)["view"] == "data"
    assert client.analysis(done, view="keras")["view"] == "keras"
    assert {job["name"] for job in client.presets()["jobs"]} >= {"notebook"}
    run = client.run(done.runs[0].id)
    assert run == done.runs[0]
    assert run.status == "succeeded"


def test_plots(client: Client, done: Job, tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    content = client.plot(done, "val_loss", variants=["original", "two"], style="notebook", path=path)
    assert content.startswith(b"\x89PNG")
    assert path.read_bytes() == content
    assert client.plot(done, "acc", format="svg").lstrip().startswith(b"<?xml")
    with pytest.raises(OckhamAPIError):
        client.plot(done, "val_loss", variants=["nobody"])


def test_who_has_seen_more_events_than_there_are_gets_them_from_the_first(live: str, client: Client, done: Job) -> None:
    """As after a restore of the database, where streams come through and where they do not."""
    whole = list(client.events(done))
    assert list(client.events(done, after=1000)) == whole
    with without_streams(live) as proxy, Client(proxy.url) as behind:
        assert list(behind.events(done, after=1000)) == whole
        assert list(behind.events(done, after=whole[-2].id)) == whole[-1:]


def test_models_appear_whole_or_not_at_all(live: str, client: Client, done: Job, tmp_path: Path) -> None:
    path = client.model(done.runs[0].id, tmp_path / "model.keras")
    assert "model.weights.h5" in zipfile.ZipFile(path).namelist()
    with (
        Cutting(live, limit=3000) as relay,
        Client(relay.url, attempts=2) as behind,
        pytest.raises(OckhamConnectionError),
    ):
        behind.model(done.runs[0].id, tmp_path / "cut.keras")
    assert [p.name for p in tmp_path.iterdir()] == ["model.keras"]


def test_whoever_downloads_a_model_is_told_which_keras_loads_it(client: Client, done: Job, tmp_path: Path) -> None:
    """Keras reads files of its own version and of earlier ones."""
    with zipfile.ZipFile(client.model(done.runs[0].id, tmp_path / "model.keras")) as model:
        version = json.loads(model.read("metadata.json"))["keras_version"]
    pages = ("docs/api/results.md", "docs/api/reference.md", "docs/client.md", "examples/load_a_model.py")
    told = [(ROOT / page).read_text() for page in pages] + [str(each.model.__doc__) for each in (Client, AsyncClient)]
    for text in told:
        assert f"{version.rpartition('.')[0]} or later" in text, (version, text[:80])


def test_one_idempotency_key_is_one_job(client: Client) -> None:
    key = str(uuid.uuid4())
    first = client.submit(TINY, idempotency_key=key)
    assert client.submit(TINY, idempotency_key=key).id == first.id
    with pytest.raises(OckhamAPIError) as caught:
        client.submit(TINY, idempotency_key=key, name="another body")
    assert caught.value.status == 422


def test_the_asynchronous_client_does_the_same(live: str, client: Client, done: Job) -> None:
    async def use() -> None:
        async with AsyncClient(live) as anew:
            events: list[Event] = []

            async def note(event: Event) -> None:
                events.append(event)

            jobs = await asyncio.gather(*(anew.submit(TINY, reuse="never") for _ in range(3)))
            after = await asyncio.gather(*(anew.wait(job, 120, note) for job in jobs))
            assert all(job.succeeded for job in after)
            assert sum(event.type == "job.succeeded" for event in events) == 3
            assert await anew.history(done, "json") == client.history(done, "json")
            assert await anew.job(done.id) == client.job(done)
            assert (await anew.plot(done)).startswith(b"\x89PNG")
            assert [job.id async for job in anew.jobs(limit=3)] == [job.id for job in client.jobs(limit=3)]
            seen = [event async for event in anew.events(done, after=3)]
            assert seen == list(client.events(done, after=3))
            with pytest.raises(OckhamAPIError):
                await anew.job("job_none")

    asyncio.run(use())
