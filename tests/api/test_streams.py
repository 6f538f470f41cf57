"""Many open event streams: what they cost a process, and how they end with it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import psutil
import pytest
from sqlalchemy import update

from models import keys
from models.database import Database, now
from models.scopes import Scope
from models.settings import Settings
from models.tables import Event, Job
from tests.api.conftest import SMALL, Trainer, submit
from tests.api.test_contract import is_problem
from tests.servers import Process, Service, wait_for

STREAMS = 100


@pytest.mark.slow
@pytest.mark.once
def test_streams_share_threads_and_end_when_the_service_does(
    make_service: Callable[..., Service], settings: Settings
) -> None:
    service = make_service()
    service.migrate()
    api = service.api()
    job = service.submit(**SMALL)
    url = f"{service.http.base_url}/v1/jobs/{job['id']}/events"
    limits = httpx.Limits(max_connections=None)
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(timeout=120, limits=limits))
        streams = [
            stack.enter_context(client.stream("GET", url, headers={"Accept": "text/event-stream"})).iter_lines()
            for _ in range(STREAMS)
        ]
        for lines in streams:
            assert "event: job.queued" in lines
        database = Database(settings)
        Trainer(database).record(Trainer(database).claim(), 1)
        database.dispose()
        for lines in streams:
            assert "event: run.epoch" in lines
        assert psutil.Process(api.pid).num_threads() < STREAMS
        api.send(signal.SIGTERM)
        for lines in streams:
            assert all(not line.startswith("event:") for line in lines)  # the end, and nothing in between
    assert api.wait() in (0, -signal.SIGTERM)


STREAM = {"Accept": "text/event-stream"}


@pytest.mark.once
def test_a_stream_ends_with_its_key(
    http: httpx.Client, database: Database, make_key: Callable[..., dict[str, str]]
) -> None:
    mine, other = make_key(), make_key(Scope.ADMIN)
    job = http.post("/v1/jobs", json=SMALL, headers=mine).json()
    url = f"/v1/jobs/{job['id']}/events"
    with (
        http.stream("GET", url, headers={**STREAM, **mine}) as ending,
        http.stream("GET", url, headers={**STREAM, **other}) as going_on,
    ):
        lines, others = ending.iter_lines(), going_on.iter_lines()
        assert "event: job.queued" in lines
        assert "event: job.queued" in others
        with database.write() as session:
            keys.revoke(session, keys.listed(session)[0].id)
        assert not [line for line in lines if line.startswith("event:")], "and it ended"
        Trainer(database).record(Trainer(database).claim(), 1)
        assert "event: run.epoch" in others


@pytest.mark.once
@pytest.mark.parametrize("known", [True, False])
def test_a_poll_ends_with_its_key(
    http: httpx.Client, database: Database, make_key: Callable[..., dict[str, str]], known: bool
) -> None:
    key, other = make_key(), make_key(Scope.ADMIN)
    job = http.post("/v1/jobs", json=SMALL, headers=key).json()
    url = f"/v1/jobs/{job['id']}"
    headers = {**key, "Prefer": "wait=50"}
    if known:
        headers["If-None-Match"] = http.get(url, headers=key).headers["ETag"]
    with ThreadPoolExecutor(1) as clients:
        poll = clients.submit(http.get, url, headers=headers)
        time.sleep(1)
        assert not poll.done()
        with database.write() as session:
            keys.revoke(session, keys.listed(session)[0].id)
        answer = is_problem(poll.result(), 401, "unauthorized")
    assert "revoked" in answer["detail"]
    assert poll.result().elapsed.total_seconds() < 20
    assert http.get(url, headers={**other, "Prefer": "wait=1"}).status_code == 200


def test_what_was_asked_without_a_key_ends_with_the_first_key(
    http: httpx.Client, make_key: Callable[..., dict[str, str]]
) -> None:
    url = f"/v1/jobs/{submit(http)['id']}"
    with http.stream("GET", f"{url}/events", headers=STREAM) as stream, ThreadPoolExecutor(1) as clients:
        lines = stream.iter_lines()
        assert "event: job.queued" in lines
        poll = clients.submit(http.get, url, headers={"Prefer": "wait=50"})
        time.sleep(1)
        assert not poll.done()
        make_key()
        assert not [line for line in lines if line.startswith("event:")], "and it ended"
        is_problem(poll.result(), 401, "unauthorized")
    assert poll.result().elapsed.total_seconds() < 20


def test_what_is_resumed_at_the_end_of_a_finished_job_is_over(http: httpx.Client, trainer: Trainer) -> None:
    job = http.post("/v1/jobs", json=SMALL).json()
    trainer.train(2)
    url = f"/v1/jobs/{job['id']}/events"
    last = http.get(url, params={"limit": 1000}).json()["data"][-1]["id"]
    for after in last, last + 1, 99_999:
        assert http.get(url, params={"after": after}, headers=STREAM).status_code == 204
    assert http.get(url, headers={**STREAM, "Last-Event-ID": str(last)}).status_code == 204
    assert http.get(url, params={"after": last - 1}, headers=STREAM).status_code == 200


def test_who_has_seen_more_than_there_is_starts_over(http: httpx.Client, trainer: Trainer) -> None:
    """As after a restore of the database: the numbers come again, with other events."""
    job = http.post("/v1/jobs", json=SMALL).json()
    trainer.train(2)
    url = f"/v1/jobs/{job['id']}/events"
    whole = http.get(url, headers=STREAM).text
    assert http.get(url, headers={**STREAM, "Last-Event-ID": "1000"}).text == whole


def test_whatever_fails_streams_go_on(
    http: httpx.Client, database: Database, monkeypatch: pytest.MonkeyPatch, trainer: Trainer
) -> None:
    job = http.post("/v1/jobs", json=SMALL).json()
    failed = []

    def fail(*_: object) -> None:
        failed.append(True)
        raise MemoryError

    with http.stream("GET", f"/v1/jobs/{job['id']}/events", headers=STREAM) as stream:
        lines = stream.iter_lines()
        assert "event: job.queued" in lines
        with monkeypatch.context() as patched:
            patched.setattr("api.watch.read_versions", fail)
            wait_for("a failure", lambda: failed)
        trainer.record(trainer.claim(), 1)
        assert "event: run.epoch" in lines


@pytest.mark.slow
@pytest.mark.once
def test_streams_end_with_the_application_under_another_server(make_service: Callable[..., Service]) -> None:
    service = make_service()
    service.migrate()
    words = ["-m", "uvicorn", "--factory", "api.app:create_app", "--port", str(service.port), "--no-proxy-headers"]
    server = Process([sys.executable, "-P", *words], service.directory / "uvicorn.log", service.env)
    service.processes.append(server)
    wait_for("the API", lambda: service._alive(server))
    job = service.submit(**SMALL)
    with service.http.stream("GET", f"/v1/jobs/{job['id']}/events", headers=STREAM) as stream:
        assert "event: job.queued" in stream.iter_lines()
        server.send(signal.SIGTERM)
        assert server.wait(30) in (0, -signal.SIGTERM)


def test_every_event_is_counted_once_and_finished_jobs_are_forgotten(
    serve: Callable[..., httpx.Client], database: Database, trainer: Trainer
) -> None:
    http = serve()

    def counted(kind: str) -> float:
        wanted = f'ockham_events_total{{reason="",type="{kind}"'
        lines = [line for line in http.get("/metrics").text.splitlines() if line.startswith(wanted)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    assert counted("run.epoch") == 0
    job = http.post("/v1/jobs", json=SMALL).json()
    assert counted("job.queued") == 1
    trainer.train(1)
    assert counted("run.epoch") == 3
    trainer.train(1)
    assert counted("run.epoch") == counted("run.epoch") == 6
    with database.write() as session:  # long ago, as far as the database knows
        session.get_one(Job, job["id"]).finished_at = session.query(now(-1000)).scalar()
        session.execute(update(Event).values(created_at=now(-1000)))
    assert counted("run.epoch") == 6
    more = http.post(f"/v1/jobs/{job['id']}/seeds", json={"seeds": [7]})
    assert more.status_code == 202
    trainer.train(2)
    assert counted("job.queued") == 2
    assert counted("job.succeeded") == 2
