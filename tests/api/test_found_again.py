"""Jobs are found again by tag and metadata, and may be described anew."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import Trainer, submit


def found(http: httpx.Client, **parameters: Any) -> list[str]:
    answer = http.get("/v1/jobs", params=parameters)
    assert answer.status_code == 200, answer.text
    return [job["name"] for job in answer.json()["data"]]


def test_by_tag_and_by_metadata(http: httpx.Client) -> None:
    submit(http, name="a", tags=["paper", "räksmörgås"], metadata={"owner": "team-a", "try": 1, "last": True})
    submit(http, name="b", tags=["paper"], metadata={"owner": "team-b", "try": "1", "of": {"owner": "team-a"}})
    submit(http, name="c", metadata={"tag": "paper", "owner": None, "odd]": "x", "": "nameless"})
    assert found(http, tag="paper") == ["b", "a"]
    assert found(http, tag=["paper", "räksmörgås"]) == ["a"]
    assert found(http, **{"metadata[owner]": "team-a", "tag": "paper"}) == ["a"]
    assert found(http, **{"metadata[owner]": "team-a", "metadata[try]": "2"}) == []
    assert found(http, **{"metadata[try]": "1"}) == ["b", "a"]
    assert found(http, **{"metadata[last]": "true"}) == ["a"]
    assert found(http, **{"metadata[owner]": "null"}) == found(http, **{"metadata[odd]]": "x"}) == ["c"]
    assert found(http, **{"metadata[]": "nameless"}) == ["c"]
    assert found(http, tag="pape") == found(http, tag="pap\0er") == found(http, **{"metadata[of]": "{}"}) == []
    assert found(http, tag="paper", limit=1) == ["b"]


def test_odd_ways_to_ask(http: httpx.Client) -> None:
    for query, code in (
        ("metadata[owner=team-a", "unknown_parameter"),
        ("metadata=owner", "unknown_parameter"),
        ("&".join(f"metadata[m{i}]=x" for i in range(65)), "invalid_parameters"),
        ("&".join("tag=x" for _ in range(21)), "invalid_parameters"),
    ):
        answer = http.get(f"/v1/jobs?{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, code), query


def test_a_job_is_described_anew(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http, name="first", tags=["draft"], metadata={"owner": "team-a"})
    url = job["links"]["self"]
    assert (job["tags"], job["notes"]) == (["draft"], "")
    trainer.train(1)
    before = http.get(url)
    changed = http.patch(url, json={"name": "second", "tags": ["paper", "paper"], "notes": "Two lines\nof notes"})
    assert changed.status_code == 200
    body = changed.json()
    assert (body["name"], body["tags"], body["notes"]) == ("second", ["paper"], "Two lines\nof notes")
    assert body["spec"] == {**job["spec"], "name": "second", "tags": ["paper"], "notes": "Two lines\nof notes"}
    assert changed.headers["ETag"] != before.headers["ETag"]
    assert (found(http, tag="draft"), found(http, tag="paper"), found(http, search="SECOND")) == (
        [],
        ["second"],
        ["second"],
    )
    assert found(http, **{"metadata[owner]": "team-a"}) == ["second"]
    told = [each for each in http.get(f"{url}/events").json()["data"] if each["type"] == "job.changed"]
    assert [each["data"] for each in told] == [{"name": "second", "tags": ["paper"], "notes": "Two lines\nof notes"}]
    for nothing in ({"name": "second"}, {"tags": None}, {}):
        assert http.patch(url, json=nothing).headers["ETag"] == changed.headers["ETag"]
    cleared = http.patch(url, json={"tags": [], "notes": ""}).json()
    assert cleared["spec"] == {**{name: job["spec"][name] for name in job["spec"] if name != "tags"}, "name": "second"}
    assert (cleared["tags"], cleared["notes"]) == ([], "")
    again = http.post("/v1/jobs", json=cleared["spec"])
    assert (again.status_code, again.json()["spec"]) == (202, cleared["spec"])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ({"status": "succeeded"}, "/status"),
        ({"name": ""}, "/name"),
        ({"name": "a\u202eb"}, "/name"),
        ({"tags": ["a", ""]}, "/tags/1"),
        ({"tags": "paper"}, "/tags"),
        ({"tags": ["x"] * 21}, "/tags"),
        ({"notes": "a\x00b"}, "/notes"),
        ({"notes": "x" * 10_001}, "/notes"),
    ],
)
def test_a_description_that_will_not_do(http: httpx.Client, body: Any, pointer: str) -> None:
    job = submit(http)
    answer = http.patch(job["links"]["self"], json=body)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert http.get(job["links"]["self"]).json()["spec"] == job["spec"]


def test_nobody_elses_job(http: httpx.Client) -> None:
    assert http.patch("/v1/jobs/job_" + "0" * 32, json={"name": "mine"}).status_code == 404
