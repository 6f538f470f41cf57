"""What clients saw, call by call, and whether one service could have shown it.

Each answered call is recorded with when it began and ended. Two calls are compared only if one ended
before the other began: what was seen first must then hold for what was seen later.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

ENDED = ("succeeded", "failed", "cancelled")
RANK = {"queued": 0, "running": 1, "cancelling": 2, **dict.fromkeys(ENDED, 3)}
"""Of a job's status: without a retry it never falls."""
MOST = 20
"""Faults that are told."""


@dataclass
class Call:
    """An answered call. `job` is an id, of a list None; `seen` is the answer."""

    kind: str
    job: str | None
    began: float
    status: int = 0
    seen: Any = None
    ended: float = 0.0


@dataclass
class History:
    """The calls of all clients."""

    calls: list[Call] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def call(self, kind: str, job: str | None = None) -> Iterator[Call]:
        """To be filled in with the answer; a call that raises or is answered by 5xx tells nothing, and is left out."""
        made = Call(kind, job, time.monotonic())
        yield made
        made.ended = time.monotonic()
        if 0 < made.status < 500:
            with self._lock:
                self.calls.append(made)

    def faults(self) -> list[str]:
        """What cannot have been, in words."""
        found = [*self._gone(), *self._back(), *self._events()]
        return found if len(found) <= MOST else [*found[:MOST], f"and {len(found) - MOST} more"]

    def _gone(self) -> Iterator[str]:
        """A job that was seen, and later was not there."""
        first_seen: dict[str, float] = {}
        for call in self.calls:
            if call.job and call.status in (200, 202):
                first_seen[call.job] = min(call.ended, first_seen.get(call.job, call.ended))
        for call in self.calls:
            if call.job and call.status == 404 and first_seen.get(call.job, call.began) < call.began:
                yield f"{call.job} was seen, and then {call.kind} answered 404"
            if call.kind == "list" and call.status == 200:
                there = set(call.seen)
                for job, moment in first_seen.items():
                    if moment < call.began and job not in there:
                        yield f"{job} was seen, and then the list did not have it"

    def _back(self) -> Iterator[str]:
        """A status, a number of epochs or of attempts, or a number of events that went back."""
        by_job = defaultdict(list)
        for call in self.calls:
            if call.status in (200, 202) and call.kind in ("job", "submit", "cancel"):
                by_job[call.job].append((call, _progress(call.seen)))
        for job, calls in by_job.items():
            for earlier, later in _in_order(calls):
                for what, value in earlier.items():
                    if what not in later:
                        yield f"{job}: {what} was {value}, and then was gone"
                    elif what.startswith("end"):
                        if value and later[what] != value:
                            yield f"{job}: {what} was {value}, and then {later[what] or 'not ended'}"
                    elif later[what] < value:
                        yield f"{job}: {what} was {value}, and then {later[what]}"

    def _events(self) -> Iterator[str]:
        """An event that was missing, came twice, or was another one."""
        known: dict[tuple[str, int], Any] = {}
        newest: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for call in sorted(self.calls, key=lambda call: call.ended):
            if call.kind != "events" or call.status != 200 or call.job is None:
                continue
            after, events, whole = call.seen["after"], call.seen["events"], call.seen["whole"]
            numbers = [event["id"] for event in events]
            if numbers != list(range(after + 1, after + 1 + len(numbers))):
                yield f"{call.job}: after event {after} came {numbers[:10]}…"
            for event in events:
                if known.setdefault((call.job, event["id"]), event) != event:
                    yield f"{call.job}: event {event['id']} was {known[call.job, event['id']]}, and then {event}"
            last = after + len(numbers)
            if whole and any(ended < call.began and number > last for ended, number in newest[call.job]):
                yield f"{call.job}: a later event than {last} was seen, and then it was the last"
            newest[call.job].append((call.ended, last))


def _progress(job: dict[str, Any]) -> dict[str, Any]:
    """What may only grow, and, by names that begin with `end`, what stays once it is there."""
    told: dict[str, Any] = {"status": RANK[job["status"]], "end": job["status"] if job["status"] in ENDED else ""}
    for run in job["runs"]:
        key = f"{run['variant']}/{run['seed']}"
        told[f"epoch of {key}"], told[f"attempt of {key}"] = run["epoch"], run["attempt"]
        told[f"end of {key}"] = run["status"] if run["status"] in ENDED else ""
    return told


def _in_order(calls: list[tuple[Call, dict[str, Any]]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each call with the last that had ended before it began."""
    ended = sorted(calls, key=lambda pair: pair[0].ended)
    place, before = 0, None
    for call, seen in sorted(calls, key=lambda pair: pair[0].began):
        while place < len(ended) and ended[place][0].ended < call.began:
            before = ended[place][1]
            place += 1
        if before is not None:
            yield before, seen
