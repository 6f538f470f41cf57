"""A search as the database has it: who claims what, when the job ends, and how it is taken up again."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.job_versions import JobVersion
from api.looks import look_at_all
from api.objects import read_job
from api.schemas import JobObject
from api.selection import Selection
from models import claims, states
from models.database import Database
from models.errors import Conflict, NotFound
from models.pruning import STARTUP, pruner_of
from models.resolution import resolve
from models.settings import Settings
from models.tables import Event
from reporting.across import read_labelled
from reporting.summary import summarize
from worker import tasks

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

    def claim(self, pid: int = 1) -> claims.Claim | None:
        with self.database.write() as session:
            return claims.claim(session, "worker_of_the_test", pid, 60)

    def train(self, fails: Fails) -> bool:
        """One run; whether there was one."""
        if (held := self.claim()) is None:
            return False
        self.train_claimed(held, fails)
        return True

    def train_claimed(self, held: claims.Claim, fails: Fails = lambda held: None) -> None:
        loss = 0.1 + len(held.specification.model_dump_json()) % 7 / 10 + held.specification.seed / 100
        names = ("loss", "acc", "val_loss", "val_acc", "data_loss", "val_data_loss")
        with self.database.read() as session:
            pruner = None if held.trial is None else pruner_of(session, held.job_id, held.trial)
        for epoch in range(held.recorded + 1, held.specification.training.epochs + 1):
            metrics = dict.fromkeys(names, loss + 1 / epoch - 1)
            pruned = pruner.see(epoch, metrics) if pruner else None
            told = pruned.as_json() if pruned else None
            for _ in range(1 + (pruned is not None)):  # the answer to the first commit may be lost
                with self.database.write() as session:
                    claims.record(session, held, epoch, metrics, 0.1, told)
            if pruned:
                return
        with self.database.write() as session:
            if error := fails(held):
                claims.fail(session, held, error)
            else:
                test = {"loss": loss, "acc": 0.5, "data_loss": loss}
                claims.succeed(session, held, chosen_epoch=1, test=test, model=b"model")

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
    assert done.error is not None
    assert done.error.message == "All 10 trials of the search diverged: there are no finalists to train"


def test_a_search_that_failed_says_so_also_if_the_baseline_diverged(database: Database) -> None:
    out_of_memory = {**DIVERGED, "code": "out_of_memory"}
    played = Played(database, search={**SEARCH, "pruner": "none", "budget": {"runs": 4}})
    done = played.to_the_end(lambda held: out_of_memory if held.trial == 3 else DIVERGED)
    assert done.error is not None
    assert (done.status, done.error.code, done.error.retryable) == ("failed", "search_failed", False)
    words = "All 4 trials of the search failed: there are no finalists to train; 2 of the other runs failed too"
    assert done.error.message == words
    with database.write() as session:
        states.retry(session, played.id)  # the baseline's runs: the trials stay as they are
    done = played.to_the_end()
    assert done.error is not None
    assert (done.status, done.error.code) == ("failed", "search_failed")


def test_a_search_that_cannot_go_on_says_so(database: Database) -> None:
    played = Played(database)
    played.look()
    while played.train(lambda held: None):
        pass
    with database.write() as session:
        states.end_undecided(session, played.id)
    done = played.job
    assert done.error is not None
    assert (done.status, done.error.code, done.error.retryable) == ("failed", "search_failed", True)
    with database.write() as session:
        states.retry(session, played.id)
    assert played.to_the_end().status == "succeeded"


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


PRUNED = {
    "search": {"space": {"units": {"low": 2, "high": 900}}, "budget": {"runs": 16}, "final": {"top": 1, "seeds": 2},
               "pruner": "median"},
    "training": {"epochs": 4},
    "reuse": "never",
}  # fmt: skip


def ends(job: JobObject) -> list[tuple[str, str, int, str | None]]:
    return [(run.variant, run.status, run.epoch, run.error.message if run.error else None) for run in job.runs]


def test_a_trial_that_is_pruned_is_told_apart_and_no_fault(database: Database) -> None:
    played = Played(database, **PRUNED)
    done = played.to_the_end()
    assert (done.status, done.error, done.progress.percent) == ("succeeded", None, 100.0)
    pruned = [run for run in done.runs if run.status == "cancelled"]
    assert pruned
    assert done.search is not None
    assert (done.search.pruned, done.search.failed, done.search.trials) == (len(pruned), 0, 16)
    for run in pruned:
        assert run.trial is not None
        assert run.trial >= STARTUP, "those that were asked for first are trained to their end"
        assert run.error is not None
        assert (run.error.code, run.error.retryable, 1 <= run.epoch < 4) == ("pruned", False, True)
        assert f"after epoch {run.epoch}" in run.error.message
        assert run.variant not in done.search.finalists
    with pytest.raises(Conflict), database.write() as session:
        states.retry(session, played.id)
    with database.read() as session:
        found = events_of(session, played.id)
    assert {run for run, code in found if code == "pruned"} == {run.id for run in pruned}


def test_what_is_pruned_does_not_depend_on_who_is_faster(database: Database) -> None:
    alone = Played(database, **PRUNED).to_the_end()
    several = Played(database, **PRUNED)
    while not several.job.finished_at:
        several.look()
        held = list(iter(lambda: several.claim(pid=random.getrandbits(30)), None))
        for each in reversed(held):
            several.train_claimed(each)
    assert (ends(several.job), several.job.search) == (ends(alone), alone.search)


def test_what_was_pruned_is_taken_up_again_when_the_finalists_are_found(database: Database) -> None:
    played = Played(database, **PRUNED)
    while (pruned := next((run for run in played.job.runs if run.status == "cancelled"), None)) is None:
        played.look()
        played.train(lambda held: None)
    with pytest.raises(Conflict), database.write() as session:
        states.resume(session, pruned.id)
    with database.write() as session:
        states.cancel(session, played.id)
    with database.write() as session:
        states.retry(session, played.id)
    assert next(run for run in played.job.runs if run.id == pruned.id) == pruned, "a retry leaves it as it is"
    before = played.to_the_end()
    with database.write() as session:
        states.resume(session, pruned.id)
    assert (played.job.status, played.job.finished_at) == ("queued", None)
    held = played.claim()
    assert held is not None
    assert (held.run_id, held.recorded) == (pruned.id, pruned.epoch)
    played.train_claimed(held)
    after = played.job
    assert (after.status, after.search) == ("succeeded", before.search)
    again = next(run for run in after.runs if run.id == pruned.id)
    assert (again.status, again.epoch, again.error) == ("succeeded", 4, None)
    for refused in (pruned.id, next(run.id for run in after.runs if run.trial is None)):
        with pytest.raises(Conflict), database.write() as session:
            states.resume(session, refused)
    with pytest.raises(NotFound), database.write() as session:
        states.resume(session, "run_unknown")


def test_a_user_who_cancels_is_heard_before_the_pruner(database: Database) -> None:
    played = Played(database, **PRUNED)
    played.look()
    held = played.claim()
    assert held is not None
    with database.write() as session:
        states.cancel(session, played.id)
    with database.write() as session:
        claims.record(session, held, 1, {"val_data_loss": 1.0}, 0.1, {**DIVERGED, "code": "pruned"})
    (run,) = [run for run in played.job.runs if run.id == held.run_id]
    assert (run.status, run.error, run.epoch, played.job.status) == ("cancelled", None, 1, "cancelled")


def test_checkpoints_of_what_was_pruned_stay_the_newest_and_others_go(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Played(database, **PRUNED).to_the_end()
    pruned = [run.id for run in done.runs if run.status == "cancelled"]
    whole = next(run.id for run in done.runs if run.status == "succeeded")
    folder = tasks.checkpoints(settings)
    folder.mkdir(parents=True)
    for age, run_id in enumerate([whole, "run_deleted", *pruned]):
        (folder / f"{run_id}.0.npz").write_bytes(bytes(100))
        os.utime(folder / f"{run_id}.0.npz", (0, 10_000 - age))

    def left() -> set[str]:
        tasks.tidy(database, settings)
        return {file.name.partition(".")[0] for file in folder.iterdir()}

    assert left() == set(pruned)
    monkeypatch.setattr(tasks, "PRUNED_BYTES", 250)
    assert left() == set(pruned[:2])


def test_a_trial_that_is_named_is_no_seed_of_its_finalist(database: Database) -> None:
    done = Played(database).to_the_end()
    assert done.search is not None
    finalist = done.search.finalists[0]
    runs = [run for run in done.runs if run.variant == finalist]
    with database.read() as session:
        version = JobVersion(done.last_event, done.status)
        (chosen,) = Selection({done.id: version}, whole=[], single=[run.id for run in runs]).read(session)
    assert (len(runs), chosen.variants, chosen.trials) == (3, [finalist, f"{finalist} (trial)"], [])
    found = {each.variant: each for each in summarize(read_labelled(database, [chosen])).variants}
    assert {name: each.n for name, each in found.items()} == {finalist: 2, f"{finalist} (trial)": 1}


def events_of(session: Session, job_id: str) -> list[tuple[str | None, str | None]]:
    ended = select(Event).where(Event.job_id == job_id, Event.type == "run.cancelled")
    return [(event.run_id, event.data.get("error", {}).get("code")) for event in session.scalars(ended)]
