"""How many workers one PostgreSQL serves: a part of `benchmarks.growth`.

The workers are simulated: threads of a few processes, each with a connection of its own, that claim a run, sleep as
long as training it would take, record an epoch and end the run. All commits reach the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from sqlalchemy import func, select

from benchmarks.api import SMALL, quantile
from models import claims
from models.database import Database
from models.kinds.metrics import recorded
from models.kinds.tasks.binary import Binary
from models.settings import Settings
from models.tables import Run, Status
from tests.servers import PostgreSQL, Service, Valkey

Row = dict[str, float]
RUN_SECONDS = 0.5
SIMULATORS = 4
"""Processes that the threads are in: Python runs one thread of a process at a time."""
MOST_PER_SECOND = 400
CONNECTIONS = 300
UNDRAWN = (
    "runs without a claim",
    "contended",
    "wait for a lock",
    "wait for the log",
    "compute",
    "database's processors",
)


def workers(asked: argparse.Namespace) -> Iterator[tuple[int, Row]]:
    """So many workers, with enough runs of `--jobs` jobs queued."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        durable = {"fsync": "on", "full_page_writes": "on", "max_connections": CONNECTIONS}
        with Valkey(folder / "valkey") as broker, PostgreSQL(folder / "postgresql", given=durable) as postgresql:
            url = postgresql.create("bench")
            env = {"OCKHAM_MAX_QUEUED_RUNS": "1000000"}
            with Service(folder / "service", database_url=url, redis_url=broker.url, env=env) as service:
                service.migrate()
                service.api()
                database = Database(Settings(data_dir=folder, database_url=url))
                for size in asked.sizes:
                    runs = int(min(size / RUN_SECONDS, MOST_PER_SECOND) * (asked.seconds + 2)) + size
                    jobs = queue(service, runs, min(asked.jobs, runs))
                    yield size, measured(url, postgresql, database, size, asked.seconds)
                    for job in jobs:
                        service.http.post(f"/v1/jobs/{job}/cancel")
                print(f"\nbytes per row, with its index entries: {', '.join(bytes_per_row(url))}")
                database.dispose()


def bytes_per_row(url: str) -> list[str]:
    """Of each table with more than a few rows."""
    told = []
    with psycopg.connect(url) as connection:
        for table in ("jobs", "runs", "epochs", "events", "model_parts"):
            query = f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}"
            rows, size = connection.execute(query).fetchone() or (0, 0)
            if rows > 10:
                told.append(f"{table} {size / rows:,.0f}")
    return told


def queue(service: Service, runs: int, jobs: int) -> list[str]:
    """Queues at least so many runs, in so many jobs of the same size, each of at most 1,000."""
    each = min(1000, -(-runs // jobs))
    seeds = -(-each // 10)
    variants = [{"name": f"v{number}", "preset": "original"} for number in range(10)]
    body = {**SMALL, "training": {"epochs": 1}, "variants": variants, "seeds": list(range(seeds))}
    return [service.submit(**body)["id"] for _ in range(jobs)]


def measured(url: str, postgresql: PostgreSQL, database: Database, size: int, seconds: float) -> Row:
    """What so many workers do in this time, and what the database waits for meanwhile."""
    processes = min(size, SIMULATORS)
    shares = [size // processes + (number < size % processes) for number in range(processes)]
    simulators = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.growth_workers", url, str(share), str(seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for share in shares
    ]  # fmt: skip
    try:
        for simulator in simulators:
            assert simulator.stdout
            assert simulator.stdout.readline() == "ready\n"
        before = _processor_seconds(postgresql.pid)
        for simulator in simulators:
            assert simulator.stdin
            simulator.stdin.write("go\n")
            simulator.stdin.flush()
        waits, looks = _watch(url, database, seconds)
        used = _processor_seconds(postgresql.pid) - before
        told: list[dict[str, Any]] = [json.loads(simulator.communicate(timeout=120)[0]) for simulator in simulators]
    finally:
        for simulator in simulators:
            simulator.kill()
            simulator.wait()
    claimed = [value for each in told for value in each["claims"]]
    ended = [value for each in told for value in each["ends"]]
    active = max(1, sum(waits.values()))
    return {
        "claims per second": len(claimed) / seconds,
        "of what they could": len(claimed) / seconds / (size / RUN_SECONDS),
        "claim p50": quantile(claimed, 0.5),
        "claim p99": quantile(claimed, 0.99),
        "epoch and end p50": quantile(ended, 0.5),
        "look for lost runs": quantile(looks, 0.5),
        "contended": sum(each["contended"] for each in told),
        "runs without a claim": sum(each["empty"] for each in told),
        "wait for a lock": waits["Lock"] / active,
        "wait for the log": (waits["LWLock"] + waits["IO"]) / active,
        "compute": waits["none"] / active,
        "database's processors": used / seconds,
    }


def _processor_seconds(pid: int) -> float:
    """Of a server's processes together; each worker has one of its own as long as it is connected."""
    total = 0.0
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _watch(url: str, database: Database, seconds: float) -> tuple[Counter[str], list[float]]:
    """What the busy connections wait for, by PostgreSQL's own names, and how long the sweep looks for lost runs."""
    waits, looks = Counter[str](), []
    until = time.monotonic() + seconds
    query = (
        "SELECT coalesce(wait_event_type, 'none') FROM pg_stat_activity "
        "WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < until:
            waits.update(kind for (kind,) in connection.execute(query))
            begun = time.perf_counter()
            with database.read() as session:
                claims.lost_runs(session, 1800)
            looks.append(time.perf_counter() - begun)
            time.sleep(0.1)
    return waits, looks


class _Undone(Exception):
    pass


def simulate(url: str, threads: int, seconds: float) -> None:
    """As many workers as threads, for so long; prints what they took as JSON."""
    database = Database(Settings(database_url=url, database_connections=max(2, threads)))
    values = dict.fromkeys(recorded(Binary()), 0.5)
    taken: dict[str, list[float]] = {"claims": [], "ends": []}
    told = Counter[str]()
    until = 0.0

    def work(number: int) -> None:
        name = f"simulated-{os.getpid()}"
        while (begun := time.perf_counter()) < until:
            try:
                with database.write() as session:
                    held = claims.claim(session, name, number, 60)
                    if held:
                        claims.is_waiting(session)
            except claims.Contended:
                told["contended"] += 1
                continue
            if held is None:
                told["empty"] += 1
                time.sleep(0.1)
                continue
            if time.perf_counter() > until:
                return
            taken["claims"].append(time.perf_counter() - begun)
            time.sleep(RUN_SECONDS)
            begun = time.perf_counter()
            with database.write() as session:
                claims.record(session, held, 1, values, RUN_SECONDS)
            with database.write() as session:
                claims.succeed(session, held, chosen_epoch=1, test=None, model=bytes(1000))
            taken["ends"].append(time.perf_counter() - begun)

    connected = threading.Barrier(threads + 1)

    def begin(number: int) -> None:
        with database.read() as session:
            session.scalar(select(func.count()).select_from(Run).where(Run.status == Status.RUNNING))
            connected.wait()  # each has a connection of its own by now
        connected.wait()
        time.sleep(RUN_SECONDS * number / threads)
        work(number)

    # A worker is one thread. What SQLAlchemy makes of the query at its first use must not be made by many at once.
    with suppress(_Undone), database.write() as session:
        claims.claim(session, f"simulated-{os.getpid()}", -1, 60)
        raise _Undone
    workers = [threading.Thread(target=begin, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    connected.wait()
    print("ready", flush=True)
    sys.stdin.readline()
    until = time.perf_counter() + seconds
    connected.wait()
    for worker in workers:
        worker.join()
    print(json.dumps({**taken, "contended": told["contended"], "empty": told["empty"]}))


def breaks(rows: Mapping[int, Mapping[str, float]]) -> str:
    """The first size with less than four fifths of the claims that so many workers could make, and why."""
    for size, row in rows.items():
        if row["of what they could"] < 0.8:
            why = max(("wait for a lock", "wait for the log", "compute"), key=lambda each: row[each])
            share = f"{row[why]:.0%} of its busy connections {why}"
            return (
                f"{size:,} workers claim {row['claims per second']:.0f} runs per second of {size / RUN_SECONDS:.0f}; "
                f"the database uses {row[UNDRAWN[-1]]:.1f} processors, and {share}"
            )
    return f"nothing: {max(rows):,} workers claim {rows[max(rows)]['claims per second']:.0f} runs per second"


if __name__ == "__main__":
    simulate(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
