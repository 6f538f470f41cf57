"""A data set that is sent while something is killed or cut: it is there whole, or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import text

from tests.stage import Stage

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

ROWS, PART = 60_000, 16_384
"""Several parts, each a transaction of its own."""


def seen(ready: Callable[[], Any]) -> Any:
    """What `ready` gives as soon as that is true: looked for without a pause, because moments are short."""
    deadline = time.monotonic() + 60
    while not (found := ready()):
        assert time.monotonic() < deadline
    return found


def table(name: str) -> bytes:
    """Rows that say which they are, in a file that no other test sends."""
    return f"{name},y\n".encode() + b"".join(b"%d.5,%s\n" % (i, b"uv"[i % 2 : i % 2 + 1]) for i in range(1, ROWS + 1))


def request(stage: Stage, name: str) -> httpx.Request:
    files = {"train": (f"{name}.csv", table(name), "text/csv")}
    return stage.http.build_request("POST", "/v1/datasets", files=files, data={"options": json.dumps({"label": "y"})})


def send(stage: Stage, name: str) -> httpx.Response | None:
    """The answer; None if there was none."""
    with httpx.Client(timeout=120) as client, contextlib.suppress(httpx.TransportError):
        return client.send(request(stage, name))
    return None


def listed(stage: Stage, name: str) -> list[dict[str, Any]]:
    return list(stage.http.get("/v1/datasets", params={"name": name}).raise_for_status().json()["data"])


def whole(stage: Stage, dataset: dict[str, Any]) -> None:
    """Every part of it is there."""
    assert dataset["rows"] == {"train": ROWS, "test": 0}
    for after in (*range(0, ROWS, PART), ROWS - 1):
        page = stage.http.get(dataset["links"]["rows"], params={"after": after, "limit": 1}).raise_for_status().json()
        assert [(row["row"], row["values"][dataset["name"]]) for row in page["data"]] == [(after + 1, after + 1.5)]
        assert page["has_more"] == (after + 1 < ROWS)


def settled(stage: Stage, name: str, answer: httpx.Response | None) -> None:
    """What is listed is whole, what was answered with 201 is listed, and to send it again makes it one and whole."""
    there = listed(stage, name)
    if answer is not None and answer.status_code == 201:
        assert [each["id"] for each in there] == [answer.json()["id"]]
    for each in there:
        whole(stage, each)
    again = send(stage, name)
    assert again is not None
    assert again.status_code == (200 if there else 201), again.text
    assert len(listed(stage, name)) == 1
    whole(stage, again.json())


def reader(stage: Stage) -> psutil.Process | None:
    """The process that reads the files."""
    for child in psutil.Process(stage.api_process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "models.tabular" in child.cmdline():
                return child
    return None


@contextlib.contextmanager
def held_back(stage: Stage) -> Iterator[None]:
    """Nobody else writes a part meanwhile."""
    with stage.engine.connect() as connection:
        if stage.engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("LOCK TABLE dataset_parts IN EXCLUSIVE MODE"))
        yield
        connection.rollback()


def parts(stage: Stage) -> int:
    return int(stage.sql("SELECT count(*) AS n FROM dataset_parts")[0].n)


def half_sent(stage: Stage, sending: ThreadPoolExecutor) -> None:
    whole, paused, killed = request(stage, "half"), threading.Event(), threading.Event()
    body = whole.read()

    def pieces() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        paused.set()
        killed.wait(60)
        yield body[len(body) // 2 :]

    def sent() -> None:
        with httpx.Client(timeout=60) as client, contextlib.suppress(httpx.TransportError):
            client.post(str(whole.url), content=pieces(), headers=dict(whole.headers))

    done = sending.submit(sent)
    paused.wait(60)
    stage.kill_api()
    killed.set()
    done.result(60)


def test_the_api_is_killed_at_any_moment(stage: Stage) -> None:
    stage.whole(0)

    def killed(name: str, moment: Callable[[], Any]) -> None:
        answer: Future[httpx.Response | None] = sending.submit(send, stage, name)
        seen(moment)
        stage.kill_api()
        answers[name] = answer

    answers: dict[str, Future[httpx.Response | None]] = {}
    with ThreadPoolExecutor(1) as sending:
        half_sent(stage, sending)
        stage.restart_api()
        settled(stage, "half", None)
        killed("read", lambda: reader(stage))
        stage.restart_api()
        settled(stage, "read", answers["read"].result(60))
        before = parts(stage)
        killed("stored", lambda: parts(stage) > before)
        stage.restart_api()
        settled(stage, "stored", answers["stored"].result(60))
        # It waits to write a part, and is killed there.
        before = parts(stage)
        answer = sending.submit(send, stage, "between")
        seen(lambda: parts(stage) > before)
        with held_back(stage):
            stage.kill_api()
        stage.restart_api()
        settled(stage, "between", answer.result(60))
        answered = send(stage, "answered")
        stage.kill_api()
        stage.restart_api()
        assert answered is not None
        assert answered.status_code == 201
        settled(stage, "answered", answered)


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [
        (signal.SIGKILL, 422, "too_much_memory"),
        (signal.SIGSEGV, 422, "unreadable"),
        (signal.SIGTERM, 503, None),
    ],
)
def test_the_process_that_reads_is_killed(stage: Stage, number: signal.Signals, status: int, code: str | None) -> None:
    stage.whole(0)
    name = f"reader {number.name}"
    with ThreadPoolExecutor(1) as sending:
        answer = sending.submit(send, stage, name)
        found: psutil.Process = seen(lambda: reader(stage))
        os.kill(found.pid, number)
        told = answer.result(60)
    assert told is not None
    assert told.status_code == status, told.text
    if code is None:
        assert "Retry-After" in told.headers
    else:
        assert [each["code"] for each in told.json()["errors"]] == [code]
    assert listed(stage, name) == []
    settled(stage, name, told)


def test_the_database_goes_away_while_parts_are_stored(stage: Stage) -> None:
    """Connections are cut, or somebody else writes for seconds: 201, or 503, and never half of it."""
    stage.whole(0)
    with ThreadPoolExecutor(1) as sending:
        before = parts(stage)
        answer = sending.submit(send, stage, "cut")
        seen(lambda: parts(stage) > before)
        if stage.engine.dialect.name == "sqlite":
            with held_back(stage):
                time.sleep(2)
        else:
            cut = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'ockham'"
            )
            seen(lambda: stage.sql(cut) is not None and answer.done())
        told = answer.result(120)
    assert told is not None
    assert told.status_code in (201, 503), told.text
    settled(stage, "cut", told)
