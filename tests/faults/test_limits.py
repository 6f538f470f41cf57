"""Time, memory, and children that are replaced after so many runs."""

from __future__ import annotations

import os
import signal
from typing import Any

import psutil
import pytest

from tests.servers import Process, wait_for
from tests.stage import LONG, SHORT, Stage

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

ENDLESS = {**LONG, "training": {"epochs": 1000, "batch_size": 1}}


@pytest.fixture(scope="module")
def stage(make_stage: Any, database_url: str | None) -> Stage:
    """One whose runs may train for 15 seconds."""
    stage: Stage = make_stage(database_url, OCKHAM_RUN_SECONDS="15")
    return stage


@pytest.fixture(scope="module")
def plain(make_stage: Any) -> Stage:
    """One on SQLite for tests whose worker has its own limits: the database has no part in them."""
    stage: Stage = make_stage()
    return stage


def new_worker(stage: Stage, **env: str) -> Process:
    """The stage's only worker, a new one with these further settings."""
    stage.whole(0)
    stage.worker_env = env
    (worker,) = stage.whole(1)
    return worker


def test_a_run_that_takes_too_long_is_ended_with_its_epochs_kept(stage: Stage) -> None:
    stage.whole(1)
    job = stage.submit(**{**LONG, "training": {"epochs": 1000, "batch_size": 8}})
    behind = stage.submit(**SHORT)
    done = stage.intact(job["id"], "failed")
    assert done["runs"][0]["error"]["code"] == "time_limit_exceeded"
    assert done["runs"][0]["attempt"] == 1
    stage.intact(behind["id"])


def test_the_time_limit_counts_a_run_s_attempts_together(stage: Stage) -> None:
    (worker,) = stage.whole(1)
    job = stage.submit(**{**LONG, "training": {"epochs": 1000, "batch_size": 4}})
    trained = "SELECT coalesce(sum(seconds), 0) AS seconds FROM epochs WHERE run_id = :r"

    def seconds() -> float:
        return float(stage.sql(trained, r=job["runs"][0]["id"])[0].seconds)

    wait_for("half of the time", lambda: seconds() > 8)
    os.kill(stage.child(worker), signal.SIGKILL)
    (run,) = stage.intact(job["id"], "failed")["runs"]
    assert (run["error"]["code"], run["attempt"]) == ("time_limit_exceeded", 2)
    assert seconds() < 18


def test_a_run_that_records_nothing_for_too_long_is_given_up(make_stage: Any) -> None:
    """An endless epoch under a heartbeat that never fails."""
    stage: Stage = make_stage(OCKHAM_PROGRESS_SECONDS="8", OCKHAM_MAX_ATTEMPTS="2")
    stage.whole(1)
    endless = {"name": "synthetic", "reviews": 100_000, "num_words": 500}
    job = stage.submit(**{**ENDLESS, "dataset": endless})
    done = stage.intact(job["id"], "failed")
    assert done["runs"][0]["error"]["code"] == "no_progress"
    assert done["runs"][0]["attempt"] == 2
    stage.intact(stage.submit(**SHORT)["id"])


def test_a_run_that_needs_too_much_memory_is_ended(plain: Stage) -> None:
    """The API lets it in by its own limit; the worker, whose limit is lower, ends it."""
    new_worker(plain, OCKHAM_WORKER_MEMORY_MB="1024")
    layers = [{"type": "dense", "units": 4096, "activation": "relu"}]
    job = plain.submit(
        dataset={"name": "synthetic", "reviews": 2000, "num_words": 10_000},
        training={"epochs": 50},
        variants=[{"name": "huge", "layers": layers}],
    )
    done = plain.intact(job["id"], "failed")
    assert done["runs"][0]["error"]["code"] == "out_of_memory"


def test_many_runs_in_one_process_with_flat_memory(plain: Stage) -> None:
    """No pause between them: a process that keeps little is not replaced."""
    worker = new_worker(plain)
    (child,) = worker.children()
    memory = []
    for first in range(0, 90, 30):
        job = plain.submit(**{**SHORT, "seeds": list(range(first, first + 30))})
        assert {run["attempt"] for run in plain.intact(job["id"])["runs"]} == {1}
        memory.append([psutil.Process(pid).memory_info().rss for pid in (worker.pid, child)])
    assert worker.children() == [child]
    for before, after in zip(memory[0], memory[-1], strict=True):
        assert after < 1.1 * before + 10 * 2**20


def test_a_run_that_outgrows_a_used_process_is_given_a_new_one(plain: Stage) -> None:
    """What the first run left might be why; in a process of its own there is no such doubt."""
    # So much that a small run's process is kept for the next: TensorFlow alone has 820 MB, and at 1,024 half of
    # the rest was sometimes too little.
    new_worker(plain, OCKHAM_WORKER_MEMORY_MB="1150")
    plain.intact(plain.submit(**SHORT)["id"])
    layers = [{"type": "dense", "units": 4096, "activation": "relu"}]
    job = plain.submit(
        dataset={"name": "synthetic", "reviews": 2000, "num_words": 10_000},
        training={"epochs": 50},
        variants=[{"name": "huge", "layers": layers}],
    )
    (run,) = plain.intact(job["id"], "failed")["runs"]
    assert (run["error"]["code"], run["attempt"]) == ("out_of_memory", 2)
    assert plain.requeued(job["id"]) == ["out_of_memory"]
    plain.intact(plain.submit(**SHORT)["id"])


def test_what_earlier_runs_left_does_not_count_against_the_next(plain: Stage) -> None:
    """Each fits alone; what is kept ready of all of them together would not."""
    new_worker(plain, OCKHAM_WORKER_MEMORY_MB="1250")
    job = plain.submit(
        dataset={"name": "synthetic", "reviews": 500, "num_words": 2000},
        training={"epochs": 1},
        variants=[
            {"name": f"{units}", "layers": [{"type": "dense", "units": units, "activation": "relu"}]}
            for units in range(2000, 2800, 100)
        ],
    )
    assert {run["attempt"] for run in plain.intact(job["id"])["runs"]} == {1}
