"""The contract, row by row: what other tools rely on, asked for over HTTP."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

import httpx
import pandas as pd
import pytest

from tests.api.conftest import SMALL, Trainer, submit

METRICS = ["loss", "acc", "val_loss", "val_acc", "data_loss", "val_data_loss"]


def is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document, checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = dict(answer.json())
    assert {"type", "title", "status", "detail", "instance", "code"} <= body.keys()
    assert (body["status"], body["code"], unquote(body["instance"])) == (status, code, answer.request.url.path)
    return body


# --- POST /v1/jobs ------------------------------------------------------------------------------


def test_submit(http: httpx.Client) -> None:
    answer = http.post("/v1/jobs", json={"variants": ["original", "l2"], "seeds": [0, 5], "metadata": {"owner": "a"}})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert int(answer.headers["Retry-After"]) >= 1
    assert {
        "id", "object", "name", "status", "created_at", "started_at", "finished_at", "spec", "progress", "runs",
        "error", "metadata", "links",
    } <= job.keys()  # fmt: skip
    assert (job["object"], job["status"], job["metadata"]) == ("job", "queued", {"owner": "a"})
    assert job["progress"] == {"percent": 0.0, "epochs_done": 0, "epochs_total": 80, "eta_seconds": None}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", job["created_at"])
    for run in job["runs"]:
        assert {"id", "variant", "seed", "status", "epoch", "epochs", "attempt", "parameters", "error"} <= run.keys()
    assert [(run["variant"], run["seed"]) for run in job["runs"]] == [
        ("original", 0), ("l2", 0), ("original", 5), ("l2", 5),
    ]  # fmt: skip
    assert job["runs"][0]["parameters"] == 160_305
    assert http.get(answer.headers["Location"]).json() == job


def test_the_stored_specification_is_resolved_and_is_a_specification(http: httpx.Client) -> None:
    spec = submit(http, dataset={"name": "imdb"})["spec"]
    assert spec["baseline"] == "original"
    assert spec["training"]["optimizer"]["learning_rate"] == 0.001
    assert spec["variants"][1]["layers"][0]["kernel_regularizer"] == {"l1": 0.0, "l2": 0.001}
    assert http.post("/v1/jobs", json=spec).json()["spec"] == spec


def test_a_preset_is_a_body(http: httpx.Client) -> None:
    job = http.post("/v1/jobs", json={"preset": "notebook", "training": {"epochs": 2}}).json()
    assert [variant["name"] for variant in job["spec"]["variants"]] == [
        "original",
        "smaller",
        "bigger",
        "l2",
        "dropout",
    ]
    assert {run["epochs"] for run in job["runs"]} == {2}


def test_validate_only_stores_nothing(http: httpx.Client) -> None:
    answer = http.post("/v1/jobs", params={"validate_only": "true"}, json=SMALL)
    assert answer.status_code == 200
    variants = answer.json()["variants"]
    assert [(each["name"], each["parameters"]) for each in variants] == [("original", 160_305), ("l2", 160_305)]
    assert all(each["models_bytes"] > 4 * each["parameters"] for each in variants), "four bytes a weight, and a file"
    assert answer.json()["spec"]["baseline"] == "original"
    assert [each["code"] for each in answer.json()["warnings"]] == ["one_seed"]
    assert http.get("/v1/jobs").json()["data"] == []


def test_every_fault_at_once(http: httpx.Client) -> None:
    body = {**SMALL, "variants": ["original", "original"], "seeds": [0, 0], "training": {"epochs": 0}, "colour": 1}
    problem = is_problem(http.post("/v1/jobs", json=body), 422, "invalid_specification")
    assert {error["pointer"] for error in problem["errors"]} == {
        "/variants/1", "/seeds/1", "/training/epochs", "/colour",
    }  # fmt: skip


def test_idempotency(http: httpx.Client) -> None:
    key = {"Idempotency-Key": "once"}
    first = http.post("/v1/jobs", json=SMALL, headers=key)
    again = http.post("/v1/jobs", content=json.dumps(SMALL, indent=3).encode(), headers=key)
    assert (again.status_code, again.text) == (202, first.text)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    is_problem(http.post("/v1/jobs", json={**SMALL, "name": "b"}, headers=key), 422, "idempotency_key_reused")
    assert len(http.get("/v1/jobs").json()["data"]) == 1
    submit(http)
    assert len(http.get("/v1/jobs").json()["data"]) == 2


def test_a_refused_request_uses_up_no_idempotency_key(http: httpx.Client) -> None:
    key = {"Idempotency-Key": "once"}
    assert http.post("/v1/jobs", json={"variants": []}, headers=key).status_code == 422
    assert http.post("/v1/jobs", json=SMALL, headers=key).status_code == 202


def test_fifty_first_requests_at_once_are_one_job(http: httpx.Client) -> None:
    def post(_: int) -> httpx.Response:
        return http.post("/v1/jobs", json=SMALL, headers={"Idempotency-Key": "k"})

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(post, range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert len(http.get("/v1/jobs").json()["data"]) == 1


# --- GET /v1/jobs and /v1/jobs/{id} ---------------------------------------------------------------


def test_list_newest_first_filtered_and_stable_under_inserts(http: httpx.Client) -> None:
    jobs = [submit(http, name=name)["id"] for name in ("a", "b", "a", "c")]
    http.post(f"/v1/jobs/{jobs[0]}/cancel")
    page = http.get("/v1/jobs", params={"limit": 2}).json()
    assert page["object"] == "list"
    assert [job["id"] for job in page["data"]] == [jobs[3], jobs[2]]
    assert page["has_more"] is True
    submit(http, name="new")
    page = http.get("/v1/jobs", params={"limit": 2, "after": jobs[2]}).json()
    assert [job["id"] for job in page["data"]] == [jobs[1], jobs[0]]
    assert page["has_more"] is False
    assert [job["id"] for job in http.get("/v1/jobs", params={"name": "a"}).json()["data"]] == [jobs[2], jobs[0]]
    assert [job["name"] for job in http.get("/v1/jobs", params={"search": "E"}).json()["data"]] == ["new"]
    assert http.get("/v1/jobs", params={"search": "%"}).json()["data"] == []
    assert [job["id"] for job in http.get("/v1/jobs", params={"status": "cancelled"}).json()["data"]] == [jobs[0]]


def test_polling_is_cheap(http: httpx.Client, trainer: Trainer) -> None:
    url = f"/v1/jobs/{submit(http)['id']}"
    etag = http.get(url).headers["ETag"]
    unchanged = http.get(url, headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["ETag"] == etag
    held = trainer.claim()
    trainer.record(held, 1)
    changed = http.get(url, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag
    assert changed.json()["progress"]["epochs_done"] == 1
    assert changed.json()["progress"]["eta_seconds"] is not None
    assert int(changed.headers["Retry-After"]) >= 1
    http.post(f"{url}/cancel")  # the held run is asked to stop: that is no event, but a change
    assert http.get(url, headers={"If-None-Match": changed.headers["ETag"]}).json()["status"] == "cancelling"


def later(action: Callable[[], None]) -> threading.Thread:
    """Does it while somebody waits."""
    thread = threading.Timer(0.5, action)
    thread.start()
    return thread


def test_prefer_wait_answers_when_the_job_has_finished(http: httpx.Client, trainer: Trainer) -> None:
    url = f"/v1/jobs/{submit(http)['id']}"
    thread = later(lambda: trainer.train(2))
    answer = http.get(url, headers={"Prefer": "respond-async, wait=30"})
    thread.join()
    assert answer.headers["Preference-Applied"] == "wait=30"
    assert answer.json()["status"] == "succeeded"
    assert "Retry-After" not in answer.headers


def test_prefer_wait_answers_when_the_job_has_changed(http: httpx.Client, trainer: Trainer) -> None:
    url = f"/v1/jobs/{submit(http)['id']}"
    etag = http.get(url).headers["ETag"]
    thread = later(lambda: trainer.record(trainer.claim(), 1))
    answer = http.get(url, headers={"Prefer": "wait=30", "If-None-Match": etag})
    thread.join()
    assert answer.status_code == 200
    assert answer.json()["status"] == "running"


def test_prefer_wait_is_over_in_time(http: httpx.Client) -> None:
    url = f"/v1/jobs/{submit(http)['id']}"
    begun = time.monotonic()
    answer = http.get(url, headers={"Prefer": "wait=1"})
    assert time.monotonic() - begun >= 0.9  # it waited; how much longer than asked depends on the machine
    assert answer.json()["status"] == "queued"
    assert http.get(url, headers={"Prefer": "wait=no"}).headers.get("Preference-Applied") is None


# --- cancel, retry, delete ------------------------------------------------------------------------


def test_a_variant_that_is_not_there_is_told_and_nothing_is_cancelled(http: httpx.Client) -> None:
    job = submit(http, variants=["original", "dropout"])
    answer = http.post(f"/v1/jobs/{job['id']}/cancel", params={"variant": ["original", "dropuot"]})
    told = is_problem(answer, 404, "not_found")
    assert told["detail"] == "There is no variant named 'dropuot'; did you mean `dropout`?"
    assert {run["status"] for run in http.get(f"/v1/jobs/{job['id']}").json()["runs"]} == {"queued"}


def test_cancel_retry_delete(http: httpx.Client) -> None:
    url = f"/v1/jobs/{submit(http)['id']}"
    is_problem(http.delete(url), 409, "conflict")
    is_problem(http.post(f"{url}/retry"), 409, "conflict")
    cancelled = http.post(f"{url}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    is_problem(http.post(f"{url}/cancel"), 409, "conflict")
    retried = http.post(f"{url}/retry")
    assert (retried.status_code, retried.json()["status"]) == (202, "queued")
    http.post(f"{url}/cancel")
    gone = http.delete(url)
    assert (gone.status_code, gone.content) == (204, b"")
    for answer in (http.get(url), http.delete(url), http.post(f"{url}/cancel"), http.get(f"{url}/history")):
        is_problem(answer, 404, "not_found")


def test_retry_trains_only_what_failed(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http)
    trainer.train(1)
    trainer.fail(trainer.claim())
    failed = http.get(f"/v1/jobs/{job['id']}").json()
    assert failed["status"] == "failed"
    assert failed["progress"] == {"percent": 50.0, "epochs_done": 3, "epochs_total": 6, "eta_seconds": 0.0}
    assert failed["runs"][1]["error"] == {
        "code": "diverged", "message": "The loss is not finite", "retryable": False,
    }  # fmt: skip
    again = http.post(f"/v1/jobs/{job['id']}/retry").json()
    assert [run["status"] for run in again["runs"]] == ["succeeded", "queued"]
    trainer.train(1)
    assert http.get(f"/v1/jobs/{job['id']}").json()["status"] == "succeeded"


# --- events ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("übung", 1), ("ÜBUNG", 1), ("bung", 1), ("u\u0308bung", 1), ("привет", 1), ("100%_", 1), ("100\uff05", 1),
        ("ubung", 0), ("%", 1), ("bung_", 0), ("\\", 0), ("", 2),
    ],
)  # fmt: skip
def test_names_are_searched_in_any_case_of_any_script(http: httpx.Client, search: str, found: int) -> None:
    submit(http, name="Übung ПРИВЕТ 100%_")
    submit(http, name="another")
    assert len(http.get("/v1/jobs", params={"search": search}).json()["data"]) == found


def test_events_as_a_list(http: httpx.Client, trainer: Trainer) -> None:
    url = f"/v1/jobs/{submit(http)['id']}/events"
    trainer.train(2)
    page = http.get(url, params={"limit": 1000}).json()
    assert [event["id"] for event in page["data"]] == list(range(1, len(page["data"]) + 1))
    assert [event["type"] for event in page["data"]] == [
        "job.queued", "job.started",
        *["run.started", "run.epoch", "run.epoch", "run.epoch", "run.succeeded"] * 2,
        "job.succeeded",
    ]  # fmt: skip
    epoch = page["data"][3]
    assert {"id", "created_at", "type", "run_id", "data"} <= epoch.keys()
    assert epoch["data"]["epoch"] == 1
    assert list(epoch["data"]["metrics"]) == METRICS
    part = http.get(url, params={"after": 2, "limit": 3}).json()
    assert [event["id"] for event in part["data"]] == [3, 4, 5]
    assert part["has_more"] is True


def frames(text: str) -> list[dict[str, str]]:
    """The server-sent events of a stream."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "data" in fields:
            found.append(fields)
    return found


def test_events_as_a_stream_that_resumes(http: httpx.Client, trainer: Trainer) -> None:
    url = f"/v1/jobs/{submit(http)['id']}/events"
    thread = later(lambda: trainer.train(2))
    answer = http.get(url, headers={"Accept": "text/event-stream"})
    thread.join()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert "Content-Encoding" not in answer.headers
    live = frames(answer.text)
    listed = http.get(url, params={"limit": 1000}).json()["data"]
    assert [json.loads(frame["data"]) for frame in live] == listed
    assert [(frame["id"], frame["event"]) for frame in live] == [(str(e["id"]), e["type"]) for e in listed]
    resumed = http.get(url, headers={"Accept": "text/event-stream", "Last-Event-ID": "4"})
    assert frames(resumed.text) == live[4:]
    over = http.get(url, headers={"Accept": "text/event-stream", "Last-Event-ID": str(listed[-1]["id"])})
    assert (over.status_code, over.content) == (204, b"")


def test_a_stream_is_for_who_accepts_one(http: httpx.Client) -> None:
    job = submit(http)
    url = f"/v1/jobs/{job['id']}/events"
    http.post(f"/v1/jobs/{job['id']}/cancel")
    for accept, media in (
        ("Text/Event-Stream", "text/event-stream"),
        ("application/json, text/event-stream", "text/event-stream"),
        ("text/event-stream;q=0", "application/json"),
        ("text/event-stream; q=0.1, application/json", "application/json"),
        ("*/*", "application/json"),
    ):
        assert http.get(url, headers={"Accept": accept}).headers["Content-Type"].startswith(media), accept


# --- history ----------------------------------------------------------------------------------------


def test_history(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http)
    trainer.train(1)
    held = trainer.claim()
    trainer.record(held, 1, val_loss=math.inf, acc=math.nan)
    history = http.get(f"/v1/jobs/{job['id']}/history").json()
    assert (history["object"], history["job_id"]) == ("history", job["id"])
    done, training = history["runs"]
    assert {"run_id", "variant", "seed", "status", "epochs", "metrics"} <= done.keys()
    assert (done["variant"], done["seed"], done["status"], done["epochs"]) == ("original", 0, "succeeded", [1, 2, 3])
    assert done["metrics"]["loss"] == [1 / 2, 1 / 3, 1 / 4]
    assert list(done["metrics"]) == METRICS
    assert (training["status"], training["metrics"]["val_loss"], training["metrics"]["acc"]) == (
        "running",
        [None],
        [None],
    )
    assert training["nonfinite"] == [
        {"epoch": 1, "metric": "acc", "kind": "nan"}, {"epoch": 1, "metric": "val_loss", "kind": "inf"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("format", "media"),
    [
        ("csv", "text/csv"),
        ("ndjson", "application/x-ndjson"),
        ("parquet", "application/vnd.apache.parquet"),
    ],
)
def test_history_as_tables(http: httpx.Client, trainer: Trainer, format: str, media: str) -> None:
    job = submit(http, variants=[{"name": 'a "quoted" name', "preset": "original"}, "l2"])
    trainer.train(1)
    trainer.record(trainer.claim(), 1, val_loss=math.inf, acc=math.nan)
    url = f"/v1/jobs/{job['id']}/history"
    named = http.get(url, params={"format": format})
    accepted = http.get(url, headers={"Accept": f"text/html;q=0.1, {media};q=0.9, application/json;q=0.5"})
    assert named.headers["Content-Type"].startswith(media)
    assert accepted.content == named.content
    if format == "csv":
        frame = pd.read_csv(io.StringIO(named.text))
        assert next(csv.reader(io.StringIO(named.text)))[:5] == ["job_id", "run_id", "variant", "seed", "epoch"]
    elif format == "ndjson":
        lines = [json.loads(line) for line in named.text.splitlines()]
        assert lines[-1]["nonfinite"] == {"acc": "nan", "val_loss": "inf"}
        assert lines[-1]["val_loss"] is None
        return
    else:
        frame = pd.read_parquet(io.BytesIO(named.content))
    assert list(frame.columns) == ["job_id", "run_id", "variant", "seed", "epoch", *METRICS]
    assert list(frame["variant"]) == ['a "quoted" name'] * 3 + ["l2"]
    assert list(frame["epoch"]) == [1, 2, 3, 1]
    assert list(frame["loss"][:3]) == [1 / 2, 1 / 3, 1 / 4]
    assert frame["val_loss"][3] == math.inf
    assert math.isnan(frame["acc"][3])


def test_csv_has_names_and_numbers_exactly_and_no_byte_order_mark(http: httpx.Client, trainer: Trainer) -> None:
    """What a program reads; what a spreadsheet has to be told is documented."""
    names = ["=1+1", "+1", "-1", "@SUM(1)", "'=1", "正則化 L2", "Müller; straße", " \"a\" 'b' ".strip(), "016", "1e3"]
    job = submit(http, variants=[{"name": name, "preset": "smaller"} for name in names])
    values = [1 / 3, 1e-300, 123456789.123, 1e22, 0.1, 5e-324, 2.0, 1e-5, 0.7020947003364563, 3.0]
    for value in values:
        held = trainer.claim()
        trainer.record(held, 1, val_acc=value)
    answer = http.get(f"/v1/jobs/{job['id']}/history?format=csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"job_id,")
    assert answer.content.count(b"\r\n") == answer.content.count(b"\n") == len(names) + 1
    rows = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
    assert [row["variant"] for row in rows] == names
    assert [float(row["val_acc"]) for row in rows] == values
    assert all("," not in row["val_acc"] for row in rows)


# --- metrics, analysis, plots ---------------------------------------------------------------------


def test_metrics(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http, seeds=[0, 1], variants=["original"])
    for low in (2, 3):
        held = trainer.claim()
        for epoch in (1, 2, 3):
            trainer.record(held, epoch, val_loss=0.5 if epoch == low else 1.0, val_data_loss=1 / epoch)
        trainer.succeed(held)
    metrics = http.get(f"/v1/jobs/{job['id']}/metrics").json()
    assert (metrics["object"], metrics["job_id"]) == ("metrics", job["id"])
    assert [run["best"]["epoch"] for run in metrics["runs"]] == [3, 3]
    assert {run["chosen_by"] for run in metrics["runs"]} == {"val_data_loss"}
    assert job["links"]["plot"] == f"/v1/jobs/{job['id']}/plots/val_data_loss.png"
    assert [run["final"]["epoch"] for run in metrics["runs"]] == [3, 3]
    keras = http.get(f"/v1/jobs/{job['id']}/metrics", params={"by": "val_loss"}).json()
    assert [run["best"]["epoch"] for run in keras["runs"]] == [2, 3]
    (variant,) = keras["variants"]
    assert {"variant", "n", "best_epoch", "best_val_loss", "best_val_acc", "final_val_loss"} <= variant.keys()
    assert variant["n"] == 2
    assert variant["best_epoch"]["mean"] == 2.5
    assert variant["best_epoch"]["sd"] == pytest.approx(math.sqrt(0.5))
    low_end, high_end = variant["best_epoch"]["ci95"]
    assert low_end < 2.5 < high_end


def test_metrics_tell_the_test_set_s_score_where_there_is_a_holdout(http: httpx.Client, trainer: Trainer) -> None:
    held_out = {"name": "synthetic", "reviews": 200, "validation": {"holdout": 50}}
    job = submit(http, seeds=[0, 1], variants=["original"], dataset=held_out)
    score = {"loss": 0.5, "acc": 0.75, "data_loss": 0.5}
    for run in range(2):
        held = trainer.claim()
        trainer.record(held, 1)
        trainer.succeed(held, test=score)
        metrics = http.get(f"/v1/jobs/{job['id']}/metrics").json()
        assert [each["test"] for each in metrics["runs"]] == [score, None if run == 0 else score]
        (variant,) = metrics["variants"]
        assert variant["test_acc"]["mean"] == 0.75
        assert (variant["test_loss"]["sd"] is None) == (run == 0)
    across = http.get("/v1/metrics", params={"job": job["id"]}).json()
    assert [each["test"] for each in across["runs"]] == [score, score]


def test_one_seed_has_no_spread(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http, variants=["original"])
    trainer.train(1)
    (variant,) = http.get(f"/v1/jobs/{job['id']}/metrics").json()["variants"]
    assert variant["best_val_loss"]["sd"] is None
    assert variant["best_val_loss"]["ci95"] is None


def test_analysis(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http, seeds=[0, 1])
    trainer.train(4)
    for view, metric in (("data", "best_val_data_loss"), ("keras", "best_val_loss")):
        analysis = http.get(f"/v1/jobs/{job['id']}/analysis", params={"view": view}).json()
        assert (analysis["object"], analysis["job_id"], analysis["view"]) == ("analysis", job["id"], view)
        for variant in analysis["variants"]:
            assert {"variant", "n", "best_epoch", "onset_epoch", "censored", "verdict"} <= variant.keys()
        comparison = next(c for c in analysis["comparisons"] if c["metric"] == metric)
        assert {"variant", "baseline", "metric", "n", "difference", "ci95", "p", "p_holm"} <= comparison.keys()
        assert (comparison["variant"], comparison["baseline"], comparison["n"]) == ("l2", "original", 2)
        assert comparison["difference"] == 0.0
        assert {"code", "detail"} == {name for each in analysis["warnings"] for name in each}
    assert http.get(f"/v1/jobs/{job['id']}/analysis").json()["view"] == "data"


@pytest.mark.parametrize(
    ("format", "media", "start"),
    [
        ("png", "image/png", b"\x89PNG"),
        ("svg", "image/svg+xml", b"<?xml"),
        ("pdf", "application/pdf", b"%PDF"),
    ],
)
def test_plots(http: httpx.Client, trainer: Trainer, format: str, media: str, start: bytes) -> None:
    job = submit(http)
    trainer.record(trainer.claim(), 1)
    url = f"/v1/jobs/{job['id']}/plots/val_loss.{format}"
    plot = http.get(url, params={"style": "notebook", "band": "sd", "width": 640, "height": 480, "dpi": 100})
    assert plot.status_code == 200
    assert plot.headers["Content-Type"].startswith(media)
    assert plot.content.startswith(start)
    one = http.get(url, params={"variants": "original"})
    assert one.headers["ETag"] != http.get(url).headers["ETag"]
    assert (
        http.get(url, params={"variants": "original"}, headers={"If-None-Match": one.headers["ETag"]}).status_code
        == 304
    )
    trainer.record(trainer.claim(), 1)
    assert http.get(url, headers={"If-None-Match": one.headers["ETag"]}).status_code == 200
    is_problem(http.get(url, params={"variants": "nobody"}), 404, "not_found")
    is_problem(http.get(f"/v1/jobs/{job['id']}/plots/colour.png"), 404, "not_found")
    is_problem(http.get(f"/v1/jobs/{job['id']}/plots/loss.gif"), 404, "not_found")
    is_problem(http.get(url, params={"width": 10**6}), 422, "invalid_parameters")


def test_across_jobs(http: httpx.Client, trainer: Trainer) -> None:
    first, second = submit(http, name="one"), submit(http, name="two")
    trainer.train(4)
    run = second["runs"][1]["id"]
    params = {"job": [first["id"]], "run": [run]}
    history = http.get("/v1/history", params=params).json()
    assert [each["run_id"] for each in history["runs"]] == [*(r["id"] for r in first["runs"]), run]
    assert [each["job_id"] for each in history["runs"]] == [first["id"], first["id"], second["id"]]
    frame = pd.read_csv(io.StringIO(http.get("/v1/history", params={**params, "format": "csv"}).text))
    assert len(frame) == 9
    assert set(frame["job_id"]) == {first["id"], second["id"]}
    metrics = http.get("/v1/metrics", params=params).json()
    assert [(v["job_id"], v["variant"]) for v in metrics["variants"]] == [
        (first["id"], "original"), (first["id"], "l2"), (second["id"], "l2"),
    ]  # fmt: skip
    plot = http.get("/v1/plots/val_loss.svg", params=params)
    assert "l2 (one)" in plot.text
    assert "l2 (two)" in plot.text
    assert http.get("/v1/plots/val_loss.png", params=params).content.startswith(b"\x89PNG")
    comma, space = (submit(http, name=name, variants=["original"]) for name in ("a,b", "a b"))
    trainer.train(2)
    plot = http.get("/v1/plots/val_loss.svg", params={"job": [comma["id"], space["id"]]})
    assert all(f"original (…{each['id'][-6:]})" in plot.text for each in (comma, space))
    for what in ("history", "metrics", "plots/loss.png"):
        is_problem(http.get(f"/v1/{what}"), 422, "invalid_parameters")
        is_problem(http.get(f"/v1/{what}", params={"job": "job_" + "0" * 32}), 404, "not_found")
        is_problem(http.get(f"/v1/{what}", params={"run": "../../etc"}), 404, "not_found")


# --- runs and models --------------------------------------------------------------------------------


def test_a_run_and_its_model(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http, variants=["original"])
    url = job["runs"][0]["id"].join(("/v1/runs/", ""))
    is_problem(http.get(f"{url}/model.keras"), 404, "not_found")
    held = trainer.claim()
    model = bytes(range(256)) * 10_000  # more than two parts
    trainer.succeed(held, model)
    run = http.get(url).json()
    assert (run["object"], run["job_id"], run["status"]) == ("run", job["id"], "succeeded")
    whole = http.get(run["links"]["model"])
    assert whole.content == model
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert http.get(run["links"]["model"], headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    for asked, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=1048570-1048590", 1048570, 1048591),
        ("bytes=2559000-", 2559000, 2560000),
        ("bytes=-10", 2559990, 2560000),
        ("bytes=2559999-9999999999", 2559999, 2560000),
    ):
        part = http.get(run["links"]["model"], headers={"Range": asked, "If-Range": whole.headers["ETag"]})
        assert (part.status_code, part.content) == (206, model[start:end]), asked
        assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/2560000"
    for asked in ("bytes=0-1,5-6", "lines=1-2", "bytes=x-y", "bytes=5-1", "bytes=-"):
        assert http.get(run["links"]["model"], headers={"Range": asked}).status_code == 200
    assert http.get(run["links"]["model"], headers={"Range": "bytes=0-1", "If-Range": '"other"'}).status_code == 200
    outside = http.get(run["links"]["model"], headers={"Range": "bytes=2560000-"})
    is_problem(outside, 416, "range_not_satisfiable")
    assert outside.headers["Content-Range"] == "bytes */2560000"


# --- presets, operations, documents -----------------------------------------------------------------


def test_presets(http: httpx.Client) -> None:
    presets = http.get("/v1/presets").json()
    names = [variant["name"] for variant in presets["variants"]]
    assert names == ["original", "smaller", "bigger", "l2", "l1", "l1_l2", "dropout"]
    assert [job["name"] for job in presets["jobs"]] == [
        "notebook",
        "remedies",
        "reuters",
        "boston_housing",
        "california_housing",
    ]
    assert http.post("/v1/jobs", json=presets["jobs"][0]["spec"]).status_code == 202
    own = {"variants": [{"name": v["name"], "layers": v["layers"]} for v in presets["variants"]]}
    assert http.post("/v1/jobs", json=own).status_code == 202


def test_operations(http: httpx.Client) -> None:
    assert http.get("/healthz").status_code == 200
    ready = http.get("/readyz")  # there is no broker and no worker here
    assert ready.status_code == 503
    assert int(ready.headers["Retry-After"]) > 0
    assert http.get("/openapi.json").json()["openapi"].startswith("3.")


def test_docs_need_nobody_else(http: httpx.Client) -> None:
    page = http.get("/docs")
    assert page.status_code == 200
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) >= 5
    for url in named:
        assert url.startswith("/")
        assert not url.startswith("//")
        assert http.get(url).status_code == 200, url
    assert "//" not in re.sub(r"^//.*", "", http.get("/static/docs.js").text)
    is_problem(http.get("/redoc"), 404, "not_found")


def test_head_where_get(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http)
    trainer.train(1)
    base = f"/v1/jobs/{job['id']}"
    for url in (base, f"{base}/history?format=csv", f"{base}/plots/loss.png", "/healthz", "/v1/jobs"):
        head = http.head(url)
        assert (head.status_code, head.content) == (200, b""), url
    stream = http.head(f"{base}/events", headers={"Accept": "text/event-stream"})
    assert stream.headers["Content-Type"].startswith("text/event-stream")


def test_errors_are_problem_documents(http: httpx.Client) -> None:
    is_problem(http.get("/v1/nothing"), 404, "not_found")
    is_problem(http.get("/v1/jobs/", headers={"Host": "evil.example"}), 404, "not_found")  # no redirect to there
    for path, instance in (("/v1/a%20%22%0a?q", "/v1/a%20%22%0A"), ("/v1/%3Fa%2525", "/v1/%3Fa%2525")):
        assert is_problem(http.get(path), 404, "not_found")["instance"] == instance
    refused = http.put("/v1/jobs", json={})
    is_problem(refused, 405, "method_not_allowed")
    assert refused.headers["Allow"] == "GET, HEAD, POST"
    is_problem(http.post("/v1/jobs", content=b"{"), 400, "malformed")
    is_problem(http.post("/v1/jobs", content=b" " * 1_000_001), 413, "too_large")
    problem = is_problem(http.get("/v1/jobs", params={"limit": "many"}), 422, "invalid_parameters")
    assert problem["errors"][0]["pointer"] == "/query/limit"


def test_what_every_answer_carries(http: httpx.Client) -> None:
    answer = http.get("/v1/jobs", headers={"X-Request-ID": "6b1f0a52-6f6e-4d6c-9a55-0d8f0f5cfe11"})
    assert answer.headers["X-Request-ID"] == "6b1f0a52-6f6e-4d6c-9a55-0d8f0f5cfe11"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Cache-Control"] == "no-store"
    assert int(answer.headers["RateLimit-Remaining"]) < int(answer.headers["RateLimit-Limit"])
    submit(http)
    assert http.get("/v1/jobs").headers["Content-Encoding"] == "gzip"
    for refused in ("gzip;q=0", "identity, GZIP; q=0.000, *"):
        assert "Content-Encoding" not in http.get("/v1/jobs", headers={"Accept-Encoding": refused}).headers
