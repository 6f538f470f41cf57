"""The application: what it holds while it runs, and its routes."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES

from api import (
    compared,
    comparisons,
    datasets,
    events,
    health,
    histories,
    jobs,
    kept_predictions,
    key_use,
    looks,
    metrics,
    mistakes,
    openapi,
    pages,
    plots,
    predictions,
    presets,
    problems,
    report,
    retention,
    runs,
    telemetry,
    webhooks,
)
from api.body import Framed
from api.conditional import Bodies
from api.deliveries import Deliveries
from api.headers import Compressed, Head, StandardHeaders
from api.key_use import KeyUse
from api.limits import RequestRate
from api.origins import SameOrigin
from api.periodic import Periodic
from api.root_path import RootPath
from api.serving import told_to_end
from api.siblings import Siblings
from api.sweep import sweep
from api.watch import Watch
from models import logs
from models.database import Database
from models.settings import Settings
from reporting.formats import FORMATS
from reporting.plots import warm_up
from worker.queue import Waker, make_celery

DESCRIPTION = """
Train variants of a network, and see which remedy against overfitting works.

Submit an experiment with `POST /v1/jobs`, poll `GET /v1/jobs/{id}` or follow its events, then fetch
its history, its metrics and its comparison plots.
"""

PATIENCE_SECONDS = 10
"""How long a request waits for a lock in the database: less than clients and proxies wait for an answer."""

UNCOMPRESSED = (
    *DEFAULT_EXCLUDED_CONTENT_TYPES,
    "application/octet-stream",
    "application/pdf",
    *(format.media_type for format in FORMATS.values() if format.compressed),
)
"""What is compressed already, event streams, and models, of which ranges are asked for."""

EXPOSED = (
    "Content-Range", "ETag", "Idempotency-Replayed", "Location", "Preference-Applied", "RateLimit-Limit",
    "RateLimit-Remaining", "RateLimit-Reset", "Retry-After", "X-Request-ID",
)  # fmt: skip
"""Headers of an answer that a page of another origin may read."""


def create_app(settings: Settings | None = None, siblings: Siblings | None = None) -> FastAPI:
    """The service's application; it connects to nothing before it starts. `siblings`: others serve the same port."""
    settings = settings or Settings()
    keeps_house = siblings is None or siblings.keeps_house

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        logs.configure(settings)
        app.state.database = Database(settings, PATIENCE_SECONDS)
        app.state.celery = make_celery(settings, socket_timeout=2)
        app.state.waker = Waker(app.state.celery, settings)
        app.state.key_use = KeyUse(app.state.database)
        periodic = [Periodic("key_use", key_use.SECONDS, app.state.key_use.write)]
        if keeps_house:
            app.state.sweep = Periodic(
                "sweep", settings.sweep_seconds, lambda: sweep(app.state.database, settings, app.state.waker)
            )
            periodic += [
                app.state.sweep,
                Periodic("retention", retention.SECONDS, lambda: retention.tidy(app.state.database, settings)),
                Periodic("removal", retention.REMOVAL_SECONDS, lambda: retention.remove(app.state.database)),
                Periodic("look", looks.SECONDS, lambda: looks.look_at_all(app.state.database, app.state.waker)),
            ]
        app.state.rate = RequestRate(settings.requests_per_minute)
        app.state.lookups = asyncio.Semaphore(webhooks.LOOKUPS)
        app.state.deliveries = Deliveries(app.state.database, settings)
        if keeps_house:
            app.state.deliveries.start()
        if siblings:
            await siblings.start(app.state.telemetry.tell)
        app.state.watch = Watch(app.state.database)
        app.state.watch.start()
        threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
        try:
            gc.collect()
            gc.freeze()  # what is there now stays: a collection need not look at it again, while all wait
            with told_to_end(app.state.watch.close):
                yield
        finally:
            await app.state.watch.stop()
            if siblings:
                await siblings.stop()
            if keeps_house:
                await app.state.deliveries.stop()
            await asyncio.gather(*(asyncio.to_thread(each.stop) for each in periodic))
            app.state.waker.stop()
            app.state.celery.close()
            app.state.database.dispose()

    app = FastAPI(
        title="Ockham",
        version="0.1.0",
        description=DESCRIPTION,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
        redirect_slashes=False,  # a redirect would lead to whatever Host says
        docs_url=None,  # FastAPI's own come from another host
        redoc_url=None,
    )
    app.state.settings, app.state.siblings = settings, siblings
    app.state.checks = {}
    app.state.bodies = Bodies()
    # The last one added is the first to see a request.
    problems.install(app)
    app.add_middleware(Compressed, minimum_size=1000, compresslevel=5, exclude_content_types=UNCOMPRESSED)
    app.add_middleware(Head)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
            max_age=3600,
        )
    app.add_middleware(Framed)
    app.add_middleware(SameOrigin, allowed=settings.cors_origins)
    app.add_middleware(StandardHeaders)
    telemetry.install(app)
    app.add_middleware(CorrelationIdMiddleware, header_name="X-Request-ID")
    app.add_middleware(RootPath, root=settings.root_path)
    openapi.install(app)
    for resource in (
        jobs,
        datasets,
        events,
        histories,
        metrics,
        mistakes,
        plots,
        report,
        runs,
        comparisons,
        compared,
        predictions,
        kept_predictions,
        presets,
        webhooks,
    ):
        app.include_router(resource.router, prefix="/v1")
    app.include_router(health.router)
    pages.install(app)
    return app
