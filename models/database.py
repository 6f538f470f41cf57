"""The database: one engine a process, short transactions, the database's own clock.

SQLite runs in WAL mode with `synchronous=FULL`, so what was committed survives a power cut. Every
writing transaction begins with `BEGIN IMMEDIATE`: it waits for its turn at the start, instead of
failing half-way with "database is locked".
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

import psycopg
from sqlalchemy import JSON, DateTime, Dialect, Engine, bindparam, create_engine, event, func, make_url, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from models.history import Stored, decode, encode
from models.settings import Settings

BUSY_SECONDS = 30
"""How long a writer waits for its turn, unless told otherwise."""
CROWDED_SECONDS = 10
"""How long a PostgreSQL that has no connection left is asked again."""
CROWDED = ("too many clients", "too many connections", "connection slots are reserved")
"""What it says then: of all clients, of a role or a database, of those that are not its superuser."""


class UTCDateTime(TypeDecorator[datetime]):
    """A moment, always with its zone in Python (UTC), on databases with and without zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Values(TypeDecorator[dict[str, float]]):
    """Numbers by name, in JSON. NaN and infinities, which JSON has not, are kept as text."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Mapping[str, float] | None, dialect: Dialect) -> Stored | None:
        return None if value is None else encode(value)

    def process_result_value(self, value: Stored | None, dialect: Dialect) -> dict[str, float] | None:
        return None if value is None else decode(value)


class now(FunctionElement[datetime]):
    """The database's clock, `offset` seconds ahead: hosts' clocks differ, the database has one."""

    type = UTCDateTime()
    inherit_cache = True
    name = "now"

    def __init__(self, offset: float = 0.0) -> None:
        super().__init__(bindparam(None, float(offset)))


@compiles(now, "sqlite")
def _now_sqlite(element: now, compiler: Any, **kw: Any) -> str:
    # Six decimals, the form in which SQLAlchemy stores times in SQLite: they compare as text.
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', ({compiler.process(element.clauses, **kw)}) || ' seconds')"


@compiles(now, "postgresql")
def _now_postgresql(element: now, compiler: Any, **kw: Any) -> str:
    # Not now(): that is the start of the transaction, which may have waited for a lock.
    return f"(clock_timestamp() + make_interval(secs => {compiler.process(element.clauses, **kw)}))"


class Database:
    """Made in a process after its fork, never at import; `dispose` closes its connections.

    `patience` is how long, in seconds, a statement waits for a lock that another holds.
    """

    def __init__(self, settings: Settings, patience: float = BUSY_SECONDS) -> None:
        self.engine = make_engine(settings, patience)
        self._writer = self.engine.execution_options(immediate=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session to read with; nothing is kept. SQLite shows one moment; PostgreSQL, one moment per statement."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One short transaction: committed at the end, or rolled back whole by an exception."""
        with Session(self._writer) as session, session.begin():
            yield session

    def dispose(self) -> None:
        """Closes all connections: those that another thread still uses, when it gives them back."""
        event.listen(self.engine.pool, "checkin", lambda _, record: record.close())  # before the pool is another
        self.engine.dispose()


def comparable(text: str) -> str:
    """What a database can compare with: what no stored text has is replaced by what none has either."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")


def take_turn(session: Session, what: str) -> None:
    """Waits until no other transaction has the turn for `what`, and keeps it until this one ends.

    SQLite has one writer at a time in any case.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(what, 0))))


@contextmanager
def connected(settings: Settings) -> Iterator[Database]:
    """A database for one use, closed at its end: a process that is forked later inherits no connection."""
    database = Database(settings)
    try:
        yield database
    finally:
        database.dispose()


def make_engine(settings: Settings, patience: float = BUSY_SECONDS, *, create: bool = False) -> Engine:
    """Connects when first used; to SQLite as this module's beginning tells. `create` makes SQLite's file."""
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() == "sqlite":
        url = url.update_query_dict({"mode": "rwc" if create else "rw"})
        engine = create_engine(url, pool_size=10, max_overflow=50, connect_args={"timeout": patience})
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
        return engine
    engine = create_engine(
        url,
        # Requests wait for a connection of the pool: what the server can give is shared out by the setting.
        pool_size=settings.database_connections,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={name: value for name, value in CONNECTING.items() if name not in url.query},
    )
    event.listen(engine, "do_connect", _on_postgresql_connect)

    def begin(connection: Connection) -> None:
        # For this transaction alone: neither start-up options nor a session's settings pass through every pooler.
        # A process that is frozen within a transaction holds up others for seconds only.
        connection.exec_driver_sql(
            "SELECT set_config('idle_in_transaction_session_timeout', '10s', true),"
            f" set_config('lock_timeout', '{round(patience * 1000)}ms', true)"
        )

    event.listen(engine, "begin", begin)
    return engine


CONNECTING = {
    "connect_timeout": 5,
    "application_name": "ockham",
    # A half-open connection is found out by the system and not waited for.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    # A pooler in transaction mode gives each transaction another connection: a statement prepared on one is not on it.
    "prepare_threshold": None,
}
"""How PostgreSQL is connected to, unless the address says otherwise."""


def _on_postgresql_connect(dialect: Dialect, _record: Any, args: Any, given: dict[str, Any]) -> Any:
    """A server with no connection left is asked again for some seconds: others give theirs back."""
    deadline = time.monotonic() + CROWDED_SECONDS
    while True:
        try:
            return dialect.connect(*args, **given)
        except psycopg.OperationalError as error:
            crowded = any(words in str(error) for words in CROWDED)
            if not crowded or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.05, 0.3))


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def trouble(error: BaseException) -> Literal["full", "busy", "old", "away"] | None:
    """What keeps the database from answering: no space, a lock, an old schema, an outage. None for any other error."""
    if is_storage_full(error):
        return "full"
    if isinstance(error, PoolTimeout):
        return "busy"
    if not isinstance(error, DBAPIError):
        return None
    state, text = getattr(error.orig, "sqlstate", None), str(error.orig)
    # SQLSTATEs: lock_not_available, deadlock_detected, serialization_failure, too_many_connections;
    # undefined_table, undefined_column.
    words = ("database is locked", "table is locked", *CROWDED)
    if state in ("55P03", "40P01", "40001", "53300") or any(each in text for each in words):
        return "busy"
    if state in ("42P01", "42703") or "no such table" in text or "no such column" in text:
        return "old"
    return "away" if isinstance(error, AWAY) else None


AWAY = (OperationalError, InterfaceError, InternalError)
"""What is raised where the database is away, or for the moment not to be written to."""


def reason(error: BaseException) -> str:
    """What the database said, in a line: without the statement and its values."""
    return f"{type(error).__name__}: {getattr(error, 'orig', error)}".partition("\n")[0]


def is_storage_full(error: BaseException) -> bool:
    """Whether the database (or the file system) refused for want of space."""
    if isinstance(error, OSError):
        return error.errno in (28, 122)  # ENOSPC, EDQUOT
    if isinstance(error, DBAPIError):
        text = str(error.orig).lower()
        return "disk is full" in text or "no space left" in text or getattr(error.orig, "sqlstate", None) == "53100"
    return False
