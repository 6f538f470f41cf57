"""Models of epochs that runs keep: stored in steps and once, never mixed, and gone with the last run that has them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models import claims, deletion
from models.claims import PART_BYTES, PARTS_AT_ONCE, Claim, LeaseLost
from models.tables import KeptModel, KeptPart
from tests.models.conftest import Bench
from tests.models.test_reuse import HERE, begin, take_over


def keep(bench: Bench, held: Claim, epoch: int, content: bytes, digest: str = "same", stored: int = 0) -> int:
    with bench.database.write() as session:
        return claims.keep(session, held, epoch, digest, content, stored)


def kept(bench: Bench, run_id: str) -> dict[int, bytes]:
    """The files of the epochs that the run has kept."""
    with bench.database.read() as session:
        files = {}
        for epoch in claims.kept_epochs(session, run_id):
            found = session.get_one(KeptModel, (run_id, epoch))
            parts = select(KeptPart.data).where(KeptPart.content == found.content).order_by(KeptPart.part)
            files[epoch] = b"".join(session.scalars(parts))
            assert len(files[epoch]) == found.size
        return files


def forget(bench: Bench) -> int:
    deletion.forget_models(bench.database, 60)
    return int(bench.count("kept_parts"))


def test_a_big_one_is_stored_in_short_transactions_and_never_mixed(bench: Bench) -> None:
    bench.submit()
    held = bench.claimed()
    first, second = (letter * (9 * PART_BYTES + 5) for letter in (b"a", b"b"))  # the same model saved twice
    assert [keep(bench, held, 1, first) for _ in range(2)] == [PARTS_AT_ONCE] * 2, "the commit's answer was lost"
    assert kept(bench, held.run_id) == {}
    assert forget(bench) == PARTS_AT_ONCE, "it is being stored"
    bench.expire(held)
    with pytest.raises(LeaseLost):
        keep(bench, held, 1, first, stored=PARTS_AT_ONCE)
    bench.sweep()
    again = bench.claimed(pid=2)
    assert keep(bench, again, 1, second) == PARTS_AT_ONCE
    assert [keep(bench, again, 1, second, stored=PARTS_AT_ONCE) for _ in range(2)] == [10, 10]
    bench.record(again, 1)
    assert kept(bench, held.run_id) == {1: second}


def test_the_same_model_is_stored_once_and_stays_for_as_long_as_a_run_has_it(bench: Bench) -> None:
    jobs = [bench.submit() for _ in range(2)]
    one, two = bench.claimed(pid=1), bench.claimed(pid=2)
    for held in (one, two):
        keep(bench, held, 2, b"model")
        keep(bench, held, 3, b"own" + held.run_id.encode(), held.run_id)
        bench.record(held, 1, 2, 3)
        bench.succeed(held)
    assert bench.count("kept_parts") == 3
    bench.remove(jobs[0])
    assert forget(bench) == 2
    assert kept(bench, two.run_id) == {2: b"model", 3: b"own" + two.run_id.encode()}
    bench.remove(jobs[1])
    assert (forget(bench), bench.count("kept_models")) == (0, 0)


def test_that_of_the_chosen_epoch_is_the_runs_model(bench: Bench) -> None:
    bench.submit()
    held = bench.claimed()
    for epoch in (1, 2):
        keep(bench, held, epoch, b"%d" % epoch, str(epoch))
    bench.record(held, 1, 2, 3)
    bench.succeed(held)  # epoch 1 is chosen
    assert kept(bench, held.run_id) == {2: b"2"}
    assert forget(bench) == 1


def test_one_of_another_fingerprint_or_before_a_retry_is_not_kept(bench: Bench) -> None:
    job = bench.submit()
    held = bench.claimed()
    begin(bench, held)
    keep(bench, held, 1, b"before")
    bench.record(held, 1)
    bench.release(held)
    again = bench.claimed(pid=2)
    assert begin(bench, again) == 1
    assert kept(bench, held.run_id) == {1: b"before"}
    begin(bench, again, {"cpu": "another"})
    assert kept(bench, held.run_id) == {}
    keep(bench, again, 1, b"anew", "anew")
    bench.record(again, 1)
    bench.fail(again)
    assert kept(bench, held.run_id) == {1: b"anew"}, "of a run that failed they stay"
    bench.retry(job)
    assert (kept(bench, held.run_id), forget(bench)) == ({}, 0)


def test_a_run_that_takes_over_a_result_has_its_models(bench: Bench) -> None:
    job = bench.submit(keep=[2])
    source = bench.claimed()
    begin(bench, source, HERE)
    keep(bench, source, 2, b"second")
    bench.record(source, 1, 2, 3)
    bench.succeed(source)
    for asked, expected in (([2], {2: b"second"}), ("chosen", None)):
        bench.submit(reuse="allow", keep=asked)
        held = bench.claimed(pid=2)
        begin(bench, held)
        took = take_over(bench, held)
        assert (kept(bench, held.run_id) if took else None) == expected, "one that keeps others is another run"
    assert bench.count("kept_parts") == 1
    bench.remove(job)
    assert forget(bench) == 1
