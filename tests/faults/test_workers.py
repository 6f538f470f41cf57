"""A whole worker is killed, frozen or told to end; messages come twice, and late."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from typing import Any

import psutil
import pytest

from tests.servers import Process, wait_for
from tests.stage import LONG, LONG_EPOCHS, SHORT, Stage
from worker.queue import make_celery, wake

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def stage(make_stage: Any, database_url: str | None) -> Stage:
    """One whose workers, told to end, have a minute for their runs."""
    stage: Stage = make_stage(database_url, OCKHAM_DRAIN_SECONDS="60")
    return stage


def holder(stage: Stage, job: dict[str, Any], workers: list[Process]) -> Process:
    """The worker that has the job's run."""

    def found() -> Process | None:
        rows = stage.sql("SELECT worker_pid FROM runs WHERE job_id = :j", j=job["id"])
        return next((w for w in workers if rows[0].worker_pid in w.children()), None)

    return wait_for("a worker", found)  # type: ignore[no-any-return]


def test_cancelling_a_queued_job_needs_no_worker(stage: Stage) -> None:
    stage.whole(0) if stage.broker_lives() else None
    job = stage.submit(**SHORT)
    assert stage.http.post(f"/v1/jobs/{job['id']}/cancel").json()["status"] == "cancelled"
    stage.intact(job["id"], "cancelled")
    stage.whole(1)
    stage.intact(stage.submit(**SHORT)["id"])
    assert stage.job(job["id"])["runs"][0]["attempt"] == 0


def test_a_job_that_only_another_version_can_read_holds_up_nobody(stage: Stage) -> None:
    """It is failed by name, and trained by a retry when that version is there."""
    stage.whole(0)
    job = stage.submit(**{**SHORT, "variants": ["smaller", "dropout"]})

    def rewrite(old: str, new: str) -> None:
        with stage.engine.begin() as connection:
            column = "spec" if connection.dialect.name == "sqlite" else "spec::text"
            kind = "" if connection.dialect.name == "sqlite" else "::json"
            value = f"replace({column}, '{old}', '{new}'){kind}"
            connection.exec_driver_sql(f"UPDATE jobs SET spec = {value} WHERE id = '{job['id']}'")

    rewrite('"relu"', '"of the future"')
    behind = stage.submit(**SHORT)
    (worker,) = stage.whole(1)
    stage.intact(behind["id"], patience=40)
    failed = stage.intact(job["id"], "failed")
    errors = [run["error"] for run in failed["runs"]]
    assert {(error["code"], error["retryable"]) for error in errors} == {("specification_unreadable", True)}
    assert worker.log.read_text().count("specification_unreadable") == 1
    rewrite('"of the future"', '"relu"')
    stage.http.post(f"/v1/jobs/{job['id']}/retry").raise_for_status()
    assert stage.finished(job["id"])["status"] == "succeeded"


def test_sigterm_lets_a_short_run_end(stage: Stage) -> None:
    (worker,) = stage.whole(1)
    job = stage.submit(**{**LONG, "training": {"epochs": 30, "batch_size": 16}})
    stage.reaches(job["id"], 1)
    assert worker.stop() == 0
    assert stage.intact(job["id"])["runs"][0]["attempt"] == 1
    assert stage.sql("SELECT id FROM workers WHERE pid = :p", p=worker.pid) == []
    # And a long one is handed back, to be resumed elsewhere: without a loss, from where it was.
    stage.env["OCKHAM_DRAIN_SECONDS"] = "0.5"
    (worker,) = stage.whole(1)
    job = stage.submit(**LONG)
    stage.reaches(job["id"], 5)
    assert worker.stop() == 0
    (run,) = stage.job(job["id"])["runs"]
    assert (run["status"], run["attempt"]) == ("queued", 1)
    assert stage.requeued(job["id"]) == ["drained"]
    stage.whole(1)
    assert stage.intact(job["id"])["runs"][0]["attempt"] == 2
    (row,) = stage.sql("SELECT losses FROM runs WHERE job_id = :j", j=job["id"])
    assert row.losses == 0


def test_a_killed_worker_takes_its_children_along_and_another_goes_on(stage: Stage, undisturbed: Any) -> None:
    workers = stage.whole(2)
    job = stage.submit(**LONG)
    stage.reaches(job["id"], 5)
    victim = holder(stage, job, workers)
    children = victim.children()
    victim.send(signal.SIGKILL)  # the parent alone: the kernel ends its children
    wait_for("the end of its children", lambda: not any(_runs(pid) for pid in children))
    stage.intact(job["id"])
    assert stage.history(job["id"]) == undisturbed
    assert stage.requeued(job["id"]) == ["worker_lost"]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def send(worker: Process, number: int) -> None:
    """A signal to a worker and its children."""
    os.killpg(worker.pid, number)
    for pid in worker.children():
        os.kill(pid, number)


def writable(stage: Stage) -> bool:
    """Whether somebody else can write to the database."""
    if stage.settings.database_url is not None:
        return True
    with closing(sqlite3.connect(stage.settings.data_dir / "ockham.db", timeout=1, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
    return True


def test_a_frozen_worker_that_comes_back_leaves_no_trace(stage: Stage, undisturbed: Any) -> None:
    workers = stage.whole(2)
    job = stage.submit(**LONG)
    stage.reaches(job["id"], 5)
    victim = holder(stage, job, workers)
    send(victim, signal.SIGSTOP)
    while not writable(stage):
        # On SQLite a process that is frozen within a transaction holds the file until it goes on: between two, then.
        send(victim, signal.SIGCONT)
        send(victim, signal.SIGSTOP)
    stage.reaches(job["id"], 10)  # the other one has it
    send(victim, signal.SIGCONT)
    stage.intact(job["id"])
    assert stage.history(job["id"]) == undisturbed
    (row,) = stage.sql("SELECT attempt FROM runs WHERE job_id = :j", j=job["id"])
    assert row.attempt == 2
    stage.intact(stage.submit(**SHORT)["id"])


def test_messages_that_come_again_and_again_double_nothing(stage: Stage, undisturbed: Any) -> None:
    """The visibility timeout is the lease's 6 seconds, far shorter than the run; and messages come for nothing."""
    stage.whole(2)
    app = make_celery(stage.settings.model_copy(update={"redis_url": stage.broker.url}))
    job = stage.submit(**LONG)
    for epoch in range(5, LONG_EPOCHS, 20):
        stage.reaches(job["id"], epoch)
        for _ in range(10):
            wake(app)
    done = stage.intact(job["id"])
    assert stage.history(job["id"]) == undisturbed
    assert done["runs"][0]["attempt"] == 1
    app.close()
