"""Reading in three sizes: the mark (a row), the card (counts), the whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event

from api.schemas import LISTED_RUNS
from models.database import Database
from models.tables import Job, Run
from reporting.reading import read_histories, read_runs
from tests.api.conftest import Trainer, submit

PERIODIC = ("look", "sweep", "retention", "removal", "key_use")
"""The service's own threads that ask the database every few moments."""


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of the database meanwhile, by this process's servers too."""
    asked: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if threading.current_thread().name not in PERIODIC:
            asked.append(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def of_the_answer(asked: list[str]) -> list[str]:
    """Without what the service's own threads ask for in between."""
    return [each for each in asked if each.startswith("SELECT") and ("FROM runs" in each or "FROM epochs" in each)]


RESOURCES = (
    "", "/history", "/history?format=csv", "/metrics", "/analysis", "/plots/val_loss.png", "/plots/differences.svg",
    "/report.html", "/bundle.zip",
)  # fmt: skip


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_304_reads_neither_runs_nor_epochs(http: httpx.Client, trainer: Trainer, resource: str) -> None:
    url = submit(http, seeds=[0, 1])["links"]["self"] + resource
    trainer.train(4)
    first = http.get(url)
    assert first.status_code == 200
    with statements() as asked:
        again = http.get(url, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert [each for each in of_the_answer(asked) if "variant" in each or "epochs.epoch" in each] == []


def test_what_changed_is_no_304(http: httpx.Client, trainer: Trainer) -> None:
    url = submit(http)["links"]["self"]
    trainer.train(1)
    before = {each: http.get(url + each).headers["ETag"] for each in RESOURCES}
    trainer.train(1)
    for each, etag in before.items():
        assert http.get(url + each, headers={"If-None-Match": etag}).status_code == 200, each


def test_a_list_counts_the_runs_of_big_jobs_and_shows_those_of_small_ones(http: httpx.Client, trainer: Trainer) -> None:
    small = submit(http, name="small", seeds=[0, 1])
    trainer.train(4)
    big = submit(http, name="big", seeds=list(range(LISTED_RUNS // 2 + 1)), metadata={"owner": "team-a"})
    with statements() as asked:
        listed_big, listed_small = http.get("/v1/jobs").json()["data"]

    def read(job: dict[str, Any]) -> dict[str, Any]:
        """The job without its task: that is in its specification, which a list does not read for every job."""
        shown: dict[str, Any] = http.get(f"/v1/jobs/{job['id']}").json()
        assert shown.pop("task") == "binary"
        return shown

    whole = read(small)
    assert listed_small == whole
    assert whole["run_counts"] == {
        "queued": 0, "running": 0, "succeeded": 4, "failed": 0, "cancelling": 0, "cancelled": 0,
    }  # fmt: skip
    assert listed_big == {**read(big), "spec": None, "runs": None}
    assert listed_big["metadata"] == {"owner": "team-a"}
    assert listed_big["run_counts"]["queued"] == LISTED_RUNS + 2
    assert not any("fingerprint" in each for each in of_the_answer(asked))


def test_a_list_asks_as_many_questions_for_many_jobs_as_for_one(http: httpx.Client) -> None:
    submit(http)
    with statements() as one:
        http.get("/v1/jobs")
    for _ in range(4):
        submit(http)
    with statements() as five:
        assert len(http.get("/v1/jobs").json()["data"]) == 5
    assert len(of_the_answer(five)) == len(of_the_answer(one))


def test_a_failed_run_is_counted_and_may_be_retried(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http)
    trainer.fail(trainer.claim())
    held = trainer.claim()
    with trainer.database.write() as session:
        run = session.get_one(Run, held.run_id)
        run.status, run.error = "failed", {"code": "worker_lost", "message": "Lost", "retryable": True}
    error = {"code": "runs_failed", "message": "2 of 2 runs failed", "retryable": True}
    assert http.get(job["links"]["self"]).json()["error"] == error
    assert http.get("/v1/jobs").json()["data"][0]["error"] == error


def test_no_connection_is_held_while_histories_are_worked_on(
    http: httpx.Client, database: Database, trainer: Trainer
) -> None:
    job = submit(http, seeds=[0, 1, 2])
    trainer.train(6)
    with database.read() as session:
        runs = read_runs(session, Run.job_id == job["id"])
    found = []
    for history in read_histories(database, runs):
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        found.append(history)
    assert [history.run_id for history in found] == [run["id"] for run in http.get(job["links"]["self"]).json()["runs"]]


def test_histories_are_of_the_metrics_asked_for_eight_bytes_a_value(
    http: httpx.Client, database: Database, trainer: Trainer
) -> None:
    job = submit(http, training={"epochs": 50})
    trainer.train(2)
    with database.read() as session:
        runs = read_runs(session, Run.job_id == job["id"])
    for history in read_histories(database, runs, ["val_loss"]):
        assert set(history.metrics) == {"val_loss"}
        assert memoryview(history.metrics["val_loss"]).nbytes == 8 * 50  # type: ignore[arg-type]


def test_one_metrics_plot_reads_one_metric(http: httpx.Client, trainer: Trainer) -> None:
    url = submit(http)["links"]["self"]
    trainer.train(2)
    with statements() as asked:
        assert http.get(f"{url}/plots/val_acc.svg").status_code == 200
    (read,) = [each for each in of_the_answer(asked) if "FROM epochs" in each]
    assert "val_acc" in read
    assert "data_loss" not in read


def test_a_job_of_a_data_set_that_only_another_version_knows_is_shown(http: httpx.Client, database: Database) -> None:
    """Its numbers cannot be made here, which is said; it is listed, cancelled and deleted as any."""
    job = submit(http)
    with database.write() as session:
        kept = session.get_one(Job, job["id"])
        kept.spec = {**kept.spec, "dataset": {**kept.spec["dataset"], "name": "of the future"}}
    url = job["links"]["self"]
    shown = http.get(url)
    assert (shown.status_code, shown.json()["task"], shown.json()["status"]) == (200, None, "queued")
    assert [each["id"] for each in http.get("/v1/jobs").json()["data"]] == [job["id"]]
    for resource in [each for each in RESOURCES if each]:
        answer = http.get(url + resource)
        assert (answer.status_code, answer.json()["code"]) == (409, "specification_unreadable"), resource
    assert http.post(f"{url}/cancel").json()["status"] == "cancelled"
    assert http.post(f"{url}/seeds", json={"seeds": [7]}).json()["code"] == "specification_unreadable"
    assert http.delete(url).status_code == 204
