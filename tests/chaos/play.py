"""One chaos run: clients submit while everything is killed, frozen and started again; then the accounts are checked."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.faults import Faults
from tests.chaos.history import History
from tests.servers import PostgreSQL, wait_for
from tests.stage import Stage

WORKERS, CLIENTS, READERS = 3, 4, 2
EPOCHS = 40
VARIANTS = ("original", "l2", "dropout", "smaller")
SEEDS = (0, 1, 2)
BASE: dict[str, Any] = {
    "dataset": {"name": "synthetic", "reviews": 1000, "num_words": 500},
    "training": {"epochs": EPOCHS, "batch_size": 32},
    "reuse": "never",
}
SETTLE_SECONDS = 900
"""How long the service may take, undisturbed, for what is left when the faults end."""


@dataclass
class Outcome:
    """What was done and what was found. `wrong` says in words what should not be."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    jobs: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    epochs: int = 0
    attempts: int = 0
    resumed: int = 0
    requests_repeated: int = 0
    calls: int = 0
    duplicates: int = 0
    losses: int = 0
    differing: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not (self.wrong or self.duplicates or self.losses or self.differing)

    def told(self) -> str:
        """For people."""
        lines = [
            f"seed {self.seed}: {'sound' if self.sound else 'NOT SOUND'}",
            f"faults     {self.faults.total()}: " + ", ".join(f"{n} {kind}" for kind, n in sorted(self.faults.items())),
            f"jobs       {self.jobs.total()} accepted: " + ", ".join(f"{n} {s}" for s, n in sorted(self.jobs.items())),
            f"runs       {self.runs.total()}: " + ", ".join(f"{n} {s}" for s, n in sorted(self.runs.items())),
            f"epochs     {self.epochs} recorded, in {self.attempts} attempts; {self.resumed} runs took more than one",
            f"requests   {self.requests_repeated} repeated by clients until they were answered; "
            f"{self.calls} answers compared with each other",
            f"duplicates {self.duplicates}",
            f"losses     {self.losses}",
            f"histories  {self.differing} differ from the undisturbed run's",
            *(f"WRONG: {text}" for text in self.wrong),
        ]
        return "\n".join(lines)


def play(directory: Path, seconds: float, seed: int, jobs: int) -> Outcome:
    """Injects faults for `seconds` while `jobs` jobs come in, lets the service finish, and checks the accounts."""
    outcome = Outcome(seed)
    chance = random.Random(seed)
    env = {"OCKHAM_MAX_ATTEMPTS": "10", "OCKHAM_DRAIN_SECONDS": "1"}
    with (
        PostgreSQL(directory / "postgresql") as server,
        Stage(directory / "stage", server.create("ockham"), env) as stage,
    ):
        faults = Faults(stage, server, chance, WORKERS)
        stage.whole(WORKERS)
        accepted: dict[str, str] = {}
        history, over = History(), threading.Event()
        clients = [
            threading.Thread(
                target=_client, args=(stage, number, jobs // CLIENTS, seconds, seed, accepted, history, outcome)
            )
            for number in range(CLIENTS)
        ]
        readers = [
            threading.Thread(target=_reader, args=(stage, f"{seed} {number}", accepted, history, over))
            for number in range(READERS)
        ]
        for thread in (*clients, *readers):
            thread.start()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            outcome.faults[faults.inject()] += 1
            time.sleep(chance.uniform(1, 5))
        faults.mend()
        for client in clients:
            client.join()
        try:
            _check(stage, accepted, outcome)
        finally:
            over.set()
            for reader in readers:
                reader.join()
        outcome.calls, outcome.wrong = len(history.calls), [*outcome.wrong, *history.faults()]
        faults.server.kill()
    return outcome


def _client(
    stage: Stage,
    number: int,
    jobs: int,
    seconds: float,
    seed: int,
    accepted: dict[str, str],
    history: History,
    outcome: Outcome,
) -> None:
    """A user: submits jobs with idempotency keys, cancels some, and asks again until there is an answer."""
    chance = random.Random(f"{seed} {number}")
    with httpx.Client(base_url=stage.http.base_url, timeout=10) as http:

        def ask(kind: str, method: str, path: str, **more: Any) -> httpx.Response:
            while True:
                try:
                    with history.call(kind) as call:
                        answer = http.request(method, path, **more)
                        call.status = answer.status_code
                        if answer.status_code == 202:
                            call.seen = answer.json()
                            call.job = call.seen["id"]
                    if answer.status_code < 500:
                        return answer
                except httpx.TransportError:
                    pass
                outcome.requests_repeated += 1
                time.sleep(0.5)

        for count in range(jobs):
            name = f"client {number} job {count}"
            body = {
                **BASE,
                "name": name,
                "variants": chance.sample(VARIANTS, chance.choice((1, 1, 2))),
                "seeds": chance.sample(SEEDS, 1),
            }
            answer = ask("submit", "POST", "/v1/jobs", json=body, headers={"Idempotency-Key": name})
            if answer.status_code != 202:
                outcome.wrong.append(f"{name}: {answer.status_code} {answer.text}")
                continue
            accepted[answer.json()["id"]] = name
            if chance.random() < 0.1:
                time.sleep(chance.uniform(0, 5))
                ask("cancel", "POST", f"/v1/jobs/{answer.json()['id']}/cancel")  # 409 where it has finished: fine
            time.sleep(chance.uniform(0, 1.6 * seconds / jobs))


def _reader(stage: Stage, seed: str, accepted: dict[str, str], history: History, over: threading.Event) -> None:
    """A user who looks: at jobs, the list of them, and their events, all through the faults."""
    chance, followed = random.Random(seed), dict[str, int]()
    with httpx.Client(base_url=stage.http.base_url, timeout=10) as http:
        while not over.wait(chance.uniform(0.05, 0.4)):
            if not (known := list(accepted)):
                continue
            job = chance.choice(known)
            try:
                match chance.choice(("job", "job", "list", "events", "events", "stream")):
                    case "job":
                        with history.call("job", job) as call:
                            answer = http.get(f"/v1/jobs/{job}")
                            call.status, call.seen = answer.status_code, answer.json()
                    case "list":
                        with history.call("list") as call:
                            call.seen = []
                            query: dict[str, Any] = {"limit": 100}
                            while True:
                                answer = http.get("/v1/jobs", params=query)
                                call.status, page = answer.status_code, answer.json()
                                call.seen += [each["id"] for each in page["data"]]
                                if not page["has_more"]:
                                    break
                                query["after"] = call.seen[-1]
                    case "events":
                        after = chance.choice((0, followed.get(job, 0)))
                        with history.call("events", job) as call:
                            answer = http.get(f"/v1/jobs/{job}/events", params={"after": after, "limit": 1000})
                            call.status, page = answer.status_code, answer.json()
                            call.seen = {"after": after, "events": page["data"], "whole": not page["has_more"]}
                        followed[job] = after + len(page["data"])
                    case "stream":
                        _follow(http, job, followed, history, until=time.monotonic() + chance.uniform(1, 4))
            except (httpx.TransportError, ValueError, KeyError):
                time.sleep(0.2)  # no answer, or a problem document of a 503: the next look tells


def _follow(http: httpx.Client, job: str, followed: dict[str, int], history: History, until: float) -> None:
    """Reads the job's stream from where it was left, until so late, its end, or its breaking off."""
    after = followed.get(job, 0)
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
    with history.call("events", job) as call, suppress(httpx.TransportError):
        call.seen = {"after": after, "events": [], "whole": False}
        with http.stream("GET", f"/v1/jobs/{job}/events", headers=headers) as stream:
            call.status = 200 if stream.status_code == 204 else stream.status_code
            for line in stream.iter_lines():
                if line.startswith("data:") and line.endswith("}"):
                    call.seen["events"].append(json.loads(line.removeprefix("data:")))
                if time.monotonic() > until:
                    break
    followed[job] = after + len(call.seen["events"])


def _check(stage: Stage, accepted: dict[str, str], outcome: Outcome) -> None:
    """Counts everything; whatever should not be is in `outcome` afterwards."""
    unfinished = "SELECT id FROM jobs WHERE status NOT IN ('succeeded', 'failed', 'cancelled')"
    wait_for("the end of every job", lambda: not stage.sql(unfinished), SETTLE_SECONDS)
    for _ in range(3):  # on a machine under load a lease of seconds may run out by itself
        reference = stage.submit(**BASE, variants=list(VARIANTS), seeds=list(SEEDS), name="undisturbed")
        if all(run["attempt"] == 1 for run in stage.finished(reference["id"], SETTLE_SECONDS)["runs"]):
            break
    else:
        outcome.wrong.append("the undisturbed job was disturbed, three times")
    expected = {(variant, seed): (epochs, metrics) for variant, seed, epochs, metrics in stage.history(reference["id"])}

    names = Counter(row.name for row in stage.sql("SELECT name FROM jobs WHERE name <> 'undisturbed'"))
    outcome.duplicates += sum(count - 1 for count in names.values())
    outcome.losses += len(set(accepted.values()) - set(names))
    for job_id, name in accepted.items():
        try:
            status = stage.job(job_id)["status"]
            outcome.jobs[status] += 1
            job = stage.intact(job_id, status if status in ("succeeded", "cancelled") else "succeeded")
        except AssertionError as error:
            errors = [run["error"] for run in stage.job(job_id)["runs"] if run["error"]]
            outcome.wrong.append(f"{name}: {errors or str(error)[:500]}")
            outcome.losses += 1
            continue
        for run in job["runs"]:
            outcome.runs[run["status"]] += 1
            outcome.epochs += run["epoch"]
            outcome.attempts += run["attempt"]
            outcome.resumed += run["attempt"] > 1
        for variant, seed, epochs, metrics in stage.history(job_id):
            whole, all_metrics = expected[variant, seed]
            first = {metric: values[: len(epochs)] for metric, values in all_metrics.items()}
            if epochs != whole[: len(epochs)] or (epochs and metrics != first):
                outcome.differing += 1
                outcome.wrong.append(f"{name}: {variant} with seed {seed} differs")
    twice = "SELECT run_id FROM epochs GROUP BY run_id, epoch HAVING count(*) > 1"
    outcome.duplicates += len(stage.sql(twice))
    if stuck := stage.sql("SELECT id FROM runs WHERE lease_expires_at IS NOT NULL OR worker_id IS NOT NULL"):
        outcome.wrong.append(f"{len(stuck)} leases are stuck")
    if orphans := stage.orphans():
        outcome.wrong.append(f"{len(orphans)} processes are orphans")
