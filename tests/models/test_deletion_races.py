"""What is deleted while a run is recorded or ends: the run's transaction waits for it, and succeeds without it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import delete, event, select
from sqlalchemy.orm import Session

from models import deletion, reproductions
from models.database import now
from models.errors import NotFound
from models.ids import new_id
from models.tables import Delivery, Event, Reproduction, Run, Webhook
from tests.models.conftest import Bench


@contextmanager
def during(bench: Bench, work: Callable[[Session], Any]) -> Iterator[None]:
    """Does `work` in a transaction that is open while the block begins, and commits half a second later.

    On SQLite, whose writers take turns, the block's transaction begins when that one has ended.
    """
    opened, close = threading.Event(), threading.Timer(0.5, lambda: done.set())
    done = threading.Event()

    def transaction() -> None:
        with bench.database.write() as session:
            work(session)
            opened.set()
            done.wait()

    thread = threading.Thread(target=transaction)
    thread.start()
    assert opened.wait(10)
    close.start()
    yield
    thread.join()


def hook(bench: Bench, job_id: str | None = None) -> str:
    with bench.database.write() as session:
        made = Webhook(
            id=new_id("hook"),
            owner="",
            job_id=job_id,
            url="https://1.1.1.1/",
            events=["*"],
            secret="x",
            created_at=now(),
        )
        session.add(made)
        session.flush()
        return made.id


def test_a_webhook_is_deleted_while_an_epoch_is_recorded(bench: Bench) -> None:
    bench.submit()
    held = bench.claimed()
    hook_id, kept = hook(bench), hook(bench)
    with during(bench, lambda session: session.execute(delete(Webhook).where(Webhook.id == hook_id))):
        bench.record(held, 1)
    bench.record(held, 2, 3)
    assert bench.succeed(held) == "succeeded"
    with bench.database.read() as session:
        told = session.scalars(select(Delivery.type).where(Delivery.webhook_id == kept).order_by(Delivery.event_id))
        assert list(told) == ["run.epoch"] * 3 + ["run.succeeded", "job.succeeded"]
        assert set(session.scalars(select(Delivery.webhook_id))) == {kept}


def test_a_webhook_is_deleted_while_a_job_is_cancelled_and_submitted(bench: Bench) -> None:
    job_id = bench.submit(runs=100)
    hook_id = hook(bench)
    with during(bench, lambda session: session.execute(delete(Webhook).where(Webhook.id == hook_id))):
        bench.cancel(job_id)
    assert bench.job(job_id) == "cancelled"
    hook_id = hook(bench)
    with during(bench, lambda session: session.execute(delete(Webhook).where(Webhook.id == hook_id))):
        job_id = bench.submit()
    assert bench.job(job_id) == "queued"


def reproduced(bench: Bench) -> tuple[str, str]:
    """A job that succeeded, and the run of another that shall reproduce it, begun."""
    original = bench.submit(epochs=1)
    held = bench.claimed()
    bench.record(held, 1)
    bench.succeed(held)
    with bench.database.write() as session:
        job = reproductions.request(session, session.get_one(Run, held.run_id), "")
        return original, job.id


def test_the_original_is_deleted_while_its_reproduction_ends(bench: Bench) -> None:
    original, again = reproduced(bench)
    held = bench.claimed()
    bench.record(held, 1)
    with during(bench, lambda session: deletion.delete_job(session, original)):
        assert bench.succeed(held) == "succeeded"
    assert bench.job(again) == "succeeded"
    assert bench.count("reproductions") == 0


def test_a_reproduction_is_judged_while_nothing_is_deleted(bench: Bench) -> None:
    reproduced(bench)
    held = bench.claimed()
    bench.record(held, 1)
    bench.succeed(held)
    with bench.database.read() as session:
        assert session.get_one(Reproduction, held.run_id).verdict == "bitwise"


def test_a_run_is_deleted_while_its_reproduction_is_asked_for(bench: Bench) -> None:
    original, _ = reproduced(bench)
    with bench.database.read() as session:
        run_id = session.scalars(select(Run.id).where(Run.job_id == original)).one()
    jobs = bench.count("jobs")
    with bench.database.write() as session:
        run = session.get_one(Run, run_id)  # as the request found it
        session.expunge(run)
        session.expunge_all()
    with (
        during(bench, lambda session: deletion.delete_job(session, original)),
        pytest.raises(NotFound),
        bench.database.write() as session,
    ):
        reproductions.request(session, run, "")
    assert bench.count("jobs") == jobs  # no new one; the old one is marked


def test_webhooks_are_read_once_in_a_transaction(bench: Bench) -> None:
    """Not once an event: 1,000 runs are cancelled while others wait."""
    job_id = bench.submit(runs=50)
    hook(bench)
    statements: list[str] = []
    event.listen(bench.database.engine, "before_cursor_execute", lambda *about: statements.append(about[2]))
    bench.cancel(job_id)
    assert len([each for each in statements if "FROM webhooks" in each]) == 1
    assert len(statements) < 20, "so many however many runs there are"
    before = len(statements)
    bench.retry(job_id)
    assert len(statements) - before < 20
    assert bench.events(job_id)[-50:] == ["run.requeued"] * 50
    with bench.database.read() as session:
        pairs = session.execute(select(Delivery.event_id, Delivery.type).order_by(Delivery.event_id)).all()
        events = session.execute(select(Event.id, Event.type).order_by(Event.id)).all()
    assert [tuple(each) for each in pairs] == [tuple(each) for each in events][1:]  # all since the webhook was made
    assert bench.count("deliveries") == 50 + 1 + 1 + 50
