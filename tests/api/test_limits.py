"""Limits, each with an answer that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update

from api.idempotency import KEPT_SECONDS
from models.database import Database, now
from models.estimates import cost_of
from models.resolution import resolve
from models.tables import Idempotency
from tests.api.conftest import SMALL, submit
from tests.api.test_contract import is_problem


def test_requests_a_minute(serve: Callable[..., httpx.Client]) -> None:
    http = serve(requests_per_minute=3)
    http.get("/healthz")  # is not counted, and the client knows the document then
    *counted, refused = [http.get("/v1/jobs") for _ in range(4)]
    assert [answer.headers["RateLimit-Remaining"] for answer in counted] == ["2", "1", "0"]
    is_problem(refused, 429, "too_many_requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 20, "of three a minute, one is free again within 20 seconds"
    assert (refused.headers["RateLimit-Limit"], refused.headers["RateLimit-Remaining"]) == ("3", "0")
    assert http.get("/healthz").status_code == 200


def test_queued_runs(serve: Callable[..., httpx.Client]) -> None:
    http = serve(max_queued_runs=3)
    job = submit(http)
    refused = http.post("/v1/jobs", json=SMALL)
    is_problem(refused, 429, "too_many_queued_runs")
    assert int(refused.headers["Retry-After"]) > 0
    assert len(http.get("/v1/jobs").json()["data"]) == 1
    http.post(f"/v1/jobs/{job['id']}/cancel")
    submit(http)
    is_problem(http.post(f"/v1/jobs/{job['id']}/retry"), 429, "too_many_queued_runs")
    assert http.get(f"/v1/jobs/{job['id']}").json()["status"] == "cancelled"


def test_requests_at_once_do_not_queue_more_together(serve: Callable[..., httpx.Client]) -> None:
    http = serve(max_queued_runs=5)
    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda _: http.post("/v1/jobs", json=SMALL), range(16)))
    assert sorted(answer.status_code for answer in answers) == [202] * 2 + [429] * 14
    jobs = http.get("/v1/jobs").json()["data"]
    assert [job["run_counts"]["queued"] for job in jobs] == [2, 2]
    for job in jobs:
        http.post(f"/v1/jobs/{job['id']}/cancel")
    submit(http)
    with ThreadPoolExecutor(2) as clients:
        again = list(clients.map(lambda job: http.post(f"/v1/jobs/{job['id']}/retry"), jobs))
    assert sorted(answer.status_code for answer in again) == [202, 429]


def test_runs_a_job(http: httpx.Client) -> None:
    body = {"variants": [{"name": f"v{i}", "preset": "original"} for i in range(20)], "seeds": list(range(100))}
    problem = is_problem(http.post("/v1/jobs", json=body), 422, "invalid_specification")
    assert "too_many_runs" in {error["code"] for error in problem["errors"]}


def test_work_a_run(serve: Callable[..., httpx.Client]) -> None:
    http = serve(max_run_work=160_305 * 25_000 * 20)
    fits = {"variants": ["smaller", "original"]}
    assert http.post("/v1/jobs", json=fits).status_code == 202
    for body, pointer in (
        ({"variants": ["smaller", "bigger"]}, "/variants/1"),
        ({"variants": ["smaller", {"name": "original", "training": {"epochs": 21}}]}, "/variants/1"),
    ):
        for params in ({}, {"validate_only": "true"}):
            problem = is_problem(http.post("/v1/jobs", json=body, params=params), 422, "invalid_specification")
            assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [(pointer, "too_much_work")]


@pytest.mark.parametrize(
    ("dataset", "reviews"),
    [
        ({}, 25_000),
        ({"train_samples": 100}, 100),
        ({"validation": {"holdout": 10_000}}, 15_000),
        ({"name": "synthetic", "reviews": 500, "validation": {"holdout": 100}}, 400),
    ],
)
def test_work_counts_the_reviews_that_are_trained_on(dataset: dict[str, object], reviews: int) -> None:
    run = resolve({"variants": ["original"], "training": {"epochs": 3}, "dataset": dataset}).run("original", 0)
    assert cost_of(run).work == 160_305 * reviews * 3


def test_a_stored_answer_expires(http: httpx.Client, database: Database) -> None:
    key = {"Idempotency-Key": "k"}
    first = http.post("/v1/jobs", json=SMALL, headers=key).json()["id"]

    def age(time: timedelta) -> None:
        with database.write() as session:
            session.execute(update(Idempotency).values(created_at=now(-time.total_seconds())))

    age(timedelta(seconds=KEPT_SECONDS - 60))
    assert http.post("/v1/jobs", json=SMALL, headers=key).json()["id"] == first
    age(timedelta(seconds=KEPT_SECONDS + 60))
    assert http.post("/v1/jobs", json=SMALL, headers=key).json()["id"] != first


def test_cors_by_setting(serve: Callable[..., httpx.Client], http: httpx.Client) -> None:
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    open_to_one = serve(cors_origins=("https://page.example",))
    assert open_to_one.options("/v1/jobs", headers=asked).headers["Access-Control-Allow-Origin"] == asked["Origin"]
    answer = open_to_one.get("/v1/jobs", headers={"Origin": "https://page.example"})
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    other = open_to_one.get("/v1/jobs", headers={"Origin": "https://other.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
    assert "Access-Control-Allow-Origin" not in http.get("/v1/jobs", headers=asked).headers
