"""What is recorded of layers' weights, over HTTP: in every format of a history, in figures, in the report."""

from __future__ import annotations

import io

import httpx
import pandas
import pytest

from tests.api.conftest import Trainer, submit
from tests.api.test_contract import METRICS, is_problem
from tests.api.test_tensorboard import archive

DROPOUT = [{"type": "dense", "units": 2}, {"type": "dropout", "rate": 0.5}, {"type": "dense", "units": 2}]
ORIGINAL = [{"type": "dense", "units": 2}, {"type": "dense", "units": 2}]
NAMES = [
    f"{measure}.{layer}" for measure in ("norm", "near_zero") for layer in ("dense_1", "dense_2", "dense_3", "output")
]


def test_layers_of_all_variants_are_in_histories_and_figures(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(
        http,
        variants=[{"name": "original", "layers": ORIGINAL}, {"name": "dropout", "layers": DROPOUT}],
        training={"epochs": 2, "weights": True},
    )
    assert job["spec"]["training"]["weights"] is True
    for absent in ("dense_3", "dense_2"):
        held = trainer.claim()
        of_layers = {name: len(name) / 3 for name in NAMES if not name.endswith(absent)}
        assert held.specification.recorded == (*METRICS, *of_layers)
        for epoch in (1, 2):
            trainer.record(held, epoch, **of_layers)
        trainer.succeed(held)
    at = f"/v1/jobs/{job['id']}"
    runs = http.get(f"{at}/history").json()["runs"]
    assert list(runs[0]["metrics"]) == [*METRICS, *(name for name in NAMES if not name.endswith("dense_3"))]
    assert runs[1]["metrics"]["norm.dense_3"] == [len("norm.dense_3") / 3] * 2
    for format, read in (("csv", pandas.read_csv), ("parquet", pandas.read_parquet)):
        frame = read(io.BytesIO(http.get(f"{at}/history?format={format}").content))
        assert list(frame.columns)[5:] == [*METRICS, *NAMES]
        assert frame["norm.dense_2"].tolist()[:2] == [len("norm.dense_2") / 3] * 2
        assert frame["norm.dense_2"].isna().tolist() == [False, False, True, True]
    files = archive(http.get(f"{at}/history?format=tensorboard"))
    tags = {value.tag for event in files["dropout/seed-0/train"] for value in event.summary.value}
    assert {name for name in NAMES if not name.endswith("dense_2")} < tags
    metrics = http.get(f"{at}/metrics").json()
    assert metrics["runs"][0]["final"]["norm.output"] == len("norm.output") / 3
    drawn = http.get(f"{at}/plots/norm.dense_2.svg")
    assert drawn.status_code == 200
    assert "Norm of the weights of dense_2" in drawn.text
    assert "no epochs yet" not in drawn.text
    assert "Not recorded: dropout." in drawn.text
    assert http.get(f"{at}/plots/near_zero.output.png?difference=true&width=300").status_code == 200
    assert http.get("/v1/plots/norm.dense_3.png", params={"job": job["id"], "width": 300}).status_code == 200


@pytest.mark.slow  # a report draws every figure
def test_norms_are_in_the_report(http: httpx.Client, trainer: Trainer) -> None:
    layers = [{"type": "dense", "units": 2}]
    job = submit(http, variants=[{"name": "v", "layers": layers}], training={"epochs": 1, "weights": True})
    trainer.record(trainer.claim(), 1, **{"norm.dense_1": 2.0, "norm.output": 3.0, "near_zero.dense_1": 0.5})
    report = http.get(f"/v1/jobs/{job['id']}/report.html").text
    assert "Norm of the weights of dense_1" in report
    assert "Share of weights near zero" not in report


def test_what_is_not_measured_is_not_drawn(http: httpx.Client) -> None:
    plain = submit(http, variants=["original"])
    problem = is_problem(http.get(f"/v1/jobs/{plain['id']}/plots/norm.dense_1.png"), 404, "not_found")
    assert "`training.weights` was not asked for" in problem["detail"]
    job = submit(http, variants=["original"], training={"epochs": 1, "weights": True})
    for name in ("norm.dense_9", "near_zero.dropout_1", "norm.dense_1'"):
        problem = is_problem(http.get(f"/v1/jobs/{job['id']}/plots/{name}.png"), 404, "not_found")
        assert "norm.dense_1, norm.dense_2, norm.output" in problem["detail"]
    is_problem(http.get(f"/v1/jobs/{job['id']}/plots/median.dense_1.png"), 404, "not_found")
    assert "weights" not in plain["spec"]["training"], "the specification of a job without stays what it was"


def test_a_bad_value_has_its_place(http: httpx.Client) -> None:
    body = {
        "variants": ["l1", {"name": "x", "preset": "l2", "training": {"weights": "norm"}}],
        "training": {"weights": 1},
    }
    problem = is_problem(http.post("/v1/jobs", json=body), 422, "invalid_specification")
    assert {each["pointer"] for each in problem["errors"]} == {"/training/weights", "/variants/1/training/weights"}
