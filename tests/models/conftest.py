"""Shared by the tests of transitions: a database of each kind, and what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import ColumnElement, select, text, update

from models import claims, deletion, states
from models.claims import Claim
from models.database import Database, now
from models.resolution import resolve
from models.settings import Settings
from models.tables import Event, Job, Run

VALUES = {"loss": 0.5, "acc": 0.75, "val_loss": 0.5, "val_acc": 0.75, "data_loss": 0.5, "val_data_loss": 0.5}


class Bench:
    """Transitions, each in a transaction of its own."""

    def __init__(self, settings: Settings):
        self.settings, self.database = settings, Database(settings)

    def submit(self, owner: str = "", runs: int = 1, epochs: int = 3, reuse: str = "never", **fields: Any) -> str:
        """A job of `runs` runs; its id."""
        body = {"variants": ["original"], "seeds": list(range(runs)), "training": {"epochs": epochs}, "reuse": reuse}
        with self.database.write() as session:
            return states.submit(session, resolve({**body, "dataset": {"name": "synthetic"}, **fields}), owner).id

    def claim(self, worker: str = "worker", pid: int = 1, lease: float = 60) -> Claim | None:
        while True:
            with suppress(claims.Contended), self.database.write() as session:
                return claims.claim(session, worker, pid, lease)

    def claimed(self, worker: str = "worker", pid: int = 1, lease: float = 60) -> Claim:
        held = self.claim(worker, pid, lease)
        assert held is not None
        return held

    def record(self, held: Claim, *epochs: int) -> None:
        for epoch in epochs:
            with self.database.write() as session:
                claims.record(session, held, epoch, VALUES, 0.1)

    def succeed(self, held: Claim, model: bytes = b"model", predictions: bytes = b"validated") -> str:
        with self.database.write() as session:
            kept = {"validation": (predictions, 0)}
            return claims.succeed(session, held, chosen_epoch=1, test=None, model=model, predictions=kept)

    def fail(self, held: Claim) -> str:
        with self.database.write() as session:
            return claims.fail(session, held, {"code": "diverged", "message": "so it did", "retryable": False})

    def release(self, held: Claim) -> str:
        with self.database.write() as session:
            return claims.release(session, held)

    def expire(self, held: Claim) -> None:
        """The lease runs out, as it does by itself in time."""
        with self.database.write() as session:
            session.execute(update(Run).where(Run.id == held.run_id).values(lease_expires_at=now(-1)))

    def sweep(self, max_attempts: int = 3, progress: float = 1000) -> list[str | None]:
        with self.database.read() as session:
            lost = claims.lost_runs(session, progress)
        left: list[str | None] = []
        for run_id, job_id, code in lost:
            with self.database.write() as session:
                left.append(claims.take_back(session, run_id, job_id, code, max_attempts))
        return left

    def cancel(self, job_id: str) -> None:
        with self.database.write() as session:
            states.cancel(session, job_id)

    def cancel_runs(self, job_id: str, which: ColumnElement[bool]) -> None:
        with self.database.write() as session:
            states.cancel_runs(session, job_id, which)

    def retry(self, job_id: str) -> int:
        runs, done = 0, False
        while not done:
            with self.database.write() as session:
                runs, done = states.retry(session, job_id)
        return runs

    def remove(self, job_id: str) -> None:
        with self.database.write() as session:
            deletion.delete_job(session, job_id)
        deletion.remove_deleted(self.database, 60)

    def job(self, job_id: str) -> str:
        """The job's status."""
        with self.database.read() as session:
            return str(session.scalar(select(Job.status).where(Job.id == job_id)))

    def run(self, run_id: str) -> Run:
        with self.database.read() as session:
            return session.get_one(Run, run_id)

    def epochs(self, run_id: str) -> list[int]:
        with self.database.read() as session:
            return list(
                session.scalars(text("SELECT epoch FROM epochs WHERE run_id = :r ORDER BY epoch").bindparams(r=run_id))
            )

    def events(self, job_id: str) -> list[str]:
        """Their types; their numbers have no gap."""
        with self.database.read() as session:
            rows = session.execute(select(Event.id, Event.type).where(Event.job_id == job_id).order_by(Event.id)).all()
        assert [number for number, _ in rows] == list(range(1, len(rows) + 1))
        return [kind for _, kind in rows]

    def event_data(self, job_id: str) -> list[Any]:
        """What its events tell."""
        with self.database.read() as session:
            return list(session.scalars(select(Event.data).where(Event.job_id == job_id).order_by(Event.id)))

    def count(self, table: str) -> Any:
        with self.database.read() as session:
            return session.scalar(text(f"SELECT count(*) FROM {table}"))


@pytest.fixture
def bench(settings: Settings) -> Iterator[Bench]:
    bench = Bench(settings)
    yield bench
    bench.database.dispose()
