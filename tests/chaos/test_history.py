"""The checker of a chaos run finds what it is there to find."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chaos.history import Call, History


def job(status: str, epoch: int = 0, attempt: int = 1, run: str = "running") -> dict[str, Any]:
    return {"status": status, "runs": [{"variant": "v", "seed": 0, "epoch": epoch, "attempt": attempt, "status": run}]}


def events(after: int, *ids: int, whole: bool = True, kind: str = "run.epoch") -> dict[str, Any]:
    return {"after": after, "events": [{"id": number, "type": kind} for number in ids], "whole": whole}


def history(*calls: tuple[Any, ...]) -> History:
    """Calls one after the other: kind, status, seen."""
    made = [
        Call(kind, None if kind == "list" else "job_1", 2.0 * i, status, seen, 2.0 * i + 1)
        for i, (kind, status, seen) in enumerate(calls)
    ]
    return History(made)


SOUND = [
    [("submit", 202, job("queued")), ("job", 200, job("running", 3)), ("job", 200, job("failed", 5, 1, "failed"))],
    [("submit", 202, job("queued")), ("list", 200, ["job_1"]), ("job", 200, job("running", 3, 2, "queued"))],
    [("events", 200, events(0, 1, 2)), ("events", 200, events(2, 3)), ("events", 200, events(0, 1, 2, 3, 4))],
    [("job", 404, None), ("submit", 202, job("queued"))],
    [("events", 200, events(0, 1, 2, 3)), ("events", 200, events(0, 1, whole=False))],
]  # fmt: skip

UNSOUND = {
    "and then job answered 404": [("submit", 202, job("queued")), ("job", 404, None)],
    "the list did not have it": [("submit", 202, job("queued")), ("list", 200, ["job_2"])],
    "status was 1, and then 0": [("job", 200, job("running")), ("job", 200, job("queued"))],
    "end was cancelled, and then succeeded": [("job", 200, job("cancelled")), ("job", 200, job("succeeded"))],
    "epoch of v/0 was 3, and then 2": [("job", 200, job("running", 3)), ("job", 200, job("running", 2))],
    "attempt of v/0 was 2, and then 1": [("job", 200, job("running", 3, 2)), ("job", 200, job("running", 3, 1))],
    "end of v/0 was failed, and then not ended": [
        ("job", 200, job("running", 3, 1, "failed")), ("job", 200, job("running", 3, 1)),
    ],
    "after event 0 came [1, 3]": [("events", 200, events(0, 1, 3))],
    "after event 0 came [1, 1]": [("events", 200, events(0, 1, 1))],
    "after event 2 came [4]": [("events", 200, events(2, 4))],
    "event 1 was": [("events", 200, events(0, 1)), ("events", 200, events(0, 1, kind="run.failed"))],
    "a later event than 1 was seen": [("events", 200, events(0, 1, 2)), ("events", 200, events(0, 1))],
}  # fmt: skip


@pytest.mark.parametrize("calls", SOUND)
def test_what_may_be_is_no_fault(calls: list[tuple[Any, ...]]) -> None:
    assert history(*calls).faults() == []


@pytest.mark.parametrize(("said", "calls"), UNSOUND.items(), ids=UNSOUND)
def test_what_cannot_be_is_told(said: str, calls: list[tuple[Any, ...]]) -> None:
    (fault,) = history(*calls).faults()
    assert said in fault


def test_calls_at_the_same_time_are_not_compared() -> None:
    """The older answer may be the slower one."""
    calls = [Call("job", "job_1", 0, 200, job("running", 5), 3), Call("job", "job_1", 1, 200, job("running", 4), 2)]
    assert History(calls).faults() == []


def test_what_was_not_answered_is_left_out() -> None:
    made = History()
    with made.call("job", "job_1") as call:
        call.status = 503
    with pytest.raises(OSError), made.call("job", "job_1"):
        raise OSError
    assert made.calls == []
