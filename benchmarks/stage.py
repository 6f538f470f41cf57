"""What benchmarks measure: a service of its own, with a broker and a fresh database."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.database import Database
from models.settings import Settings
from tests.servers import PostgreSQL, Service, Valkey


@contextmanager
def prepared(kind: str, **settings: str) -> Iterator[tuple[Service, Database]]:
    """A service without processes and its migrated database of `kind`. `settings`: OCKHAM_* variables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with Valkey(folder / "valkey") as broker:
            postgresql = PostgreSQL(folder / "postgresql") if kind == "postgresql" else None
            url = postgresql.create("bench") if postgresql else None
            try:
                with Service(folder / "service", database_url=url, redis_url=broker.url, env=settings) as service:
                    service.migrate()
                    database = Database(Settings(data_dir=folder / "service", database_url=url))
                    yield service, database
                    database.dispose()
            finally:
                if postgresql:
                    postgresql.kill()
