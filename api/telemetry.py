"""What the service tells of itself: `/metrics` for Prometheus, and a log line per request.

What happens to jobs is read from the database: its events are the one complete account of what the
workers did, their children included, on whatever host. Each API process counts the events since its
first scrape, so of several hosts' counters any one is the whole: take the maximum, not the sum.
Requests and sweeps are the process's own. Several processes on one port answer together (`api.siblings`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from asgi_correlation_id import correlation_id
from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError
from sqlalchemy import func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.lanes import MEASURING, TELLING
from api.siblings import Labelled, Siblings, together
from models import claims
from models.database import Database, now
from models.settings import Settings
from models.tables import FINISHED, HELD, Event, Job, Run, Status, Worker
from worker.queue import broker, check_writable, waiting

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.periodic import Periodic

log = structlog.get_logger(__name__)
router = APIRouter(tags=["operations"])

LATE_SECONDS = 60
"""A transaction may commit this long after the times that it wrote."""
QUIET = ("/healthz", "/readyz", "/metrics")
"""Asked every few seconds by machines: measured, not logged."""


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def read_prometheus(request: Request) -> Response:
    """Queue depth and age, runs by status, epoch seconds, losses, sweeps, and HTTP latencies.

    Whichever of several processes on one port is asked, it answers for all.
    """
    state = request.app.state
    told = await MEASURING.run(generate_latest, state.telemetry.registry)
    if state.siblings:
        told = await MEASURING.run(together, [told, *await state.siblings.ask()])
    return Response(told, media_type=CONTENT_TYPE_LATEST)


def install(app: FastAPI) -> None:
    """Measures and logs every request to `app`, and adds the route."""
    app.state.telemetry = Telemetry(app)
    app.add_middleware(Requests, seconds=app.state.telemetry.request_seconds)
    app.include_router(router)


class Telemetry:
    """The process's metrics; the database and the broker are asked when they are read.

    Of several processes on one port the first alone asks them, and what is of one process has its number as a label.
    """

    def __init__(self, app: FastAPI) -> None:
        own = CollectorRegistry()
        ProcessCollector(registry=own)
        GCCollector(registry=own)
        self.request_seconds = Histogram(
            "ockham_http_request_seconds",
            "Time to an answer's last byte, or to a stream's end",
            ("method", "route", "status"),
            registry=own,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        siblings: Siblings | None = app.state.siblings
        self.registry = own if siblings is None else CollectorRegistry()
        if siblings:
            self.registry.register(Labelled(own, siblings.number))
        if siblings is None or siblings.keeps_house:
            self.registry.register(Jobs(app))

    async def tell(self) -> bytes:
        """What another process on this port is told of this one."""
        return await TELLING.run(generate_latest, self.registry)


class Jobs(Collector):
    """What is read from the database and the broker, at the moment of a scrape."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._since: datetime | None = None
        self._started: datetime | None = None
        self._seen: dict[str, int] = {}
        self._events = Counter(
            "ockham_events", "What happened to jobs, with a run's error or the reason it went back to the queue",
            ("type", "reason"), registry=None,
        )  # fmt: skip
        self._epoch_seconds = Histogram(
            "ockham_epoch_seconds", "Time an epoch took to train and validate", registry=None,
            buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300),
        )  # fmt: skip

    def describe(self) -> list[Metric]:
        """Nothing beforehand: it would ask the database before the application has started."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Asks the database, then the broker; of a part that is away only that is told."""
        state = self._app.state
        up = GaugeMetricFamily("ockham_up", "Whether a part answers, and the broker takes writes", labels=("part",))
        try:
            yield from self._database(state.database)
            up.add_metric(("database",), 1)
        except SQLAlchemyError:
            up.add_metric(("database",), 0)
        try:
            yield from self._broker(state.settings)
            up.add_metric(("broker",), 1)
        except (RedisError, OSError):
            up.add_metric(("broker",), 0)
        yield up
        sweep: Periodic = state.sweep
        yield CounterMetricFamily("ockham_sweeps", "Rounds in which lost runs were looked for", value=sweep.rounds)
        yield CounterMetricFamily("ockham_sweep_failures", "Rounds that failed", value=sweep.failures)
        yield from self._events.collect()
        yield from self._epoch_seconds.collect()

    def _database(self, database: Database) -> Iterator[Metric]:
        with database.read() as session:
            yield _by_status(session, "ockham_jobs", "Jobs by status", Job)
            yield _by_status(session, "ockham_runs", "Runs by status; the queued ones are the queue's depth", Run)
            clock = session.scalar(select(now()))
            assert clock is not None
            oldest = session.scalar(select(func.min(Run.queued_at)).where(Run.status == Status.QUEUED))
            age = 0.0 if oldest is None else (clock - oldest).total_seconds()
            yield GaugeMetricFamily("ockham_queue_age_seconds", "How long the first of the queue has waited", age)
            overdue = session.scalar(select(func.count()).where(Run.status.in_(HELD), claims.expired()))
            yield GaugeMetricFamily("ockham_leases_expired", "Leases that ran out and were not taken back yet", overdue)
            workers = GaugeMetricFamily("ockham_workers", "Workers that are up", labels=("ready",))
            counts = dict(session.execute(select(Worker.ready, func.count()).group_by(Worker.ready)).all())
            for ready in (True, False):
                workers.add_metric((str(ready).lower(),), counts.get(ready, 0))
            yield workers
            places = session.scalar(select(func.sum(Worker.concurrency)).where(Worker.ready)) or 0
            yield GaugeMetricFamily("ockham_places", "Runs that can train at once", places)
            with self._lock:
                self._follow(session, clock)

    def _follow(self, session: Session, clock: datetime) -> None:
        """Counts the events since the last scrape: every one once, since a job's are numbered without a gap.

        Only a job that is unfinished, or was until now, has new ones. Of the others nothing is remembered.
        """
        if self._since is None or self._started is None:
            self._since = self._started = clock
        recently = self._since - timedelta(seconds=LATE_SECONDS)
        live = or_(Job.status.not_in(FINISHED), Job.finished_at >= recently)
        last = dict(session.execute(select(Job.id, Job.last_event).where(live)).all())
        self._seen = {job_id: seen for job_id, seen in self._seen.items() if job_id in last}
        for job_id, number in last.items():
            seen = self._seen.get(job_id, 0)
            if number <= seen:
                continue
            since = self._started if seen else max(self._started, recently)
            events = select(Event.id, Event.type, Event.data).where(
                Event.job_id == job_id, Event.id > seen, Event.created_at >= since
            )
            self._seen[job_id] = number
            for number, kind, data in session.execute(events.order_by(Event.id)):
                self._seen[job_id] = number
                self._events.labels(kind, data.get("reason") or data.get("error", {}).get("code", "")).inc()
                if kind == "run.epoch":
                    self._epoch_seconds.observe(data.get("seconds", 0.0))
        self._since = clock

    def _broker(self, settings: Settings) -> Iterator[Metric]:
        with broker(settings) as server:
            check_writable(server)
            yield GaugeMetricFamily("ockham_messages", "Messages that no worker has taken", waiting(server))


def _by_status(session: Session, name: str, text: str, table: type[Job] | type[Run]) -> Metric:
    counted = select(table.status, func.count()).group_by(table.status)
    if table is Run:
        counted = counted.join(Job, Run.job_id == Job.id)  # without those of deleted jobs, which are removed later
    counts = dict(session.execute(counted).all())
    family = GaugeMetricFamily(name, text, labels=("status",))
    for status in Status:
        family.add_metric((status.value,), counts.get(status, 0))
    return family


class Requests:
    """Measures each request, and logs it with its job's or run's id and, after a submit, the new job's address."""

    def __init__(self, app: ASGIApp, seconds: Histogram) -> None:
        self.app, self.seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        told: dict[str, str] = {}
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                told.update((k.decode(), v.decode()) for k, v in message["headers"] if k == b"location")
            await send(message)

        try:
            with structlog.contextvars.bound_contextvars(request_id=correlation_id.get()):
                await self.app(scope, receive, watch)
        finally:
            seconds = time.perf_counter() - began
            self.seconds.labels(scope["method"], _template(scope), status).observe(seconds)
            if scope["path"] not in QUIET:
                ids = {name: value for name, value in scope.get("path_params", {}).items() if name.endswith("_id")}
                path = scope["raw_path"].decode("ascii", "backslashreplace")  # with what is not text escaped
                facts = {"method": scope["method"], "path": path, "status": status, **ids, **told}
                log.info("request", request_id=correlation_id.get(), seconds=round(seconds, 4), **facts)


def _template(scope: Scope) -> str:
    """The route's path with its parameters' names: a label must not have a value per job."""
    if (route := scope.get("route")) is None:
        return "unmatched"
    prefix = "/v1" if scope["path"].startswith("/v1/") else ""  # a route of an included router knows its own part only
    return str(route.path) if route.path.startswith(prefix) else prefix + str(route.path)
