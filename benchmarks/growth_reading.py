"""What a job's runs and epochs, and the jobs that are stored, cost each call: parts of `benchmarks.growth`."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

import httpx
from sqlalchemy import func, insert, select, text

from benchmarks.api import SMALL
from benchmarks.reading import Server, serving, store
from models import claims
from models.database import Database
from models.tables import Job, Run

TIMES = 5
Row = dict[str, float]


def _milliseconds(call: Callable[[int], object]) -> float:
    """The median of a few calls, of fewer if they take seconds. Each is given another number."""
    taken: list[float] = []
    while len(taken) < TIMES and (len(taken) < 2 or sum(taken) < 5):
        begun = time.perf_counter()
        call(len(taken))
        taken.append(time.perf_counter() - begun)
    return 1000 * statistics.median(taken)


def _reads(server: Server, paths: Mapping[str, str]) -> Row:
    """Each read in milliseconds, and its 304 where it has one. No answer is one that was kept."""

    def get(path: str, number: int, known: str = "") -> httpx.Response:
        # An answer is kept by its ETag, and that is another for each way of asking.
        headers = {"Accept": f"*/*;q=0.{500 + number}"} | ({"If-None-Match": known} if known else {})
        answer = server.http.get(path, headers=headers)
        assert answer.status_code == (304 if known else 200), (path, answer.text[:300])
        return answer

    row: Row = {}
    for name, path in paths.items():
        etag = get(path, 99).headers.get("ETag", "")
        row[name] = _milliseconds(lambda number, path=path: get(path, number))  # type: ignore[misc]
        if name == "the job":
            row["its 304"] = _milliseconds(lambda _, path=path, etag=etag: get(path, 99, etag))  # type: ignore[misc]
    return row


def _of_job(job: str) -> dict[str, str]:
    own = f"/v1/jobs/{job}"
    return {
        "the job": own, "history": f"{own}/history", "metrics": f"{own}/metrics", "analysis": f"{own}/analysis",
        "figure": f"{own}/plots/val_data_loss.png", "report": f"{own}/report.html",
    }  # fmt: skip


def runs(asked: argparse.Namespace) -> Iterator[tuple[int, Row]]:
    """Submitting, cancelling and reading a job of so many runs."""
    with serving(asked.store) as server:
        for size in asked.sizes:
            seeds = max(1, size // 10)
            body = {
                **SMALL, "variants": [{"name": f"v{i}", "preset": "original"} for i in range(-(-size // seeds))],
                "seeds": list(range(seeds)),
            }  # fmt: skip
            jobs: list[str] = []
            submit = _milliseconds(lambda _, body=body, jobs=jobs: jobs.append(server.service.submit(**body)["id"]))  # type: ignore[misc]
            cancel = _milliseconds(lambda n, jobs=jobs: server.http.post(f"/v1/jobs/{jobs[n % len(jobs)]}/cancel"))  # type: ignore[misc]
            yield size, {"submit": submit, "cancel": cancel, **_reads(server, _of_job(store(server, size, 20, seeds)))}


def epochs(asked: argparse.Namespace) -> Iterator[tuple[int, Row]]:
    """Reading a job of five runs of so many epochs."""
    with serving(asked.store) as server:
        for size in asked.sizes:
            yield size, _reads(server, _of_job(store(server, 5, size, seeds=1)))


def jobs(asked: argparse.Namespace) -> Iterator[tuple[int, Row]]:
    """Lists, one job, a submit, a claim, a look for lost runs and Prometheus's metrics beside so many finished jobs."""
    with serving(asked.store) as server:
        pattern = store(server, 2, 5, seeds=2)
        stored = 1
        for size in asked.sizes:
            more(server.database, pattern, range(stored, size))
            stored = size
            row = _reads(
                server,
                {
                    "list of 20": "/v1/jobs?limit=20", "list by status": "/v1/jobs?limit=20&status=succeeded",
                    "list by a name that none has": "/v1/jobs?limit=20&name=none",
                    "the job": f"/v1/jobs/{pattern}", "Prometheus": "/metrics",
                },
            )  # fmt: skip
            row["submit"] = _milliseconds(lambda _: server.service.submit(**SMALL))
            row["claim"] = _milliseconds(lambda number: _claim(server.database, number))
            row["look for lost runs"] = _milliseconds(lambda _: _look(server.database))
            yield size, row
        with server.database.read() as session:
            if session.get_bind().dialect.name == "postgresql":
                total = session.scalar(select(func.pg_database_size(func.current_database()))) or 0
            else:
                pages = session.scalar(text("PRAGMA page_count")) or 0
                total = pages * (session.scalar(text("PRAGMA page_size")) or 0)
        print(f"\nbytes in the database per job of two runs, without epochs and events: {total / stored:,.0f}")


class _Undone(Exception):
    pass


def _claim(database: Database, number: int) -> None:
    """Claims a run, and takes that back."""
    with suppress(_Undone), database.write() as session:
        assert claims.claim(session, "bench", number, 600)
        raise _Undone


def _look(database: Database) -> None:
    with database.read() as session:
        claims.lost_runs(session, 1800)


def more(database: Database, pattern: str, numbers: range) -> None:
    """Stores a copy of the job `pattern`, with its runs and without its epochs, for each number."""
    with database.read() as session:
        source = session.get_one(Job, pattern)
        runs = session.scalars(select(Run).where(Run.job_id == pattern)).all()
        job_row = {c.name: getattr(source, c.name) for c in Job.__table__.columns}
        run_rows = [{c.name: getattr(run, c.name) for c in Run.__table__.columns} for run in runs]
    for start in range(numbers.start, numbers.stop, 2_000):
        some = range(start, min(start + 2_000, numbers.stop))
        jobs = [{**job_row, "id": f"job_{number:032x}"} for number in some]
        copies = [
            {**row, "id": f"run_{number:027x}{place:05}", "job_id": f"job_{number:032x}", "result_key": None}
            for number in some
            for place, row in enumerate(run_rows)
        ]
        with database.write() as session:
            session.execute(insert(Job), jobs)
            session.execute(insert(Run), copies)
