"""Hosts whose clocks are hours away from the database's: order, signatures and estimates go by the database's."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import select, update

from api.objects import read_job
from models import states
from models.database import Database, now
from models.ids import new_id
from models.settings import Settings
from models.tables import Job, Run
from tests.api.conftest import Trainer, serving, submit
from tests.api.receivers import Receiver
from tests.models.conftest import Bench
from tests.servers import PostgreSQL, Valkey, wait_for

HOURS = 2


def moment(identifier: str) -> datetime:
    """When the id was made (RFC 9562)."""
    return datetime.fromtimestamp(int(identifier.partition("_")[2][:12], 16) / 1000, UTC)


@pytest.fixture(params=[HOURS, -HOURS])
def skewed(request: pytest.FixtureRequest, postgresql: PostgreSQL, valkey: Valkey, tmp_path: Path) -> Settings:
    """A database that is hours ahead of this host, or behind: its clock is shadowed by one that says so."""
    name = f"t{uuid.uuid4().hex}"
    url = postgresql.create(name, "migrated")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA skew")
        connection.execute(
            "CREATE FUNCTION skew.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS "
            f"$$ SELECT pg_catalog.clock_timestamp() + make_interval(hours => {request.param}) $$"
        )
        connection.execute(f'ALTER DATABASE "{name}" SET search_path = skew, pg_catalog, public')
    return Settings(data_dir=tmp_path, database_url=url, redis_url=valkey.url, webhook_private=True)


@pytest.fixture
def http(skewed: Settings) -> Iterator[httpx.Client]:
    with serving(skewed) as client:
        yield client


@pytest.fixture
def bench(settings: Settings) -> Iterator[Bench]:
    bench = Bench(settings)
    yield bench
    bench.database.dispose()


def test_ids_and_signatures_have_the_databases_time(skewed: Settings, http: httpx.Client) -> None:
    database = Database(skewed)
    with database.read() as session:
        clock = session.scalars(select(now())).one()
    assert abs(clock - datetime.now(UTC)) > timedelta(hours=HOURS - 0.1)
    with Receiver() as receiver:
        hook = http.post("/v1/webhooks", json={"url": receiver.url, "events": ["*"]}).json()
        job = submit(http, variants=["original"])
        Trainer(database).train(1)
        wait_for("the messages", lambda: len(receiver.got) >= 8)
        soon = timedelta(minutes=2)
        for identifier in (hook["id"], job["id"], job["runs"][0]["id"], receiver.got[0][0]["webhook-id"]):
            assert abs(moment(identifier) - clock) < soon
        for headers, _ in receiver.got:
            assert abs(int(headers["webhook-timestamp"]) - clock.timestamp()) < soon.total_seconds()
    database.dispose()


def test_ids_ascend_with_the_clock_and_within_a_moment() -> None:
    clock = datetime(2026, 5, 4, 3, 2, 1, 123456, UTC)
    made = [new_id("job", clock) for _ in range(5000)]
    assert made == sorted(made)
    assert len(set(made)) == 5000
    assert abs(moment(made[0]) - clock) < timedelta(milliseconds=2)
    assert new_id("job", clock + timedelta(seconds=2)) > made[-1]
    earlier = new_id("job", clock - timedelta(hours=2))  # of another database, or its clock was set back
    assert abs(moment(earlier) - (clock - timedelta(hours=2))) < timedelta(milliseconds=2)
    parsed = uuid.UUID(made[0].removeprefix("job_"))
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)


def shown(bench: Bench, job_id: str, later: float = 0) -> Any:
    """The job's progress so many seconds from now."""
    with bench.database.read() as session:
        return read_job(session, job_id, session.scalars(select(now(later))).one()).progress


def test_an_estimate_is_never_negative(bench: Bench) -> None:
    job_id = bench.submit(epochs=10)
    bench.record(bench.claimed(), 1, 2)
    assert shown(bench, job_id, later=-7200).eta_seconds == 0


def test_an_estimate_goes_by_the_pace_of_this_round(bench: Bench) -> None:
    """Seeds that are added days later, and runs that are retried, are not as slow as the days in between."""
    job_id = bench.submit(epochs=10)
    held = bench.claimed()
    bench.record(held, *range(1, 11))
    bench.succeed(held)
    with bench.database.write() as session:
        long_ago = now(-4 * 86400)
        session.execute(update(Job).values(created_at=long_ago, queued_at=long_ago, started_at=long_ago))
        session.execute(update(Run).values(queued_at=long_ago, started_at=long_ago, finished_at=long_ago))
    with bench.database.write() as session:
        states.add_seeds(session, job_id, {"seeds": [7]})
    held = bench.claimed(pid=2)
    bench.record(held, 1)
    eta = shown(bench, job_id, later=10).eta_seconds  # an epoch in 10 s, and 9 are left
    assert eta == pytest.approx(90, abs=60)
    bench.fail(held)
    with bench.database.write() as session:
        session.execute(update(Run).where(Run.status == "failed").values(started_at=now(-86400)))
    bench.retry(job_id)
    held = bench.claimed(pid=3)
    bench.record(held, 1)
    assert shown(bench, job_id, later=10).eta_seconds == pytest.approx(90, abs=60)
