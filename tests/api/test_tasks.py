"""A job of each task, from the request through a real worker to everything that is answered about it."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.kinds.metrics import label
from models.settings import Settings
from tests.servers import Service

SMALL = {"name": "synthetic_table", "samples": 240, "columns": 6, "validation": {"holdout": 40}}
DENSE = {"type": "dense", "units": 8, "activation": "relu"}
TASKS: dict[str, dict[str, Any]] = {
    "multiclass": {
        "classes": 4,
        "measure": "acc",
        "asked": ["auc", "brier", "ece", "f1"],
        "title": "accuracy",
        "loss": "categorical cross-entropy",
    },
    "regression": {
        "classes": None,
        "measure": "mae",
        "asked": ["r2"],
        "title": "mean absolute error",
        "loss": "mean squared error",
    },
}


def body(task: str) -> dict[str, Any]:
    return {
        "name": task,
        "dataset": {**SMALL, "classes": TASKS[task]["classes"]},
        "training": {
            "epochs": 5,
            "batch_size": 16,
            "evaluate_train": True,
            "metrics": TASKS[task]["asked"],
            "early_stopping": {"monitor": f"val_{TASKS[task]['measure']}", "patience": 5},
        },
        "variants": [
            {"name": "plain", "layers": [DENSE]},
            {"name": "l2", "layers": [{**DENSE, "kernel_regularizer": {"l2": 0.01}}]},
        ],
        "seeds": [0, 1],
        "sweep": {"grid": {"units": [2, 4]}},
    }


@pytest.mark.slow
@pytest.mark.once
def test_a_job_of_each_task(settings: Settings, make_service: Callable[..., Service], tmp_path: Path) -> None:
    service = make_service()
    service.api()
    service.worker()
    submitted = {task: service.submit(**body(task))["id"] for task in TASKS}
    jobs = {task: service.finished(job_id) for task, job_id in submitted.items()}
    for task, job in jobs.items():
        assert job["status"] == "succeeded", [run["error"] for run in job["runs"]]
        assert job["task"] == task
        numbers(service.http, job)
        figures(service.http, job)
        report(service.http, job)
        if settings.database_url is None:  # Keras takes long, and knows of no database
            archive(service.http, job, tmp_path / task)
    together(service.http, jobs)


def numbers(http: httpx.Client, job: dict[str, Any]) -> None:
    """The history and what is computed of it are of the task's own measures, and of no other's."""
    own, asked = TASKS[job["task"]]["measure"], TASKS[job["task"]]["asked"]
    other = "acc" if own == "mae" else "mae"
    at = f"/v1/jobs/{job['id']}"
    runs = http.get(f"{at}/history").raise_for_status().json()["runs"]
    names = [of + name for of in ("", "val_", "eval_") for name in ("loss", own, "data_loss")]
    for run in runs:
        assert set(run["metrics"]) == {*names, *(f"val_{name}" for name in asked)}
        losses = run["metrics"]["data_loss"]
        assert losses[-1] < losses[0]
        if own == "mae":
            # The square of a mean is at most the mean of the squares.
            for mae, loss in zip(run["metrics"]["val_mae"], run["metrics"]["val_data_loss"], strict=True):
                assert 0 < mae <= math.sqrt(loss)
            # One variance of the labels lies behind all epochs: R² is 1 minus the loss in its parts.
            rest = [loss / (1 - r2) for loss, r2 in zip(
                run["metrics"]["val_data_loss"], run["metrics"]["val_r2"], strict=True
            )]  # fmt: skip
            assert rest == pytest.approx([rest[0]] * len(rest), rel=1e-5)
    found = http.get(f"{at}/metrics?by=val_{own}").raise_for_status().json()
    pick = min if own == "mae" else max
    for summary, run in zip(found["runs"], runs, strict=True):
        assert set(summary["test"]) == {"loss", own, "data_loss"}
        assert summary["best"][f"val_{own}"] == pick(run["metrics"][f"val_{own}"])
    assert f"best_val_{other}" not in found["variants"][0]
    assert found["variants"][0][f"test_{own}"]["mean"] > 0
    refused = http.get(f"{at}/metrics?by=val_{other}")
    assert (refused.status_code, refused.json()["code"]) == (422, "not_for_task")
    analysis = http.get(f"{at}/analysis").raise_for_status().json()
    assert {each["metric"] for each in analysis["comparisons"]} == {
        "best_val_data_loss", f"best_val_{own}", "final_val_data_loss", "best_epoch", "gap_at_end", "rise",
        "test_data_loss", f"test_{own}",
    }  # fmt: skip
    compared = next(each for each in analysis["comparisons"] if each["metric"] == f"best_val_{own}" and each["n"])
    best = {v["variant"]: v["across_seeds"][f"best_val_{own}"]["mean"] for v in analysis["variants"]}
    assert compared["difference"] == pytest.approx(best[compared["variant"]] - best["plain"])
    better = compared["difference"] < 0 if own == "mae" else compared["difference"] > 0
    assert (compared["probability_better"] > 0.5) or not better
    events = http.get(f"{at}/events?limit=100").json()["data"]
    epoch = next(event for event in events if event["type"] == "run.epoch")
    assert f"val_{own}" in epoch["data"]["metrics"]
    table = list(csv.DictReader(http.get(f"{at}/history?format=csv").text.splitlines()))
    assert all(float(row[f"val_{own}"]) > 0 for row in table)


def figures(http: httpx.Client, job: dict[str, Any]) -> None:
    own = TASKS[job["task"]]
    at = f"/v1/jobs/{job['id']}/plots"

    def drawn(path: str) -> str:
        return http.get(f"{at}/{path}").raise_for_status().text

    assert f"Validation {own['title']}" in drawn(f"val_{own['measure']}.svg")
    assert f"Validation {own['loss']}" in drawn("val_data_loss.svg")
    assert f"Best validation {own['loss']}" in drawn("differences.svg")
    assert f"Validation {own['title']} at the best epoch" in drawn(f"differences.svg?metric=best_val_{own['measure']}")
    assert f"Best validation {own['loss']}" in drawn("sweep.svg")
    assert f"Best validation {own['title']}" in drawn(f"sweep.svg?metric=val_{own['measure']}")
    for name in own["asked"]:
        assert label(f"val_{name}") in drawn(f"val_{name}.svg")
    others = ["acc", "val_acc", "accuracies", "val_auc"] if own["measure"] == "mae" else ["val_mae", "maes", "val_r2"]
    for name in others:
        refused = http.get(f"{at}/{name}.png")
        assert (refused.status_code, refused.json()["code"]) == (422, "not_for_task"), name
        assert f"val_{own['measure']}" in refused.json()["detail"]
    assert http.get(f"{at}/nothing.png").status_code == 404
    refused = http.get(
        f"{at}/sweep.png?metric={others[1] if own['measure'] == 'acc' else 'val_acc'}".replace("maes", "val_mae")
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "not_for_task")


def report(http: httpx.Client, job: dict[str, Any]) -> None:
    own = TASKS[job["task"]]
    page = http.get(f"/v1/jobs/{job['id']}/report.html").raise_for_status().text
    for words in (
        f"Best validation {own['loss']}",
        f"Validation {own['title']} at the best epoch",
        f'figure id="val_{own["measure"]}"',
    ):
        assert words in page
    for other in TASKS.values():
        if other is not own:
            assert other["loss"] not in page
            assert other["title"] not in page


def archive(http: httpx.Client, job: dict[str, Any], folder: Path) -> None:
    """The archive's script trains the same with Keras alone."""
    own = TASKS[job["task"]]
    content = http.get(f"/v1/jobs/{job['id']}/bundle.zip").raise_for_status().content
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        found.extractall(folder)
    made = folder / job["id"]
    network = json.loads((made / "networks.json").read_text())["plain"]
    output = network["layers"][-1]["arguments"]
    assert (output["units"], output["activation"]) == ((1, "linear") if own["measure"] == "mae" else (4, "softmax"))
    command = [sys.executable, "-P", "train.py", "--variant", "plain", "--seed", "0"]
    done = subprocess.run(command, cwd=made, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = list(csv.DictReader((made / "history-keras.csv").read_text().splitlines()))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5]
    for name in (own["measure"], *own["asked"]):
        assert all(math.isfinite(float(row[f"val_{name}"])) for row in rows)
    assert float(rows[-1]["data_loss"]) < float(rows[0]["data_loss"])


def together(http: httpx.Client, jobs: dict[str, dict[str, Any]]) -> None:
    """Jobs of one task stand in one figure, those of two do not."""
    ids = {task: job["id"] for task, job in jobs.items()}
    regression = jobs["regression"]
    query = f"job={regression['id']}&run={regression['runs'][0]['id']}"
    assert "Validation mean absolute error" in http.get(f"/v1/plots/val_mae.svg?{query}").raise_for_status().text
    refused = http.get(f"/v1/plots/val_acc.svg?{query}")
    assert (refused.status_code, refused.json()["code"]) == (422, "not_for_task")
    both = "&".join(f"job={each}" for each in ids.values())
    for chosen in (both, f"job={ids['multiclass']}&run={regression['runs'][0]['id']}"):
        refused = http.get(f"/v1/plots/val_loss.png?{chosen}")
        assert (refused.status_code, refused.json()["code"]) == (422, "different_tasks")
        assert all(each in refused.json()["detail"] for each in ids.values())
    assert http.get(f"/v1/metrics?{both}").status_code == 200
    refused = http.get(f"/v1/metrics?{both}&by=val_acc")
    assert (refused.status_code, refused.json()["code"]) == (422, "not_for_task")
