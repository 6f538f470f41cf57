"""The database refuses what a run is to record: that is never a failure of the training.

The errors are the database's own: a trigger raises them at one table's writes, or another transaction
deletes what a write refers to.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.servers import wait_for
from tests.stage import LONG, SHORT, Stage

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

WRITES = (
    ("jobs", "UPDATE"),
    ("runs", "UPDATE"),
    ("epochs", "INSERT"),
    ("events", "INSERT"),
    ("model_parts", "INSERT"),
    ("deliveries", "INSERT"),
    ("reproductions", "UPDATE"),
)
"""Every table that a worker's child writes to, and how."""
SECONDS = 2.5
"""Less than a lease's six, and more than a heartbeat's half."""


@pytest.fixture(scope="module")
def stage(make_stage: Any, database_url: str | None) -> Stage:
    stage: Stage = make_stage(database_url, OCKHAM_WEBHOOK_PRIVATE="1")
    return stage


def refuse(stage: Stage, table: str, verb: str) -> None:
    """From now on the database raises an integrity error at each such write."""
    if stage.settings.database_url is None:
        body = "BEGIN SELECT RAISE(ABORT, 'refused for a test'); END"
        _execute(stage, f"CREATE TRIGGER refuse BEFORE {verb} ON {table} {body}")
        return
    _execute(
        stage,
        f"""
        CREATE OR REPLACE FUNCTION refuse() RETURNS trigger AS $$ BEGIN
          RAISE foreign_key_violation USING MESSAGE = 'refused for a test';
        END $$ LANGUAGE plpgsql;
        CREATE TRIGGER refuse BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()
        """,
    )


def accept(stage: Stage, table: str) -> None:
    """Ends that."""
    _execute(stage, "DROP TRIGGER refuse" + (f" ON {table}" if stage.settings.database_url else ""))


def _execute(stage: Stage, statement: str) -> None:
    with stage.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def worker_logs(stage: Stage) -> str:
    """What workers have logged, the one that lives last."""
    return "".join(process.log.read_text() for process in stage.processes if process.log.name.startswith("worker"))


@pytest.mark.parametrize(("table", "verb"), WRITES)
def test_a_write_that_is_refused_for_a_while_is_repeated(stage: Stage, table: str, verb: str) -> None:
    stage.whole(1)
    said = len(worker_logs(stage))
    if table == "reproductions":
        original = stage.submit(**SHORT)
        stage.intact(original["id"])
        asked = stage.http.post(f"/v1/runs/{original['runs'][0]['id']}/reproduce").raise_for_status().json()
        job = {"id": asked["job_id"]}
        refuse(stage, table, verb)
    else:
        hook = {"url": "http://127.0.0.1:9/", "events": ["*"]}
        job = stage.submit(**{**LONG, "training": {"epochs": 20, "batch_size": 16}})
        if table == "deliveries":
            stage.http.post("/v1/webhooks", json={**hook, "job_id": job["id"]}).raise_for_status()
        stage.reaches(job["id"], 2)
        refuse(stage, table, verb)
    try:
        wait_for("a write that is repeated", lambda: "write_repeated" in worker_logs(stage)[said:])
        time.sleep(SECONDS)
    finally:
        accept(stage, table)
    (run,) = stage.intact(job["id"])["runs"]
    assert run["attempt"] == 1
    assert "run_failed" not in worker_logs(stage)[said:]
    if table == "reproductions":
        assert [row.verdict for row in stage.sql("SELECT verdict FROM reproductions")] == ["bitwise"]


@pytest.mark.parametrize("table", ["epochs", "model_parts"])
def test_what_is_refused_for_longer_than_a_lease_is_no_failure_of_the_training(stage: Stage, table: str) -> None:
    stage.whole(1)
    refuse(stage, table, "INSERT")
    try:
        job = stage.submit(**SHORT)
        (run,) = stage.intact(job["id"], "failed")["runs"]
    finally:
        accept(stage, table)
    assert (run["error"]["code"], run["error"]["retryable"]) == ("bookkeeping_failed", True)
    assert "IntegrityError" in run["error"]["message"]
    assert stage.http.post(f"/v1/jobs/{job['id']}/retry").status_code == 202
    assert stage.finished(job["id"])["status"] == "succeeded"


def test_a_refused_claim_leaves_the_run_in_the_queue(stage: Stage) -> None:
    stage.whole(1)
    said = len(worker_logs(stage))
    refuse(stage, "runs", "UPDATE")
    try:
        job = stage.submit(**SHORT)
        wait_for("a claim that failed", lambda: "claim_failed" in worker_logs(stage)[said:])
    finally:
        accept(stage, "runs")
    assert stage.intact(job["id"])["runs"][0]["attempt"] == 1


# --- races with others' deletions, on PostgreSQL: SQLite has one writer at a time ---------------------


on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def other(stage: Stage) -> Iterator[psycopg.Connection[Any]]:
    """Another client of the database, in a transaction of its own."""
    stage.whole(1)
    assert stage.settings.database_url is not None
    with psycopg.connect(stage.settings.database_url) as connection:
        yield connection


def somebody_waits(stage: Stage) -> bool:
    """Whether a session of the service waits for a lock."""
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(stage.sql(query))


@on_postgresql
def test_a_webhook_is_deleted_while_epochs_are_recorded(
    stage: Stage, other: psycopg.Connection[Any], undisturbed: Any
) -> None:
    said = len(worker_logs(stage))
    job = stage.submit(**LONG)
    for epoch in (3, 20, 40):
        hook = stage.http.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/", "events": ["run.epoch"]})
        stage.reaches(job["id"], epoch)
        other.execute("DELETE FROM webhooks WHERE id = %s", (hook.raise_for_status().json()["id"],))
        wait_for("an epoch that waits for the deletion", lambda: somebody_waits(stage), 20)
        other.commit()
    assert stage.intact(job["id"])["runs"][0]["attempt"] == 1
    assert stage.history(job["id"]) == undisturbed
    assert "write_repeated" not in worker_logs(stage)[said:]  # what is locked first need not be repeated


@on_postgresql
def test_the_original_is_deleted_while_its_reproduction_ends(stage: Stage, other: psycopg.Connection[Any]) -> None:
    said = len(worker_logs(stage))
    original = stage.submit(**{**LONG, "training": {"epochs": 20, "batch_size": 16}})
    (run,) = stage.intact(original["id"])["runs"]
    again = stage.http.post(f"/v1/runs/{run['id']}/reproduce").raise_for_status().json()
    stage.reaches(again["job_id"], 3)
    other.execute("DELETE FROM jobs WHERE id = %s", (original["id"],))
    wait_for("the end that waits for the deletion", lambda: somebody_waits(stage), 60)
    other.commit()
    assert stage.intact(again["job_id"])["runs"][0]["attempt"] == 1
    assert "write_repeated" not in worker_logs(stage)[said:]
