"""Workers, API and broker die while a job searches: it tries the same, finds the same, and trains nothing twice."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from tests.stage import Stage

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SEARCHING: dict[str, Any] = {
    "dataset": {"name": "synthetic", "reviews": 200, "num_words": 100, "validation": {"holdout": 50}},
    "training": {"epochs": 4, "batch_size": 16},
    "search": {
        "space": {"units": {"low": 2, "high": 32, "log": True}, "dropout": {"low": 0, "high": 0.8}},
        "budget": {"runs": 8},
        "pruner": "median",
        "final": {"top": 1, "seeds": 2},
    },
    "reuse": "never",
}


def tried(stage: Stage, job: dict[str, Any]) -> Any:
    found = stage.http.get(job["links"]["analysis"]).raise_for_status().json()["search"]
    trials = [{name: value for name, value in each.items() if name != "run_id"} for each in found["trials"]]
    return trials, found["finalists"]


@pytest.fixture(scope="module")
def left_alone(make_stage: Any) -> Any:
    """The job, its trials and every epoch from a service in which nothing went wrong."""
    stage: Stage = make_stage()
    stage.whole(1)
    job = stage.intact(stage.submit(**SEARCHING)["id"])
    assert job["search"]["pruned"] > 0
    found = job, tried(stage, job), stage.history(job["id"])
    for process in (*stage.workers, stage.api_process):
        process.kill()
    return found


def test_what_is_tried_and_found_is_the_same_whatever_dies(stage: Stage, left_alone: Any) -> None:
    expected, trials, history = left_alone
    chance = random.Random(1)
    stage.whole(2)
    job = stage.submit(**SEARCHING)
    for fault in ("worker", "all", "broker"):
        time.sleep(chance.uniform(0.2, 3))
        stage.strike(fault, workers=2)
    done = stage.intact(job["id"])
    assert (done["search"], done["spec"]) == (expected["search"], expected["spec"])
    assert tried(stage, done) == trials
    assert stage.history(job["id"]) == history
    asked = [event["data"]["trials"] for event in stage.all_events(job["id"]) if event["type"] == "job.searched"]
    assert asked == [4, 8, 8], "nobody asked twice for the same"
