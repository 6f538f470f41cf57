"""The database goes away in the middle of an epoch, loses its connections, is written to by many, or is full."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.servers import PostgreSQL, wait_for
from tests.stage import LONG, LONG_EPOCHS, SHORT, Stage

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def own_postgresql() -> Iterator[list[PostgreSQL]]:
    """A PostgreSQL that tests may kill; the list's one element is the present one."""
    with tempfile.TemporaryDirectory(prefix="ockham-") as directory:
        servers = [PostgreSQL(Path(directory))]
        yield servers
        servers[0].kill()


@pytest.fixture(scope="module")
def on_postgresql(make_stage: Any, own_postgresql: list[PostgreSQL]) -> Stage:
    """A stage on it."""
    return make_stage(own_postgresql[0].create("ockham"))  # type: ignore[no-any-return]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_postgresql_away_in_the_middle_and_back(
    on_postgresql: Stage, own_postgresql: list[PostgreSQL], undisturbed: Any, number: int
) -> None:
    stage = on_postgresql
    stage.whole(2)
    job = stage.submit(**LONG)
    stage.reaches(job["id"], 5)
    server = own_postgresql[0]
    server.stop(number)
    answer = stage.http.get(f"/v1/jobs/{job['id']}")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "Retry-After" in answer.headers
    assert stage.http.get("/readyz").json()["database"] != "ok"
    assert stage.http.get("/healthz").status_code == 200
    assert 'ockham_up{part="database"} 0.0' in stage.http.get("/metrics").text
    time.sleep(10)  # longer than a lease
    own_postgresql[0] = PostgreSQL(server.directory, port=server.port)
    stage.intact(job["id"])
    assert stage.history(job["id"]) == undisturbed


def test_connections_cut_in_the_middle_of_commits(
    on_postgresql: Stage, own_postgresql: list[PostgreSQL], undisturbed: Any
) -> None:
    """A commit whose answer is lost is tried again, and found done: no epoch twice, no attempt lost."""
    stage = on_postgresql
    stage.whole(1)
    job = stage.submit(**LONG)
    cuts = 0
    with psycopg.connect(own_postgresql[0].url(), autocommit=True) as connection:

        def over() -> bool:
            nonlocal cuts
            cut = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ockham' "
                "AND application_name = 'ockham' AND (state = 'active' OR random() < 0.2)"
            )
            cuts += cut.rowcount
            time.sleep(0.02)
            status = connection.execute("SELECT 1").fetchone() and _status(own_postgresql[0], job["id"])
            return status in ("succeeded", "failed")

        wait_for("its end", over, 180)
    stage.intact(job["id"])
    assert cuts > 10  # how many depends on how fast the machine is; each is one more than none
    assert stage.history(job["id"]) == undisturbed


def _status(server: PostgreSQL, job_id: str) -> str:
    with psycopg.connect(server.url("ockham")) as connection:
        row = connection.execute("SELECT status FROM jobs WHERE id = %s", (job_id,)).fetchone()
    assert row is not None
    return str(row[0])


def test_a_frozen_postgresql_thaws(on_postgresql: Stage, own_postgresql: list[PostgreSQL], undisturbed: Any) -> None:
    stage = on_postgresql
    stage.whole(1)
    job = stage.submit(**LONG)
    stage.reaches(job["id"], 5)
    os.killpg(own_postgresql[0].pid, signal.SIGSTOP)
    for pid in own_postgresql[0].children():
        os.kill(pid, signal.SIGSTOP)
    ready = stage.http.get("/readyz", timeout=15)
    assert (ready.status_code, ready.json()["database"]) == (503, "does not answer within 5 seconds")
    time.sleep(1)
    for pid in own_postgresql[0].children():
        os.kill(pid, signal.SIGCONT)
    os.killpg(own_postgresql[0].pid, signal.SIGCONT)
    stage.intact(job["id"])
    assert stage.history(job["id"]) == undisturbed


def test_a_hundred_jobs_on_sqlite_with_two_workers(make_stage: Any) -> None:
    """From eight clients at once, while others read; nobody ever hears "database is locked"."""
    stage: Stage = make_stage(OCKHAM_LEASE_SECONDS="30")  # nobody is killed here, and nobody counts as lost
    stage.whole(2)

    def submit(number: int) -> str:
        job = stage.submit(**{**SHORT, "name": f"job {number}", "seeds": [number]})
        stage.http.get("/v1/jobs").raise_for_status()
        stage.http.get(f"/v1/jobs/{job['id']}/events").raise_for_status()
        return str(job["id"])

    with ThreadPoolExecutor(8) as clients:
        jobs = list(clients.map(submit, range(100)))
    for job_id in jobs:
        assert stage.intact(job_id)["runs"][0]["attempt"] == 1
    assert "database is locked" not in stage.logs()
    assert stage.sql("PRAGMA integrity_check")[0][0] == "ok"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB, mounted for the test."""
    if os.getuid() != 0:
        pytest.skip("Only root may mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"No file system can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_is_a_named_error_and_no_corrupt_database(small_disk: Path, undisturbed: Any) -> None:
    with Stage(small_disk / "stage", None) as stage:
        stage.whole(1)
        job = stage.submit(**LONG)
        stage.reaches(job["id"], 5)
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

        def refused() -> bool:
            answer = stage.http.post("/v1/jobs", json=LONG)
            return answer.status_code == 503 and "space" in answer.json()["detail"]

        wait_for("an error that says it", refused)
        assert stage.http.get(f"/v1/jobs/{job['id']}").status_code == 200  # reading goes on
        time.sleep(5)
        ballast.unlink()
        done = stage.finished(job["id"], 180)
        if done["status"] == "failed":  # it could be noted, and is the user's to try again
            assert done["runs"][0]["error"]["code"] == "storage_full"
            assert done["runs"][0]["error"]["retryable"]
            assert stage.http.post(f"/v1/jobs/{job['id']}/retry").status_code == 202
            stage.finished(job["id"], 180)
        assert stage.job(job["id"])["status"] == "succeeded"
        assert stage.history(job["id"]) == undisturbed
        assert stage.job(job["id"])["runs"][0]["epoch"] == LONG_EPOCHS
        with sqlite3.connect(stage.directory / "ockham.db") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
