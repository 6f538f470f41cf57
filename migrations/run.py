"""Brings a database to the newest schema, or tells how far it is from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from models.database import make_engine
from models.settings import Settings

_LOCK = 0x0C4A  # an arbitrary number, the same in every process: PostgreSQL's name for "migrating this database"


def upgrade(settings: Settings, revision: str = "head") -> None:
    """Upgrades in one transaction. Two at once are safe: the second waits, then finds nothing to do."""
    with _migrating(settings) as config:
        command.upgrade(config, revision)


def downgrade(settings: Settings, revision: str) -> None:
    """Goes back to `revision` (`base`: to an empty database) in one transaction."""
    with _migrating(settings) as config:
        command.downgrade(config, revision)


def newest() -> str | None:
    """The revision that this code expects."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None where it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


@contextmanager
def _migrating(settings: Settings) -> Iterator[Config]:
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = make_engine(settings, create=True).execution_options(immediate=True)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            config = _config()
            config.attributes["connection"] = connection
            yield config
    finally:
        engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config
