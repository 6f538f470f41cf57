"""Many open event streams: what they cost a process, and how they end with it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack

import httpx
import psutil

from models.database import Database
from models.settings import Settings
from tests.api.conftest import SMALL, Trainer
from tests.servers import Service

STREAMS = 100


def test_streams_share_threads_and_end_when_the_service_does(
    make_service: Callable[..., Service], settings: Settings
) -> None:
    service = make_service()
    service.migrate()
    api = service.api()
    job = service.submit(**SMALL)
    url = f"{service.http.base_url}/v1/jobs/{job['id']}/events"
    limits = httpx.Limits(max_connections=None)
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(timeout=120, limits=limits))
        streams = [
            stack.enter_context(client.stream("GET", url, headers={"Accept": "text/event-stream"})).iter_lines()
            for _ in range(STREAMS)
        ]
        for lines in streams:
            assert "event: job.queued" in lines
        database = Database(settings)
        Trainer(database).record(Trainer(database).claim(), 1)
        database.dispose()
        for lines in streams:
            assert "event: run.epoch" in lines
        assert psutil.Process(api.pid).num_threads() < STREAMS
        api.send(signal.SIGTERM)
        for lines in streams:
            assert all(not line.startswith("event:") for line in lines)  # the end, and nothing in between
    assert api.wait() in (0, -signal.SIGTERM)
