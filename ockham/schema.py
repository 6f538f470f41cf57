"""Whether the database is there, and at the schema that this program needs."""

from __future__ import annotations

from migrations.run import current, newest
from models.database import connected
from models.settings import Settings
from ockham.errors import NO_DATABASE, CannotStart


def schema(settings: Settings) -> str | None:
    """The database's schema; None if it has none. Changes nothing, and raises what the database raises."""
    if not settings.database_url and not settings.database_path.exists():
        return None
    with connected(settings) as database, database.read() as session:
        return current(session.connection())


def need_schema(settings: Settings) -> None:
    """Raises `CannotStart` if there is no database, or it is not at the newest schema."""
    at = schema(settings)
    if at is None:
        raise CannotStart(NO_DATABASE)
    if at != newest():
        raise CannotStart(f"The database is at schema {at}, and this version needs {newest()}: run `ockham migrate`")


def need_local_database(settings: Settings) -> None:
    """`need_schema` for SQLite: its file does not come back like a server that is away for the moment."""
    if not settings.database_url:
        need_schema(settings)
