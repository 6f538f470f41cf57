"""The same run is not trained twice; what is the same, whose it is, and who waits for whom."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from models import claims, reuse, states
from models.claims import Claim
from models.resolution import resolve
from models.specification import Specification
from models.tables import Epoch, ModelPart, PredictionPart, Status
from tests.models.conftest import VALUES, Bench

HERE = {"cpu": "a"}
MODEL = b"m" * (claims.PART_BYTES + 5)


def begin(bench: Bench, held: Claim, fingerprint: dict[str, str] = HERE) -> int:
    with bench.database.write() as session:
        return claims.begin(session, held, fingerprint)


def take_over(bench: Bench, held: Claim, across: bool = False) -> Status | None:
    with bench.database.write() as session:
        return claims.take_over(session, held, across)


def trained(bench: Bench, *, owner: str = "", epochs: int = 3, reuse: str = "never", pid: int = 1) -> Claim:
    """A run that was trained to its end."""
    bench.submit(owner=owner, epochs=epochs, reuse=reuse)
    held = bench.claimed(pid=pid)
    begin(bench, held)
    bench.record(held, *range(1, epochs + 1))
    bench.succeed(held, MODEL)
    return held


def test_a_result_is_taken_over_whole(bench: Bench) -> None:
    source = trained(bench)
    job = bench.submit(reuse="allow")
    held = bench.claimed(pid=2)
    begin(bench, held)
    assert [take_over(bench, held) for _ in range(2)] == [Status.SUCCEEDED] * 2  # a repeated one changes nothing
    run, original = bench.run(held.run_id), bench.run(source.run_id)
    assert (run.status, run.reused_from, run.epoch) == ("succeeded", source.run_id, 3)
    for name in ("chosen_epoch", "test", "model_size", "fingerprint", "result_key"):
        assert getattr(run, name) == getattr(original, name), name
    with bench.database.read() as session:
        rows = session.scalars(select(Epoch).where(Epoch.run_id == held.run_id).order_by(Epoch.epoch)).all()
        assert [(row.epoch, row.metrics, row.seconds) for row in rows] == [(e, VALUES, 0.1) for e in (1, 2, 3)]
        parts = select(ModelPart.data).where(ModelPart.run_id == held.run_id).order_by(ModelPart.part)
        assert b"".join(session.scalars(parts)) == MODEL
        kept = select(PredictionPart.split, PredictionPart.data).where(PredictionPart.run_id == held.run_id)
        assert session.execute(kept).all() == [("validation", b"validated")]
    assert bench.events(job) == [
        "job.queued", "job.started", "run.started", *["run.epoch"] * 3, "run.succeeded", "job.succeeded",
    ]  # fmt: skip


def test_what_an_attempt_had_stored_before_it_was_lost_gives_way_to_the_result_taken_over(bench: Bench) -> None:
    bench.submit(reuse="allow")
    lost = bench.claimed(pid=1)
    begin(bench, lost)
    with bench.database.write() as session:
        claims.store(session, lost, b"l" * 3 * claims.PART_BYTES, 0)
        claims.store(session, lost, b"l" * 3 * claims.PART_BYTES, 0, "validation")
    bench.expire(lost)
    bench.sweep()
    again = bench.claimed(pid=2)  # while another, that does not wait for it, trains the same
    trained(bench, pid=3)
    begin(bench, again)
    assert take_over(bench, again) == Status.SUCCEEDED
    with bench.database.read() as session:
        for table, content in ((ModelPart, MODEL), (PredictionPart, b"validated")):
            parts = session.scalars(select(table.data).where(table.run_id == again.run_id).order_by(table.part))
            assert b"".join(parts) == content


def test_a_reused_epoch_is_told_as_a_trained_one(bench: Bench) -> None:
    source = trained(bench)
    bench.submit(reuse="allow")
    held = bench.claimed(pid=2)
    begin(bench, held)
    take_over(bench, held)
    data = bench.event_data(held.job_id)
    assert data[:-2] == bench.event_data(source.job_id)[:-2]
    assert data[-2] == {"chosen_epoch": 1, "reused_from": source.run_id}


@pytest.mark.parametrize(
    ("why", "same"), [("fingerprint", False), ("seed", False), ("epochs", False), ("failed", False), ("name", True)]
)
def test_only_what_is_promised_to_be_the_same_is_taken_over(bench: Bench, why: str, same: bool) -> None:
    if why == "failed":
        bench.submit()
        first = bench.claimed()
        begin(bench, first)
        bench.fail(first)
    else:
        trained(bench)
    body = {
        "dataset": {"name": "synthetic"},
        "training": {"epochs": 4 if why == "epochs" else 3},
        "variants": [{"name": "another", "preset": "original"} if why == "name" else "original"],
        "seeds": [1 if why == "seed" else 0],
    }
    with bench.database.write() as session:
        states.submit(session, resolve(body))
    held = bench.claimed(pid=2)
    begin(bench, held, {"cpu": "b"} if why == "fingerprint" else HERE)
    assert take_over(bench, held) == (Status.SUCCEEDED if same else None)


@pytest.mark.parametrize("across", [False, True])
def test_never_across_keys_unless_allowed(bench: Bench, across: bool) -> None:
    trained(bench, owner="one")
    bench.submit(owner="other", reuse="allow")
    held = bench.claimed(pid=2)
    begin(bench, held)
    assert take_over(bench, held, across) == (Status.SUCCEEDED if across else None)


def test_recorded_epochs_stay_and_the_others_come_from_the_source(bench: Bench) -> None:
    bench.submit(reuse="allow")
    held = bench.claimed()
    begin(bench, held)
    bench.record(held, 1)
    trained(bench, pid=2)
    bench.release(held)
    again = bench.claimed(pid=3)
    assert again.run_id == held.run_id
    assert begin(bench, again) == 1
    assert take_over(bench, again) == Status.SUCCEEDED
    assert bench.epochs(held.run_id) == [1, 2, 3]
    assert bench.events(held.job_id).count("run.epoch") == 3


def test_a_run_waits_while_its_twin_trains(bench: Bench) -> None:
    first, second = bench.submit(reuse="allow"), bench.submit(reuse="allow")
    held = bench.claimed(pid=1)
    assert held.job_id == first
    assert bench.claim(pid=2) is None
    never = bench.submit(reuse="never")
    again = bench.claimed(pid=2)
    assert again.job_id == never  # who asks to be trained waits for nobody
    begin(bench, held)
    begin(bench, again)
    bench.record(held, 1, 2, 3)
    bench.succeed(held)
    assert bench.claimed(pid=3).job_id == second  # the result is there: the one that trains anyhow is not waited for


@pytest.mark.parametrize("end", ["fail", "release", "cancel", "expire"])
def test_a_run_whose_twin_gives_nothing_is_trained_itself(bench: Bench, end: str) -> None:
    bench.submit(reuse="allow")
    second = bench.submit(reuse="allow")
    held = bench.claimed(pid=1)
    assert bench.claim(pid=2) is None
    if end == "expire":
        bench.expire(held)
        bench.sweep(max_attempts=1)
    elif end == "cancel":
        bench.cancel(held.job_id)
    else:
        getattr(bench, end)(held)
    taken = {bench.claimed(pid=pid).job_id for pid in (2,)}
    assert taken <= {second, held.job_id}
    if end != "release":
        assert taken == {second}


def test_another_keys_twin_is_not_waited_for(bench: Bench) -> None:
    bench.submit(owner="one", reuse="allow")
    bench.submit(owner="other", reuse="allow")
    assert {bench.claimed(pid=pid).specification.seed for pid in (1, 2)} == {0}
    bench.submit(owner="third", reuse="allow")
    with bench.database.write() as session:
        assert claims.claim(session, "worker", 3, 60, reuse_across_keys=True) is None


def test_of_many_claimers_at_once_one_trains(bench: Bench) -> None:
    jobs = [bench.submit(runs=3, reuse="allow") for _ in range(4)]

    def work(pid: int) -> list[Claim]:
        mine = []
        while held := bench.claim(f"worker {pid}", pid=pid):
            mine.append(held)
            pid += 100
        return mine

    with ThreadPoolExecutor(6) as pool:
        held = [claim for mine in pool.map(work, range(6)) for claim in mine]
    assert Counter(claim.specification.seed for claim in held) == {0: 1, 1: 1, 2: 1}
    for claim in held:
        begin(bench, claim)
        bench.record(claim, 1, 2, 3)
        bench.succeed(claim)
    while rest := bench.claim(pid=1):
        begin(bench, rest)
        assert take_over(bench, rest) == Status.SUCCEEDED
    assert {bench.job(job) for job in jobs} == {"succeeded"}


def test_a_result_outlives_the_job_it_came_from(bench: Bench) -> None:
    source = trained(bench)
    bench.submit(reuse="allow")
    held = bench.claimed(pid=2)
    begin(bench, held)
    take_over(bench, held)
    bench.remove(source.job_id)
    assert bench.epochs(held.run_id) == [1, 2, 3]
    bench.submit(reuse="allow")
    third = bench.claimed(pid=3)
    begin(bench, third)
    assert take_over(bench, third) == Status.SUCCEEDED
    assert bench.run(third.run_id).reused_from == held.run_id


def test_the_key_is_of_all_a_run_depends_on_and_of_nothing_else() -> None:
    def key(**body: object) -> str:
        return reuse.key_of(resolve({"variants": ["original"], **body}).run("original", 0))

    usual = key()
    assert key(name="x", seeds=[3, 0], metadata={"a": 1}, baseline="original") == usual
    stored = Specification.model_validate_json(resolve({"variants": ["original"]}).model_dump_json())
    assert reuse.key_of(stored.run("original", 0)) == usual
    others = [
        key(training={"batch_size": 511}),
        key(training={"optimizer": {"learning_rate": 0.0011}}),
        key(dataset={"num_words": 9999}),
        key(dataset={"validation": {"holdout": 10}}),
        key(variants=[{"name": "original", "preset": "l2"}]),
    ]
    assert len({usual, *others}) == 6


def test_a_result_of_another_fingerprint_ends_no_waiting(bench: Bench) -> None:
    """After an upgrade: what is stored will not be taken over, so that the first one's new result is waited for."""
    bench.submit(reuse="allow")
    old = bench.claimed(pid=1)
    begin(bench, old, {"cpu": "before"})
    bench.record(old, 1, 2, 3)
    bench.succeed(old)
    bench.submit(reuse="allow")
    bench.submit(reuse="allow")
    held = bench.claimed(pid=2)
    assert bench.claim(pid=3) is None  # not begun yet: what it will have is not known
    begin(bench, held)
    assert bench.claim(pid=3) is None
    bench.record(held, 1, 2, 3)
    bench.succeed(held)
    again = bench.claimed(pid=3)
    begin(bench, again)
    assert take_over(bench, again) == Status.SUCCEEDED
