"""Time, memory, and children that are replaced after so many runs."""

from __future__ import annotations

from typing import Any

import psutil
import pytest

from tests.servers import wait_for
from tests.stage import LONG, SHORT, Stage

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

ENDLESS = {**LONG, "training": {"epochs": 1000, "batch_size": 1}}


def test_a_run_that_takes_too_long_is_ended_with_its_epochs_kept(make_stage: Any, own_url: str | None) -> None:
    stage: Stage = make_stage(own_url, OCKHAM_RUN_SECONDS="15")
    stage.whole(1)
    job = stage.submit(**{**LONG, "training": {"epochs": 1000, "batch_size": 8}})
    behind = stage.submit(**SHORT)
    done = stage.intact(job["id"], "failed")
    assert done["runs"][0]["error"]["code"] == "time_limit_exceeded"
    assert done["runs"][0]["attempt"] == 1
    stage.intact(behind["id"])


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


def test_a_run_that_needs_too_much_memory_is_ended(make_stage: Any) -> None:
    """The API lets it in by its own limit; the worker, whose limit is lower, ends it."""
    stage: Stage = make_stage()
    stage.whole(0)
    stage.worker(env={"OCKHAM_WORKER_MEMORY_MB": "700"})
    layers = [{"type": "dense", "units": 4096, "activation": "relu"}]
    job = stage.submit(
        dataset={"name": "synthetic", "reviews": 2000, "num_words": 10_000},
        training={"epochs": 50},
        variants=[{"name": "huge", "layers": layers}],
    )
    done = stage.intact(job["id"], "failed")
    assert done["runs"][0]["error"]["code"] == "out_of_memory"


def test_thirty_runs_through_replaced_children_with_flat_memory(make_stage: Any) -> None:
    stage: Stage = make_stage(OCKHAM_CHILD_RUNS="10")
    (worker,) = stage.whole(1)
    job = stage.submit(**{**SHORT, "seeds": list(range(30))})
    children: dict[int, int] = {}
    parents = []

    def over() -> bool:
        for pid in worker.children():
            try:
                children[pid] = max(children.get(pid, 0), psutil.Process(pid).memory_info().rss)
            except psutil.NoSuchProcess:
                continue
        parents.append(psutil.Process(worker.pid).memory_info().rss)
        return bool(stage.job(job["id"])["finished_at"])

    wait_for("thirty runs", over, 240)
    assert {run["attempt"] for run in stage.intact(job["id"])["runs"]} == {1}
    trained = [peak for peak in children.values() if peak > 300 * 2**20]  # those that lived to load TensorFlow
    assert len(trained) >= 3
    assert max(trained) < 1.25 * min(trained[:3])
    assert parents[-1] < 1.1 * parents[0] + 10 * 2**20
