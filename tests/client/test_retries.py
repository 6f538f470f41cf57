"""What the client does about failures, against a server that fails as it is told to."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from ockham_client import AsyncClient, Client, Job, JobTimeout, OckhamAPIError, OckhamConnectionError, events, retries
from tests.client.proxies import Answer, Seen, Server, telling

ID = "job_" + 32 * "1"
JOB: dict[str, object] = {
    "id": ID,
    "name": "a",
    "status": "queued",
    "spec": {},
    "progress": {},
    "runs": [],
    "error": None,
}
FINE = Answer(200, json.dumps(JOB).encode(), {"Content-Type": "application/json"})
HANGS_UP = Answer(0)


def refused(status: int, **headers: str) -> Answer:
    problem = {"type": "about:blank", "title": "No", "status": status, "code": "no", "detail": "Not now"}
    return Answer(status, json.dumps(problem).encode(), {"Content-Type": "application/problem+json", **headers})


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(events, "POLL_SECONDS", 0.01)


def test_a_submit_is_repeated_under_one_idempotency_key() -> None:
    with telling([HANGS_UP, refused(503), refused(429), refused(502), FINE]) as server, Client(server.url) as client:
        assert client.submit("notebook").id == ID
        keys = {request.headers["idempotency-key"] for request in server.requests}
        assert len(server.requests) == 5
        assert len(keys) == 1
        assert {request.body for request in server.requests} == {b'{"preset":"notebook"}'}
        client.submit("notebook")
        assert server.requests[-1].headers["idempotency-key"] not in keys


def test_a_key_of_one_s_own_is_sent() -> None:
    with telling([FINE]) as server, Client(server.url) as client:
        client.submit("notebook", idempotency_key="nightly-7")
        assert server.requests[0].headers["idempotency-key"] == "nightly-7"


@pytest.mark.parametrize("act", [Client.cancel, Client.retry, Client.delete])
def test_what_may_have_been_done_is_not_done_again(act: Callable[[Client, str], object]) -> None:
    with telling([HANGS_UP, FINE]) as server, Client(server.url) as client:
        with pytest.raises(OckhamConnectionError):
            act(client, ID)
        assert len(server.requests) == 1
    with telling([refused(502), FINE]) as server, Client(server.url) as client:
        with pytest.raises(OckhamAPIError):
            act(client, ID)
        assert len(server.requests) == 1


@pytest.mark.parametrize("act", [Client.cancel, Client.retry, Client.delete])
def test_what_was_turned_away_is_done_again(act: Callable[[Client, str], object]) -> None:
    with telling([refused(429), refused(503), FINE]) as server, Client(server.url) as client:
        act(client, ID)
        assert len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500])
def test_a_refusal_is_final(status: int) -> None:
    with telling([refused(status)]) as server, Client(server.url) as client:
        with pytest.raises(OckhamAPIError, match="No: Not now") as caught:
            client.job(ID)
        error = caught.value
        assert (error.status, error.code, error.title, error.detail) == (status, "no", "No", "Not now")
        assert len(server.requests) == 1


def test_a_page_that_is_no_problem_document() -> None:
    page = Answer(404, b"<h1>Not here</h1>", {"Content-Type": "text/html"})
    with telling([page]) as server, Client(server.url) as client:
        with pytest.raises(OckhamAPIError, match="The service answered 404") as caught:
            client.job(ID)
        assert caught.value.code == "unknown"


def test_the_last_failure_is_told_when_attempts_are_used_up() -> None:
    with telling([refused(503)]) as server, Client(server.url, attempts=3) as client:
        with pytest.raises(OckhamAPIError) as caught:
            client.job(ID)
        assert caught.value.status == 503
        assert len(server.requests) == 3


def test_a_service_that_cannot_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with Client(url, attempts=2) as client, pytest.raises(OckhamConnectionError, match="refused"):
        client.job(ID)


def test_the_key_travels_as_a_bearer_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with telling([FINE]) as server:
        monkeypatch.setenv("OCKHAM_URL", server.url)
        monkeypatch.setenv("OCKHAM_API_KEY", "ock_word")
        with Client() as client:
            client.job(ID)
        with Client(api_key="ock_other") as client:
            client.job(ID)
        tokens = [request.headers["authorization"] for request in server.requests]
        assert tokens == ["Bearer ock_word", "Bearer ock_other"]


def test_an_id_cannot_leave_its_place_in_the_path() -> None:
    with telling([FINE]) as server, Client(server.url) as client:
        client.dataset("../presets?a=b#c")
        assert server.requests[0].path == "/v1/datasets/..%2Fpresets%3Fa%3Db%23c"


Wait = Callable[..., Job]


def wait(url: str, timeout: float | None = None) -> Job:
    with Client(url, attempts=1) as client:
        return client.wait(ID, timeout)


def wait_asynchronously(url: str, timeout: float | None = None) -> Job:
    async def use() -> Job:
        async with AsyncClient(url, attempts=1) as client:
            return await client.wait(ID, timeout)

    return asyncio.run(use())


both = pytest.mark.parametrize("wait", [wait, wait_asynchronously])


@both
@pytest.mark.parametrize("outage", [HANGS_UP, refused(503), refused(502), refused(429)])
def test_waiting_outlasts_an_outage_however_few_attempts_there_are(wait: Wait, outage: Answer) -> None:
    ended = {"id": 1, "type": "job.succeeded", "created_at": "2026-01-01T00:00:00Z", "run_id": None, "data": {}}
    listed = {"object": "list", "data": [ended], "has_more": False}

    def answer(request: Seen) -> Answer:
        if len(server.requests) % 4:  # away three times of four, from the first request to the last
            return outage
        said = listed if "/events" in request.path else {**JOB, "status": "succeeded"}
        return Answer(200, json.dumps(said).encode(), {"Content-Type": "application/json"})

    with Server(answer) as server:
        assert wait(server.url).succeeded
        assert wait(server.url, 60).succeeded


@both
def test_waiting_for_a_service_that_stays_away_ends_in_time(wait: Wait) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    began = time.monotonic()
    with pytest.raises(JobTimeout, match="The service could not be reached"):
        wait(url, 0.5)
    assert 0.5 <= time.monotonic() - began < 5


@both
def test_waiting_for_a_service_that_says_nothing_ends_in_time(wait: Wait) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(JobTimeout):
            wait(f"http://127.0.0.1:{silent.getsockname()[1]}", 1.0)
    assert time.monotonic() - began < 10


@both
@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_waiting_for_what_is_refused_ends_at_once(wait: Wait, status: int) -> None:
    with telling([HANGS_UP, HANGS_UP, refused(status)]) as server, pytest.raises(OckhamAPIError) as caught:
        wait(server.url)
    assert caught.value.status == status


def after(value: str) -> float | None:
    return retries.retry_after(httpx.Response(503, headers={"Retry-After": value}))


def test_retry_after_is_a_number_or_a_date() -> None:
    assert after("7") == 7
    assert after("0") == 0
    later = after(format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True))
    assert later == retries.LONGEST_RETRY_AFTER
    later = after(format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True))
    assert later is not None
    assert 20 < later <= 30
    assert after(format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)) == 0
    assert after("86400") == retries.LONGEST_RETRY_AFTER
    for value in ("soon", "nan", "inf", "1e999", "Mon, 99 Foo 99999 99:99:99 GMT"):
        assert after(value) is None
    assert retries.retry_after(httpx.Response(503)) is None


def test_retry_after_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    with telling([refused(429, **{"Retry-After": "7"}), FINE]) as server, Client(server.url) as client:
        client.job(ID)
    assert 7 in pauses


def test_pauses_double_and_end_growing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.5)
    for attempt in range(1, 20):
        longest = min(30, 0.5 * 2 ** (attempt - 1))
        assert all(longest / 2 <= retries.backoff(attempt) <= longest for _ in range(20))


PAGE = Answer(200, b"<html>Sign in to this network</html>", {"Content-Type": "text/html"})
GARBLED = Answer(200, b"this is no gzip", {"Content-Type": "application/json", "Content-Encoding": "gzip"})


@pytest.mark.parametrize("answer", [PAGE, Answer(200, b"[1]"), Answer(200, b"\xff")])
def test_an_answer_that_is_no_object_is_an_error_of_this_package(answer: Answer) -> None:
    with telling([answer]) as server, Client(server.url) as client:
        calls: tuple[Callable[[], object], ...] = (
            lambda: client.job(ID),
            lambda: client.submit("notebook"),
            lambda: client.history(ID, "json"),
            lambda: list(client.jobs()),
            lambda: client.wait(ID),
        )
        for call in calls:
            with pytest.raises(OckhamAPIError) as caught:
                call()
            assert (caught.value.code, caught.value.status) == ("not_json", 200)


def test_an_answer_that_cannot_be_decoded_is_as_good_as_none() -> None:
    with telling([GARBLED, FINE]) as server, Client(server.url) as client:
        assert client.job(ID).id == ID
    with telling([GARBLED, FINE]) as server, Client(server.url) as client, pytest.raises(OckhamConnectionError):
        client.cancel(ID)  # it may have been done


def test_waiting_without_a_listener_reads_no_old_events() -> None:
    told = {"id": 8, "type": "job.succeeded", "created_at": "2026-01-01T00:00:00Z", "run_id": None, "data": {}}

    def answer(request: Seen) -> Answer:
        if request.path.endswith("/events"):
            frame = f"id: 8\nevent: job.succeeded\ndata: {json.dumps(told)}\n\n"
            return Answer(200, frame.encode(), {"Content-Type": "text/event-stream"})
        followed = any(each.path.endswith("/events") for each in server.requests)
        job = {**JOB, "last_event": 8 if followed else 7, "status": "succeeded" if followed else "running"}
        return Answer(200, json.dumps(job).encode(), {"Content-Type": "application/json"})

    with Server(answer) as server, Client(server.url) as client:
        assert client.wait(ID).succeeded
        (stream,) = (each for each in server.requests if each.path.endswith("/events"))
        assert stream.headers["last-event-id"] == "7"
        assert client.wait(ID).succeeded
        assert len(server.requests) == 4  # one that has finished is read once
