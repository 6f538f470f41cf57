"""The application on a real server in this process, for tests that need no worker."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import delete

from api.app import create_app
from api.serving import config
from migrations.run import upgrade
from models import claims, keys
from models.database import Database
from models.scopes import Scope
from models.settings import Settings
from models.tables import ApiKey, Comparison, Idempotency, Job, Webhook
from tests.conftest import AGAIN
from tests.documented import AsDocumented
from tests.servers import PostgreSQL, Valkey, free_port, wait_for

SMALL: dict[str, Any] = {
    "dataset": {"name": "synthetic"},
    "training": {"epochs": 3},
    "variants": ["original", "l2"],
    "reuse": "never",
}


@contextmanager
def serving(settings: Settings) -> Iterator[httpx.Client]:
    """A client of a server of its own."""
    port = free_port()
    app = create_app(settings)
    server = uvicorn.Server(config(app, host="127.0.0.1", port=port))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_for("the API", lambda: server.started)
        checked: dict[str, list[Callable[..., Any]]] = {"response": [AsDocumented(f"http://127.0.0.1:{port}")]}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, event_hooks=checked) as client:
            yield client
    finally:
        app.state.watch.close()
        server.should_exit = True
        thread.join(60)
    assert not thread.is_alive()


Shared = tuple[Settings, httpx.Client]


@pytest.fixture(scope="session")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory, valkey: Valkey) -> Iterator[Shared]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("api"), redis_url=valkey.url)
    upgrade(settings)
    with serving(settings) as client:
        yield settings, client


@pytest.fixture(scope="session")
def on_postgresql(tmp_path_factory: pytest.TempPathFactory, valkey: Valkey, postgresql: PostgreSQL) -> Iterator[Shared]:
    database_url = postgresql.create(f"t{uuid.uuid4().hex}", "migrated")
    settings = Settings(data_dir=tmp_path_factory.mktemp("api"), redis_url=valkey.url, database_url=database_url)
    with serving(settings) as client:
        yield settings, client


@pytest.fixture(params=AGAIN)
def shared(request: pytest.FixtureRequest) -> Shared:
    """A server on each kind of database in turn, for all tests that need no settings of their own."""
    server: Shared = request.getfixturevalue(f"on_{request.param}")
    return server


@pytest.fixture
def database(shared: Shared) -> Iterator[Database]:
    """The shared server's database, empty again after the test."""
    database = Database(shared[0])
    yield database
    with database.write() as session:
        for table in (Job, Comparison, Idempotency, Webhook, ApiKey):
            session.execute(delete(table))
    database.dispose()


@pytest.fixture
def http(shared: Shared, database: Database) -> httpx.Client:
    return shared[1]


@pytest.fixture
def serve(shared: Shared, database: Database) -> Iterator[Callable[..., httpx.Client]]:
    """Another server on the shared one's database, with further settings."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(serving(shared[0].model_copy(update=changes)))


class Trainer:
    """Does to the database what a worker does, with numbers of the test's own."""

    def __init__(self, database: Database) -> None:
        self.database, self.claimed = database, 0

    def claim(self) -> claims.Claim:
        with self.database.write() as session:
            self.claimed += 1
            held = claims.claim(session, "worker_of_the_test", self.claimed, 60)
        assert held is not None
        return held

    def record(self, held: claims.Claim, epoch: int, **metrics: float) -> None:
        names = ("loss", "acc", "val_loss", "val_acc", "data_loss", "val_data_loss")
        values = {name: 1 / (epoch + place) for place, name in enumerate(names, 1)} | metrics
        with self.database.write() as session:
            claims.record(session, held, epoch, values, 0.1)

    def succeed(
        self,
        held: claims.Claim,
        model: bytes = b"model",
        test: dict[str, float] | None = None,
        predictions: dict[str, tuple[bytes, int]] | None = None,
    ) -> None:
        chosen = held.specification.training.epochs
        with self.database.write() as session:
            claims.succeed(session, held, chosen_epoch=chosen, test=test, model=model, predictions=predictions)

    def fail(self, held: claims.Claim) -> None:
        with self.database.write() as session:
            claims.fail(session, held, {"code": "diverged", "message": "The loss is not finite", "retryable": False})

    def train(self, runs: int) -> None:
        """Trains as many runs to their end."""
        for _ in range(runs):
            held = self.claim()
            for epoch in range(1, held.specification.training.epochs + 1):
                self.record(held, epoch)
            self.succeed(held)


@pytest.fixture
def trainer(database: Database) -> Trainer:
    return Trainer(database)


@pytest.fixture
def make_key(database: Database) -> Callable[..., dict[str, str]]:
    """Makes a key; the headers that send it."""

    def make(*scopes: Scope, lifetime: timedelta | None = None) -> dict[str, str]:
        with database.write() as session:
            _, token = keys.create(session, "test", scopes or (Scope.SUBMIT,), lifetime)
        return {"Authorization": f"Bearer {token}"}

    return make


def submit(http: httpx.Client, **changes: Any) -> dict[str, Any]:
    """A job that was accepted."""
    answer = http.post("/v1/jobs", json={**SMALL, **changes})
    assert answer.status_code == 202, answer.text
    return dict(answer.json())
