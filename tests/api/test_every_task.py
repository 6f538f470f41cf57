"""Every metric, figure and answer about rows, for each task: there, or refused with a reason, by whichever way.

What has a meaning for a task is there over HTTP, in the client, on the command line and in the report. What has none is
refused by the first three with the same words, and the report says that it has none of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from models.kinds.metrics import METRICS, PAIRS
from models.kinds.tasks import TASKS
from models.predictions import pack
from models.specification import dataset_of, recorded_by
from models.why import Rises
from ockham.cli import app
from ockham_client import Client, OckhamAPIError
from reporting.plots import JOB_PLOTS
from tests.api.conftest import Trainer, submit
from tests.api.test_predictions import TABLES

ALL, CLASSES, NUMBERS = frozenset(TASKS), frozenset({"binary", "multiclass"}), frozenset({"regression"})

FIGURES = {
    **dict.fromkeys(("loss", "val_loss", "data_loss", "val_data_loss", "losses", "data_losses"), ALL),
    **dict.fromkeys(("acc", "val_acc", "accuracies", "val_auc", "val_brier", "val_ece", "val_f1"), CLASSES),
    **dict.fromkeys(("mae", "val_mae", "maes", "val_r2"), NUMBERS),
    **dict.fromkeys(("eval_loss", "eval_data_loss"), ALL),
    **{"eval_acc": CLASSES, "eval_mae": NUMBERS},
    **dict.fromkeys(("calibration", "confusion", "roc", "why"), CLASSES),
    **dict.fromkeys(("differences", "ranking", "tradeoff"), ALL),
}
"""By a figure's name the tasks for which it has a meaning."""
OF_SOME_JOBS = {"combinations", "search", "sweep"}
"""Of a job that searches, or sweeps, whatever its task: they have tests of their own."""
REPORTED = {
    *("val_data_loss", "data_losses", "val_acc", "val_mae"),
    *("val_auc", "val_brier", "val_ece", "val_f1", "val_r2"),
    *("calibration", "confusion", "roc", "why"),
}
"""Figures of the report; the others show there what these show, or nothing of the jobs here."""
ANSWERS = {"why": CLASSES, "mistakes": CLASSES, "ensembles": ALL, "recalibration": CLASSES}


def test_the_tables_have_all_there_is() -> None:
    assert set(FIGURES) | OF_SOME_JOBS == {*METRICS, *PAIRS, *JOB_PLOTS}


def trained(http: httpx.Client, trainer: Trainer, task: str, rows: int = 60) -> dict[str, Any]:
    """A job of two variants and two seeds that records and keeps all that its task has, of so many rows."""
    asked = sorted(name.removeprefix("val_") for name, of in FIGURES.items() if name in METRICS and task in of)
    asked = [name for name in asked if name in ("auc", "brier", "ece", "f1", "r2")]
    training = {"epochs": 2, "metrics": asked, "evaluate_train": True}
    job = submit(http, variants=["original", "l2"], seeds=[0, 1], dataset=TABLES[task], training=training)
    kind = dataset_of(job["spec"]).task
    names = recorded_by(job["spec"])
    random = np.random.default_rng(0)
    for _ in job["runs"]:
        labels = random.integers(0, kind.class_count or 9, (rows, 1)).astype(np.float32)
        lean = 2.0 * labels - 1 if kind.units == 1 else 2.0 * (labels == np.arange(kind.units))
        rises, outputs = Rises(kind, labels.astype(np.float64)) if kind.class_count else None, []
        held = trainer.claim()
        for epoch in (1, 2):
            outputs.append((epoch * (lean + random.normal(0, 2, lean.shape))).astype(np.float32))
            if rises is not None:
                rises.see(outputs[-1])
            values = {name: 0.1 * epoch + float(random.random()) for name in names}
            trainer.record(held, epoch, **values)
        predictions = {"validation": (pack(kind, None, labels, outputs[1]), 0)}
        if rises is not None:
            predictions |= {
                "least": (pack(kind, None, labels, outputs[0]), 0),
                "why": (json.dumps([{**each, "since": 1} for each in rises.rows]).encode(), 0),
            }
        trainer.succeed(held, predictions=predictions)
    return job


def answered(ask: Callable[[], Any]) -> str | None:
    """None if there is an answer; else what was said in its place."""
    try:
        ask()
    except OckhamAPIError as error:
        return error.detail
    return None


@pytest.mark.parametrize("task", TASKS)
def test_it_is_there_or_refused_with_a_reason(
    http: httpx.Client, trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    job = trained(http, trainer, task)
    at, url = f"/v1/jobs/{job['id']}", str(http.base_url).rstrip("/")
    page = http.get(f"{at}/report.html").text
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    wrong: list[str] = []
    with Client(url, attempts=1) as client:
        ways: dict[str, tuple[str, frozenset[str], Callable[[], Any], list[str]]] = {}
        for name, tasks in FIGURES.items():
            draw = lambda name=name: client.plot(job["id"], name, format="svg")  # noqa: E731
            ways[f"figure {name}"] = (f"plots/{name}.svg", tasks, draw, ["plot", job["id"], name, "-o", f"{name}.svg"])
        for name, tasks in ANSWERS.items():
            read = lambda name=name: getattr(client, name)(job["id"])  # noqa: E731
            ways[f"answer {name}"] = (name, tasks, read, [name, job["id"]])
        for what, (path, tasks, ask, command) in ways.items():
            answer = http.get(f"{at}/{path}")
            detail = None if answer.status_code == 200 else answer.json()["detail"]
            if (detail is None) is not (task in tasks):
                wrong.append(f"{what} over HTTP: {answer.status_code}")
            if detail is not None and (answer.status_code, answer.json()["code"]) != (422, "not_for_task"):
                wrong.append(f"{what} over HTTP: {answer.status_code} {answer.json()['code']}")
            if answered(ask) != detail:
                wrong.append(f"{what} in the client")
            shell = CliRunner().invoke(app, [*command, "--url", url])
            if (shell.exit_code == 0) is not (detail is None) or (detail or "") not in " ".join(shell.output.split()):
                wrong.append(f"{what} on the command line: {shell.exit_code} {shell.output[-300:]}")
        for name in REPORTED:
            if (f'<figure id="{name}">' in page) is not (task in FIGURES[name]):
                wrong.append(f"figure {name} in the report")
        for name, heading in (
            ("why", "Why the loss rises"),
            ("mistakes", "Rows that original gets wrong"),
            ("ensembles", "Seeds together"),
            ("recalibration", "Recalibrated"),
        ):
            if (f"{heading}" in page) is not (task in ANSWERS[name]):
                wrong.append(f"{name} in the report")
        if ("this\njob predicts numbers" in page) is not (task in NUMBERS):
            wrong.append("what has no meaning, in the report")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("task", TASKS)
def test_what_is_said_of_a_single_row_is_as_documented(http: httpx.Client, trainer: Trainer, task: str) -> None:
    """Nothing can be computed of many of its figures: what they are then is what their schemas say."""
    job = trained(http, trainer, task, rows=1)
    for name in ("analysis", "metrics", "history", *(name for name, tasks in ANSWERS.items() if task in tasks)):
        answer = http.get(f"/v1/jobs/{job['id']}/{name}")
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("task", TASKS)
def test_a_metric_is_recorded_or_refused(http: httpx.Client, task: str) -> None:
    """What `training.metrics` may ask for."""
    for name in ("auc", "brier", "ece", "f1", "r2"):
        body = {"variants": ["original"], "dataset": TABLES[task], "training": {"metrics": [name]}}
        answer = http.post("/v1/jobs?validate_only=true", json=body)
        assert (answer.status_code == 200) is (task in FIGURES[f"val_{name}"]), name
        if answer.status_code != 200:
            (fault,) = answer.json()["errors"]
            assert (fault["code"], fault["pointer"]) == ("not_for_task", "/training/metrics/0")
            assert "has no meaning for" in fault["detail"]
