"""The application: what it holds while it runs, and its routes."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware

from api import events, figures, health, histories, jobs, openapi, pages, plots, presets, problems, runs
from api.recovery import Recovery
from models import logs
from models.database import Database
from models.settings import Settings
from worker.queue import make_celery

DESCRIPTION = """
Train variants of a network, and see which remedy against overfitting works.

Submit an experiment with `POST /v1/jobs`, poll `GET /v1/jobs/{id}` or follow its events, then fetch
its history, its metrics and its comparison plots.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service's application; it connects to nothing before it starts."""
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        logs.configure(settings)
        app.state.database = Database(settings)
        app.state.celery = make_celery(settings)
        app.state.recovery = Recovery(app.state.database, app.state.celery, settings)
        app.state.recovery.start()
        threading.Thread(target=plots.warm_up, name="warm-up", daemon=True).start()
        try:
            yield
        finally:
            app.state.recovery.stop()
            app.state.celery.close()
            app.state.database.dispose()

    app = FastAPI(title="Ockham", version="0.1.0", description=DESCRIPTION, lifespan=lifespan)
    app.state.settings = settings
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(CorrelationIdMiddleware, header_name="X-Request-ID")
    problems.install(app)
    openapi.install(app)
    for resource in (jobs, events, histories, figures, runs, presets):
        app.include_router(resource.router, prefix="/v1")
    app.include_router(health.router)
    pages.install(app)
    return app
