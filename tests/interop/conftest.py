"""Other people's programs against a whole service: nothing of ours reads for them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ockham_client import Client, Job
from tests.ockham.serving import environment

LAYER = {"type": "dense", "units": 2, "activation": "relu"}
DIVERGES = {"epochs": 9, "optimizer": {"name": "sgd", "learning_rate": 20.0}}
"""With a penalty, each step multiplies the weights by about -40, until a loss is past all bounds."""

SPECIFICATION: dict[str, Any] = {
    "name": "for other tools",
    "dataset": {"name": "synthetic", "num_words": 200, "reviews": 200},
    "training": {"epochs": 4, "batch_size": 64, "evaluate_train": True, "weights": True},
    "variants": [
        "original",
        {"name": "two [units]", "layers": [LAYER], "dataset": {"train_samples": 100}},
        {"name": "wild", "layers": [{**LAYER, "kernel_regularizer": {"l2": 1.0}}], "training": DIVERGES},
    ],
    "seeds": [1, 2],
}


@pytest.fixture(scope="session")
def job(live: str) -> Job:
    """A job of which two variants have succeeded and one has failed, its numbers past all bounds."""
    with Client(live) as client:
        job = client.wait(client.submit(SPECIFICATION), timeout=240)
    statuses = {(run.variant, run.status) for run in job.runs}
    assert statuses == {("original", "succeeded"), ("two [units]", "succeeded"), ("wild", "failed")}
    return job


@pytest.fixture(scope="session")
def history(live: str, job: Job) -> dict[tuple[str, int], dict[str, Any]]:
    """What the service says of each run, values that are not finite included."""
    with Client(live) as client:
        runs = client.history(job, "json")["runs"]
    for run in runs:
        for value in run["nonfinite"]:
            run["metrics"][value["metric"]][run["epochs"].index(value["epoch"])] = float(value["kind"])
    return {(run["variant"], run["seed"]): run for run in runs}


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., Any]:
    """Runs a script in a process of its own, where its packages may warn as they like; what it prints, as JSON."""

    def run(script: str, *words: object) -> Any:
        done = subprocess.run(
            [sys.executable, "-P", "-c", script, *map(str, words)], capture_output=True, text=True, cwd=tmp_path,
            env=environment(MLFLOW_DISABLE_TELEMETRY="true"), timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
