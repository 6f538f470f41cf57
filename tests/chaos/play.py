"""One chaos run: clients submit while everything is killed, frozen and started again; then the accounts are checked."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.faults import Faults
from tests.servers import PostgreSQL, wait_for
from tests.stage import Stage

WORKERS, CLIENTS = 3, 4
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
            f"requests   {self.requests_repeated} repeated by clients until they were answered",
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
        clients = [
            threading.Thread(target=_client, args=(stage, number, jobs // CLIENTS, seconds, seed, accepted, outcome))
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            outcome.faults[faults.inject()] += 1
            time.sleep(chance.uniform(1, 5))
        faults.mend()
        for client in clients:
            client.join()
        _check(stage, accepted, outcome)
        faults.server.kill()
    return outcome


def _client(
    stage: Stage, number: int, jobs: int, seconds: float, seed: int, accepted: dict[str, str], outcome: Outcome
) -> None:
    """A user: submits jobs with idempotency keys, cancels some, and asks again until there is an answer."""
    chance = random.Random(f"{seed} {number}")
    with httpx.Client(base_url=stage.http.base_url, timeout=10) as http:

        def ask(method: str, path: str, **more: Any) -> httpx.Response:
            while True:
                try:
                    answer = http.request(method, path, **more)
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
            answer = ask("POST", "/v1/jobs", json=body, headers={"Idempotency-Key": name})
            if answer.status_code != 202:
                outcome.wrong.append(f"{name}: {answer.status_code} {answer.text}")
                continue
            accepted[answer.json()["id"]] = name
            if chance.random() < 0.1:
                time.sleep(chance.uniform(0, 5))
                ask("POST", f"/v1/jobs/{answer.json()['id']}/cancel")  # 409 where it has finished: fine
            time.sleep(chance.uniform(0, 1.6 * seconds / jobs))


def _check(stage: Stage, accepted: dict[str, str], outcome: Outcome) -> None:
    """Counts everything; whatever should not be is in `outcome` afterwards."""
    unfinished = "SELECT id FROM jobs WHERE status NOT IN ('succeeded', 'failed', 'cancelled')"
    wait_for("the end of every job", lambda: not stage.sql(unfinished), SETTLE_SECONDS)
    reference = stage.submit(**BASE, variants=list(VARIANTS), seeds=list(SEEDS), name="undisturbed")
    if any(run["attempt"] != 1 for run in stage.finished(reference["id"], SETTLE_SECONDS)["runs"]):
        outcome.wrong.append("the undisturbed job was disturbed")
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
            outcome.wrong.append(f"{name}: {str(error)[:500]}")
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
