"""What users do to jobs: cancel, retry, delete; and retention."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models import claims
from models.errors import Conflict, NotFound
from models.tables import Run, Status
from tests.models.conftest import Bench


def test_a_queued_job_is_cancelled_at_once(bench: Bench) -> None:
    job = bench.submit(runs=2)
    bench.cancel(job)
    assert bench.job(job) == "cancelled"
    assert bench.events(job) == ["job.queued", "run.cancelled", "run.cancelled", "job.cancelled"]
    assert bench.claim() is None


@pytest.mark.parametrize("end", ["succeed", "fail", "release", "sweep"])
def test_a_running_job_is_cancelled_however_its_run_ends(bench: Bench, end: str) -> None:
    job = bench.submit(runs=2)
    held = bench.claimed()
    bench.record(held, 1)
    bench.cancel(job)
    assert bench.job(job) == "cancelling"
    assert bench.claim(pid=2) is None
    with pytest.raises(Conflict):
        bench.remove(job)
    bench.record(held, 2)  # an epoch that was done already counts
    if end == "sweep":
        bench.expire(held)
        assert bench.sweep() == [Status.CANCELLED]
    else:
        assert getattr(bench, end)(held) == Status.CANCELLED
    assert bench.job(job) == "cancelled"
    assert bench.run(held.run_id).status == "cancelled"
    assert bench.epochs(held.run_id) == [1, 2]
    assert bench.count("model_parts") == 0
    with pytest.raises(Conflict):
        bench.cancel(job)


@pytest.mark.parametrize("end", ["succeed", "fail", "release", "sweep"])
def test_one_run_is_cancelled_and_the_others_go_on(bench: Bench, end: str) -> None:
    job = bench.submit(runs=3)
    held, other = bench.claimed(pid=1), bench.claimed(pid=2)
    bench.record(held, 1)
    bench.cancel_runs(job, Run.id == held.run_id)
    assert (bench.job(job), bench.run(held.run_id).status) == ("running", "cancelling")
    bench.cancel_runs(job, Run.id == held.run_id)  # to ask again changes nothing
    bench.cancel_runs(job, Run.status == Status.QUEUED)
    assert bench.claim(pid=3) is None
    if end == "sweep":
        bench.expire(held)
        assert bench.sweep() == [Status.CANCELLED]
    else:
        assert getattr(bench, end)(held) == Status.CANCELLED
    assert bench.job(job) == "running"
    for ended in (Run.id == held.run_id, Run.status == Status.CANCELLED):
        with pytest.raises(Conflict, match="cancelled already"):
            bench.cancel_runs(job, ended)
    assert bench.events(job)[-3:] == ["run.cancelling", "run.cancelled", "run.cancelled"]
    bench.succeed(other)
    assert bench.job(job) == "cancelled"
    assert bench.epochs(held.run_id) == [1]
    assert bench.retry(job) == 2


def test_a_variant_is_cancelled_and_a_job_ends_with_the_last_of_its_runs(bench: Bench) -> None:
    job = bench.submit(runs=2, variants=["original", "l2"])
    bench.cancel_runs(job, Run.variant == "l2")
    assert bench.job(job) == "queued"
    with pytest.raises(NotFound):
        bench.cancel_runs(job, Run.variant == "dropout")
    bench.cancel_runs(job, Run.variant == "original")
    assert bench.job(job) == "cancelled"
    assert bench.claim() is None


def test_a_job_whose_seeds_are_decided_ends_when_a_run_of_it_was_cancelled(bench: Bench) -> None:
    job = bench.submit(variants=["original", "l2"], seeds=[0], until={"smallest": 0.1, "min_seeds": 2})
    bench.cancel_runs(job, Run.variant == "l2")
    while held := bench.claim():
        bench.succeed(held)
    assert bench.job(job) == "cancelled"


def test_a_run_that_succeeded_first_stays(bench: Bench) -> None:
    job = bench.submit(runs=2)
    first = bench.claimed()
    bench.succeed(first)
    bench.cancel(job)
    assert bench.run(first.run_id).status == "succeeded"
    assert bench.job(job) == "cancelled"


def test_retry_queues_only_what_failed_or_was_cancelled(bench: Bench) -> None:
    job = bench.submit(runs=3)
    good, bad = bench.claimed(pid=1), bench.claimed(pid=2)
    bench.record(good, 1)
    bench.record(bad, 1)
    with pytest.raises(Conflict):
        bench.retry(job)
    bench.succeed(good)
    bench.fail(bad)
    bench.cancel(job)
    assert bench.job(job) == "failed"
    assert bench.retry(job) == 2
    assert bench.job(job) == "queued"
    assert bench.epochs(good.run_id) == [1]
    assert bench.epochs(bad.run_id) == []
    for pid in (3, 4):
        held = bench.claimed(pid=pid)
        assert held.recorded == 0
        assert held.run_id != good.run_id
        bench.succeed(held)
    assert bench.job(job) == "succeeded"
    with pytest.raises(Conflict):
        bench.retry(job)


def test_deleting_takes_everything(bench: Bench) -> None:
    job, other = bench.submit(), bench.submit()
    held = bench.claimed()
    assert held.job_id == job
    bench.record(held, 1)
    bench.succeed(held)
    bench.remove(job)
    assert [bench.count(table) for table in ("jobs", "runs", "epochs", "model_parts")] == [1, 1, 0, 0]
    assert bench.events(other) == ["job.queued"]


@pytest.mark.parametrize("act", ["cancel", "retry", "remove"])
def test_what_is_not_there_is_not_found(bench: Bench, act: str) -> None:
    with pytest.raises(NotFound):
        getattr(bench, act)("job_0")


RACES: dict[str, Callable[[Bench, claims.Claim], object]] = {
    "succeed": lambda bench, held: bench.succeed(held),
    "fail": lambda bench, held: bench.fail(held),
    "release": lambda bench, held: bench.release(held),
}


@pytest.mark.parametrize("end", RACES)
def test_cancel_against_the_end_has_one_winner(bench: Bench, end: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def cancelled(job: str) -> bool:
        try:
            bench.cancel(job)
        except Conflict:
            return False
        return True

    for _ in range(5):
        job = bench.submit()
        held = bench.claimed()
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.submit(cancelled, job), pool.submit(RACES[end], bench, held)
            won, left = first.result(), second.result()
        events = bench.events(job)
        assert events.count("job.cancelled") + events.count(f"job.{end}ed") <= 1 or end == "release"
        if end == "release":
            assert bench.job(job) == "cancelled"
        else:
            assert bench.job(job) == left
            assert (left == "cancelled") == won
