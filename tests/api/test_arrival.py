"""How requests arrive: cut short, told twice, too large while still coming, or never to the end."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from api import body, serving, uploads
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


def test_a_target_may_be_a_whole_address(http: httpx.Client) -> None:
    asked = "GET http://localhost/v1/presets?limit=1 HTTP/1.1\nHost: localhost\nConnection: close\n\n"
    assert b'"unknown_parameter"' in say(http, asked), "path and query are those of the address"
    for target in ("http://localhost", "HTTP://localhost:80/", "http://localhost/healthz"):
        assert say(http, f"GET {target} HTTP/1.1\nHost: other\nConnection: close\n\n").startswith(b"HTTP/1.1 200")
    for target, host in (("example.org", "localhost"), ("localhost", "example.org"), ("example.org", "example.org")):
        answer = say(http, f"GET http://{target}/v1/jobs HTTP/1.1\nHost: {host}\nConnection: close\n\n")
        assert answer.startswith(b"HTTP/1.1 401"), "each of the two must be a name of this machine"


def in_pieces(http: httpx.Client, head: str) -> tuple[int, httpx.Headers, bytes]:
    """The status, headers and body of the answer to a head that comes as it does over a network, in many packets."""
    with socket.create_connection((str(http.base_url.host), http.base_url.port or 0), timeout=20) as connection:
        sent = head.replace("\n", "\r\n").encode()
        with contextlib.suppress(ConnectionError):  # refused before its end
            for start in range(0, len(sent), 1400):
                connection.sendall(sent[start : start + 1400])
                time.sleep(0.001)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                answer += part
    head_of_it, _, said = answer.partition(b"\r\n\r\n")
    line, *headers = head_of_it.decode().split("\r\n")
    return (
        int(line.split()[1]),
        httpx.Headers([(each.split(": ", 1)[0], each.split(": ", 1)[1]) for each in headers]),
        said,
    )


def test_as_many_ids_as_may_be_named_arrive_in_packets_too(http: httpx.Client) -> None:
    ids = "&".join(f"run=run_{number:032x}" for number in range(1000))
    status, _, said = in_pieces(http, f"GET /v1/metrics?{ids} HTTP/1.1\nHost: localhost\nConnection: close\n\n")
    assert (status, json.loads(said)["code"]) == (404, "not_found")


def test_a_long_head_that_comes_at_once_is_too_long_too(http: httpx.Client) -> None:
    head = f"GET /healthz HTTP/1.1\nHost: localhost\nX-Long: {'a' * 70_000}\nConnection: close\n\n"
    assert say(http, head).startswith(b"HTTP/1.1 431"), "it needs no second packet"


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (f"GET /healthz?{'a' * 200_000} HTTP/1.1\nHost: localhost\n\n", 431, "too_large"),
        (f"GET /healthz HTTP/1.1\nHost: localhost\nX-Long: {'a' * 200_000}\n\n", 431, "too_large"),
        (f"GET /healthz?{'a' * 70_000} HTTP/1.1\nHost: localhost\nConnection: close\n\n", 431, "too_large"),
        ("GET /healthz HTTP/1.1\nHost: localhost\nX-Zero: \0\n\n", 400, "malformed"),
        ("GET /heal thz HTTP/1.1\nHost: localhost\n\n", 400, "malformed"),
        ("GET /healthz HTTP/1.1\n\n", 400, "malformed"),
        ("NO\n\n", 400, "malformed"),
    ],
)
def test_what_is_not_http_is_answered_with_a_problem_too(http: httpx.Client, head: str, status: int, code: str) -> None:
    answered, headers, said = in_pieces(http, head)
    assert answered == status
    assert headers["content-type"] == "application/problem+json"
    problem = json.loads(said)
    assert (problem["status"], problem["code"]) == (status, code)
    assert set(problem) == {"type", "title", "status", "detail", "instance", "code"}
    assert http.get("/healthz").status_code == 200


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
    monkeypatch.setattr(uploads, "BODY_SECONDS", 1)
    monkeypatch.setattr(serving, "HEAD_SECONDS", 1)
    http = serve()
    answer = say(http, "POST /v1/jobs HTTP/1.1\nHost: localhost\nContent-Length: 100\n\n{")
    assert answer.startswith(b"HTTP/1.1 408")
    form = "Content-Type: multipart/form-data; boundary=b\nContent-Length: 100\n\n--b\n"
    answer = say(http, f"POST /v1/datasets HTTP/1.1\nHost: localhost\n{form}")
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
