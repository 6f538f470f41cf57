"""Who waits for a thread takes turns with the others, and is not waited for once it has gone."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import anyio
import httpx
import psutil
import pytest

from api.lanes import Lane
from models.errors import Unavailable
from tests.servers import Process, Service, wait_for


def test_owners_take_turns_and_who_has_gone_has_none() -> None:
    lane, free, order = Lane("test", 1, patience=0.05), threading.Event(), list[str]()

    async def leave() -> None:
        with anyio.move_on_after(0):
            await lane.run(order.append, "gone", owner="a")

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lane.run, free.wait)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(Unavailable):
                await lane.run(order.append, "impatient")
            await leave()
            for name in ("a1", "a2", "a3", "b1"):
                tasks.start_soon(partial(lane.run, order.append, name, owner=name[0]))
                await anyio.wait_all_tasks_blocked()
            free.set()
        await lane.run(order.append, "last")

    anyio.run(main)
    assert order == ["a1", "b1", "a2", "a3", "last"]


def test_a_lane_that_yields_is_free_again_after_as_long_as_it_was_used() -> None:
    lane, used = Lane("test", 1, yielding=True), list[tuple[float, float]]()

    def use() -> None:
        began = time.monotonic()
        time.sleep(0.2)
        used.append((began, time.monotonic()))

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lane.run, use)
            tasks.start_soon(lane.run, use)

    anyio.run(main)
    (began, ended), (again, _) = used
    assert again - ended >= ended - began


SMALL_TABLE = b"x,y\n1.5,a\n2.5,b\n"
LARGE_TABLE = (
    b"y"
    + b"".join(b",c%d" % i for i in range(1900))
    + b"\n"
    + (b"a" + b",1.5" * 1900 + b"\nb" + b",2.5" * 1900 + b"\n") * 1000
)
"""Takes many seconds to be read."""


@contextlib.contextmanager
def sent(http: httpx.Client, table: bytes) -> Iterator[socket.socket]:
    """A request for a data set that is sent whole, on a connection of its own."""
    request = http.build_request(
        "POST", "/v1/datasets?validate_only=true", files={"train": table}, data={"options": '{"label": "y"}'}
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((str(http.base_url.host), http.base_url.port or 0), timeout=60) as connection:
        connection.sendall(f"POST /v1/datasets?validate_only=true HTTP/1.1\r\n{head}\r\n".encode() + request.read())
        yield connection


def readers(api: Process) -> list[int]:
    """The processes that read a data set."""
    found = []
    for pid in api.children():
        with contextlib.suppress(psutil.Error):
            found += [pid] if "models.tabular" in psutil.Process(pid).cmdline() else []
    return found


@pytest.mark.slow
@pytest.mark.once
def test_a_small_table_waits_for_no_large_one_and_nobody_for_a_client_that_has_gone(
    make_service: Callable[..., Service],
) -> None:
    service = make_service()
    api, http = service.api(), service.http

    def answer(table: bytes) -> int:
        fields = {"options": json.dumps({"label": "y"})}
        answered = http.post("/v1/datasets?validate_only=true", files={"train": table}, data=fields, timeout=60)
        return answered.status_code

    with sent(http, LARGE_TABLE) as first, sent(http, LARGE_TABLE) as second:
        (reader,) = wait_for("a process that reads", lambda: readers(api))
        assert answer(SMALL_TABLE) == 200
        assert readers(api) == [reader], "it was read beside the large one, and the other large one waits"
        second.close()
        first.close()
        wait_for("the reading to be ended", lambda: not readers(api))
    assert answer(gzip.compress(SMALL_TABLE)) == 200, "what waits for the large ones has its turn"
    assert "unforeseen_error" not in api.log.read_text()
