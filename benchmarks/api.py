"""How the API behaves under load: `python -m benchmarks.api [part...]`, on SQLite and on PostgreSQL.

Parts: `load` (50 clients poll and 5 submit while two workers train), `history` (all epochs of 100 runs,
against MLflow where OCKHAM_BENCH_MLFLOW names a Python that has it), `size` (the same calls with 1,000 and
with 100,000 runs stored), `plots`, `calls` (processor time of one request), `streams` (an epoch's way to 200
listeners). Every part prints rows of docs/performance-api.md.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from sqlalchemy import insert, select

from benchmarks.stage import prepared
from models import claims
from models.database import Database
from models.kinds.metrics import recorded
from models.kinds.tasks.binary import Binary
from models.tables import Epoch, Job, Run
from tests.servers import Service

SMALL = {
    "dataset": {"name": "synthetic", "reviews": 200},
    "training": {"epochs": 5},
    "variants": ["smaller"],
    "reuse": "never",  # or the same run would be trained once
}


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of `values` lies, in milliseconds."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] * 1000


@contextmanager
def served(kind: str, workers: int = 0) -> Iterator[tuple[Service, Database]]:
    """A service of its own on a fresh database of `kind`, and that database."""
    with prepared(kind) as (service, database):
        service.api()
        if workers:
            service.worker(workers)
        yield service, database


def clock(call: Callable[[], httpx.Response], times: int) -> list[float]:
    """Seconds of each of `times` calls."""
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        answer = call()
        seconds.append(time.perf_counter() - begun)
        assert answer.status_code < 400, answer.text
    return seconds


def load(kind: str, seconds: float = 30) -> None:
    """50 clients poll, 5 submit, two workers train."""
    with served(kind, workers=2) as (service, _):
        jobs = [service.submit(**SMALL)["id"] for _ in range(20)]
        taken: dict[str, list[float]] = defaultdict(list)
        errors: list[str] = []
        until = time.monotonic() + seconds

        def client(number: int, submits: bool) -> None:
            with httpx.Client(base_url=service.http.base_url, timeout=60) as http:
                step = number
                while time.monotonic() < until:
                    job = jobs[step % len(jobs)]
                    reads = (
                        f"/v1/jobs/{job}",
                        f"/v1/jobs/{job}/history",
                        "/v1/jobs?limit=20",
                        f"/v1/jobs/{job}/events",
                    )
                    path = "/v1/jobs" if submits else reads[step % len(reads)]
                    begun = time.perf_counter()
                    answer = http.post(path, json=SMALL) if submits else http.get(path)
                    label = f"{answer.request.method} {path.replace(job, '{id}')}"
                    taken[label].append(time.perf_counter() - begun)
                    if answer.status_code >= 400:
                        errors.append(f"{label} {answer.status_code}")
                    step += 1

        threads = [threading.Thread(target=client, args=(number, number >= 50)) for number in range(55)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        trained = sum(run["status"] == "succeeded" for job in jobs for run in service.job(job)["runs"])
    total = sum(map(len, taken.values()))
    print(
        f"\n{kind}: {total / seconds:.0f} requests a second, {len(errors)} errors, {trained} of 20 first runs trained\n"
    )
    print("| call | requests | p50 ms | p95 ms | p99 ms |\n|---|---|---|---|---|")
    for label, values in sorted(taken.items()):
        shares = " | ".join(f"{quantile(values, share):.0f}" for share in (0.5, 0.95, 0.99))
        print(f"| {label} | {len(values)} | {shares} |")
    assert not errors, errors[:5]


def fill(service: Service, database: Database, runs: int, epochs: int = 0) -> str:
    """Stores a job of `runs` runs, each with `epochs`, as workers would have; its id."""
    seeds = min(runs, 100)
    variants = [{"name": f"v{i}", "preset": "original"} for i in range(-(-runs // seeds))]
    job = service.submit(dataset={"name": "synthetic"}, variants=variants, seeds=list(range(seeds)), reuse="never")
    values = dict.fromkeys(recorded(Binary()), 0.5)
    with database.write() as session:
        when = session.scalars(select(Job.created_at).where(Job.id == job["id"])).one()
        rows = [
            {"run_id": run["id"], "epoch": epoch, "seconds": 0.1, "recorded_at": when, "metrics": values}
            for run in job["runs"]
            for epoch in range(1, epochs + 1)
        ]
        if rows:
            session.execute(insert(Epoch), rows)
    return str(job["id"])


def history(kind: str) -> None:
    """One call for all epochs of 100 runs × 20 epochs × 6 metrics, against MLflow's calls for the same."""
    with served(kind) as (service, database):
        job = fill(service, database, 100, 20)
        url = f"/v1/jobs/{job}/history"
        answer = service.http.get(url).json()
        assert sum(len(run["metrics"][name]) for run in answer["runs"] for name in recorded(Binary())) == 100 * 20 * 6
        seconds = clock(lambda: service.http.get(url), 20)
    ours = statistics.median(seconds)
    print(f"| {kind} | 1 | {ours:.3f} |")
    if kind == "sqlite" and (python := os.environ.get("OCKHAM_BENCH_MLFLOW")):
        with tempfile.TemporaryDirectory() as folder:
            script = Path(__file__).with_name("mlflow_history.py")
            run = subprocess.run(
                [python, script, folder, "100", "20", "6"], capture_output=True, text=True, check=True, cwd=folder
            )
        for way, theirs in json.loads(run.stdout.splitlines()[-1]).items():
            ratio = theirs["seconds"] / ours
            print(f"| MLflow, SQLite, {way} | {theirs['calls']} | {theirs['seconds']:.3f} | {ratio:.0f} times ours |")


def size(kind: str) -> None:
    """Listing jobs and reading one, with 1,000 and then with 100,000 runs stored."""
    measured: dict[int, dict[str, float]] = {}
    with served(kind) as (service, database):
        job = service.submit(**SMALL)["id"]
        calls = {
            "list 20": "/v1/jobs?limit=20", "by status": "/v1/jobs?limit=20&status=queued", "one": f"/v1/jobs/{job}",
        }  # fmt: skip
        for stored in (1_000, 100_000):
            multiply(database, stored // 2)
            measured[stored] = {
                name: statistics.median(clock(lambda path=path: service.http.get(path), 100)) * 1000  # type: ignore[misc]
                for name, path in calls.items()
            }
    for name in calls:
        few, many = measured[1_000][name], measured[100_000][name]
        print(f"| {kind} | {name} | {few:.1f} | {many:.1f} | {many / few:.2f} |")


def multiply(database: Database, jobs: int) -> None:
    """Stores finished jobs of two runs each, until there are `jobs` of them."""
    with database.write() as session:
        source = session.scalars(select(Job).limit(1)).one()
        run = session.scalars(select(Run).where(Run.job_id == source.id)).first()
        assert run is not None
        job_row = {c.name: getattr(source, c.name) for c in Job.__table__.columns}
        run_row = {c.name: getattr(run, c.name) for c in Run.__table__.columns}
        ids = [f"job_{number:032x}" for number in range(jobs)]
        known = set(session.scalars(select(Job.id).where(Job.id.in_(ids[:1]))))
        ids = ids[500 if known else 0 :]
        for start in range(0, len(ids), 2000):
            some = ids[start : start + 2000]
            session.execute(insert(Job), [{**job_row, "id": each, "status": "succeeded"} for each in some])
            session.execute(
                insert(Run),
                [
                    {**run_row, "id": f"run_{each[9:]}{seed:05}", "job_id": each, "seed": seed, "status": "succeeded"}
                    for each in some
                    for seed in (1, 2)
                ],
            )


def plots(kind: str) -> None:
    """The first drawing of a figure, and asking whether it has changed."""
    with served(kind) as (service, database):
        job = fill(service, database, 5, 20)
        url = f"/v1/jobs/{job}/plots/val_loss.png"
        etag = service.http.get(url).headers["ETag"]
        # Each size is another figure, drawn for the first time.
        drawn = [clock(lambda width=width: service.http.get(f"{url}?width={width}"), 1)[0] for width in range(801, 821)]  # type: ignore[misc]
        known = clock(lambda: service.http.get(url, headers={"If-None-Match": etag}), 100)
    print(f"| {kind} | {statistics.median(drawn) * 1000:.0f} | {statistics.median(known) * 1000:.1f} |")


def calls(kind: str) -> None:
    """What a request costs the API's processors, on one connection: waiting and other processes do not count."""
    with served(kind) as (service, database):
        job = fill(service, database, 5, 20)
        api = psutil.Process(service.processes[-1].pid)
        connection = http.client.HTTPConnection(str(service.http.base_url.host), service.http.base_url.port)

        def used() -> float:
            times = api.cpu_times()
            return times.user + times.system

        def cost(path: str, times: int, known: str | None = None) -> float:
            headers = {"Accept": "*/*"} | ({"If-None-Match": known} if known else {})
            before = used()
            for _ in range(times):
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                answer.read()
                assert answer.status == (304 if known else 200), (path, answer.status)
            return 1000 * (used() - before) / times

        own = f"/v1/jobs/{job}"
        figure = f"{own}/plots/val_data_loss.png"
        paths = ["/healthz", own, f"{own}/history", f"{own}/metrics", figure, "/v1/jobs"]
        first = cost(figure, 1)
        for path in paths:
            etag = service.http.get(path, headers={"Accept": "*/*"}).headers.get("ETag")
            name = path.replace(job, "{id}")
            again = statistics.median(cost(path, 200) for _ in range(5))
            known = f"{statistics.median(cost(path, 200, etag) for _ in range(5)):.2f}" if etag else "–"
            print(f"| {kind} | {name} | {again:.2f} | {known} |", flush=True)
        print(f"| {kind} | {figure.replace(job, '{id}')}, the first time | {first:.0f} | – |")


def streams(kind: str, listeners: int = 200, epochs: int = 20) -> None:
    """From the commit of an epoch to its arrival, at each of many listeners of one job and of others."""
    with served(kind) as (service, database):
        jobs = [service.submit(**{**SMALL, "training": {"epochs": 1000}})["id"] for _ in range(10)]
        committed: dict[tuple[str, int], float] = {}
        arrived: list[tuple[str, int, float]] = []
        ready = threading.Semaphore(0)

        def listen(job: str) -> None:
            headers = {"Accept": "text/event-stream"}
            with httpx.stream(
                "GET", f"{service.http.base_url}/v1/jobs/{job}/events", headers=headers, timeout=120
            ) as answer:
                ready.release()
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        now = time.perf_counter()
                        event = json.loads(line[5:])
                        if event["type"] == "run.epoch":
                            arrived.append((job, event["data"]["epoch"], now))
                        elif event["type"] == "job.cancelled":
                            return

        threads = [threading.Thread(target=listen, args=(jobs[i % len(jobs)],)) for i in range(listeners)]
        for thread in threads:
            thread.start()
        for _ in threads:
            ready.acquire()
        held = []
        for number in range(len(jobs)):
            with database.write() as session:
                held.append(claims.claim(session, "bench", number, 600))
        for epoch in range(1, epochs + 1):
            for hold in held:
                assert hold is not None
                with database.write() as session:
                    claims.record(session, hold, epoch, dict.fromkeys(recorded(Binary()), 0.5), 0.1)
                committed[hold.job_id, epoch] = time.perf_counter()
                time.sleep(0.1)
        for hold in held:
            assert hold is not None
            service.http.post(f"/v1/jobs/{hold.job_id}/cancel")
            with database.write() as session:
                claims.release(session, hold)
        for thread in threads:
            thread.join(60)
    late = [now - committed[job, epoch] for job, epoch, now in arrived]
    assert len(late) == listeners * epochs, len(late)
    shares = " | ".join(f"{quantile(late, share):.0f}" for share in (0.5, 0.95, 0.99, 1))
    print(f"| {kind} | {listeners} | {len(late)} | {shares} |")


PARTS: dict[str, tuple[Callable[[str], None], str]] = {
    "load": (load, "50 clients poll, 5 submit, two workers train"),
    "history": (history, "All epochs of 100 runs\n\n| store | calls | seconds |\n|---|---|---|"),
    "size": (
        size,
        "With 1,000 and 100,000 runs\n\n| store | call | 1,000: ms | 100,000: ms | ratio |\n|---|---|---|---|---|",
    ),
    "plots": (plots, "Plots\n\n| store | first draw ms | 304 ms |\n|---|---|---|"),
    "calls": (calls, "Processor time per request\n\n| store | call | ms | 304, ms |\n|---|---|---|---|"),
    "streams": (
        streams,
        "Streams\n\n| store | listeners | events | p50 ms | p95 ms | p99 ms | last ms |\n|---|---|---|---|---|---|---|",
    ),
}


def main(*names: str) -> None:
    """Runs the named parts, or all."""
    for name in names or PARTS:
        part, title = PARTS[name]
        print(f"\n## {title}", flush=True)
        for kind in ("sqlite", "postgresql"):
            part(kind)
            sys.stdout.flush()
    print(f"\nLoad average of the machine: {os.getloadavg()[0]:.1f}; {os.cpu_count()} processors.")


if __name__ == "__main__":
    main(*sys.argv[1:])
