"""The process that trains is killed, frozen, or kills itself."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.servers import wait_for
from tests.stage import LONG, LONG_EPOCHS, SHORT, Stage
from tests.worker.test_data_imdb import arrays, save
from worker.process import WATCH_SECONDS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def test_killed_at_random_epochs_the_history_has_no_seam(stage: Stage, undisturbed: Any) -> None:
    (worker,) = stage.whole(1)
    job = stage.submit(**LONG)
    for epoch in sorted(random.sample(range(1, LONG_EPOCHS - 20), 2)):
        stage.reaches(job["id"], epoch)
        os.kill(stage.child(worker), signal.SIGKILL)
    stage.intact(job["id"])
    assert stage.history(job["id"]) == undisturbed
    assert stage.requeued(job["id"]) == ["worker_lost"] * 2
    assert worker.popen.poll() is None
    assert psutil.Process(worker.pid).num_threads() == 1, "another thread's lock would stay closed in a child"


def test_killed_at_any_moment_of_a_commit(stage: Stage, undisturbed: Any) -> None:
    """An epoch takes a tenth of a second here, its commit a good part of it: random moments hit commits too."""
    (worker,) = stage.whole(1)
    job = stage.submit(**LONG)
    for _ in range(3):
        stage.reaches(job["id"], stage.job(job["id"])["runs"][0]["epoch"] + 2)
        child = stage.child(worker)
        time.sleep(random.random() / 4)
        os.kill(child, signal.SIGKILL)
        wait_for("its end", lambda pid=child: pid not in worker.children())  # type: ignore[misc]
    stage.intact(job["id"])
    assert stage.history(job["id"]) == undisturbed


def test_a_run_that_always_kills_its_process_is_given_up_and_the_next_job_runs(stage: Stage) -> None:
    (worker,) = stage.whole(1)
    poison = stage.submit(**{**LONG, "training": {"epochs": 1000, "batch_size": 1}})
    behind = stage.submit(**SHORT)
    for attempt in (1, 2, 3):

        def begun(attempt: int = attempt) -> bool:
            (run,) = stage.job(poison["id"])["runs"]
            return bool(run["status"] == "running" and run["attempt"] >= attempt)

        wait_for(f"attempt {attempt}", begun)
        os.kill(stage.child(worker), signal.SIGKILL)
    job = stage.intact(poison["id"], "failed")
    error = job["runs"][0]["error"]
    assert (error["code"], error["retryable"]) == ("worker_lost", True)
    assert "3 times" in error["message"]
    stage.intact(behind["id"])


def test_a_worker_none_of_whose_processes_can_train_is_not_ready(stage: Stage) -> None:
    """It comes before the stage has had a second worker: one that is killed counts as ready for seconds."""
    (worker,) = stage.whole(1)

    def frozen(child: int) -> int | None:
        """The successor of a child, stopped before it could train; None if it was quicker."""
        os.kill(child, signal.SIGKILL)
        (successor,) = wait_for("another child", lambda: [pid for pid in worker.children() if pid != child])
        os.kill(successor, signal.SIGSTOP)
        time.sleep(2 * WATCH_SECONDS)
        if stage.sql("SELECT pid FROM workers WHERE ready"):
            os.kill(successor, signal.SIGCONT)
            return None
        return int(successor)

    successor = wait_for("a child that cannot train", lambda: frozen(*worker.children()))
    try:
        wait_for("the truth", lambda: stage.http.get("/readyz").json()["workers"] != "ok", 20)
    finally:
        os.kill(successor, signal.SIGCONT)
    wait_for("readiness", lambda: stage.http.get("/readyz").status_code == 200)


def test_cancelling_a_running_job(stage: Stage) -> None:
    stage.whole(1)
    job = stage.submit(**LONG)
    stage.reaches(job["id"], 3)
    answer = stage.http.post(f"/v1/jobs/{job['id']}/cancel")
    assert answer.status_code == 202
    assert answer.json()["status"] in ("cancelling", "cancelled")
    done = stage.intact(job["id"], "cancelled")
    assert 3 <= done["runs"][0]["epoch"] < LONG_EPOCHS
    assert stage.requeued(job["id"]) == []
    again = stage.http.post(f"/v1/jobs/{job['id']}/retry")
    assert again.status_code == 202
    assert stage.finished(job["id"])["status"] == "succeeded"


def test_cancelling_within_a_batch_that_takes_seconds(stage: Stage) -> None:
    stage.whole(1)
    deep = {"name": "deep", "layers": [{"type": "dense", "units": 2048, "activation": "relu"}] * 6}
    data = {"name": "synthetic", "reviews": 6000, "num_words": 100}
    training = {"epochs": 50, "batch_size": 6000, "optimizer": {"name": "sgd", "learning_rate": 1e-6}}
    job = stage.submit(dataset=data, training=training, variants=[deep], reuse="never")
    stage.reaches(job["id"], 1)
    time.sleep(1)  # into the next batch
    stage.http.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status()
    stage.finished(job["id"])
    assert "lease_lost" not in stage.logs()  # training does not know yet
    behind = stage.submit(**SHORT)
    stage.intact(behind["id"])
    stage.intact(job["id"], "cancelled")


def test_a_frozen_child_is_replaced(stage: Stage, undisturbed: Any) -> None:
    """Its run goes on elsewhere when the lease is over; the process itself is ended by its parent."""
    first, second = stage.whole(2)
    job = stage.submit(**LONG)
    stage.reaches(job["id"], 3)
    (row,) = stage.sql("SELECT worker_pid AS pid FROM runs WHERE job_id = :j", j=job["id"])
    os.kill(row.pid, signal.SIGSTOP)
    stage.intact(job["id"])
    assert stage.history(job["id"]) == undisturbed
    assert stage.requeued(job["id"]) == ["worker_lost"]
    wait_for("the frozen child's end", lambda: row.pid not in [*first.children(), *second.children()])


def test_a_data_file_that_is_replaced_is_noticed_by_a_process_that_read_the_old_one(
    make_stage: Any, tmp_path: Path
) -> None:
    file = save(tmp_path / "imdb.npz", arrays())
    stage: Stage = make_stage(OCKHAM_IMDB_NPZ=str(file))
    stage.whole(1)

    def losses() -> list[float]:
        job = stage.submit(dataset={"name": "imdb"}, training={"epochs": 1}, variants=["smaller"], reuse="never")
        stage.intact(job["id"])
        ((_, _, _, metrics),) = stage.history(job["id"])
        return metrics["val_loss"]

    first = losses()
    assert losses() == first
    save(tmp_path / "other.npz", arrays(seed=1)).replace(file)
    assert losses() != first
