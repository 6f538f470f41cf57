"""The API processes that serve one port together: which of them does what, and one answer of `/metrics` for all.

The first one keeps house for all: it sweeps, removes what has expired, gives jobs further runs, and delivers webhooks.
If it dies, whoever runs them starts it again. Numbers of a process are asked of it on a Unix socket of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

ASK_SECONDS = 5
"""A process that does not tell its numbers in this time is left out of an answer."""


class Siblings:
    """This process, the `number`th from 1 on, among those that listen on `sockets`. Belongs to one event loop."""

    def __init__(self, number: int, sockets: Sequence[Path]) -> None:
        self.number, self._sockets = number, sockets

    @property
    def keeps_house(self) -> bool:
        """Whether it does for all what is to be done once."""
        return self.number == 1

    async def start(self, tell: Callable[[], Awaitable[bytes]]) -> None:
        """Begins to tell the others what `tell` gives."""

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                writer.write(await tell())
                await writer.drain()
            writer.close()

        path = self._sockets[self.number - 1]
        path.unlink(missing_ok=True)  # one that was killed has left its own
        self._server = await asyncio.start_unix_server(answer, path)

    async def stop(self) -> None:
        """Tells nothing any more."""
        self._server.close()
        self._sockets[self.number - 1].unlink(missing_ok=True)

    async def ask(self) -> list[bytes]:
        """What the others tell; nothing of one that is away."""
        others = [path for number, path in enumerate(self._sockets, 1) if number != self.number]
        return [told for told in await asyncio.gather(*map(_ask, others)) if told]


async def _ask(path: Path) -> bytes:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(ASK_SECONDS):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                return await reader.read()
            finally:
                writer.close()
    return b""


class Labelled(Collector):
    """A registry's metrics with one more label, the process that they are of."""

    def __init__(self, registry: CollectorRegistry, process: int) -> None:
        self._registry, self._process = registry, str(process)

    def describe(self) -> list[Metric]:
        """Nothing beforehand."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The registry's metrics, now."""
        for metric in self._registry.collect():
            metric.samples = [
                sample._replace(labels={**sample.labels, "process": self._process}) for sample in metric.samples
            ]
            yield metric


class _Metrics(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def together(told: Sequence[bytes]) -> bytes:
    """What several processes tell, as one answer in Prometheus's format: each metric once, with the samples of all."""
    metrics: dict[str, Metric] = {}
    for text in told:
        for metric in text_string_to_metric_families(text.decode()):
            if (known := metrics.setdefault(metric.name, metric)) is not metric:
                known.samples += metric.samples
    registry = CollectorRegistry()
    registry.register(_Metrics(metrics.values()))
    return generate_latest(registry)
