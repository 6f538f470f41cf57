"""`ockham export mlflow` into a tracking store, and MLflow's own client on it."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ockham_client import Client, Job
from tests.ockham.serving import environment

pytestmark = pytest.mark.slow

History = dict[tuple[str, int], dict[str, Any]]
Ockham = Callable[..., subprocess.CompletedProcess[str]]

READ = """
import json, sys
from mlflow import MlflowClient

client = MlflowClient(sys.argv[1])
found = []
for experiment in client.search_experiments(filter_string=f"name = '{sys.argv[2]}'"):
    for run in client.search_runs([experiment.experiment_id]):
        metrics = {
            name: [[m.step, m.value, m.timestamp] for m in client.get_metric_history(run.info.run_id, name)]
            for name in run.data.metrics
        }
        found.append({
            "id": run.info.run_id, "name": run.info.run_name, "status": run.info.status,
            "start": run.info.start_time, "end": run.info.end_time,
            "params": run.data.params, "tags": run.data.tags, "metrics": metrics,
        })
print(json.dumps(found))
"""


@pytest.fixture
def ockham(live: str, tmp_path: Path) -> Ockham:
    def run(*words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "ockham", *words], capture_output=True, text=True, cwd=tmp_path, timeout=240,
            env=environment(OCKHAM_URL=live, MLFLOW_DISABLE_TELEMETRY="true", COLUMNS="200", **(env or {})),
        )  # fmt: skip

    return run


def same(found: list[list[Any]], run: dict[str, Any], metric: str) -> bool:
    """Whether MLflow has a metric's every epoch. Its SQL store keeps infinities as the greatest numbers there are."""
    most = sys.float_info.max
    values = [v if math.isnan(v) else min(max(v, -most), most) for v in run["metrics"][metric]]
    shown = [[step, value] for step, value, _ in sorted(found)]
    return repr(shown) == repr([[epoch, float(value)] for epoch, value in zip(run["epochs"], values, strict=True)])


def test_every_run_is_there_once_with_every_epoch(
    job: Job, history: History, ockham: Ockham, python: Callable[..., Any], tmp_path: Path, live: str
) -> None:
    store = f"sqlite:///{tmp_path}/mlflow.db"
    words = ("export", "mlflow", job.id, "--tracking-uri", store)
    done = ockham(*words)
    assert done.returncode == 0, done.stderr
    assert "6 runs logged, 0 there already" in done.stdout
    found = python(READ, store, job.name)
    assert len(found) == 6
    ours = {run.id: run for run in job.runs}
    for run in found:
        own = ours.pop(run["tags"]["ockham.run_id"])
        recorded = history[own.variant, own.seed]
        assert run["name"] == f"{own.variant}, seed {own.seed}"
        assert run["status"] == ("FAILED" if own.variant == "wild" else "FINISHED")
        assert run["metrics"].keys() == recorded["metrics"].keys()
        for metric, values in run["metrics"].items():
            assert same(values, recorded, metric), (own.variant, metric, values)
            assert all(run["start"] <= time <= run["end"] for _, _, time in values)
        assert run["tags"]["ockham.job_id"] == job.id
        assert run["tags"]["ockham.status"] == own.status
        assert run["tags"]["ockham.url"] == f"{live}/jobs/{job.id}"
        params = run["params"]
        assert (params["variant"], params["seed"]) == (own.variant, str(own.seed))
        assert params.get("dataset.train_samples") == ("100" if own.variant == "two [units]" else None)
        assert params["training.optimizer.name"] == ("sgd" if own.variant == "wild" else "rmsprop")
        assert params["layers.0.units"] == ("16" if own.variant == "original" else "2")
        assert ("ockham.error" in run["tags"]) == (own.variant == "wild")
    assert ours == {}

    again = ockham(*words)
    assert "0 runs logged, 6 there already" in again.stdout
    assert python(READ, store, job.name) == found


@pytest.mark.slow
def test_what_was_trained_again_takes_its_predecessors_place(
    job: Job, ockham: Ockham, python: Callable[..., Any], tmp_path: Path, live: str
) -> None:
    store = f"sqlite:///{tmp_path}/mlflow.db"
    words = ("--tracking-uri", store, "--experiment", "elsewhere")
    with Client(live) as client:
        anew = client.submit(dict(job.spec), reuse="never")
        client.cancel(anew)
        client.wait(anew, 60)
        # Whatever it had when it was cancelled.
        assert ockham("export", "mlflow", anew.id, *words).returncode == 0
        before = {run["tags"]["ockham.run_id"]: run["status"] for run in python(READ, store, "elsewhere")}
        assert before.keys() == {run.id for run in anew.runs}
        assert "KILLED" in before.values()
        client.retry(anew)
    done = ockham("export", "mlflow", anew.id, *words)  # it waits
    assert done.returncode == 0, done.stderr
    after = {run["tags"]["ockham.run_id"]: run for run in python(READ, store, "elsewhere")}
    assert {run["status"] for run in after.values()} == {"FINISHED", "FAILED"}
    assert before.keys() == after.keys()
    assert all(
        [step for step, _, _ in sorted(run["metrics"]["loss"])] == [1, 2, 3, 4]
        for run in after.values()
        if run["status"] == "FINISHED"
    )


DELETE = """
import json, sys
from mlflow import MlflowClient

client = MlflowClient(sys.argv[1])
client.delete_experiment(client.create_experiment(sys.argv[2]))
print(json.dumps(client.get_experiment_by_name(sys.argv[2]).experiment_id))
"""

RESTORE = """
import json, sys
from mlflow import MlflowClient

print(json.dumps(MlflowClient(sys.argv[1]).restore_experiment(sys.argv[2])))
"""


@pytest.mark.slow  # MLflow makes its database anew, and is imported by six processes
def test_a_deleted_experiment_is_named_with_the_ways_out(
    job: Job, ockham: Ockham, python: Callable[..., Any], tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path}/mlflow.db"
    number = python(DELETE, store, job.name)
    words = ("export", "mlflow", job.id, "--tracking-uri", store)
    refused = ockham(*words)
    assert refused.returncode == 2
    [line] = refused.stderr.strip().splitlines()
    assert f"The MLflow experiment '{job.name}' was deleted" in line
    assert "--experiment NAME" in line
    assert f"mlflow experiments restore -x {number}" in line
    assert python(READ, store, job.name) == []
    assert ockham(*words, "--experiment", "another").returncode == 0
    python(RESTORE, store, number)
    assert ockham(*words).returncode == 0
    assert len(python(READ, store, job.name)) == len(python(READ, store, "another")) == 6


def test_without_mlflow_it_says_in_a_line_how_to_get_it(job: Job, ockham: Ockham, tmp_path: Path) -> None:
    (tmp_path / "mlflow.py").write_text("raise ModuleNotFoundError('No module named mlflow')")
    done = ockham("export", "mlflow", job.id, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    assert done.stderr.strip() == "MLflow is not installed: pip install 'mlflow-skinny>=3.17'"


@pytest.mark.slow
def test_what_mlflow_refuses(job: Job, ockham: Ockham, tmp_path: Path) -> None:
    done = ockham("export", "mlflow", job.id, "--tracking-uri", "abacus://nowhere")
    assert done.returncode == 2
    assert "MLflow refused" in done.stderr
    assert "Traceback" not in done.stderr
    assert ockham("export", "mlflow", "job_none").returncode == 5
