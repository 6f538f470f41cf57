"""A run that is trained whole again, since its worker is another: nobody keeps believing in the removed epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from models import claims
from models.claims import Claim
from tests.api.conftest import Trainer, submit


def begin(trainer: Trainer, held: Claim, fingerprint: Mapping[str, Any]) -> None:
    with trainer.database.write() as session:
        claims.begin(session, held, fingerprint)


def test_removed_epochs_are_told_and_what_was_kept_is_stale(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http, variants=["original"])
    run = job["runs"][0]
    held = trainer.claim()
    begin(trainer, held, {"keras": "one"})
    for epoch in (1, 2):
        trainer.record(held, epoch)
    with trainer.database.write() as session:
        claims.release(session, held)
    held = trainer.claim()
    paths = [job["links"][name] for name in ("self", "history", "metrics", "analysis")]
    kept = {path: http.get(path).headers["ETag"] for path in paths}
    for _ in range(2):  # a repeated one, its first commit's answer lost, changes nothing
        begin(trainer, held, {"keras": "another"})
    for path, etag in kept.items():
        assert http.get(path, headers={"If-None-Match": etag}).status_code == 200, path
    assert http.get(job["links"]["self"]).json()["runs"][0]["epoch"] == 0
    assert http.get(job["links"]["history"]).json()["runs"][0]["epochs"] == []
    trainer.record(held, 1)
    events = http.get(job["links"]["events"]).json()["data"]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert [(event["type"], event["data"].get("epoch")) for event in events if event["run_id"] == run["id"]] == [
        ("run.started", None), ("run.epoch", 1), ("run.epoch", 2), ("run.requeued", None),
        ("run.started", None), ("run.restarted", None), ("run.epoch", 1),
    ]  # fmt: skip
    (restarted,) = [event for event in events if event["type"] == "run.restarted"]
    assert restarted["data"] == {"removed": 2, "reason": "fingerprint"}


def test_a_run_was_created_once(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http, variants=["original"])
    (run,) = job["runs"]
    assert run["created_at"] == run["queued_at"] == job["created_at"]
    held = trainer.claim()
    with trainer.database.write() as session:
        claims.release(session, held)
    (again,) = http.get(job["links"]["self"]).json()["runs"]
    assert again["created_at"] == run["created_at"] <= again["started_at"] <= again["queued_at"]
    trainer.fail(trainer.claim())
    (retried,) = http.post(f"{job['links']['self']}/retry").raise_for_status().json()["runs"]
    assert retried["created_at"] == run["created_at"] < again["queued_at"] < retried["queued_at"]
