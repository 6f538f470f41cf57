"""Connections to each kind of database."""

from __future__ import annotations

import gc

import pytest
from sqlalchemy import text

from models.database import Database
from models.settings import Settings


def test_a_connection_in_use_is_closed_when_it_is_given_back_after_the_others(settings: Settings) -> None:
    database = Database(settings)
    with database.read() as session:
        session.execute(text("SELECT 1"))
        own = session.connection().connection.dbapi_connection
        assert own is not None
        database.dispose()
        assert session.scalar(text("SELECT 1")) == 1
    with pytest.raises(Exception, match="closed"):
        own.cursor().execute("SELECT 1")
    del own
    gc.collect()  # where it were open, this would warn
    with database.read() as session:  # a new pool
        assert session.scalar(text("SELECT 1")) == 1
    database.dispose()
