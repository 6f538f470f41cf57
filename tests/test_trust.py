"""Trust and thrift on real servers: results taken over, seeds added, runs reproduced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.servers import Service, wait_for

pytestmark = pytest.mark.slow

SMALL = {
    "dataset": {"name": "synthetic", "reviews": 200, "num_words": 100},
    "training": {"epochs": 3},
    "variants": ["smaller", {"name": "l2", "layers": [
        {"type": "dense", "units": 2, "activation": "relu", "kernel_regularizer": {"l2": 0.01}}]}],
}  # fmt: skip


def histories(service: Service, job_id: str) -> dict[tuple[str, int], Any]:
    runs = service.http.get(f"/v1/jobs/{job_id}/history").raise_for_status().json()["runs"]
    return {(run["variant"], run["seed"]): run["metrics"] for run in runs}


def test_reuse_seeds_and_reproduction(working: Service) -> None:
    service = working
    first, twin = service.submit(**SMALL), service.submit(**SMALL, name="at the same time")
    done = [service.finished(job["id"]) for job in (first, twin)]
    assert [job["status"] for job in done] == ["succeeded"] * 2
    sources = {run["id"] for job in done for run in job["runs"] if run["reused_from"] is None}
    assert len(sources) == 2, "each of the two is trained once"
    assert {run["reused_from"] for job in done for run in job["runs"]} == {None, *sources}

    again = service.finished(service.submit(**SMALL, name="again")["id"])
    assert {run["reused_from"] for run in again["runs"]} <= {run["id"] for job in done for run in job["runs"]}
    assert histories(service, again["id"]) == histories(service, first["id"])
    types = [event["type"] for event in service.events(again["id"])]
    assert (types.count("run.epoch"), types[-1]) == (6, "job.succeeded")
    models = [service.http.get(job["runs"][1]["links"]["model"]).content for job in (again, done[0])]
    assert models[0] == models[1]
    trained = service.finished(service.submit(**SMALL, reuse="never")["id"])
    assert {run["reused_from"] for run in trained["runs"]} == {None}
    assert histories(service, trained["id"]) == histories(service, first["id"])

    answer = service.http.post(f"/v1/jobs/{first['id']}/seeds", json={"seeds": [5, 1]})
    assert answer.status_code == 202, answer.text
    assert answer.json()["spec"]["seeds"] == [0, 5, 1]
    more = service.finished(first["id"])
    assert [(run["seed"], run["variant"]) for run in more["runs"]] == [
        (seed, variant) for seed in (0, 5, 1) for variant in ("smaller", "l2")
    ]
    assert [run["attempt"] for run in more["runs"]] == [1] * 6, "only the new ones were trained"
    assert more["status"] == "succeeded"
    assert [variant["n"] for variant in service.http.get(f"/v1/jobs/{first['id']}/metrics").json()["variants"]] == [
        3,
        3,
    ]
    for seeds, code in ([5], "duplicate"), ([7, 7], "duplicate"), ([], "too_short"), (list(range(99)), "too_long"):
        refused = service.http.post(f"/v1/jobs/{first['id']}/seeds", json={"seeds": seeds})
        assert refused.status_code == 422
        assert code in {error["code"] for error in refused.json()["errors"]}

    original = more["runs"][1]["id"]
    asked = service.http.post(f"/v1/runs/{original}/reproduce")
    assert asked.status_code == 202, asked.text
    assert asked.json()["verdict"] is None
    assert service.http.post(f"/v1/runs/{asked.json()['run_id']}/reproduce").status_code in (202, 409)
    job = service.finished(asked.json()["job_id"])
    assert job["metadata"] == {"reproduces": original}
    (found,) = service.http.get(f"/v1/runs/{original}").json()["reproductions"]
    assert (found["status"], found["verdict"], found["first_difference"]) == ("succeeded", "bitwise", None)
    assert service.http.delete(f"/v1/jobs/{job['id']}").status_code == 204
    (found,) = service.http.get(f"/v1/runs/{original}").json()["reproductions"]
    assert (found["status"], found["verdict"]) == (None, "bitwise")


def test_what_has_not_finished_can_be_neither_reproduced_nor_extended(make_service: Callable[..., Service]) -> None:
    service = make_service()
    service.api()
    job = service.submit(**SMALL)
    assert service.http.post(f"/v1/jobs/{job['id']}/seeds", json={"seeds": [1]}).status_code == 409
    assert service.http.post(f"/v1/runs/{job['runs'][0]['id']}/reproduce").status_code == 409
    service.http.post(f"/v1/jobs/{job['id']}/cancel")
    assert wait_for("the cancelled job", lambda: service.job(job["id"])["status"] == "cancelled")
    assert service.http.post(f"/v1/runs/{job['runs'][0]['id']}/reproduce").status_code == 409
    assert service.http.post(f"/v1/jobs/{job['id']}/seeds", json={"seeds": [1]}).status_code == 202
