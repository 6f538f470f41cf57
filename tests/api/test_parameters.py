"""A query parameter that a route does not have is an error, and what was meant is told."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.api.conftest import SMALL, submit
from tests.api.test_contract import is_problem

NOWHERE = {
    "job_id": "job_0",
    "run_id": "run_0",
    "webhook_id": "webhook_0",
    "dataset_id": "ds_0",
    "comparison_id": "cmp_0",
    "metric": "loss",
    "format": "png",
}
"""What stands in the addresses of all operations: nothing that is there."""


def test_on_every_operation(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    asked = 0
    for path, methods in document["paths"].items():
        if not path.startswith("/v1/"):
            continue
        url = path.format(**NOWHERE)
        for method, operation in methods.items():
            assert "422" in operation["responses"], (method, path)
            answer = http.request(method, url, params={"nonsense": "1"})
            problem = is_problem(answer, 422, "unknown_parameter")
            assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/query/nonsense", "unknown_parameter")]
            asked += 1
    assert asked > 20


@pytest.mark.parametrize(
    ("query", "hint"),
    [("statu=failed", "`status`"), ("Limit=3", "`limit`"), ("seach=x", "`search`"), ("zzz=1", "there are `status`")],
)
def test_what_was_meant(http: httpx.Client, query: str, hint: str) -> None:
    problem = is_problem(http.get(f"/v1/jobs?{query}"), 422, "unknown_parameter")
    assert hint in problem["errors"][0]["detail"]


def test_nothing_is_done(http: httpx.Client) -> None:
    is_problem(http.post("/v1/jobs?validateonly=true", json=SMALL), 422, "unknown_parameter")
    assert http.get("/v1/jobs").json()["data"] == []
    job = submit(http)
    is_problem(http.post(f"/v1/jobs/{job['id']}/cancel?force=1"), 422, "unknown_parameter")
    assert http.get(f"/v1/jobs/{job['id']}").json()["status"] == "queued"


def test_one_that_takes_one_value_is_given_once(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    asked = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            named = [each for each in operation.get("parameters", []) if each["in"] == "query"]
            once = [each["name"] for each in named if '"array"' not in json.dumps(each) and "style" not in each]
            if not path.startswith("/v1/") or not once:
                continue
            url = path.format(**NOWHERE)
            query = "&".join(f"{name}=1&{name}=2" for name in once)
            problem = is_problem(http.request(method, f"{url}?{query}"), 422, "repeated_parameter")
            assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [
                (f"/query/{name}", "repeated_parameter") for name in once
            ]
            asked += 1
    assert asked > 10
    is_problem(http.post("/v1/jobs?validate_only=true&validate_only=false", json=SMALL), 422, "repeated_parameter")
    assert http.get("/v1/jobs").json()["data"] == []


def test_all_are_told_and_what_is_known_is_taken(http: httpx.Client) -> None:
    problem = is_problem(http.get("/v1/jobs?limit=1&a=1&b=2&a=3"), 422, "unknown_parameter")
    assert [error["pointer"] for error in problem["errors"]] == ["/query/a", "/query/b"]
    assert http.get("/v1/jobs?limit=1&status=queued&status=failed").status_code == 200
    assert http.get("/healthz?now=1").status_code == 200, "probes add what they like"


@pytest.mark.parametrize("value", ["1_0", "1 ", "%091"])
def test_a_number_is_what_json_calls_one(http: httpx.Client, value: str) -> None:
    problem = is_problem(http.get(f"/v1/jobs?limit={value}"), 422, "invalid_parameters")
    assert problem["errors"][0]["pointer"] == "/query/limit"
