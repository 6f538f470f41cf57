"""Jobs that get seeds until their comparisons are decided, on real servers and workers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers import Service, wait_for

pytestmark = pytest.mark.slow

EXPERIMENT: dict[str, Any] = {
    "dataset": {"name": "synthetic", "reviews": 200, "num_words": 100},
    "training": {"epochs": 3, "batch_size": 32},
    "variants": ["original", {"name": "few", "preset": "smaller"}, {"name": "penalised", "layers": [
        {"type": "dense", "units": 16, "activation": "relu", "kernel_regularizer": {"l2": 1e-6}}]}],
    "reuse": "never",
}  # fmt: skip


def decided(service: Service, job_id: str, metric: str) -> dict[str, str]:
    found = service.http.get(f"/v1/jobs/{job_id}/analysis").raise_for_status().json()["comparisons"]
    return {each["variant"]: each["decision"] for each in found if each["metric"] == f"best_{metric}"}


def test_seeds_are_added_until_it_is_decided(working: Service) -> None:
    service = working
    until = {"smallest": 1.0, "min_seeds": 3, "max_seeds": 12}
    preview = service.http.post("/v1/jobs?validate_only=true", json={**EXPERIMENT, "until": until}).json()
    assert (preview["runs"], preview["max_runs"]) == (9, 36)
    job = service.submit(**EXPERIMENT, until=until)
    assert (job["spec"]["seeds"], job["look"]) == ([0, 1, 2], None)
    done = service.finished(job["id"])
    assert done["status"] == "succeeded"
    assert done["look"]["decided"] == {"few": "equivalent", "penalised": "equivalent"}
    assert (done["look"]["open"], done["look"]["more"]) == ([], 0)
    assert done["look"]["decided"] == decided(service, job["id"], "val_data_loss")
    looks = [event["data"] for event in service.events(job["id"]) if event["type"] == "job.looked"]
    assert looks[-1] == done["look"]
    assert [each["more"] for each in looks][:-1] == [1] * (len(looks) - 1)
    seeds = done["spec"]["seeds"]
    assert 3 < len(seeds) <= 12
    assert seeds == list(range(len(seeds)))
    trained = {name: [run["seed"] for run in done["runs"] if run["variant"] == name] for name in ("original", "few")}
    assert trained["original"] == seeds

    # It is decided by a smaller difference that matters only with more seeds, and those there are count.
    refused = service.http.post(f"/v1/jobs/{job['id']}/seeds", json={"until": {"max_seeds": 2, "min_seeds": 2}})
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/until/max_seeds"]
    narrower = {"smallest": 1e-6, "max_seeds": len(seeds) + 2, "metric": "val_acc"}
    answer = service.http.post(f"/v1/jobs/{job['id']}/seeds", json={"until": narrower})
    assert answer.status_code == 202, answer.text
    more = service.finished(job["id"])
    assert (len(more["spec"]["seeds"]), more["look"]["open"]) == (len(seeds) + 2, ["few", "penalised"])
    assert {run["attempt"] for run in more["runs"]} == {1}


def test_a_job_whose_seeds_are_not_enough_ends_at_the_most(working: Service) -> None:
    service = working
    job = service.submit(**EXPERIMENT, until={"min_seeds": 2, "max_seeds": 4})
    done = service.finished(job["id"])
    assert done["status"] == "succeeded"
    assert len(done["spec"]["seeds"]) == 4
    assert done["look"]["more"] == 0
    assert done["look"]["open"]


def test_cancelled_it_gets_no_more(working: Service) -> None:
    service = working
    job = service.submit(**EXPERIMENT, until={"max_seeds": 50})
    wait_for("a look", lambda: (service.job(job["id"])["look"] or {}).get("more"))
    assert service.http.post(f"/v1/jobs/{job['id']}/cancel").status_code == 202
    ended = service.finished(job["id"])
    runs = len(ended["runs"])
    assert ended["status"] in ("cancelled", "succeeded")
    assert len(service.job(job["id"])["runs"]) == runs
    again = service.http.post(f"/v1/jobs/{job['id']}/seeds", json={"until": {"max_seeds": len(ended["spec"]["seeds"])}})
    assert again.status_code == 202
    last = service.finished(job["id"])
    assert (len(last["runs"]), last["look"]["more"]) == (runs, 0)


def test_what_will_not_do_is_said(working: Service) -> None:
    service = working
    for until, pointer, code in (
        ({"smallest": 0}, "/until/smallest", "greater_than"),
        ({"metric": "val_auc"}, "/until/metric", "value_error"),
        ({"metric": "loss"}, "/until/metric", "value_error"),
        ({"min_seeds": 1}, "/until/min_seeds", "greater_than_equal"),
        ({"max_seeds": 4}, "/until/max_seeds", "too_small"),
        ({"max_seeds": 101}, "/until/max_seeds", "less_than_equal"),
        ({"alpha": 0}, "/until/alpha", "greater_than"),
        ({"patience": 1}, "/until/patience", "extra_forbidden"),
        ("soon", "/until", "model_type"),
    ):
        answer = service.http.post("/v1/jobs", json={**EXPERIMENT, "until": until})
        assert answer.status_code == 422
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)], answer.text
    many = [{"name": f"v{i}", "preset": "smaller"} for i in range(50)]
    answer = service.http.post("/v1/jobs", json={**EXPERIMENT, "variants": many, "until": {}})
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/until/max_seeds", "too_many_runs")]
    answer = service.http.post("/v1/jobs", json={**EXPERIMENT, "variants": ["original"], "until": {}})
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/until", "nothing_to_compare")]
