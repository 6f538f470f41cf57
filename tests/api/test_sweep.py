"""The sweep: what is wrong with one lost run is no other's."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.sweep import sweep
from models.settings import Settings
from tests.models.conftest import Bench
from tests.servers import Valkey, wait_for
from worker.queue import QUEUE, Waker, broker, make_celery, waiting


@pytest.fixture
def bench(settings: Settings, valkey: Valkey) -> Any:
    bench = Bench(settings.model_copy(update={"redis_url": valkey.url}))
    yield bench
    bench.database.dispose()


def test_a_run_that_the_database_refuses_to_change_holds_up_no_other(bench: Bench) -> None:
    held = [(bench.submit(owner=owner), bench.claimed(pid=pid))[1] for pid, owner in enumerate("abc", 1)]
    for each in held:
        bench.expire(each)
    refused = sorted(held, key=lambda each: each.run_id)[0]
    with bench.database.write() as session:
        if session.get_bind().dialect.name == "sqlite":
            when = f"WHEN OLD.id = '{refused.run_id}' BEGIN SELECT RAISE(ABORT, 'refused for a test'); END"
            session.execute(text(f"CREATE TRIGGER refuse BEFORE UPDATE ON runs {when}"))
        else:
            session.execute(
                text(
                    "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN "
                    "RAISE foreign_key_violation USING MESSAGE = 'refused for a test'; END $$ LANGUAGE plpgsql"
                )
            )
            when = f"FOR EACH ROW WHEN (OLD.id = '{refused.run_id}') EXECUTE FUNCTION refuse()"
            session.execute(text(f"CREATE TRIGGER refuse BEFORE UPDATE ON runs {when}"))
    waker = Waker(make_celery(bench.settings), bench.settings)
    with broker(bench.settings) as server:
        server.delete(QUEUE)
        with pytest.raises(SQLAlchemyError, match="refused for a test"):
            sweep(bench.database, bench.settings, waker)
        wait_for("the message that wakes workers", lambda: waiting(server), 10)
    waker.stop()
    left = {each.run_id: bench.run(each.run_id).status for each in held}
    assert left == {each.run_id: "running" if each is refused else "queued" for each in held}
