"""Workers, API and broker die while a job decides how many seeds it needs: it decides the same."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from tests.stage import Stage

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

DECIDING: dict[str, Any] = {
    "dataset": {"name": "synthetic", "reviews": 200, "num_words": 100},
    "training": {"epochs": 4, "batch_size": 16},
    "variants": ["original", {"name": "few", "preset": "smaller"}, "dropout"],
    "until": {"smallest": 0.02, "min_seeds": 3, "max_seeds": 9},
    "reuse": "never",
}


@pytest.fixture(scope="module")
def left_alone(make_stage: Any) -> Any:
    """The job and every epoch from a service in which nothing went wrong."""
    stage: Stage = make_stage()
    stage.whole(1)
    job = stage.intact(stage.submit(**DECIDING)["id"])
    history = stage.history(job["id"])
    for process in (*stage.workers, stage.api_process):
        process.kill()
    return job, history


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_decided_is_the_same_whatever_dies(stage: Stage, left_alone: Any, seed: int) -> None:
    expected, history = left_alone
    assert len(expected["spec"]["seeds"]) > DECIDING["until"]["min_seeds"], "there was something to decide"
    chance = random.Random(seed)
    stage.whole(2)
    job = stage.submit(**DECIDING)
    for _ in range(6):
        time.sleep(chance.uniform(0.2, 3))
        fault = chance.choice(["worker", "api", "broker", "all"])
        stage.strike(fault, workers=2)
    done = stage.intact(job["id"])
    assert done["look"] == expected["look"]
    assert done["spec"] == expected["spec"]
    assert stage.history(job["id"]) == history
    looks = [event["data"]["seeds"] for event in stage.all_events(job["id"]) if event["type"] == "job.looked"]
    assert looks == sorted(set(looks)), "nobody looked twice at the same"
