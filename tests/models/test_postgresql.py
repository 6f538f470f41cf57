"""PostgreSQL by other addresses: options of one's own, PgBouncer between, few connections."""

from __future__ import annotations

import os
import pwd
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from migrations.run import upgrade
from models import database as module
from models.database import Database, now
from models.settings import Settings
from tests.servers import PostgreSQL, Process, free_port, wait_for


@pytest.fixture
def address(postgresql: PostgreSQL) -> str:
    """An empty database."""
    return postgresql.create(f"t{uuid.uuid4().hex}")


def tables(address: str, schema: str) -> int:
    with psycopg.connect(address) as connection:
        query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = %s"
        row = connection.execute(query, (schema,)).fetchone()
        assert row is not None
        return int(row[0])


def test_options_of_one_s_own_are_kept_beside_ours(address: str, tmp_path: Path) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA trial")
    settings = Settings(
        data_dir=tmp_path, database_url=f"{address}?options=-csearch_path%3Dtrial&application_name=other"
    )
    upgrade(settings)
    assert (tables(address, "public"), tables(address, "trial") > 10) == (0, True)
    with module.connected(settings) as database, database.read() as session:
        shown = [session.execute(text(f"SHOW {name}")).scalar() for name in ("search_path", "application_name")]
    assert shown == ["trial", "other"]


@pytest.fixture
def pooled(address: str) -> Iterator[str]:
    """The database through a PgBouncer in transaction mode, which has two connections to the server."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "PgBouncer is not installed"
    parts, port = urlsplit(address), free_port()
    directory = Path("/tmp") / f"ockham-{uuid.uuid4().hex}"  # pytest's own folder is closed to `nobody`
    directory.mkdir()
    config = directory / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host={parts.hostname} port={parts.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\n"
        f"auth_file = {directory / 'users'}\npool_mode = transaction\ndefault_pool_size = 2\n"
    )
    (directory / "users").write_text('"ockham" ""\n')
    user = pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None
    through = f"postgresql://ockham@127.0.0.1:{port}{parts.path}"

    def answers() -> bool:
        try:
            psycopg.connect(through, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    try:
        with Process([program, str(config)], directory / "pgbouncer.log", user=user):
            wait_for("PgBouncer", answers)
            yield through
    finally:
        shutil.rmtree(directory)


def test_through_pgbouncer_in_transaction_mode(pooled: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=pooled)
    upgrade(settings)

    def work(database: Database) -> None:
        for i in range(30):
            with database.write() as session:
                # The same statements often enough that a driver would prepare them.
                assert session.scalar(text("SELECT count(*) FROM jobs")) == 0
                assert session.scalar(text("SELECT CAST(:i AS int)"), {"i": i}) == i
                assert session.scalar(now().select()) is not None
                assert session.scalar(text("SHOW lock_timeout")) == f"{module.BUSY_SECONDS}s"
                assert session.scalar(text("SHOW idle_in_transaction_session_timeout")) == "10s"

    with module.connected(settings) as database, ThreadPoolExecutor(6) as threads:
        for done in [threads.submit(work, database) for _ in range(6)]:
            done.result()
    with psycopg.connect(pooled) as connection:  # nothing of ours is left on the server's connections
        assert connection.execute("SHOW lock_timeout").fetchone() == ("0",)


# --- few connections


@pytest.fixture
def few(address: str, tmp_path: Path) -> Settings:
    """A role that may have four connections; a process of ours takes two."""
    role = f"r{uuid.uuid4().hex}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 4".encode())
    url = address.replace("ockham@", f"{role}@")
    return Settings(data_dir=tmp_path, database_url=url, database_connections=2)


def sleep(database: Database) -> None:
    with database.read() as session:
        session.execute(text("SELECT pg_sleep(0.02)"))


def test_requests_wait_for_a_connection_and_do_not_fail(few: Settings) -> None:
    with module.connected(few) as one, module.connected(few) as other, ThreadPoolExecutor(40) as threads:
        for done in [threads.submit(sleep, database) for _ in range(100) for database in (one, other)]:
            done.result()


def test_a_server_without_a_connection_left_is_asked_again(few: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert few.database_url is not None
    taken = [psycopg.connect(few.database_url) for _ in range(4)]
    timer = threading.Timer(1, taken[0].close)
    timer.start()
    with module.connected(few) as database:
        sleep(database)
        timer.join()
        monkeypatch.setattr(module, "CROWDED_SECONDS", 0.5)
        began = time.monotonic()
        with database.read() as session:  # the one connection is in use, and there is no other
            session.execute(text("SELECT 1"))
            with pytest.raises(OperationalError, match="too many connections"):
                sleep(database)
        assert 0.5 <= time.monotonic() - began < 5
    for connection in taken[1:]:
        connection.close()
