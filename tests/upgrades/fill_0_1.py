# mypy: ignore-errors
"""Fills a database of each kind with everything that version 0.1 stores, and keeps it with the API's answers.

    python -m tests.upgrades.fill_0_1 tests/upgrades

writes `0.1-sqlite.db.xz`, `0.1-postgresql.sql.xz` and, for each, what the API answered (`0.1-sqlite.json.xz`, ...).
The files were made by the code of commit 83a2dde (schema 0003). The script is kept as it ran there, so it is not
type-checked: later code may lack what it imports. The next version gets a script of its own.

Two jobs and a reproduction are trained for real; the others get numbers of this script's, so that there are
runs of every status, values that are not finite, and whatever else the tables can hold.
"""

from __future__ import annotations

import json
import lzma
import math
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select, update

from migrations.run import upgrade
from models import claims, keys
from models.claims import Claim
from models.database import Database
from models.scopes import Scope
from models.settings import Settings
from models.tables import HELD, ApiKey, Delivery, Run, Worker
from tests.api.conftest import serving
from tests.servers import PostgreSQL, Valkey, wait_for
from worker import data, training
from worker.fingerprint import fingerprint

VERSION = "0.1"
FAR = datetime(2099, 1, 1, tzinfo=UTC)
SMALL = {"name": "synthetic", "reviews": 120, "num_words": 40}
NAMES = ("loss", "acc", "val_loss", "val_acc", "data_loss", "val_data_loss")
EVALUATED = ("eval_loss", "eval_acc", "eval_data_loss")


class Receiver(BaseHTTPRequestHandler):
    """Takes what is posted to `/taken`; whatever else it has is gone."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if self.path == "/taken" else 410 if self.path == "/gone" else 500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Filler:
    """One database, the API on it, and what a worker would do."""

    def __init__(self, settings: Settings, http: httpx.Client) -> None:
        self.settings, self.http, self.database = settings, http, Database(settings)

    # --- a client

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        answer = self.http.post(path, json=body, headers=headers)
        answer.raise_for_status()
        return answer.json()

    def submit(self, **body: Any) -> dict[str, Any]:
        return dict(
            self.post("/v1/jobs", {"dataset": SMALL, "training": {"epochs": 3}, "variants": ["original"], **body})
        )

    # --- a worker

    def claim(self, job: dict[str, Any] | None = None, pid: int = 1) -> Claim:
        with self.database.write() as session:
            held = claims.claim(session, "worker_of_0_1", pid, 600)
        assert held is not None
        assert job is None or held.job_id == job["id"], "another job was next"
        return held

    def begin(self, held: Claim, **changes: Any) -> int:
        with self.database.write() as session:
            return claims.begin(session, held, {**fingerprint("of no data"), **changes})

    def record(self, held: Claim, epoch: int, evaluated: bool = False, **odd: float) -> None:
        """An epoch with plausible numbers, and `odd` ones."""
        place = sum(map(ord, held.specification.layers.__repr__())) % 97 + held.specification.seed
        values = {
            name: round(0.7 / (1 + 0.1 * epoch) + 0.001 * place + 0.01 * i + (0.02 * epoch if "val" in name else 0), 12)
            for i, name in enumerate((*NAMES, *(EVALUATED if evaluated else ())))
        }
        with self.database.write() as session:
            claims.record(session, held, epoch, values | odd, 0.125)

    def fake(self, held: Claim, evaluated: bool = False) -> None:
        """Ends the claimed run with numbers of this script's."""
        recorded, epochs = self.begin(held), held.specification.training.epochs
        for epoch in range(recorded + 1, epochs + 1):
            self.record(held, epoch, evaluated)
        with self.database.write() as session:
            claims.succeed(session, held, chosen_epoch=epochs, test=None, model=b"not a model" * 10)

    def train(self, held: Claim) -> str:
        """What a worker does with a claim: takes over a stored result, or trains."""
        loaded = data.load(held.specification.dataset, self.settings.data_dir, None)
        with self.database.write() as session:
            claims.begin(session, held, fingerprint(loaded.sha256))
        if held.reuse:
            with self.database.write() as session:
                if claims.take_over(session, held):
                    return "taken over"

        def on_epoch(epoch: training.Epoch) -> None:
            with self.database.write() as session:
                claims.record(session, held, epoch.number, epoch.metrics, epoch.seconds)

        result = training.train(held.specification, loaded, on_epoch)
        with self.database.write() as session:
            claims.succeed(session, held, chosen_epoch=result.chosen_epoch, test=result.test, model=result.model)
        return "trained"

    # --- all of it

    def fill(self, receiver: str) -> None:
        self.fake(self.claim(self.submit(name="Before there were keys", metadata={"owner": "team-a", "n": [1, None]})))
        with self.database.write() as session:
            _, token = keys.create(session, "the filler", [Scope.ADMIN])
            keys.create(session, "reads", [Scope.READ], timedelta(days=1))
            ended, _ = keys.create(session, "revoked")
            keys.revoke(session, ended.id)
        self.http.headers["Authorization"] = f"Bearer {token}"
        self.post("/v1/webhooks", {"url": f"{receiver}/taken", "events": ["*"]})
        self.post("/v1/webhooks", {"url": f"{receiver}/broken", "events": ["job.*"]})
        self.post("/v1/webhooks", {"url": f"{receiver}/gone", "events": ["run.succeeded", "run.failed"]})

        real = {
            "training": {"epochs": 4, "batch_size": 16, "evaluate_train": True,
                         "early_stopping": {"monitor": "val_loss", "patience": 3, "restore_best": True}},
            "dataset": {**SMALL, "validation": {"holdout": 40}},
            "variants": ["smaller", {"name": "Dropout & größer", "layers": [
                {"type": "dense", "units": 4, "activation": "relu", "kernel_regularizer": {"l2": 0.01}},
                {"type": "batch_normalization"}, {"type": "dropout", "rate": 0.5}]}],
            "seeds": [0, 4294967295],
        }  # fmt: skip
        trained = self.submit(name="Trained, with a holdout", **real)
        assert [self.train(self.claim(trained)) for _ in trained["runs"]] == ["trained"] * 4
        reused = self.submit(name="Taken over", **real)
        assert [self.train(self.claim(reused)) for _ in reused["runs"]] == ["taken over"] * 4
        self.post(f"/v1/runs/{trained['runs'][0]['id']}/reproduce")
        assert self.train(self.claim()) == "trained"
        self.post(f"/v1/runs/{trained['runs'][1]['id']}/reproduce")
        held = self.claim()
        self.begin(held)
        self.record(held, 1, True, val_loss=math.nan)
        with self.database.write() as session:
            claims.succeed(session, held, chosen_epoch=1, test={"loss": 1.0, "acc": 0.5, "data_loss": 1.0}, model=b"m")

        failed = self.submit(name="Failed: not finite", variants=["original", "l2"], seeds=[0, 1], metadata={})
        odd = ({"loss": math.nan, "data_loss": math.nan}, {"val_loss": math.inf}, {"data_loss": -math.inf, "acc": 0.0})
        for values in odd:
            held = self.claim(failed)
            self.begin(held)
            self.record(held, 1, True)
            self.record(held, 2, True, **values)
            error = {"code": "diverged", "message": f"{next(iter(values))} is no longer finite", "retryable": False}
            with self.database.write() as session:
                claims.fail(session, held, error)
        self.fake(self.claim(failed), evaluated=True)

        cancelled = self.submit(name="Cancelled midway", seeds=[0, 1])
        held = self.claim(cancelled)
        self.begin(held)
        self.record(held, 1)
        self.post(f"/v1/jobs/{cancelled['id']}/cancel")
        with self.database.write() as session:
            claims.release(session, held, "drained")
        again = self.submit(name="Failed and retried", training={"epochs": 2}, variants=["l1"])
        with self.database.write() as session:
            held = claims.claim(session, "worker_of_0_1", 1, 600)
            assert held is not None
            claims.fail(session, held, {"code": "training_failed", "message": "so it did", "retryable": True})
        self.post(f"/v1/jobs/{again['id']}/retry")
        self.fake(self.claim(again))
        self.post(f"/v1/jobs/{again['id']}/seeds", {"seeds": [5, 6]})
        for _ in range(2):
            self.fake(self.claim(again))
        sweep = self.submit(
            name="A sweep", variants=["original"], sweep={"grid": {"units": [4, 8], "dropout": [0.0, 0.5]}}
        )
        for _ in sweep["runs"]:
            self.fake(self.claim(sweep))
        lost = self.submit(name="Lost once, then released")
        held = self.claim(lost)
        self.begin(held, tensorflow="an older one")
        self.record(held, 1)
        with self.database.write() as session:
            claims.take_back(session, held.run_id, held.job_id, "worker_lost", 3)
        held = self.claim(lost)
        with self.database.write() as session:
            claims.release(session, held, "drained")
        self.fake(self.claim(lost))  # under another fingerprint: trained whole

        cancelling = self.submit(name="Cancelling", seeds=[0, 1])
        held = self.claim(cancelling, pid=3)
        self.begin(held)
        self.record(held, 1)
        self.post(f"/v1/jobs/{cancelling['id']}/cancel")
        running = self.submit(name="Running", variants=["original", "dropout"], training={"epochs": 5})
        held = self.claim(running, pid=2)
        self.begin(held)
        self.record(held, 1)
        self.record(held, 2, loss=math.inf)
        self.post(f"/v1/runs/{trained['runs'][2]['id']}/reproduce")
        queued = {"Idempotency-Key": "the queued one"}
        self.post("/v1/jobs", {"preset": "notebook", "name": "Queued", "dataset": SMALL}, **queued)
        own = self.submit(name="Queued, with a webhook of its own", reuse="never")
        self.post("/v1/webhooks", {"url": "http://127.0.0.1:9/", "job_id": own["id"], "events": ["run.*"]})

        with self.database.write() as session:
            for pid, ready in ((2, True), (3, False)):
                session.add(Worker(id=f"worker_{pid}", host="höst", pid=pid, concurrency=pid, ready=ready,
                                   started_at=FAR, seen_at=FAR))  # fmt: skip
            # Where an API begins on the kept database, nothing is lost or due.
            session.execute(update(Run).where(Run.status.in_(HELD)).values(lease_expires_at=FAR, progress_at=FAR))
        wait_for("deliveries", self.are_delivered)

    def are_delivered(self) -> bool:
        with self.database.read() as session:
            untried = select(Delivery.id).where(Delivery.attempts == 0, Delivery.due_at.is_not(None)).limit(1)
            return session.scalar(untried) is None

    def settle(self) -> None:
        """After the API's end: whatever is still to be delivered is due in 2099."""
        with self.database.write() as session:
            session.execute(update(Delivery).where(Delivery.due_at.is_not(None)).values(due_at=FAR))
            session.execute(update(ApiKey).where(ApiKey.used_at.is_not(None)).values(used_at=FAR))

    def answers(self) -> dict[str, Any]:
        """Each path's answer: JSON as it is, other types as text; and the token that reads them."""
        paths = ["/v1/jobs?limit=100", "/v1/webhooks"]
        jobs = self.http.get("/v1/jobs", params={"limit": 100}).raise_for_status().json()["data"]
        for job in jobs:
            base = f"/v1/jobs/{job['id']}"
            paths += [base, f"{base}/history", f"{base}/history?format=csv", f"{base}/history?format=ndjson"]
            paths += [f"{base}/metrics?by=val_loss", f"{base}/metrics?by=val_data_loss"]
            paths += [f"{base}/analysis?view=data", f"{base}/analysis?view=keras", f"{base}/events?limit=1000"]
            paths += [f"/v1/runs/{run['id']}" for run in job["runs"]]
        for hook in self.http.get("/v1/webhooks").raise_for_status().json()["data"]:
            paths.append(f"/v1/webhooks/{hook['id']}/deliveries?limit=100")
        found: dict[str, Any] = {}
        for path in paths:
            answer = self.http.get(path).raise_for_status()
            json_ = answer.headers["Content-Type"].startswith("application/json")
            found[path] = answer.json() if json_ else answer.text
        return {"authorization": self.http.headers["Authorization"], "answers": found}


def fill(settings: Settings, broker: str) -> dict[str, Any]:
    """Fills the database; the API's answers afterwards."""
    settings = settings.model_copy(update={"redis_url": broker, "webhook_private": True, "webhook_retry_seconds": 1e6})
    upgrade(settings)
    with receiving() as receiver, serving(settings) as http:
        filler = Filler(settings, http)
        filler.fill(receiver)
    filler.settle()
    with serving(settings) as http:
        http.headers["Authorization"] = filler.http.headers["Authorization"]
        filler.http = http
        answers = filler.answers()
    filler.database.dispose()
    return answers


def main(target: Path) -> None:
    training.configure()
    with tempfile.TemporaryDirectory(prefix="ockham-") as folder, Valkey(Path(folder) / "valkey") as broker:
        directory = Path(folder)
        settings = Settings(data_dir=directory / "data")
        keep(target, "sqlite", fill(settings, broker.url))
        with closing(sqlite3.connect(directory / "data" / "ockham.db")) as connection:
            connection.execute(f"VACUUM INTO '{directory / 'copy.db'}'")
        (target / f"{VERSION}-sqlite.db.xz").write_bytes(lzma.compress((directory / "copy.db").read_bytes()))
        with tempfile.TemporaryDirectory(prefix="ockham-") as place, PostgreSQL(Path(place)) as server:
            settings = settings.model_copy(update={"database_url": server.create("filled")})
            keep(target, "postgresql", fill(settings, broker.url))
            dump = [
                server._binaries(server.directory, None) / "pg_dump",
                "--inserts",
                "--rows-per-insert=50",
                "--no-owner",
                server.url("filled"),
            ]
            lines = subprocess.run(dump, check=True, capture_output=True, text=True).stdout.splitlines()
        # Without psql's own commands, which no server knows.
        kept = "\n".join(line for line in lines if not line.startswith("\\"))
        (target / f"{VERSION}-postgresql.sql.xz").write_bytes(lzma.compress(kept.encode()))


def keep(target: Path, kind: str, answers: dict[str, Any]) -> None:
    (target / f"{VERSION}-{kind}.json.xz").write_bytes(lzma.compress(json.dumps(answers).encode()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
