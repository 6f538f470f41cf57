"""The broker is killed, emptied, frozen, or not there: nothing is lost with a message."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from contextlib import suppress
from typing import Any

import httpx
import pytest
import redis

from tests.servers import wait_for
from tests.stage import LONG, SHORT, Stage
from worker.queue import make_celery, wake

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

MANY = {**SHORT, "seeds": [0, 1, 2, 3]}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ANSWER_SECONDS = 10
"""What a client waits for an answer. A submit that waited for the broker would take the broker's time."""


def test_away_when_everything_starts(stage: Stage) -> None:
    """It is the first of this stage's tests: the others go on with what it starts."""
    assert stage.processes == []
    stage.broker.kill()
    stage.begin(1)
    job = stage.submit(**SHORT)
    (worker,) = stage.workers
    ready = stage.http.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["broker"] != "ok"
    stage.restart_broker()
    stage.intact(job["id"])
    assert worker.popen.poll() is None


@pytest.mark.parametrize("keep_data", [True, False])
def test_killed_and_started_again(stage: Stage, undisturbed: Any, keep_data: bool) -> None:
    stage.whole(1)
    running = stage.submit(**LONG)
    waiting = stage.submit(**MANY)
    stage.reaches(running["id"], 3)
    stage.broker.kill()
    stage.reaches(running["id"], 6)  # training goes on without it
    submitted = stage.submit(**SHORT)  # and the answer is still 202
    stage.restart_broker(keep_data)
    for job in (running, waiting, submitted):
        stage.intact(job["id"])
    assert stage.history(running["id"]) == undisturbed
    assert stage.job(running["id"])["runs"][0]["attempt"] == 1


def test_api_killed_between_commit_and_message(stage: Stage) -> None:
    """With the broker frozen no message can have left when the API dies: the row alone brings the job back."""
    stage.whole(1)
    stage.broker.send(signal.SIGSTOP)
    try:
        job = stage.submit(**SHORT)
        stage.kill_api()
    finally:
        stage.broker.send(signal.SIGCONT)
    with redis.Redis.from_url(stage.broker.url) as client:
        client.flushall()
    assert [row.status for row in stage.sql("SELECT status FROM jobs WHERE id = :j", j=job["id"])] == ["queued"]
    stage.restart_api()
    stage.intact(job["id"])


@on_sqlite
def test_frozen_submits_keep_their_deadline_and_nothing_is_lost(stage: Stage) -> None:
    """A minute: longer than every timeout of broker, worker and API. Once is enough: the database has no part in it."""
    stage.whole(1)
    stage.broker.send(signal.SIGSTOP)
    try:
        jobs = []
        deadline = time.monotonic() + 60
        with stage.http.__class__(base_url=stage.http.base_url, timeout=ANSWER_SECONDS) as client:
            while time.monotonic() < deadline:
                answer = client.post("/v1/jobs", json=SHORT)
                assert answer.status_code == 202
                jobs.append(answer.json()["id"])
                assert client.get(f"/v1/jobs/{jobs[0]}").status_code == 200
                time.sleep(4)
    finally:
        stage.broker.send(signal.SIGCONT)
    for job_id in jobs:
        stage.intact(job_id)


def test_connections_cut_again_and_again(stage: Stage, undisturbed: Any) -> None:
    stage.whole(2)
    jobs = [stage.submit(**LONG), stage.submit(**MANY)]
    with redis.Redis.from_url(stage.broker.url) as client:

        def over() -> bool:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            time.sleep(0.5)
            return all(stage.job(job["id"])["finished_at"] for job in jobs)

        wait_for("both jobs' end", over, 180)
    for job in jobs:
        assert {run["attempt"] for run in stage.intact(job["id"])["runs"]} == {1}
    assert stage.history(jobs[0]["id"]) == undisturbed
    stage.intact(stage.submit(**SHORT)["id"])


REFUSALS = {
    "a replica": (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    "full": (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
}


@pytest.mark.parametrize("why", REFUSALS)
def test_a_broker_that_takes_no_writes_is_told_and_survived(stage: Stage, why: str) -> None:
    refuse, accept = REFUSALS[why]
    workers = stage.whole(2)
    running = stage.submit(**LONG)
    stage.reaches(running["id"], 3)
    with redis.Redis.from_url(stage.broker.url) as client:
        client.execute_command(*refuse)
        try:
            ready = stage.http.get("/readyz")
            assert ready.status_code == 503
            assert ready.json()["broker"].startswith("takes no writes")
            assert 'ockham_up{part="broker"} 0.0' in stage.http.get("/metrics").text
            waiting = stage.submit(**MANY)
            time.sleep(10)
        finally:
            client.execute_command(*accept)
    for job in (running, waiting):
        assert {run["attempt"] for run in stage.intact(job["id"])["runs"]} == {1}
    wait_for("readiness", lambda: stage.http.get("/readyz").status_code == 200, 20)
    assert all(worker.popen.poll() is None for worker in workers)


def test_a_broker_that_forgets_costs_no_throughput(make_stage: Any, own_url: str | None) -> None:
    """Without a sweep, and without a message left: who trains goes on, and wakes the others."""
    stage: Stage = make_stage(own_url, OCKHAM_SWEEP_SECONDS="3600")
    workers = stage.whole(2)
    job = stage.submit(**{**SHORT, "training": {"epochs": 20, "batch_size": 16}, "seeds": list(range(30))})
    stage.reaches(job["id"], 1)
    with redis.Redis.from_url(stage.broker.url) as client:
        for _ in range(10):
            client.flushall()
            time.sleep(0.1)
    stage.intact(job["id"])
    for worker in workers:
        assert worker.log.read_text().count("run_started") >= 5


def test_killed_between_a_message_and_its_acknowledgement(make_stage: Any) -> None:
    """The worker hears again: Celery counts the message as taken for good, and would wait for no other."""
    stage: Stage = make_stage()
    (worker,) = stage.whole(1)
    (child,) = worker.children()
    os.kill(child, signal.SIGSTOP)
    try:
        with redis.Redis.from_url(stage.broker.url) as client:
            wake(make_celery(stage.settings.model_copy(update={"redis_url": stage.broker.url})))
            wait_for("the message to be taken", lambda: client.hlen("unacked") == 1)
        stage.broker.kill()
    finally:
        os.kill(child, signal.SIGCONT)  # it accepts the message now, which is when it is acknowledged
    wait_for("a message that cannot be acknowledged", lambda: "Couldn't ack" in stage.logs())
    stage.restart_broker()
    stage.intact(stage.submit(**SHORT)["id"])
    assert worker.popen.poll() is None


@on_sqlite
def test_an_api_that_is_told_to_end_waits_for_neither_broker_nor_database(stage: Stage) -> None:
    """`ockham serve` gives it 15 seconds, and kills it then: nothing waits one after the other for what hangs."""
    stage.whole(0)
    held = sqlite3.connect(stage.settings.data_dir / "ockham.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    stage.broker.send(signal.SIGSTOP)

    def post() -> None:
        with suppress(httpx.HTTPError):
            httpx.post(f"{stage.http.base_url}/v1/jobs", json=SHORT, timeout=60)

    try:
        for _ in range(8):
            threading.Thread(target=post, daemon=True).start()
        time.sleep(3)  # every thread of the API has begun to wait
        began = time.monotonic()
        stage.api_process.send(signal.SIGTERM)
        assert stage.api_process.wait(60) in (0, -signal.SIGTERM)
        took = time.monotonic() - began
    finally:
        stage.broker.send(signal.SIGCONT)
        held.rollback()
        held.close()
    assert took < 14
