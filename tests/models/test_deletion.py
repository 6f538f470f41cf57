"""What is deleted is gone at once for every reader, and its rows go in short transactions that can be resumed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select, text, update

from models import deletion, states, webhooks
from models.database import now
from models.deletion import ROWS, delete_expired, delete_job, forget_deliveries, remove_deleted
from models.errors import NotFound
from models.ids import new_id
from models.tables import SHOW_DELETED, Delivery, Epoch, Event, Job, Run, Webhook
from tests.models.conftest import Bench

TABLES = (
    "jobs",
    "runs",
    "epochs",
    "events",
    "model_parts",
    "prediction_parts",
    "webhooks",
    "deliveries",
    "reproductions",
)


def trained(bench: Bench, epochs: int = 3, **job: object) -> str:
    """A job that succeeded, with a webhook of its own and its messages; its id."""
    job_id = bench.submit(epochs=epochs, reuse="allow")
    with bench.database.write() as session:
        hook = new_id("hook")
        made = Webhook(id=hook, owner="", job_id=job_id, url="https://1.1.1.1/", events=["*"], secret="x")
        made.created_at = session.scalars(select(now())).one()
        session.add(made)
    held = bench.claimed()
    bench.record(held, *range(1, epochs + 1))
    bench.succeed(held)
    return job_id


def mark(bench: Bench, job_id: str) -> None:
    with bench.database.write() as session:
        delete_job(session, job_id)


def test_what_is_deleted_is_found_by_no_query(bench: Bench) -> None:
    job_id, other = trained(bench), bench.submit(owner="another")
    mark(bench, job_id)
    with bench.database.read() as session:
        assert session.get(Job, job_id) is None
        assert list(session.scalars(select(Job.id))) == [other]
        assert session.scalars(select(Run.id).join(Job).where(Run.job_id == job_id)).all() == []
        assert session.scalars(select(Webhook)).all() == []
        assert states.lock(session, job_id) is None
        assert session.scalar(select(Job.id).where(Job.id == job_id), execution_options=SHOW_DELETED) == job_id
    for again in (bench.cancel, bench.retry, bench.remove):
        with pytest.raises(NotFound):
            again(job_id)
    while bench.count("jobs") > 1:
        assert remove_deleted(bench.database, seconds=0) > 0
    assert {table: bench.count(table) for table in TABLES} == {
        "jobs": 1, "runs": 1, "epochs": 0, "events": 1, "model_parts": 0, "prediction_parts": 0,
        "webhooks": 0, "deliveries": 0, "reproductions": 0,
    }  # fmt: skip
    assert remove_deleted(bench.database, 0) == 0


def test_a_deleted_result_is_not_taken_over(bench: Bench) -> None:
    mark(bench, trained(bench))
    again = bench.submit(reuse="allow")
    with bench.database.read() as session:
        run = session.scalars(select(Run).where(Run.job_id == again)).one()
        assert session.scalar(select(Run.id).where(Run.key == run.key, Run.id != run.id)) is None


def test_rows_go_in_steps_that_another_process_goes_on_with(bench: Bench) -> None:
    job_id = trained(bench)
    with bench.database.write() as session:
        run_id = session.scalars(select(Run.id).where(Run.job_id == job_id)).one()
        session.execute(
            insert(Epoch).values(run_id=run_id, metrics={"loss": 0.5}, seconds=0.1, recorded_at=now()),
            [{"epoch": number} for number in range(4, 2 * ROWS + 2)],
        )
        session.execute(
            insert(Event).values(job_id=job_id, type="run.epoch", data={}, created_at=now()),
            [{"id": number} for number in range(100, ROWS + 200)],
        )
    mark(bench, job_id)
    sizes = []
    while removed := remove_deleted(bench.database, seconds=0):
        sizes.append(removed)
    assert max(sizes) == ROWS
    assert sizes.count(ROWS) == 3
    assert {bench.count(table) for table in TABLES} == {0}


def test_a_retry_of_much_is_done_in_steps(bench: Bench) -> None:
    job_id = bench.submit()
    held = bench.claimed()
    bench.record(held, 1)
    bench.fail(held)
    with bench.database.write() as session:
        session.execute(
            insert(Epoch).values(run_id=held.run_id, metrics={"loss": 0.5}, seconds=0.1, recorded_at=now()),
            [{"epoch": number} for number in range(2, ROWS + 10)],
        )
    with bench.database.write() as session:
        assert states.retry(session, job_id) == (1, False)
    assert (bench.job(job_id), len(bench.epochs(held.run_id))) == ("failed", 9)
    assert bench.events(job_id)[-1] == "job.failed"
    with bench.database.write() as session:
        assert states.retry(session, job_id) == (1, True)
    assert (bench.job(job_id), bench.epochs(held.run_id)) == ("queued", [])


def test_retention_takes_finished_jobs_by_their_age(bench: Bench) -> None:
    old, running = bench.submit(), bench.submit(owner="another")
    also = bench.submit()
    bench.cancel(old)
    bench.cancel(also)
    bench.claimed()
    with bench.database.write() as session:
        session.execute(update(Job).where(Job.id.in_((old, also))).values(finished_at=now(-10)))
    assert delete_expired(bench.database, age=1000, seconds=5) == 0
    assert delete_expired(bench.database, age=5, seconds=5) == 2
    assert (bench.job(old), bench.job(also), bench.job(running)) == ("None", "None", "running")


def test_old_messages_are_forgotten(bench: Bench) -> None:
    job_id = trained(bench)
    with bench.database.write() as session:
        session.execute(update(Delivery).where(Delivery.event_id < 4).values(created_at=now(-8 * 86400)))
        left = session.scalars(select(Delivery.event_id).where(Delivery.event_id >= 4)).all()
    assert forget_deliveries(bench.database, 5) > 0
    with bench.database.read() as session:
        assert session.scalars(select(Delivery.event_id)).all() == left
        assert session.get(Job, job_id) is not None


def test_a_webhook_is_deleted_with_its_messages(bench: Bench) -> None:
    trained(bench)
    with bench.database.write() as session:
        hook_id = session.scalars(select(Webhook.id)).one()
        webhooks.add(session, [webhooks.message(hook_id, "webhook.test", {}, datetime.now(UTC)) for _ in range(ROWS)])
        deletion.delete_webhook(session, hook_id)
    with bench.database.read() as session:
        assert session.get(Webhook, hook_id) is None
    assert remove_deleted(bench.database, 0) == ROWS
    assert remove_deleted(bench.database, 60) > 0
    assert (bench.count("webhooks"), bench.count("deliveries"), bench.count("jobs")) == (0, 0, 1)


def test_a_jobs_rows_are_removed_by_one_process_at_a_time(bench: Bench) -> None:
    """Another process passes over what this one is removing, and does not wait."""
    mark(bench, trained(bench))
    with bench.database.write() as session:
        if session.get_bind().dialect.name == "sqlite":
            return  # one writer at a time in any case
        session.execute(text("SELECT 1 FROM jobs FOR UPDATE"))
        session.execute(text("SELECT 1 FROM webhooks FOR UPDATE"))
        assert remove_deleted(bench.database, 0) == 0
