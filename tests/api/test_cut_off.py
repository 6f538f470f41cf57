"""An answer that has begun and cannot be completed is cut off so that every client, old or new, can tell."""

from __future__ import annotations

import http.client
import json
import socket
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import insert, select, text, true, update

from models.database import Database
from models.deletion import remove_deleted
from models.errors import NotFound
from models.kinds.metrics import recorded
from models.kinds.tasks.binary import Binary
from models.scopes import Scope
from models.settings import Settings
from models.tables import Epoch, Job, Run
from reporting.formats import FORMATS
from reporting.reading import read_parts, read_runs
from tests.api.conftest import Trainer, submit
from tests.nginx import Nginx
from tests.servers import wait_for

RUNS, EPOCHS = 100, 1000
"""So many that an answer's beginning is sent long before its end is read."""


@pytest.fixture
def job(http: httpx.Client, database: Database) -> str:
    """The id of a job with a long history."""
    made = submit(http, variants=["original"], seeds=list(range(RUNS)), training={"epochs": EPOCHS})
    first, *others = [run["id"] for run in made["runs"]]
    values = dict.fromkeys(recorded(Binary()), 0.1234567890123)
    columns = ("epoch", "seconds", "recorded_at", "metrics")
    with database.write() as session:
        when = session.get_one(Job, made["id"]).created_at
        session.execute(update(Run).values(epoch=EPOCHS))
        rows = [
            {"run_id": first, "epoch": epoch, "seconds": 0.1, "recorded_at": when, "metrics": values}
            for epoch in range(1, EPOCHS + 1)
        ]
        session.execute(insert(Epoch), rows)
        same = select(Run.id, *(getattr(Epoch, name) for name in columns)).where(Run.id.in_(others))
        session.execute(insert(Epoch).from_select(["run_id", *columns], same.join_from(Run, Epoch, true())))
    return str(made["id"])


@contextmanager
def database_away(settings: Settings, database: Database) -> Iterator[None]:
    """PostgreSQL ends every connection and takes no new one; SQLite has lost a table."""
    if settings.database_url is None:
        with database.write() as session:
            session.execute(text("ALTER TABLE epochs RENAME TO lost"))
        try:
            yield
        finally:
            with database.write() as session:
                session.execute(text("ALTER TABLE lost RENAME TO epochs"))
        return
    name = settings.database_url.rpartition("/")[2]
    with psycopg.connect(settings.database_url.replace(name, "postgres"), autocommit=True) as server:
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def connect(url: httpx.URL) -> socket.socket:
    """A client that reads slowly: what it has not read yet, the service has not sent."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(60)
    client.connect((str(url.host), url.port or 0))
    return client


def ask(url: httpx.URL, path: str, away: Callable[[], Any], headers: dict[str, str] | None = None) -> bytes:
    """What http.client has read of the answer, over HTTP/1.1; the database goes away once it has begun."""
    connection = http.client.HTTPConnection(str(url.host), url.port or 0)
    connection.sock = connect(url)
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    assert answer.status == 200
    read = [answer.read(1000)]
    with away(), pytest.raises((http.client.IncompleteRead, ConnectionResetError)) as cut:
        read.extend(iter(lambda: answer.read(65536), b""))
    connection.close()
    return b"".join(read) + getattr(cut.value, "partial", b"")


def is_whole(format: str, body: bytes) -> bool:
    """Whether a program would take `body` for a whole file, if it could not tell by the connection."""
    if format == "json":
        try:
            return bool(json.loads(body))
        except ValueError:
            return False
    if format == "tensorboard":
        return zipfile.is_zipfile(BytesIO(body))
    return format == "parquet" and body.endswith(b"PAR1") and len(body) > 4


@pytest.mark.parametrize("format", FORMATS)
def test_a_history_whose_database_goes_away_is_seen_to_be_incomplete(
    shared: tuple[Settings, httpx.Client], http: httpx.Client, database: Database, job: str, format: str
) -> None:
    path = f"/v1/jobs/{job}/history"
    read = ask(http.base_url, f"{path}?format={format}", lambda: database_away(shared[0], database))
    assert not is_whole(format, read)
    # The service itself goes on.
    wait_for("an answer", lambda: http.get(f"/v1/jobs/{job}").status_code == 200)
    assert len(http.get(path).json()["runs"]) == RUNS


def test_over_http_1_0_it_is_a_connection_that_was_reset(
    shared: tuple[Settings, httpx.Client], http: httpx.Client, database: Database, job: str
) -> None:
    """There a body ends when the connection does, so that the ordinary end would look like the file's."""
    with connect(http.base_url) as client:
        request = f"GET /v1/jobs/{job}/history?format=csv HTTP/1.0\r\nHost: localhost\r\n\r\n"
        client.sendall(request.encode())
        assert client.recv(12) == b"HTTP/1.1 200"
        with database_away(shared[0], database), pytest.raises(ConnectionResetError):
            list(iter(lambda: client.recv(65536), b""))


def test_through_nginx_as_it_is_delivered_it_is_incomplete_too(
    shared: tuple[Settings, httpx.Client],
    http: httpx.Client,
    database: Database,
    job: str,
    make_key: Callable[..., dict[str, str]],
    tmp_path: Path,
) -> None:
    """It asks the service in HTTP/1.0 and answers the client in HTTP/1.1."""
    key = make_key(Scope.ADMIN)
    server = f"location / {{ proxy_pass {str(http.base_url).rstrip('/')}; proxy_buffers 4 4k; proxy_buffer_size 4k;"
    server += " proxy_busy_buffers_size 4k; proxy_max_temp_file_size 0; proxy_http_version 1.0; }"
    with Nginx(tmp_path / "nginx", server) as nginx:
        path = f"/v1/jobs/{job}/history?format=csv"
        read = ask(httpx.URL(nginx.url), path, lambda: database_away(shared[0], database), key)
    assert len(read.splitlines()) < RUNS * EPOCHS + 1


def test_a_history_whose_job_is_deleted_meanwhile_is_cut_off_with_a_line(
    http: httpx.Client, database: Database, job: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"/v1/jobs/{job}/history?format=csv"
    with http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        assert http.post(f"/v1/jobs/{job}/cancel").status_code == 202
        assert http.delete(f"/v1/jobs/{job}").status_code == 204
        while remove_deleted(database, 5):
            pass
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
    wait_for("the log's line", lambda: "answer_cut_off" in caplog.text, 10)
    assert "Traceback" not in caplog.text


def test_numbers_of_a_job_that_is_deleted_meanwhile_are_not_answered(
    http: httpx.Client, database: Database, job: str
) -> None:
    with database.read() as session:
        runs = read_runs(session, Run.job_id == job)
    parts = read_parts(database, runs)
    next(parts)
    assert http.post(f"/v1/jobs/{job}/cancel").status_code == 202
    assert http.delete(f"/v1/jobs/{job}").status_code == 204
    with pytest.raises(NotFound):
        list(parts)


def test_a_model_whose_job_is_deleted_meanwhile_is_cut_off_with_a_line(
    http: httpx.Client, trainer: Trainer, caplog: pytest.LogCaptureFixture
) -> None:
    job = submit(http, variants=["original"])
    held = trainer.claim()
    trainer.record(held, 1)
    trainer.succeed(held, bytes(40 * 2**20))
    (run,) = http.get(job["links"]["self"]).json()["runs"]
    with http.stream("GET", run["links"]["model"]) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        assert http.delete(job["links"]["self"]).status_code == 204
        while remove_deleted(trainer.database, 5):
            pass
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
    wait_for("the log's line", lambda: "answer_cut_off" in caplog.text, 10)
    assert "Traceback" not in caplog.text
