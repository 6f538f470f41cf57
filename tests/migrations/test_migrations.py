"""The migrations and the tables agree, on both databases, upwards and downwards."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from migrations.run import current, downgrade, newest, upgrade
from models.database import make_engine
from models.settings import Settings
from models.tables import Base


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, Base.metadata))


def test_migrations_make_the_tables(settings: Settings) -> None:
    engine = make_engine(settings)
    assert differences(engine) == []
    with engine.connect() as connection:
        assert current(connection) == newest()
    engine.dispose()


def test_down_to_nothing_and_up_again(settings: Settings) -> None:
    downgrade(settings, "base")
    engine = make_engine(settings)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    upgrade(settings)
    upgrade(settings)  # a second time there is nothing to do
    inspect(engine).clear_cache()
    assert differences(engine) == []
    engine.dispose()


def test_the_comparison_would_see_a_difference(tmp_path: Path) -> None:
    engine = make_engine(Settings(data_dir=tmp_path), create=True)
    assert differences(engine)
    engine.dispose()


def test_messages_from_before_know_their_events(settings: Settings) -> None:
    """0004: what waits on a filled database keeps its order; a test's message has none."""
    downgrade(settings, "0003")
    engine = make_engine(settings)
    payloads = {"msg_a": '{"job_id": "job_1", "event_id": 7, "data": {}}', "msg_b": '{"webhook_id": "hook_1"}'}
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO webhooks (id, owner, url, events, secret, created_at)"
                " VALUES ('hook_1', '', 'https://1.1.1.1/', '[]', 'x', CURRENT_TIMESTAMP)"
            )
        )
        for message_id, payload in payloads.items():
            connection.execute(
                text(
                    "INSERT INTO deliveries (id, webhook_id, type, payload, attempts, due_at, created_at)"
                    " VALUES (:id, 'hook_1', 'run.epoch', :payload, 0, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
                ),
                {"id": message_id, "payload": payload},
            )
    upgrade(settings)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, job_id, event_id FROM deliveries ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [("msg_a", "job_1", 7), ("msg_b", "", 0)]
    downgrade(settings, "0003")
    upgrade(settings)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM deliveries")).scalar() == 2
    engine.dispose()


def test_jobs_from_before_are_found_in_any_case(settings: Settings) -> None:
    """0010: names that are there already are searched like new ones."""
    downgrade(settings, "0009")
    engine = make_engine(settings)
    with engine.begin() as connection:
        for name in ("Übung", "ПРИВЕТ", "as it was"):
            connection.execute(
                text(
                    "INSERT INTO jobs (id, owner, name, status, spec, created_at, last_event)"
                    " VALUES (:id, '', :name, 'queued', '{}', CURRENT_TIMESTAMP, 0)"
                ),
                {"id": f"job_{len(name)}", "name": name},
            )
    upgrade(settings)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT name, folded_name FROM jobs")).all()
    assert {row.name: row.folded_name for row in rows} == {
        "Übung": "übung", "ПРИВЕТ": "привет", "as it was": "as it was",
    }  # fmt: skip
    engine.dispose()
