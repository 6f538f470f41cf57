"""A worker's hold on a run: order, fencing, repetition, loss."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text

from models import claims
from models.claims import Claim, LeaseLost
from models.tables import Epoch, ModelPart, PredictionPart, Status
from tests.models.conftest import VALUES, Bench

# --- order ----------------------------------------------------------------------------------------


def served(bench: Bench, times: int) -> list[str]:
    """The jobs of the next `times` claims, each by another process."""
    return [bench.claimed(pid=pid).job_id for pid in range(1, times + 1)]


def test_runs_of_a_job_are_claimed_in_their_order(bench: Bench) -> None:
    bench.submit(runs=3)
    assert [bench.claimed(pid=pid).specification.seed for pid in (1, 2, 3)] == [0, 1, 2]
    assert bench.claim(pid=4) is None


def test_a_big_job_delays_a_small_one_by_one_run(bench: Bench) -> None:
    big = bench.submit(runs=50)
    assert served(bench, 3) == [big] * 3
    small = bench.submit()
    order = [bench.claimed(pid=pid).job_id for pid in range(4, 7)]
    assert small in order[:2]
    assert order.count(big) == 2


def test_a_stream_of_small_jobs_does_not_starve_a_big_one(bench: Bench) -> None:
    big = bench.submit(runs=10)
    order = []
    for pid in range(10):
        bench.submit()
        order.append(bench.claimed(pid=pid).job_id)
    assert order.count(big) >= 4


def test_owners_take_turns_however_many_jobs_one_has(bench: Bench) -> None:
    many = {bench.submit(owner="many") for _ in range(5)}
    one = bench.submit(owner="one", runs=5)
    order = served(bench, 8)
    assert [job == one for job in order] in ([True, False] * 4, [False, True] * 4)
    assert len(many & set(order)) == 4


def test_what_a_claim_in_vain_had_locked_holds_up_nobody(bench: Bench) -> None:
    """Three claimers of one run; the second, whose turn was in vain, goes on to the job that the third has locked."""
    for _ in range(3):
        bench.submit(runs=2, reuse="allow")
    with ThreadPoolExecutor(2) as pool:
        with bench.database.write() as session:
            assert claims.claim(session, "worker", 1, 60) is not None
            others = []
            for pid in (2, 3):
                others.append(pool.submit(bench.claim, f"worker {pid}", pid))
                time.sleep(0.3)  # each waits for the first one's turn to end
        taken = [other.result(20) for other in others]  # a deadlock would raise here
    seeds = [held.specification.seed for held in taken if held is not None]
    assert seeds == [1]  # one has the other run, and its twins wait


def test_eight_claimers_at_once_share_without_doubles(bench: Bench) -> None:
    jobs = [bench.submit(runs=10) for _ in range(4)]

    def work(worker: int) -> list[tuple[str, str, int]]:
        mine: list[tuple[str, str, int]] = []
        while held := bench.claim(f"worker {worker}", pid=worker):
            mine.append((held.run_id, held.job_id, held.attempt))
            bench.succeed(held)
        return mine

    with ThreadPoolExecutor(8) as pool:
        taken = [claim for mine in pool.map(work, range(8)) for claim in mine]
    assert len({run for run, _, _ in taken}) == len(taken) == 40
    assert Counter(job for _, job, _ in taken) == dict.fromkeys(jobs, 10)
    assert {attempt for _, _, attempt in taken} == {1}
    for job in jobs:
        assert bench.job(job) == "succeeded"
        assert Counter(bench.events(job)) == {
            "job.queued": 1, "job.started": 1, "run.started": 10, "run.succeeded": 10, "job.succeeded": 1,
        }  # fmt: skip


# --- fencing --------------------------------------------------------------------------------------

WRITES: dict[str, Callable[[Bench, Claim], object]] = {
    "begin": lambda bench, held: _in(bench, lambda s: claims.begin(s, held, {"other": 1})),
    "renew": lambda bench, held: _in(bench, lambda s: claims.renew(s, held, 60)),
    "record": lambda bench, held: bench.record(held, 2),
    "succeed": lambda bench, held: bench.succeed(held),
    "fail": lambda bench, held: bench.fail(held),
    "release": lambda bench, held: bench.release(held),
}


def _in(bench: Bench, write: Callable[..., object]) -> None:
    with bench.database.write() as session:
        write(session)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("lost_how", ["lease ran out", "taken over", "retried", "deleted"])
def test_whoever_lost_the_lease_leaves_no_trace(bench: Bench, write: str, lost_how: str) -> None:
    job = bench.submit()
    held = bench.claimed("old")
    bench.record(held, 1)
    bench.expire(held)
    if lost_how == "taken over":
        assert bench.sweep() == [Status.QUEUED]
        assert bench.claimed("new", pid=2).attempt == 2
    elif lost_how in ("retried", "deleted"):
        assert bench.sweep(max_attempts=1) == [Status.FAILED]
        bench.retry(job) if lost_how == "retried" else bench.remove(job)
        if lost_how == "retried":
            bench.claimed("new", pid=2)

    def everything() -> list[object]:
        with bench.database.read() as session:
            tables = ("jobs", "runs", "epochs", "events", "model_parts", "prediction_parts")
            connection = session.connection()
            return [connection.exec_driver_sql(f"SELECT * FROM {table}").fetchall() for table in tables]

    before = everything()
    with pytest.raises(LeaseLost):
        WRITES[write](bench, held)
    assert everything() == before


def test_a_run_failed_by_the_sweep_is_not_succeeded_by_its_old_worker(bench: Bench) -> None:
    bench.submit()
    held = bench.claimed()
    bench.expire(held)
    assert bench.sweep(max_attempts=1) == [Status.FAILED]
    assert bench.succeed(held) == Status.FAILED  # told how it ended, it changes nothing
    assert bench.run(held.run_id).model_size is None
    assert bench.count("model_parts") == bench.count("prediction_parts") == 0


# --- writes that are tried again after a commit whose answer was lost --------------------------------


def test_each_write_may_be_repeated(bench: Bench) -> None:
    job = bench.submit(epochs=2)
    held = bench.claimed()
    assert bench.claimed() == held  # the same process asks again: it has one already
    for _ in range(2):
        with bench.database.write() as session:
            assert claims.begin(session, held, {"a": 1}) == 0
    bench.record(held, 1, 1, 2, 2)
    assert [bench.succeed(held, b"x" * (claims.PART_BYTES + 1)) for _ in range(2)] == [Status.SUCCEEDED] * 2
    assert bench.epochs(held.run_id) == [1, 2]
    assert (bench.count("model_parts"), bench.count("prediction_parts")) == (2, 1)
    assert bench.events(job) == [
        "job.queued", "job.started", "run.started", "run.epoch", "run.epoch", "run.succeeded", "job.succeeded",
    ]  # fmt: skip


def test_failing_and_releasing_may_be_repeated(bench: Bench) -> None:
    job = bench.submit(runs=2)
    failed, released = bench.claimed(pid=1), bench.claimed(pid=2)
    assert [bench.fail(failed), bench.fail(failed)] == [Status.FAILED] * 2
    assert [bench.release(released), bench.release(released)] == [Status.QUEUED] * 2
    assert Counter(bench.events(job))["run.requeued"] == 1


def test_epochs_come_in_order_or_not_at_all(bench: Bench) -> None:
    bench.submit()
    held = bench.claimed()
    with pytest.raises(LeaseLost):
        bench.record(held, 2)
    bench.record(held, 1, 2)
    with pytest.raises(LeaseLost):
        bench.record(held, 1)
    assert bench.epochs(held.run_id) == [1, 2]


# --- what a resumed run keeps -----------------------------------------------------------------------


@pytest.mark.parametrize(("fingerprint", "kept"), [({"cpu": "a"}, 2), ({"cpu": "b"}, 0)])
def test_epochs_stand_under_the_same_fingerprint_only(bench: Bench, fingerprint: dict[str, str], kept: int) -> None:
    bench.submit()
    first = bench.claimed()
    with bench.database.write() as session:
        claims.begin(session, first, {"cpu": "a"})
    bench.record(first, 1, 2)
    bench.release(first)
    second = bench.claimed("other", pid=2)
    assert second.recorded == 2
    with bench.database.write() as session:
        assert claims.begin(session, second, fingerprint) == kept
    assert bench.epochs(first.run_id) == list(range(1, kept + 1))
    bench.record(second, kept + 1)
    assert bench.epochs(first.run_id) == list(range(1, kept + 2))


def test_values_that_are_not_finite_are_kept_beside(bench: Bench) -> None:
    bench.submit()
    held = bench.claimed()
    with bench.database.write() as session:
        claims.record(session, held, 1, {**VALUES, "loss": math.nan, "val_loss": -math.inf}, 0.1)
    with bench.database.read() as session:
        row = session.scalars(select(Epoch)).one()
        written = session.scalar(text("SELECT CAST(metrics AS TEXT) FROM epochs"))
    assert repr(row.metrics) == repr({**VALUES, "loss": math.nan, "val_loss": -math.inf})
    assert json.loads(written or "", parse_constant=pytest.fail) == {**VALUES, "loss": "nan", "val_loss": "-inf"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_test_score_that_is_not_finite_ends_the_run_as_any_other(bench: Bench, value: float) -> None:
    bench.submit()
    held = bench.claimed()
    bench.record(held, 1, 2, 3)
    score = {"loss": value, "acc": 0.5, "data_loss": value}
    with bench.database.write() as session:
        assert claims.succeed(session, held, chosen_epoch=3, test=score, model=b"model") == Status.SUCCEEDED
    assert repr(bench.run(held.run_id).test) == repr(score)


# --- loss -------------------------------------------------------------------------------------------


def test_a_lost_run_is_queued_again_and_failed_at_the_cap(bench: Bench) -> None:
    job = bench.submit()
    for attempt in (1, 2, 3):
        held = bench.claimed(pid=attempt)
        assert held.attempt == attempt
        bench.expire(held)
        assert bench.sweep() == [Status.QUEUED if attempt < 3 else Status.FAILED]
    error = bench.run(held.run_id).error
    assert error is not None
    assert (error["code"], error["retryable"]) == ("worker_lost", True)
    assert bench.job(job) == "failed"


def test_losses_count_only_without_progress(bench: Bench) -> None:
    bench.submit(epochs=10)
    for epoch in range(1, 7):
        held = bench.claimed(pid=epoch)
        bench.record(held, epoch)
        bench.expire(held)
        assert bench.sweep() == [Status.QUEUED]


def test_a_heartbeat_does_not_hide_a_hang(bench: Bench) -> None:
    job = bench.submit()
    held = bench.claimed()
    assert bench.sweep(progress=1000) == []
    with bench.database.write() as session:
        claims.renew(session, held, 60)
    assert bench.sweep(progress=-1) == [Status.QUEUED]
    with pytest.raises(LeaseLost):
        bench.record(held, 1)
    assert "run.requeued" in bench.events(job)


def test_a_renewed_lease_is_not_taken(bench: Bench) -> None:
    job = bench.submit()
    held = bench.claimed()
    bench.expire(held)
    with bench.database.read() as session:
        (found,) = claims.lost_runs(session, 1000)
    assert found == (held.run_id, job, "worker_lost")
    bench.sweep()
    again = bench.claimed(pid=2)
    with bench.database.write() as session:  # what was seen lost is another's by now
        assert claims.take_back(session, held.run_id, job, "worker_lost", 3, claims.expired()) is None
    bench.record(again, 1)


def test_a_big_model_is_stored_in_short_transactions(bench: Bench) -> None:
    bench.submit()
    held = bench.claimed(lease=60)
    model = bytes(range(256)) * 4096 * 20 + b"the rest"  # 20 parts of a megabyte, and a bit
    with bench.database.write() as session:
        stored = claims.store(session, held, model, 0)
    assert (stored, bench.count("model_parts")) == (claims.PARTS_AT_ONCE, 8)
    with bench.database.write() as session:
        assert claims.store(session, held, model, 0) == stored  # the commit's answer was lost
    assert bench.run(held.run_id).model_size is None
    bench.expire(held)
    with pytest.raises(claims.LeaseLost), bench.database.write() as session:
        claims.store(session, held, model, stored)
    bench.sweep()
    again = bench.claimed(pid=2)
    smaller = model[: 3 * 2**20]  # what the attempt before left is not mixed with it
    with bench.database.write() as session:
        claims.store(session, again, smaller[: 2**20], 0)
        assert claims.succeed(session, again, chosen_epoch=1, test=None, model=smaller, stored=1) == "succeeded"
    with bench.database.read() as session:
        parts = session.scalars(select(ModelPart.data).where(ModelPart.run_id == held.run_id).order_by(ModelPart.part))
        assert b"".join(parts) == smaller
    assert bench.run(held.run_id).model_size == len(smaller)


def test_big_predictions_are_stored_in_short_transactions_beside_a_model(bench: Bench) -> None:
    bench.submit()
    held = bench.claimed(lease=60)
    big = bytes(range(256)) * 4096 * 9 + b"the rest"  # 9 parts of a megabyte, and a bit
    with bench.database.write() as session:
        assert claims.store(session, held, big, 0, "test") == claims.PARTS_AT_ONCE
        claims.store(session, held, big, 0, "validation")
    bench.expire(held)
    with pytest.raises(claims.LeaseLost), bench.database.write() as session:
        claims.store(session, held, big, 8, "test")
    bench.sweep()
    again = bench.claimed(pid=2)
    with bench.database.write() as session:  # what the attempt before left is not mixed with it
        assert claims.store(session, again, big, 0, "test") == claims.PARTS_AT_ONCE
        kept = {"test": (big, claims.PARTS_AT_ONCE)}
        claims.succeed(session, again, chosen_epoch=1, test=None, model=b"model", predictions=kept)
    with bench.database.read() as session:
        parts = session.execute(
            select(PredictionPart.split, PredictionPart.data).order_by(PredictionPart.split, PredictionPart.part)
        ).all()
        assert {split for split, _ in parts} == {"test"}
        assert b"".join(data for _, data in parts) == big
        assert session.scalars(select(ModelPart.data)).all() == [b"model"]
