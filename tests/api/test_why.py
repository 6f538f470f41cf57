"""Why the loss rises, over HTTP: sentences and figures of what runs have kept, and who has none."""

from __future__ import annotations

import json
from typing import Any

import httpx
import numpy as np
import pytest

from models.specification import dataset_of
from models.why import Rises
from tests.api.conftest import Trainer, submit
from tests.api.test_contract import is_problem
from tests.api.test_predictions import TABLES


def kept(dataset: Any, seed: int) -> bytes:
    """What a run keeps whose network becomes surer from epoch to epoch, of what is wrong too."""
    task, random = dataset.task, np.random.default_rng(seed)
    classes = task.class_count
    labels = random.integers(0, classes, (400, 1))
    lean = 2.0 * labels - 1 if task.units == 1 else 2.0 * (labels == np.arange(classes))
    outputs = lean + random.normal(0, 1.5, (400, task.units))
    rises = Rises(task, labels.astype(np.float64))
    for sure in (0.3, 0.6, 2, 4):
        rises.see((sure * outputs).astype(np.float32))
    return json.dumps(rises.rows).encode()


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_sentence_per_variant_and_every_epoch(http: httpx.Client, trainer: Trainer, task: str) -> None:
    job = submit(
        http, variants=["original", "l2"], seeds=[0, 1], dataset=TABLES[task], training={"epochs": 4}, name="why"
    )
    at = f"/v1/jobs/{job['id']}"
    assert http.get(f"{at}/why").json() == {"object": "why", "job_id": job["id"], "variants": [], "runs": []}
    assert http.get(f"{at}/plots/why.png").status_code == 200
    stored = {}
    for i in range(4):
        held = trainer.claim()
        for epoch in range(1, 5):
            trainer.record(held, epoch)
        stored[held.run_id] = kept(dataset_of(job["spec"]), i)
        trainer.succeed(held, predictions={"why": (stored[held.run_id], 0)})
    answer = http.get(f"{at}/why").json()
    assert {run["run_id"]: run["epochs"] for run in answer["runs"]} == {
        run_id: json.loads(content) for run_id, content in stored.items()
    }
    for each in answer["variants"]:
        last = [run["epochs"][-1] for run in answer["runs"] if run["variant"] == each["variant"]]
        assert (each["n"], each["epoch"], each["since"]) == (2, 4, 2)
        assert each["rise"]["mean"] == pytest.approx(np.mean([epoch["rise"] for epoch in last]))
        surer = {name: np.mean([epoch["surer"][name] for epoch in last]) for name in ("rows", "loss")}
        assert each["parts"]["surer"] == pytest.approx(surer)
        assert each["sentence"].startswith(
            f"Of the rise of {each['rise']['mean']:.2f} from epoch 2 to epoch 4, {surer['loss']:.2f} comes from "
            f"{round(surer['rows'])} rows that are wrong at epoch 2 already and get surer"
        )
        parts = sum(part["loss"] for part in each["parts"].values())
        assert parts == pytest.approx(each["rise"]["mean"])
    for query in ("why.svg", "why.png?of=brier&variants=l2&band=none", "why.pdf?theme=dark&width=400"):
        assert http.get(f"{at}/plots/{query}").status_code == 200, query
    report = http.get(f"{at}/report.html").text
    assert answer["variants"][0]["sentence"] in report
    is_problem(http.get(f"{at}/plots/why.png?of=nothing"), 422, "invalid_parameters")
    is_problem(http.get(f"{at}/plots/why.png?variants=nobody"), 404, "not_found")


def test_a_comparison_has_it_of_all_its_jobs(http: httpx.Client, trainer: Trainer) -> None:
    jobs = [submit(http, variants=["original"], training={"epochs": 1}, name=name) for name in ("one", "two")]
    for i, job in enumerate(jobs):
        held = trainer.claim()
        trainer.succeed(held, predictions={"why": (kept(dataset_of(job["spec"]), i), 0)})
    made = http.post("/v1/comparisons", json={"jobs": [job["id"] for job in jobs]}).json()
    answer = http.get(f"/v1/comparisons/{made['id']}/why").json()
    assert (answer["object"], answer["comparison_id"]) == ("why", made["id"])
    assert [each["variant"] for each in answer["variants"]] == ["original (one)", "original (two)"]
    alone = http.get(f"/v1/jobs/{jobs[1]['id']}/why").json()
    assert answer["variants"][1]["sentence"] == alone["variants"][0]["sentence"]


def test_of_a_regression_there_is_none(http: httpx.Client) -> None:
    job = submit(http, variants=["original"], dataset=TABLES["regression"])
    for path in ("why", "plots/why.png"):
        problem = is_problem(http.get(f"/v1/jobs/{job['id']}/{path}"), 422, "not_for_task")
        assert "never right or wrong" in problem["detail"]
