"""Comparisons across jobs are saved, found again, and have results of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from models.scopes import Scope
from tests.api.conftest import Trainer, submit
from tests.api.test_contract import is_problem

NONE = "job_" + "0" * 32


@pytest.fixture
def two(http: httpx.Client, trainer: Trainer) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two finished jobs of the same data, with three seeds in common."""
    first = submit(http, name="first", seeds=[0, 1, 2])
    second = submit(http, name="second", variants=["original", "dropout"], seeds=[0, 1, 2, 3])
    runs = {run["id"]: run for run in (*first["runs"], *second["runs"])}
    for _ in runs:
        held = trainer.claim()
        run = runs[held.run_id]
        lower = {"original": 0.0, "l2": 0.05, "dropout": 0.1}[run["variant"]] + 0.001 * run["seed"]
        for epoch in range(1, 4):
            trainer.record(held, epoch, val_data_loss=0.5 - lower - 0.01 * epoch)
        trainer.succeed(held)
    return first, second


def test_a_comparison_is_saved_once_under_a_key(http: httpx.Client, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    key, body = {"Idempotency-Key": "once"}, {"jobs": [each["id"] for each in two]}
    first = http.post("/v1/comparisons", json=body, headers=key)
    again = http.post("/v1/comparisons", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Location"] == first.headers["Location"]
    assert [each.headers.get("Idempotency-Replayed") for each in (first, again)] == [None, "true"]
    assert len(http.get("/v1/comparisons").json()["data"]) == 1
    other = http.post("/v1/comparisons", json={**body, "name": "other"}, headers=key)
    is_problem(other, 422, "idempotency_key_reused")
    is_problem(http.post("/v1/jobs", json={"variants": ["original"]}, headers=key), 422, "idempotency_key_reused")


def saved(http: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = http.post("/v1/comparisons", json=body)
    assert answer.status_code == 201, answer.text
    shown = dict(answer.json())
    assert answer.headers["Location"] == shown["links"]["self"] == f"/v1/comparisons/{shown['id']}"
    return shown


def test_saved_and_found_again(http: httpx.Client, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    first, second = two
    single = second["runs"][1]["id"]
    shown = saved(http, name="both", jobs=[first["id"], first["id"]], runs=[single], notes="Two\nlines")
    assert (shown["object"], shown["name"], shown["notes"]) == ("comparison", "both", "Two\nlines")
    assert (shown["jobs"], shown["runs"], shown["missing"]) == ([first["id"]], [single], [])
    assert (shown["baseline"], shown["baseline_job_id"]) == ("original", first["id"])
    later = saved(http, jobs=[second["id"]], baseline="dropout")
    assert (later["name"], later["baseline"]) == ("untitled", "dropout")
    page = http.get("/v1/comparisons", params={"limit": 1}).json()
    assert ([each["id"] for each in page["data"]], page["has_more"]) == ([later["id"]], True)
    page = http.get("/v1/comparisons", params={"limit": 1, "after": later["id"]}).json()
    assert (page["data"], page["has_more"]) == ([shown], False)
    assert http.get("/v1/comparisons", params={"name": "both"}).json()["data"] == [shown]
    answer = http.get(shown["links"]["self"])
    assert answer.json() == shown
    again = http.get(shown["links"]["self"], headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.headers["ETag"]) == (304, answer.headers["ETag"])


def test_the_baseline_may_be_of_any_job(http: httpx.Client, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    first, second = two
    both = [first["id"], second["id"]]
    for asked, job, name in (
        (None, first, "original"),
        ("original", first, "original"),
        ("dropout", second, "dropout"),
        (second["id"], second, "original"),
        (f"{second['id']}/dropout", second, "dropout"),
    ):
        shown = saved(http, jobs=both, baseline=asked)
        assert (shown["baseline_job_id"], shown["baseline"]) == (job["id"], name), asked


def test_results(http: httpx.Client, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    first, second = two
    links = saved(http, name="a <b>", jobs=[first["id"], second["id"]], notes="Mind & see")["links"]
    history = http.get(links["history"]).json()
    asked = {"job": [first["id"], second["id"]]}
    assert history["runs"] == http.get("/v1/history", params=asked).json()["runs"]
    assert http.get(links["history"], params={"format": "csv"}).text.count("\n") == 1 + 14 * 3
    assert http.get(links["metrics"]).json() == http.get("/v1/metrics", params=asked).json()
    plot = http.get(links["plot"])
    assert plot.content == http.get("/v1/plots/val_data_loss.png", params=asked).content
    assert http.get(links["plot"], headers={"If-None-Match": plot.headers["ETag"]}).status_code == 304
    analysis = http.get(links["analysis"]).json()
    called = {"original (first)", "l2", "original (second)", "dropout"}
    assert {each["variant"] for each in analysis["variants"]} == called
    best = {each["variant"]: each for each in analysis["comparisons"] if each["metric"] == "best_val_data_loss"}
    assert best.keys() == called - {"original (first)"}
    assert best["dropout"]["baseline"] == "original (first)"
    assert (best["dropout"]["n"], round(best["dropout"]["difference"], 9)) == (3, -0.1)
    assert best["original (second)"]["difference"] == 0
    assert "dropout differs from original (first) by −0.1 with each of 3 seeds" in analysis["paragraph"]
    for path in (links["report"], links["report"].removesuffix(".html")):
        page = http.get(path)
        assert page.headers["Content-Type"].startswith("text/html")
        assert "<h1>a &lt;b&gt;</h1>" in page.text
        assert "Mind &amp; see" in page.text
        assert analysis["headline"] in page.text.replace("&#39;", "'")
        assert analysis["paragraph"] in page.text.replace("&#39;", "'")


def test_what_is_validated_on_other_rows_is_not_compared(http: httpx.Client, trainer: Trainer) -> None:
    first = submit(http, name="first", seeds=[0, 1, 2])
    other = submit(http, name="other", dataset={"name": "synthetic", "seed": 7}, variants=["dropout"], seeds=[0, 1, 2])
    fewer = {"name": "synthetic", "train_samples": 100}
    third = submit(http, name="third", dataset=fewer, variants=["bigger"], seeds=[0, 1, 2])
    trainer.train(12)
    shown = saved(http, jobs=[first["id"], other["id"], third["id"]])
    analysis = http.get(shown["links"]["analysis"]).json()
    assert {each["variant"] for each in analysis["comparisons"]} == {"l2", "bigger"}
    assert {each["variant"] for each in analysis["ranking"]} == {"original", "l2", "bigger"}
    assert "dropout" in {each["variant"] for each in analysis["variants"]}
    (warning,) = (each for each in analysis["warnings"] if each["code"] == "different_data")
    assert warning["detail"] == "Not compared with original, since they were validated on other rows: dropout."


def test_a_comparison_outlives_its_jobs(http: httpx.Client, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    first, second = two
    single = second["runs"][1]
    shown = saved(http, name="both", jobs=[first["id"]], runs=[single["id"]])
    links = shown["links"]
    tag = http.get(links["self"]).headers["ETag"]
    assert http.delete(f"/v1/jobs/{first['id']}").status_code == 204
    left = http.get(links["self"], headers={"If-None-Match": tag})
    assert left.status_code == 200
    assert left.json()["missing"] == [first["id"]]
    assert [run["run_id"] for run in http.get(links["history"]).json()["runs"]] == [single["id"]]
    assert "baseline" in is_problem(http.get(links["analysis"]), 409, "conflict")["detail"]
    is_problem(http.get(links["report"]), 409, "conflict")
    changed = http.patch(links["self"], json={"baseline": single["variant"]}).json()
    assert (changed["baseline"], changed["baseline_job_id"]) == (single["variant"], second["id"])
    assert [each["variant"] for each in http.get(links["analysis"]).json()["variants"]] == [single["variant"]]
    assert http.delete(f"/v1/jobs/{second['id']}").status_code == 204
    assert http.get(links["self"]).json()["missing"] == sorted([first["id"], single["id"]])
    for name in ("history", "metrics", "analysis", "plot", "report"):
        is_problem(http.get(links[name]), 404, "not_found")
    assert http.patch(links["self"], json={"notes": "all gone"}).status_code == 200
    assert http.delete(links["self"]).status_code == 204


def test_changed_and_deleted(http: httpx.Client, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    first, second = two
    shown = saved(http, name="both", jobs=[first["id"], second["id"]])
    url = shown["links"]["self"]
    before = http.get(url).headers["ETag"]
    analysed = http.get(shown["links"]["analysis"]).headers["ETag"]
    changed = http.patch(url, json={"name": "chapter 4", "notes": "n", "baseline": "l2"})
    assert changed.json() == {**shown, "name": "chapter 4", "notes": "n", "baseline": "l2"}
    assert changed.headers["ETag"] != before
    assert http.get(url).headers["ETag"] == changed.headers["ETag"]
    assert http.get(shown["links"]["analysis"], headers={"If-None-Match": analysed}).status_code == 200
    assert http.patch(url, json={}).json() == changed.json()
    assert http.delete(url).status_code == 204
    for answer in (http.get(url), http.delete(url), http.patch(url, json={}), http.get(f"{url}/metrics")):
        is_problem(answer, 404, "not_found")
    assert http.get(f"/v1/jobs/{first['id']}").status_code == 200


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"jobs": []}, ["/jobs"]),
        ({"jobs": [NONE, "x"]}, ["/jobs/0", "/jobs/1"]),
        ({"runs": ["run_" + "0" * 32]}, ["/runs/0"]),
        ({"jobs": "all"}, ["/jobs"]),
        ({"jobs": [NONE] * 101}, ["/jobs"]),
        ({"name": "", "notes": "a\0b", "colour": 1}, ["/name", "/notes", "/colour"]),
        ({"baseline": "bigger"}, ["/baseline"]),
        ({"baseline": f"{NONE}/original"}, ["/baseline"]),
    ],
)
def test_a_comparison_that_will_not_do(http: httpx.Client, changes: dict[str, Any], pointers: list[str]) -> None:
    job = submit(http)
    body = {"jobs": [job["id"]], **changes}
    problem = is_problem(http.post("/v1/comparisons", json=body), 422, "invalid_comparison")
    assert sorted(error["pointer"] for error in problem["errors"]) == sorted(pointers)
    assert http.get("/v1/comparisons").json()["data"] == []


def test_jobs_of_different_tasks(http: httpx.Client) -> None:
    reviews = submit(http)
    table = submit(http, dataset={"name": "synthetic_table", "classes": None})
    body = {"jobs": [reviews["id"], table["id"]]}
    problem = is_problem(http.post("/v1/comparisons", json=body), 422, "invalid_comparison")
    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [("/jobs", "different_tasks")]


def test_keys_see_their_own(http: httpx.Client, make_key: Callable[..., dict[str, str]]) -> None:
    mine, other, reader = make_key(), make_key(), make_key(Scope.READ)
    admin = make_key(Scope.ADMIN)
    job = http.post("/v1/jobs", json={"dataset": {"name": "synthetic"}, "variants": ["original"]}, headers=mine).json()
    body = {"jobs": [job["id"]]}
    shown = http.post("/v1/comparisons", json=body, headers=mine).json()
    url = shown["links"]["self"]
    problem = is_problem(http.post("/v1/comparisons", json=body, headers=other), 422, "invalid_comparison")
    assert problem["errors"][0]["code"] == "unknown_job"
    runs = {"runs": [job["runs"][0]["id"]]}
    is_problem(http.post("/v1/comparisons", json=runs, headers=other), 422, "invalid_comparison")
    is_problem(http.post("/v1/comparisons", json=body, headers=reader), 403, "forbidden")
    is_problem(http.delete(url, headers=reader), 403, "forbidden")
    for path in (url, *(shown["links"][name] for name in ("history", "metrics", "analysis", "plot", "report"))):
        assert http.get(path, headers=mine).status_code == http.get(path, headers=admin).status_code == 200
        is_problem(http.get(path, headers=other), 404, "not_found")
        is_problem(http.get(path), 401, "unauthorized")
    is_problem(http.patch(url, json={"name": "x"}, headers=other), 404, "not_found")
    is_problem(http.delete(url, headers=other), 404, "not_found")
    assert http.get("/v1/comparisons", headers=other).json()["data"] == []
    assert [each["id"] for each in http.get("/v1/comparisons", headers=admin).json()["data"]] == [shown["id"]]
