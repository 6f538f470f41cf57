"""What reading costs beside big jobs: `python -m benchmarks.reading [sizes|limits|waiting...]`, on both databases.

`sizes`: a job of 1,000 runs × 100 epochs beside 1,000 other jobs: each way of reading it, as seconds, seconds of
the API's processors, and the API's peak memory. `limits`: the same of a job of 1,000 runs × 1,000 epochs, the
documented maxima. `waiting`: what /healthz and a 304 wait while others draw, post, write and read.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import insert, text, update

from benchmarks.api import SMALL, multiply, quantile
from benchmarks.stage import prepared
from models import keys
from models.database import Database
from models.kinds.metrics import recorded
from models.kinds.tasks.binary import Binary
from models.scopes import Scope
from models.tables import Epoch, Job, Run
from tests.api.large_bodies import BODIES
from tests.servers import Process, Service

PATIENCE = 900.0


class Server:
    """A service of one API process on a database of `kind`, and what it uses."""

    def __init__(self, service: Service, database: Database) -> None:
        self.service, self.database = service, database
        self.http = httpx.Client(base_url=service.http.base_url, timeout=PATIENCE)
        self.restart()

    def restart(self) -> None:
        """A fresh API process, whose memory nothing has been read into."""
        for process in self.service.processes[1:]:
            process.stop()
        self.process: Process = self.service.api()
        self.usage = psutil.Process(self.process.pid)
        time.sleep(3)  # it draws its first plots by itself

    def cpu(self) -> float:
        """Processor seconds used so far."""
        times = self.usage.cpu_times()
        return float(times.user + times.system)

    def forget_peak(self) -> None:
        """Lets the peak begin at what is in use now."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def peak(self) -> float:
        """The greatest resident memory since `forget_peak`, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


@contextmanager
def serving(kind: str) -> Iterator[Server]:
    """On a fresh database."""
    with prepared(kind, OCKHAM_REQUESTS_PER_MINUTE="1000000") as made:
        yield Server(*made)


def store(server: Server, runs: int, epochs: int, seeds: int = 100) -> str:
    """Stores a finished job, each run with curves of its own, as workers would have; its id."""
    variants = [{"name": f"v{i}", "preset": "original"} for i in range(-(-runs // seeds))]
    job = server.service.submit(
        dataset={"name": "synthetic"}, training={"epochs": epochs}, variants=variants, seeds=list(range(seeds)),
        reuse="never",
    )  # fmt: skip
    ids = [run["id"] for run in job["runs"]]
    when = Job.created_at
    with server.database.write() as session:
        session.execute(update(Job).where(Job.id == job["id"]).values(status="succeeded", finished_at=when))
        done = {"status": "succeeded", "epoch": Run.epochs, "fingerprint": {"cpu": ["a flag"] * 200}}
        session.execute(update(Run).where(Run.job_id == job["id"]).values(**done))
        created = session.get_one(Job, job["id"]).created_at
    for start in range(0, len(ids), 50):
        rows = [
            {
                "run_id": run,
                "epoch": epoch,
                "seconds": 0.1,
                "recorded_at": created,
                "metrics": _values(start + place, epoch),
            }
            for place, run in enumerate(ids[start : start + 50])
            for epoch in range(1, epochs + 1)
        ]
        with server.database.write() as session:
            session.execute(insert(Epoch), rows)
    return str(job["id"])


def _values(run: int, epoch: int) -> dict[str, Any]:
    falling, noise = math.exp(-epoch / 10), 0.01 * math.sin(7 * run + 3 * epoch)
    values = {
        name: 0.3 + 0.4 * falling + noise + (0.002 * epoch if "val" in name else 0) for name in recorded(Binary())
    }
    return values | {name: 1 - values[name] for name in recorded(Binary()) if name.endswith("acc")}


def sizes(kind: str, runs: int = 1000, epochs: int = 100, others: int = 1000, times: int = 3) -> None:
    """Each way of reading a big job."""
    with serving(kind) as server:
        server.service.submit(**SMALL)
        multiply(server.database, others)
        job = f"/v1/jobs/{store(server, runs, epochs)}"
        calls = {
            "GET /v1/jobs?limit=100": "/v1/jobs?limit=100", "the job": job, "history": f"{job}/history",
            "metrics": f"{job}/metrics", "analysis": f"{job}/analysis", "plot": f"{job}/plots/val_loss.png",
            "report": f"{job}/report.html",
        }  # fmt: skip
        server.restart()
        begun = server.peak()
        for name, path in calls.items():
            _row(server, kind, name, path, {}, times)
        for name, path in list(calls.items())[1:]:
            answer = server.http.get(path)
            if answer.status_code == 200:
                _row(server, kind, f"304 of {name}", path, {"If-None-Match": answer.headers["ETag"]}, 20)
        print(f"| {kind} | the API before any of these | | | | {begun:.0f} |", flush=True)


def _row(server: Server, kind: str, name: str, path: str, headers: dict[str, str], times: int) -> None:
    server.forget_peak()
    before, seconds, status, size = server.cpu(), [], 0, 0
    for _ in range(times):
        begun = time.perf_counter()
        answer = server.http.get(path, headers=headers)
        seconds.append(time.perf_counter() - begun)
        status, size = answer.status_code, len(answer.content)
    cpu = (server.cpu() - before) / times
    said = f"{status}, {size / 1e6:.2f} MB" if status == 200 else str(status)
    print(
        f"| {kind} | {name} | {said} | {statistics.median(seconds):.3f} | {cpu:.3f} | {server.peak():.0f} |", flush=True
    )


def limits(kind: str) -> None:
    """The documented maxima: 1,000 runs × 1,000 epochs."""
    sizes(kind, epochs=1000, others=10, times=1)


def waiting(kind: str) -> None:
    """What small requests wait while others keep the service busy."""
    with serving(kind) as server:
        small = store(server, 5, 20, seeds=5)
        big = store(server, 1000, 1000 if "--full" in sys.argv else 200)
        server.restart()
        busy: dict[str, Callable[[], None]] = {
            "nothing else": lambda: time.sleep(3),
            "80 plots": lambda: _at_once(server, 80, lambda i: f"/v1/jobs/{small}/plots/val_loss.png?width={600 + i}"),
            **{f"4 clients post {name}": partial(_post, server, body) for name, body in BODIES.items()},
            "a writer holds the lock for 40 s": lambda: _lock(server, lambda: time.sleep(40)),
            "metrics of the big job": lambda: _at_once(server, 1, lambda _: f"/v1/jobs/{big}/metrics"),
            "its history, analysis, plot": lambda: _at_once(
                server, 3, lambda i: f"/v1/jobs/{big}/{('history', 'analysis', 'plots/val_loss.png')[i]}"
            ),
        }
        for name, act in busy.items():
            _waits(server, kind, name, small, act, {})
        with server.database.write() as session:
            _, token = keys.create(session, "bench", (Scope.ADMIN,))
            session.execute(text("UPDATE api_keys SET used_at = NULL"))
        headers = {"Authorization": f"Bearer {token}"}
        _waits(
            server, kind, "45 keyed reads at once, with the lock held", small, lambda: _keyed(server, headers), headers
        )


def _waits(server: Server, kind: str, name: str, job: str, act: Callable[[], None], headers: dict[str, str]) -> None:
    done = threading.Event()
    taken: dict[str, list[float]] = {"/healthz": [], "304": []}

    def ask(label: str, path: str, headers: dict[str, str]) -> None:
        with _client(server) as http:
            while not done.is_set():
                begun = time.perf_counter()
                http.get(path, headers=headers)
                taken[label].append(time.perf_counter() - begun)
                time.sleep(0.02)

    etag = server.http.get(f"/v1/jobs/{job}", headers=headers).headers["ETag"]
    server.forget_peak()
    asking = [
        threading.Thread(target=ask, args=each)
        for each in (("/healthz", "/healthz", {}), ("304", f"/v1/jobs/{job}", {**headers, "If-None-Match": etag}))
    ]
    for thread in asking:
        thread.start()
    act()
    done.set()
    for thread in asking:
        thread.join()
    for label, values in taken.items():
        shares = " | ".join(f"{quantile(values, share):.0f}" for share in (0.5, 0.99, 1))
        print(f"| {kind} | {name} | {label} | {len(values)} | {shares} | {server.peak():.0f} |", flush=True)


def _at_once(server: Server, count: int, path: Callable[[int], str], headers: dict[str, str] | None = None) -> None:
    with _client(server) as http:
        _join([threading.Thread(target=http.get, args=(path(i),), kwargs={"headers": headers}) for i in range(count)])


def _client(server: Server) -> httpx.Client:
    """One for all threads: each client that is made takes this machine some 20 ms."""
    everybody = httpx.Limits(max_connections=None)
    return httpx.Client(base_url=server.service.http.base_url, timeout=PATIENCE, limits=everybody)


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _post(server: Server, body: bytes) -> None:
    with _client(server) as http:

        def post() -> None:
            for _ in range(5):
                http.post("/v1/jobs", content=body)

        _join([threading.Thread(target=post) for _ in range(4)])


def _lock(server: Server, act: Callable[[], None]) -> None:
    """SQLite's one writer; on PostgreSQL a table that nobody else may write to."""
    with server.database.write() as session:
        if server.database.engine.dialect.name == "postgresql":
            session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            session.execute(text("LOCK TABLE runs IN EXCLUSIVE MODE"))
        act()


def _keyed(server: Server, headers: dict[str, str]) -> None:
    _lock(server, lambda: _at_once(server, 45, lambda _: "/v1/jobs?limit=1", headers))


PARTS: dict[str, tuple[Callable[[str], None], str]] = {
    "sizes": (
        sizes,
        "1,000 runs × 100 epochs beside 1,000 jobs\n\n| store | call | answer | median s | CPU s | peak MB |\n"
        "|---|---|---|---|---|---|",
    ),
    "limits": (
        limits,
        "1,000 runs × 1,000 epochs\n\n| store | call | answer | s | CPU s | peak MB |\n|---|---|---|---|---|---|",
    ),
    "waiting": (
        waiting,
        "What small requests wait\n\n| store | meanwhile | request | times | p50 ms | p99 ms | max ms | peak MB |\n"
        "|---|---|---|---|---|---|---|---|",
    ),
}


def main(*words: str) -> None:
    """Runs the named parts, on the named databases; without a name `sizes` and `waiting`, on both."""
    stores = [word for word in words if word in ("sqlite", "postgresql")] or ["sqlite", "postgresql"]
    for name in [word for word in words if word in PARTS] or ["sizes", "waiting"]:
        part, title = PARTS[name]
        print(f"\n## {title}", flush=True)
        for kind in stores:
            part(kind)
    print(f"\nLoad average of the machine: {os.getloadavg()[0]:.1f}; {os.cpu_count()} processors.")


if __name__ == "__main__":
    main(*sys.argv[1:])
