"""What is slow waits for its own kind: liveness, reads and 304s go on meanwhile."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest

from models import keys
from models.database import Database, now
from models.documents import MAX_VALUES
from models.settings import Settings
from models.tables import ApiKey
from tests.api.conftest import SMALL, Trainer, submit
from tests.api.large_bodies import BODIES
from tests.api.test_contract import is_problem
from tests.servers import wait_for

pytestmark = pytest.mark.slow


@contextmanager
def writer_holds(settings: Settings) -> Iterator[None]:
    """Another process's transaction holds what every write needs."""
    if settings.database_url is None:
        held = sqlite3.connect(settings.data_dir / "ockham.db", isolation_level=None)
        held.execute("BEGIN IMMEDIATE")
    else:
        held = psycopg.connect(settings.database_url)  # type: ignore[assignment]
        held.execute("LOCK TABLE api_keys, jobs, runs, webhooks IN EXCLUSIVE MODE")
    try:
        yield
    finally:
        held.rollback()
        held.close()


@contextmanager
def epochs_held(settings: Settings) -> Iterator[None]:
    """Nobody reads epochs. SQLite has no such lock: there, reading is only made to wait for its turn."""
    if settings.database_url is None:
        yield
        return
    with psycopg.connect(settings.database_url) as held:
        held.execute("LOCK TABLE epochs IN ACCESS EXCLUSIVE MODE")
        yield
        held.rollback()


class Delays:
    """Asks `paths` in turn all the while; `slowest` is the longest that an answer took, in seconds."""

    def __init__(self, http: httpx.Client, *paths: str, headers: dict[str, str] | None = None) -> None:
        self.slowest, self.statuses = 0.0, set[int]()
        self._http, self._paths, self._headers = http, paths, headers or {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with httpx.Client(base_url=self._http.base_url, headers=self._headers, timeout=60) as own:
            while not self._over.is_set():
                for path in self._paths:
                    began = time.perf_counter()
                    self.statuses.add(own.get(path).status_code)
                    self.slowest = max(self.slowest, time.perf_counter() - began)
                time.sleep(0.01)

    def __enter__(self) -> Delays:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


TOLERATED = 5.0
"""Seconds: far above what an answer takes on a loaded machine, far below what it took when it waited."""


def test_reads_with_keys_do_not_wait_for_a_writer(
    shared: tuple[Settings, httpx.Client], http: httpx.Client, make_key: Callable[..., dict[str, str]]
) -> None:
    made = [make_key() for _ in range(45)]  # none was used before
    job = http.post("/v1/jobs", json=SMALL, headers=made[0]).json()
    with writer_holds(shared[0]), Delays(http, "/healthz") as alive:
        began = time.perf_counter()
        with ThreadPoolExecutor(45) as clients:
            answers = list(clients.map(lambda key: http.get("/v1/jobs?limit=1", headers=key), made))
        assert {answer.status_code for answer in answers} == {200}
        assert http.get(f"/v1/jobs/{job['id']}", headers=made[0]).status_code == 200
        assert time.perf_counter() - began < 10
    assert alive.slowest < TOLERATED


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/v1/jobs/{}", None),
        # Each waits until the database has given up all of the writes.
        pytest.param("POST", "/v1/jobs", SMALL, marks=pytest.mark.slow),
        pytest.param("POST", "/v1/jobs/{}/seeds", {"seeds": [7]}, marks=pytest.mark.slow),
        pytest.param("POST", "/v1/webhooks", {"url": "https://1.1.1.1/"}, marks=pytest.mark.slow),
    ],
)
def test_reads_do_not_wait_for_writes_that_wait(
    shared: tuple[Settings, httpx.Client], http: httpx.Client, method: str, path: str, body: Any
) -> None:
    job = submit(http)
    etag = http.get(f"/v1/jobs/{job['id']}").headers["ETag"]
    with writer_holds(shared[0]), ThreadPoolExecutor(60) as clients:
        writes = [clients.submit(http.request, method, path.format(job["id"]), json=body) for _ in range(60)]
        with Delays(http, "/healthz", f"/v1/jobs/{job['id']}", headers={"If-None-Match": etag}) as reads:
            time.sleep(3)
        assert not all(write.done() for write in writes)
        assert reads.statuses == {200, 304}
        assert reads.slowest < TOLERATED
        busy = [write.result() for write in writes]
    for answer in busy:
        problem = is_problem(answer, 503, "unavailable")
        assert "busy" in problem["detail"] or "writing" in problem["detail"]
        assert answer.elapsed.total_seconds() < 40
        assert int(answer.headers["Retry-After"]) >= 1


def test_a_keys_last_use_is_noted_once_a_minute_by_the_databases_clock(
    http: httpx.Client, database: Database, make_key: Callable[..., dict[str, str]]
) -> None:
    key = make_key()

    def used() -> Any:
        with database.read() as session:
            return keys.listed(session)[0].used_at

    assert http.get("/v1/jobs", headers=key).status_code == 200
    first = wait_for("the key's use", used)
    with database.write() as session:
        key_id = keys.listed(session)[0].id
        assert keys.unnoted(session, [key_id]) == []
        session.get_one(ApiKey, key_id).used_at = session.query(now(-3600)).scalar()
        session.flush()
        assert keys.unnoted(session, [key_id]) == [key_id]
    http.get("/v1/jobs", headers=key)
    assert wait_for("its use an hour later", lambda: used() >= first)


def test_while_eighty_plots_are_drawn(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http)
    trainer.train(2)
    url = f"/v1/jobs/{job['id']}"
    etag = http.get(url).headers["ETag"]
    with ThreadPoolExecutor(80) as clients:
        plots = [clients.submit(http.get, f"{url}/plots/loss.png?width={900 + n}") for n in range(80)]
        with Delays(http, "/healthz", url, headers={"If-None-Match": etag}) as reads:
            while not all(plot.done() for plot in plots):
                time.sleep(0.05)
        assert {plot.result().status_code for plot in plots} == {200}
    assert reads.statuses == {200, 304}
    assert reads.slowest < TOLERATED


@pytest.mark.parametrize("what", ["analysis", "metrics", "history", "plots/loss.png"])
def test_what_is_made_from_epochs_waits_for_its_own_kind(
    shared: tuple[Settings, httpx.Client], http: httpx.Client, trainer: Trainer, what: str
) -> None:
    job = submit(http)
    trainer.train(2)
    url = f"/v1/jobs/{job['id']}"
    etag = http.get(url).headers["ETag"]
    with ThreadPoolExecutor(60) as clients, epochs_held(shared[0]):
        asked = [clients.submit(http.get, f"{url}/{what}", timeout=60) for _ in range(60)]
        with Delays(http, "/healthz", url, "/v1/jobs?limit=1", headers={"If-None-Match": etag}) as reads:
            time.sleep(2)
    assert {each.result().status_code for each in asked} == {200}
    assert reads.statuses == {200, 304}
    assert reads.slowest < TOLERATED


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_large_body_holds_nobody_up_and_is_answered_shortly(http: httpx.Client, body: bytes) -> None:
    assert len(body) <= 1_000_000
    with Delays(http, "/healthz") as alive, ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(lambda _: http.post("/v1/jobs", content=body), range(4)))
    assert {answer.status_code for answer in answers} <= {400, 422}
    assert max(len(answer.content) for answer in answers) < 100_000
    assert alive.slowest < TOLERATED


def test_of_many_errors_the_first_hundred_are_told(http: httpx.Client) -> None:
    problem = is_problem(http.post("/v1/jobs", content=BODIES["9,000 unknown fields"]), 422, "invalid_specification")
    assert problem["error_count"] == 9_001  # and there are no variants
    assert len(problem["errors"]) == 100
    assert "8,901 more" in problem["detail"]


def test_values_are_counted_outside_of_text(http: httpx.Client) -> None:
    text = json.dumps({"variants": ["original"], "metadata": {"text": '[,\\"{' * 20_000}}).encode()
    assert is_problem(http.post("/v1/jobs", content=text), 422, "invalid_specification")["error_count"] == 1
    many = b"[" + b"0," * MAX_VALUES + b"0]"
    problem = is_problem(http.post("/v1/jobs", content=many), 400, "malformed")
    assert f"more than {MAX_VALUES} values" in problem["detail"]
