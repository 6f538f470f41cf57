"""A search as the database has it: who claims what, when the job ends, and how it is taken up again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from api.looks import look_at_all
from api.objects import read_job
from api.schemas import JobObject
from models import claims, states
from models.database import Database
from models.errors import Conflict
from models.resolution import resolve
from models.settings import Settings

SEARCH = {
    "space": [{"units": {"low": 2, "high": 64}}, {"l2": {"low": 0, "high": 0.1}}],
    "budget": {"runs": 10},
    "final": {"top": 1, "seeds": 2},
}
DIVERGED = {"code": "diverged", "message": "A loss is not finite", "retryable": False}
LOST = {"code": "worker_lost", "message": "The worker was lost", "retryable": True}
Fails = Callable[[claims.Claim], dict[str, Any] | None]


class NoWaker:
    """Nobody is waiting to be woken."""

    def soon(self) -> None: ...


class Played:
    """A job, its runs claimed and ended one after the other."""

    def __init__(self, database: Database, **body: Any) -> None:
        self.database = database
        with database.write() as session:
            body = {"dataset": {"name": "synthetic", "reviews": 200, "num_words": 100}, "search": SEARCH, **body}
            self.id = states.submit(session, resolve({"training": {"epochs": 1}, **body})).id

    @property
    def job(self) -> JobObject:
        with self.database.read() as session:
            return read_job(session, self.id)

    def look(self) -> None:
        look_at_all(self.database, NoWaker())  # type: ignore[arg-type]

    def train(self, fails: Fails) -> bool:
        """One run; whether there was one."""
        with self.database.write() as session:
            held = claims.claim(session, "worker_of_the_test", 1, 60)
        if held is None:
            return False
        loss = 0.1 + len(held.specification.model_dump_json()) % 7 / 10 + held.specification.seed / 100
        names = ("loss", "acc", "val_loss", "val_acc", "data_loss", "val_data_loss")
        with self.database.write() as session:
            claims.record(session, held, 1, dict.fromkeys(names, loss), 0.1)
        with self.database.write() as session:
            if error := fails(held):
                claims.fail(session, held, error)
            else:
                test = {"loss": loss, "acc": 0.5, "data_loss": loss}
                claims.succeed(session, held, chosen_epoch=1, test=test, model=b"model")
        return True

    def to_the_end(self, fails: Fails = lambda held: None) -> JobObject:
        while not self.job.finished_at:
            self.look()
            while self.train(fails):
                pass
        return self.job


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = Database(settings)
    yield database
    database.dispose()


def test_trials_come_first_then_finalists_and_a_trial_that_diverges_is_a_result(database: Database) -> None:
    played = Played(database)
    assert (played.job.progress.epochs_total, played.job.run_counts.queued) == (2 + 10 + 4, 2)
    played.look()
    assert [run.trial for run in played.job.runs] == [*range(8), None, None]
    seen: list[int] = []

    def third_trial_diverges(held: claims.Claim) -> dict[str, Any] | None:
        seen.append(held.specification.seed)
        return DIVERGED if len(seen) == 3 else None

    done = played.to_the_end(third_trial_diverges)
    assert (done.status, done.error) == ("succeeded", None)
    assert seen[:8] == [0] * 8, "trials before all else"
    assert done.search is not None
    assert (done.search.trials, done.search.failed, done.search.coming) == (10, 1, 0)
    spaces = [next(variant for variant in done.spec["variants"] if variant["name"] == name)["trial"]["space"]  # type: ignore
              for name in done.search.finalists]  # fmt: skip
    assert spaces == [0, 1]
    assert sorted(run.seed for run in done.runs if run.trial is None) == [1, 1, 1, 2, 2, 2]
    with pytest.raises(Conflict), database.write() as session:
        states.retry(session, played.id)
    with database.write() as session:
        assert states.add_seeds(session, played.id, {"seeds": [9]}) == 3
    assert played.to_the_end().status == "succeeded"


def test_a_search_whose_trials_all_diverge_fails_and_says_so(database: Database) -> None:
    done = Played(database).to_the_end(lambda held: DIVERGED if held.specification.seed == 0 else None)
    assert (done.status, done.error and done.error.code) == ("failed", "search_failed")
    assert done.search is not None
    assert (done.search.failed, done.search.finalists) == (10, [])


def test_what_is_cancelled_or_lost_is_taken_up_again_and_tries_the_same(database: Database) -> None:
    whole = Played(database, variants=["original"], reuse="never").to_the_end()
    played = Played(database, variants=["original"], reuse="never")
    played.look()
    played.train(lambda held: None)
    with database.write() as session:
        states.cancel(session, played.id)
    assert played.job.status == "cancelled"
    with pytest.raises(Conflict), database.write() as session:
        states.add_seeds(session, played.id, {"seeds": [9]})
    with database.write() as session:
        states.retry(session, played.id)
    lost: list[str] = []

    def one_is_lost(held: claims.Claim) -> dict[str, Any] | None:
        if lost or held.specification.seed:
            return None
        lost.append(held.run_id)
        return LOST

    ended = played.to_the_end(one_is_lost)
    assert (ended.status, ended.error and ended.error.code) == ("failed", "runs_failed")
    with database.write() as session:
        assert states.retry(session, played.id)[0] == 1
    done = played.to_the_end()
    assert done.status == "succeeded"
    assert (done.search, done.spec) == (whole.search, whole.spec)


def test_finalists_get_seeds_until_it_is_decided(database: Database) -> None:
    done = Played(database, until={"smallest": 5.0, "min_seeds": 2, "max_seeds": 4}).to_the_end()
    assert done.status == "succeeded"
    assert done.look is not None
    assert done.search is not None
    assert {*done.look.decided, *done.look.open} == set(done.search.finalists)
    assert 0 not in done.spec["seeds"]  # type: ignore[operator]
