"""Clients whose requests are repeated, or whose streams break off."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.servers import wait_for
from tests.stage import LONG, SHORT, Stage

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def test_the_same_idempotency_key_fifty_times_at_once_makes_one_job(stage: Stage) -> None:
    stage.whole(0)

    def submit(_: int) -> httpx.Response:
        headers = {"Idempotency-Key": "fifty at once"}
        with httpx.Client(base_url=stage.http.base_url, timeout=60) as client:
            while True:
                answer = client.post("/v1/jobs", json={**SHORT, "name": "once"}, headers=headers)
                if answer.status_code != 409:  # the first one is still being answered
                    return answer

    with ThreadPoolExecutor(50) as clients:
        answers = list(clients.map(submit, range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert stage.sql("SELECT count(*) AS n FROM jobs WHERE name = 'once'")[0].n == 1


def test_a_stream_that_breaks_off_with_the_api_is_resumed_without_a_gap(stage: Stage) -> None:
    stage.whole(1)
    job = stage.submit(**LONG)
    seen: list[dict[str, Any]] = []
    breaks = 0
    kills = threading.Event()

    def kill() -> None:
        for epoch in (10, 40):
            stage.reaches(job["id"], epoch)
            stage.kill_api()
            stage.restart_api()
        kills.set()

    killer = threading.Thread(target=kill)
    killer.start()

    def read() -> bool:
        nonlocal breaks
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(seen[-1]["id"] if seen else 0)}
        try:
            with stage.http.stream("GET", f"/v1/jobs/{job['id']}/events", headers=headers) as answer:
                seen.extend(json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: "))
        except httpx.TransportError:
            breaks += 1
        return bool(seen) and seen[-1]["type"] == "job.succeeded"

    wait_for("the job's last event", read, 180)
    killer.join()
    assert kills.is_set()
    assert breaks >= 2
    assert [event["id"] for event in seen] == list(range(1, len(seen) + 1))
    stage.intact(job["id"])
    assert seen == stage.all_events(job["id"])
