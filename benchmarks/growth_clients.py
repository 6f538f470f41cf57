"""How many clients can poll: a part of `benchmarks.growth`."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress

import psutil

from benchmarks.api import SMALL, quantile
from benchmarks.stage import prepared
from tests.servers import Process

Row = dict[str, float]


def clients(asked: argparse.Namespace) -> Iterator[tuple[int, Row]]:
    """So many clients, each on a connection of its own, ask without a pause whether a job has changed: 304."""
    with prepared(asked.store, OCKHAM_REQUESTS_PER_MINUTE="1000000000") as (service, _):
        api = service.api(processes=asked.api_processes)
        job = service.submit(**SMALL)["id"]
        etag = service.http.get(f"/v1/jobs/{job}").headers["ETag"]
        request = (
            f"GET /v1/jobs/{job} HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\nIf-None-Match: {etag}\r\n\r\n"
        ).encode()
        time.sleep(5)  # it draws its first figures by itself
        for size in asked.sizes:
            before = _usage(api)
            taken, errors, seconds = asyncio.run(_poll(service.port, request, size, asked.seconds))
            used = {pid: cpu - before.get(pid, 0) for pid, cpu in _usage(api).items()}
            yield (
                size,
                {
                    "requests per second": len(taken) / seconds,
                    "p50": quantile(taken, 0.5),
                    "p95": quantile(taken, 0.95),
                    "p99": quantile(taken, 0.99),
                    "API's processor per request": 1000 * sum(used.values()) / len(taken),
                    "busiest process, of its requests": max(used.values()) / sum(used.values()),
                    "API MB": _memory(api),
                    "errors": errors,
                },
            )


async def _poll(port: int, request: bytes, clients: int, seconds: float) -> tuple[list[float], int, float]:
    """Seconds of each answer, how many failed, and how long it took."""
    taken: list[float] = []
    errors = 0
    begun = time.perf_counter()
    until = begun + seconds

    async def client() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while (asked := time.perf_counter()) < until:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                taken.append(time.perf_counter() - asked)
                errors += not head.startswith(b"HTTP/1.1 304")
        finally:
            writer.close()

    ends = await asyncio.gather(*(client() for _ in range(clients)), return_exceptions=True)
    errors += sum(isinstance(end, BaseException) for end in ends)
    return taken, errors, time.perf_counter() - begun


def _each(api: Process) -> list[psutil.Process]:
    return [psutil.Process(pid) for pid in (api.pid, *api.children())]


def _usage(api: Process) -> dict[int, float]:
    used = {}
    for process in _each(api):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used[process.pid] = times.user + times.system
    return used


def _memory(api: Process) -> float:
    return sum(process.memory_info().rss for process in _each(api)) / 1e6


def breaks(rows: Mapping[int, Mapping[str, float]]) -> str:
    """Errors, or a second's wait; else where more clients bring no more answers."""
    for size, row in rows.items():
        if row["errors"]:
            return f"{row['errors']:,.0f} requests failed with {size:,} clients"
        if row["p99"] > 1000:
            return f"with {size:,} clients one request of a hundred waits {row['p99']:,.0f} ms"
    best = max(row["requests per second"] for row in rows.values())
    full = next(size for size, row in rows.items() if row["requests per second"] > 0.9 * best)
    return f"nothing: no wait of a second; from {full:,} clients on, more bring no more answers: {best:,.0f} per second"
