"""How requests arrive: cut short, told twice, too large while still coming, or never to the end."""

from __future__ import annotations

import contextlib
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from api import body, serving
from models.database import Database
from models.tables import Job
from tests.api.conftest import SMALL
from tests.api.test_contract import is_problem
from tests.servers import wait_for


def say(http: httpx.Client, text: str, more: bytes = b"") -> bytes:
    """The whole of what the service answers on a connection of its own, until it closes it or is silent."""
    with socket.create_connection((str(http.base_url.host), http.base_url.port or 0), timeout=20) as connection:
        connection.sendall(text.replace("\n", "\r\n").encode() + more)
        connection.settimeout(2)
        answer = b""
        with contextlib.suppress(TimeoutError):
            while part := connection.recv(65536):
                answer += part
    return answer


def test_a_length_told_twice_is_refused_and_the_connection_closed(http: httpx.Client) -> None:
    head = "POST /v1/jobs HTTP/1.1\nHost: localhost\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\n"
    answer = say(http, head + "GET /healthz HTTP/1.1\nHost: localhost\n\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answer.lower()


def test_a_body_that_is_too_large_is_not_asked_for(http: httpx.Client) -> None:
    head = "POST /v1/jobs HTTP/1.1\nHost: localhost\nContent-Length: {}\n{}\n"
    for length in 2_000_000, 10**12:
        answer = say(http, head.format(length, "Expect: 100-continue\n"))
        assert answer.startswith(b"HTTP/1.1 413"), answer[:100]
    assert say(http, head.format(10**12, "")).startswith(b"HTTP/1.1 413")
    assert say(http, head.format(10**20, "")).startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("size", [1_000_001, 5_000_000, 20_000_000])
def test_who_sends_a_body_to_its_end_sees_that_it_is_too_large(http: httpx.Client, size: int) -> None:
    for _ in range(3):  # urllib asks for the connection to be closed, and reads nothing before it has sent all
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{http.base_url}/v1/jobs", data=b" " * size, timeout=60)
        assert refused.value.code == 413
        assert b"too_large" in refused.value.read()
        refused.value.close()


def test_who_leaves_amid_a_body_raises_no_alarm(http: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    def alarms() -> list[str]:
        return re.findall(r'ockham_http_request_seconds_count\{[^}]*status="5[^}]*\} (\S+)', http.get("/metrics").text)

    before = alarms()
    with socket.create_connection((str(http.base_url.host), http.base_url.port or 0)) as connection:
        connection.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
        time.sleep(0.5)
    wait_for("the log's line", lambda: "'status': 400" in caplog.text, 30)
    assert "Traceback" not in caplog.text
    assert alarms() == before


def test_a_body_or_a_head_that_does_not_come_is_not_waited_for(
    serve: Callable[..., httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS", 1)
    monkeypatch.setattr(serving, "HEAD_SECONDS", 1)
    http = serve()
    answer = say(http, "POST /v1/jobs HTTP/1.1\nHost: localhost\nContent-Length: 100\n\n{")
    assert answer.startswith(b"HTTP/1.1 408")
    with socket.create_connection((str(http.base_url.host), http.base_url.port or 0), timeout=20) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: local")
        began = time.monotonic()
        assert connection.recv(100) == b""
        assert time.monotonic() - began < 15
    with socket.create_connection((str(http.base_url.host), http.base_url.port or 0), timeout=20) as connection:
        for _ in range(3):
            time.sleep(0.4)
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while b"}" not in answer:
                answer += connection.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200 OK")
        connection.sendall(b"GET /hea")
        assert connection.recv(100) == b""


def test_what_nobody_foresaw_is_a_whole_answer(
    http: httpx.Client, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    job = http.post("/v1/jobs", json=SMALL).json()
    with database.write() as session:
        session.get_one(Job, job["id"]).spec = {"nothing": "of use"}
    url = f"{http.base_url}/v1/jobs/{job['id']}"
    answer = httpx.get(url, headers={"X-Request-ID": "a" * 32}, timeout=60, trust_env=False)
    problem = is_problem(answer, 500, "internal")
    assert "X-Request-ID" in problem["detail"]
    assert answer.headers["X-Request-ID"] == "a" * 32
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    told = [record for record in caplog.records if "unforeseen_error" in str(record.msg)]
    assert len(told) == 1
    assert "a" * 32 in str(told[0].msg)
    assert "Exception in ASGI application" not in caplog.text


def test_errors_of_the_database_say_what_they_are(http: httpx.Client, database: Database) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    from models.database import trouble

    def raised(statement: str) -> Any:
        with pytest.raises(SQLAlchemyError) as failed, database.write() as session:
            session.execute(text(statement))
        return failed.value

    assert trouble(raised("SELECT * FROM not_there")) == "old"
    assert trouble(raised("SELECT not_there FROM jobs")) == "old"
    key = "INSERT INTO events (job_id, id, created_at, type, data) VALUES ('job_none', 1, '2026-01-01', 'x', '{}')"
    assert trouble(raised(key)) is None, "a row that must not be is a fault of ours, not an outage"
