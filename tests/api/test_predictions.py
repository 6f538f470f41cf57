"""A run's predictions over HTTP: every format, pages, and who has none."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx
import numpy as np
import pandas
import pytest

from models.kinds.tasks import task_of
from models.predictions import pack, unpack
from tests.api.conftest import Trainer, submit
from tests.api.test_contract import is_problem

TABLES: dict[str, dict[str, Any]] = {
    "binary": {"name": "synthetic", "reviews": 200},
    "multiclass": {"name": "synthetic_table", "classes": 3, "samples": 200},
    "regression": {"name": "synthetic_table", "classes": None, "samples": 200},
}
ROWS = 12_000
"""More than are written at once."""


def kept(task: str, rows: int = ROWS) -> tuple[bytes, np.ndarray, np.ndarray]:
    """Predictions as a run has them, and the labels and outputs that they were made of."""
    random = np.random.default_rng(0)
    kind = task_of(*{"binary": (2, None), "multiclass": (3, None), "regression": (None, 1.0)}[task])
    outputs = random.normal(0, 3, (rows, kind.units)).astype(np.float16).astype(np.float32)
    labels = random.integers(0, kind.class_count or 40, (rows, 1)).astype(np.float32)
    return pack(kind, None, labels, outputs), labels[:, 0], outputs


@pytest.mark.parametrize("task", TABLES)
def test_predictions_in_every_format(http: httpx.Client, trainer: Trainer, task: str) -> None:
    job = submit(http, variants=["original"], dataset=TABLES[task])
    stored, labels, outputs = kept(task)
    trainer.succeed(trainer.claim(), predictions={"validation": (stored, 0)})
    run = http.get(f"/v1/runs/{job['runs'][0]['id']}").json()
    at = f"/v1/runs/{run['id']}/predictions"
    answer = http.get(at)
    assert http.get(at, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    listed = answer.json()
    assert {name: listed[name] for name in ("object", "run_id", "epoch", "has_more")} == {
        "object": "list", "run_id": run["id"], "epoch": run["chosen_epoch"], "has_more": False,
    }  # fmt: skip
    rows = pandas.DataFrame(listed["data"])
    assert list(rows) == ["row", "label", "prediction", "loss"]
    assert rows.row.tolist() == list(range(1, ROWS + 1))
    assert rows.label.tolist() == labels.tolist()
    predictions, losses = np.array(rows.prediction.tolist()), rows.loss.to_numpy()
    if task == "binary":
        assert predictions == pytest.approx(1 / (1 + np.exp(-outputs[:, 0])), rel=1e-6)
        assert losses == pytest.approx(-np.log(np.where(labels > 0.5, predictions, 1 - predictions)), rel=1e-6)
    elif task == "multiclass":
        assert predictions.sum(1) == pytest.approx(np.ones(ROWS))
        assert losses == pytest.approx(-np.log(predictions[np.arange(ROWS), labels.astype(int)]), rel=1e-6)
    else:
        assert predictions == pytest.approx(outputs[:, 0])
        assert losses == pytest.approx((predictions - labels) ** 2)

    text = http.get(at, headers={"Accept": "text/csv"})
    assert text.headers["Content-Disposition"] == f'attachment; filename="{run["id"]}-validation.csv"'
    table = pandas.read_csv(io.StringIO(text.text))
    if task == "multiclass":
        table.prediction = table.prediction.map(json.loads)
    parquet = pandas.read_parquet(io.BytesIO(http.get(f"{at}?format=parquet").content))
    parquet.prediction = parquet.prediction.map(lambda value: list(value) if task == "multiclass" else value)
    for frame in (table, parquet):
        pandas.testing.assert_frame_equal(frame, rows, check_dtype=False, rtol=1e-12)

    page = http.get(f"{at}?limit=3&after=5").json()
    assert (page["data"], page["has_more"]) == (listed["data"][5:8], True)
    assert http.get(f"{at}?limit=100000&after=11999").json() == {**listed, "data": listed["data"][-1:]}
    assert http.get(f"{at}?after=99999999").json() == {**listed, "data": []}
    assert len(pandas.read_parquet(io.BytesIO(http.get(f"{at}?format=parquet&after=99999999").content))) == 0
    for query in ("limit=0", "limit=100001", "after=-1", "split=train", "format=tsv"):
        is_problem(http.get(f"{at}?{query}"), 422, "invalid_parameters")


def test_test_rows_are_those_of_a_holdout(http: httpx.Client, trainer: Trainer) -> None:
    for holdout in (True, False):
        dataset = {**TABLES["binary"], **({"validation": {"holdout": 50}} if holdout else {})}
        job = submit(http, variants=["original"], dataset=dataset)
        sets = {"validation": (kept("binary", 5)[0], 0), **({"test": (kept("binary", 7)[0], 0)} if holdout else {})}
        trainer.succeed(trainer.claim(), predictions=sets)
        at = f"/v1/runs/{job['runs'][0]['id']}/predictions"
        assert len(http.get(at).json()["data"]) == 5
        assert len(http.get(f"{at}?split=test").json()["data"]) == (7 if holdout else 5), "else they are the same"


def test_a_run_without_predictions_says_why(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http, variants=["original", "smaller"])
    first, second = (f"/v1/runs/{run['id']}/predictions" for run in job["runs"])
    assert "queued" in is_problem(http.get(first), 409, "not_succeeded")["detail"]
    held = trainer.claim()
    is_problem(http.get(first), 409, "not_succeeded")
    trainer.succeed(held)
    for format in ("json", "csv", "parquet"):
        is_problem(http.get(f"{first}?format={format}"), 404, "predictions_not_kept")
    trainer.fail(trainer.claim())
    is_problem(http.get(second), 409, "not_succeeded")
    is_problem(http.get("/v1/runs/run_" + "0" * 32 + "/predictions"), 404, "not_found")


@pytest.mark.parametrize("task", TABLES)
def test_comparisons_have_intervals_over_rows(http: httpx.Client, trainer: Trainer, task: str) -> None:
    """Of the last epoch, which is the chosen one without a holdout; from the runs' kept predictions alone."""
    kind = task_of(*{"binary": (2, None), "multiclass": (3, None), "regression": (None, 1.0)}[task])
    random = np.random.default_rng(1)
    labels = random.integers(0, kind.class_count or 5, (300, 1)).astype(np.float32)
    dataset = {**TABLES[task], ("reviews" if task == "binary" else "samples"): 300}
    job = submit(http, variants=["original", "l2"], seeds=[0, 1, 2], dataset=dataset)
    means: dict[str, list[float]] = {"original": [], "l2": []}
    for run in job["runs"]:
        outputs = random.normal(0, 2 if run["variant"] == "l2" else 1, (300, kind.units)).astype(np.float32)
        stored = pack(kind, None, labels, outputs)
        loss = float(unpack(kind, stored).losses.mean())
        means[run["variant"]].append(loss)
        held = trainer.claim()
        epochs = held.specification.training.epochs
        for epoch in range(1, epochs + 1):
            trainer.record(held, epoch, val_data_loss=loss if epoch == epochs else loss / 2)
        trainer.succeed(held, predictions={"validation": (stored, 0)})
    analysis = http.get(f"/v1/jobs/{job['id']}/analysis").json()
    found = {each["metric"]: each for each in analysis["comparisons"]}
    final = found["final_val_data_loss"]
    assert final["difference"] == pytest.approx(np.mean(means["l2"]) - np.mean(means["original"]))
    assert final["intervals"]["seeds"] == final["ci95"]
    for low, high in (final["intervals"]["rows"], final["intervals"]["both"]):
        assert low < final["difference"] < high
    assert (final["smallest_from"], final["sequential"]) == ("rows", False)
    assert found["best_val_data_loss"]["intervals"]["rows"] is None, "its epoch's predictions are not kept"


def test_figures_of_predictions(http: httpx.Client, trainer: Trainer) -> None:
    for task, dataset in TABLES.items():
        job = submit(http, variants=["original", "l2"], dataset=dataset, seeds=[0, 1])
        for _ in range(3):
            trainer.succeed(trainer.claim(), predictions={"validation": (kept(task, 500)[0], 0)})
        trainer.succeed(trainer.claim())
        for name in ("calibration", "roc", "confusion"):
            answer = http.get(f"/v1/jobs/{job['id']}/plots/{name}.svg")
            if task == "regression":
                assert "regression" in is_problem(answer, 422, "not_for_task")["detail"]
            else:
                assert "Of 1 run no predictions are kept." in answer.raise_for_status().text
