"""Brings a database to the newest schema, or tells how far it is from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text

from models.database import make_engine
from models.settings import Settings

_LOCK = 0x0C4A  # an arbitrary number, the same in every process: PostgreSQL's name for "migrating this database"


def upgrade(settings: Settings, revision: str = "head") -> None:
    """Upgrades in one transaction. Two at once are safe: the second waits, then finds nothing to do."""
    with migrating(settings) as config:
        command.upgrade(config, revision)


def downgrade(settings: Settings, revision: str) -> None:
    """Goes back to `revision` (`base`: to an empty database) in one transaction."""
    with migrating(settings) as config:
        command.downgrade(config, revision)


def newest() -> str | None:
    """The revision that this code expects."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None where it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


@contextmanager
def migrating(settings: Settings) -> Iterator[Config]:
    """Alembic's configuration with a connection to migrate on: committed at the end, or rolled back by an exception.

    SQLite changes most of a table by making it anew and dropping the old one, which with foreign keys enforced
    would delete every row that refers to it. So they are not enforced here; instead every reference is checked
    before the commit. Raises RuntimeError for one that leads to no row.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = make_engine(settings, create=True).execution_options(immediate=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _do_not_enforce)  # within a transaction it could not be switched off
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            config = _config()
            config.attributes["connection"] = connection
            yield config
            if connection.dialect.name == "sqlite":
                _check_references(connection)
    finally:
        engine.dispose()


def _do_not_enforce(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA foreign_keys=OFF")


def _check_references(connection: Connection) -> None:
    if broken := connection.execute(text("PRAGMA foreign_key_check")).all():
        tables = ", ".join(sorted({row.table for row in broken}))
        raise RuntimeError(f"{len(broken)} rows would refer to rows that are not there, in: {tables}")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config
