"""The migrations and the tables agree, on both databases, upwards and downwards."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect

from migrations.run import current, downgrade, newest, upgrade
from models.database import make_engine
from models.settings import Settings
from models.tables import Base


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, Base.metadata))


def test_migrations_make_the_tables(settings: Settings) -> None:
    engine = make_engine(settings.sqlalchemy_url)
    assert differences(engine) == []
    with engine.connect() as connection:
        assert current(connection) == newest()
    engine.dispose()


def test_down_to_nothing_and_up_again(settings: Settings) -> None:
    downgrade(settings, "base")
    engine = make_engine(settings.sqlalchemy_url)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    upgrade(settings)
    upgrade(settings)  # a second time there is nothing to do
    inspect(engine).clear_cache()
    assert differences(engine) == []
    engine.dispose()


def test_the_comparison_would_see_a_difference(tmp_path: Path) -> None:
    engine = make_engine(Settings(data_dir=tmp_path).sqlalchemy_url)
    assert differences(engine)
    engine.dispose()
