"""A database that an older version filled: upgraded, it has lost nothing and answers as before.

The files beside this one were made by `fill_0_1.py`. What an answer has gained since is not looked at; what it
had must be there, unchanged, but for what `AGREED` lists.
"""

from __future__ import annotations

import csv
import json
import lzma
import math
import uuid
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, inspect, select, text

from migrations.run import current, downgrade, migrating, newest, upgrade
from models.database import make_engine
from models.settings import Settings
from tests.api.conftest import serving
from tests.servers import PostgreSQL, Valkey

HERE = Path(__file__).parent
SAVED_AT = {"0.1": "0003"}
"""The newest migration of each saved version."""

AGREED = {
    "*.eta_seconds": "an estimate from the clock",
    "*.runs[[]*].created_at": "was the time when a run was last queued",
    "/v1/runs/* .created_at": "the same",
    "*.links.plot": "shows the loss without weight penalties",
    "*_acc.ci95[[]*]": "ends where there can be nothing more",
    "*.best_epoch.ci95[[]*]": "the same",
    "*/analysis?* *.verdict": "says what was seen, by another rule",
    "*/analysis?* *.onset_epoch*": "is after the best epoch",
    "*/analysis?* *.censored": "the same",
    "*/analysis?* *.overfitted": "the same",
    "*/analysis?* *.slope_after_onset*": "the same",
    "*/analysis* .warnings[[]*": "were sentences, now each has a code; a test of the analysis holds what they say",
    "*/analysis* .warnings": "the same: those of one code are one",
}
"""Places in answers that may have changed, by a pattern of their path; why."""


@pytest.fixture(params=[(version, kind) for version in SAVED_AT for kind in ("sqlite", "postgresql")], ids="-".join)
def saved(request: pytest.FixtureRequest) -> str:
    """The beginning of the names of a saved database's files."""
    return "-".join(request.param)


@pytest.fixture
def settings(saved: str, request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """The database as the older version left it."""
    if saved.endswith("sqlite"):
        (tmp_path / "ockham.db").write_bytes(lzma.decompress((HERE / f"{saved}.db.xz").read_bytes()))
        return Settings(data_dir=tmp_path)
    server: PostgreSQL = request.getfixturevalue("postgresql")
    url = server.create(f"t{uuid.uuid4().hex}")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(lzma.decompress((HERE / f"{saved}.sql.xz").read_bytes()))
    return Settings(data_dir=tmp_path, database_url=url)


Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


def rows_of(settings: Settings) -> Rows:
    """Each table's rows by their primary keys. Every reference leads to a row."""
    engine = make_engine(settings)
    tables = MetaData()
    tables.reflect(engine)
    found: Rows = {}
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
        for name, table in tables.tables.items():
            key = [column.name for column in table.primary_key]
            rows = connection.execute(select(table)).mappings()
            found[name] = {tuple(row[column] for column in key): dict(row) for row in rows}
            for foreign in table.foreign_keys:  # PostgreSQL trusts itself
                there = {row[0] for row in connection.execute(select(foreign.column))}
                mine = {row[foreign.parent.name] for row in found[name].values()}
                assert mine - {None} <= there
    engine.dispose()
    del found["alembic_version"]
    return found


def test_the_saved_database_has_something_of_everything(settings: Settings) -> None:
    rows = rows_of(settings)
    assert {name for name, those in rows.items() if not those} == set()
    statuses = {"queued", "running", "succeeded", "failed", "cancelling", "cancelled"}
    assert {row["status"] for row in rows["jobs"].values()} == statuses
    assert {row["status"] for row in rows["runs"].values()} == statuses
    odd = [kind for row in rows["epochs"].values() for kind in (row["nonfinite"] or {}).values()]
    assert set(odd) == {"nan", "inf", "-inf"}
    assert {row["verdict"] for row in rows["reproductions"].values()} == {None, "bitwise", "diverged"}
    for column in ("reused_from", "test", "error", "model_size", "fingerprint", "result_key"):
        assert any(row[column] is not None for row in rows["runs"].values()), column


def test_up_nothing_is_lost_and_down_everything_is_as_it_was(saved: str, settings: Settings) -> None:
    before = rows_of(settings)
    upgrade(settings)
    after = rows_of(settings)
    for name, rows in before.items():
        assert after[name].keys() == rows.keys(), name
        for key, row in rows.items():
            kept = {column: value for column, value in row.items() if column in after[name][key]}
            assert {column: after[name][key][column] for column in kept} == kept, name
    assert ("metadata.owner", "team-a") in {(row["key"], row["value"]) for row in after["labels"].values()}
    downgrade(settings, SAVED_AT[saved.partition("-")[0]])
    assert rows_of(settings) == before
    upgrade(settings)
    assert rows_of(settings) == after


def test_upgraded_it_answers_as_before(saved: str, settings: Settings, valkey: Valkey) -> None:
    upgrade(settings)
    before = json.loads(lzma.decompress((HERE / f"{saved}.json.xz").read_bytes()))
    assert len(before["answers"]) > 100
    with serving(settings.model_copy(update={"redis_url": valkey.url})) as http:
        http.headers["Authorization"] = before["authorization"]
        found = [
            difference
            for path, old in before["answers"].items()
            for difference in differences(parsed(path, old), parsed(path, answer_of(http.get(path))), path + " ")
        ]
    assert [each for each in found if not any(fnmatchcase(each.partition(": ")[0], place) for place in AGREED)] == []


def answer_of(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.headers["Content-Type"].startswith("application/json") else answer.text


def parsed(path: str, answer: Any) -> Any:
    """A table as a list of its rows."""
    if path.endswith("format=csv"):
        return list(csv.DictReader(answer.splitlines()))
    if path.endswith("format=ndjson"):
        return [json.loads(line) for line in answer.splitlines()]
    return answer


def differences(old: Any, new: Any, place: str) -> Iterator[str]:
    """What of `old` is not in `new`, as `place: old -> new`."""
    if place.endswith(".comparisons") and isinstance(old, list) and isinstance(new, list):  # of more metrics now
        old, new = ({f"{each['variant']} {each['metric']}": each for each in every} for every in (old, new))
    if isinstance(old, dict) and isinstance(new, dict):
        for name, value in old.items():
            if name in new:
                yield from differences(value, new[name], f"{place}.{name}")
            else:
                yield f"{place}.{name}: {value!r} -> nothing"
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif isinstance(old, float) and isinstance(new, float) and math.isclose(old, new, rel_tol=1e-9):
        return
    elif old != new:
        yield f"{place}: {old!r} -> {new!r}"


def test_a_difference_would_be_seen() -> None:
    old = {"a": [1, {"b": 2.0}], "c": None}
    assert list(differences(old, {**old, "d": 1}, "")) == []
    assert list(differences(old, {"a": [1, {"b": 2.1}], "c": None}, "")) == [".a[1].b: 2.0 -> 2.1"]
    assert list(differences(old, {"a": [1]}, "")) == [".a: [1, {'b': 2.0}] -> [1]", ".c: None -> nothing"]


@pytest.mark.parametrize("saved", ["0.1-sqlite"])  # PostgreSQL changes a table as it is
@pytest.mark.parametrize("table", ["jobs", "runs", "webhooks"])
def test_a_table_that_others_refer_to_is_rebuilt_without_loss(table: str, settings: Settings) -> None:
    before = rows_of(settings)
    with migrating(settings) as config:
        operations = Operations(MigrationContext.configure(config.attributes["connection"]))
        with operations.batch_alter_table(table, recreate="always"):
            pass
    assert rows_of(settings) == before


@pytest.mark.parametrize("saved", ["0.1-sqlite"])  # PostgreSQL's constraints hold during a migration too
def test_a_migration_that_leaves_a_reference_to_nothing_changes_nothing(settings: Settings) -> None:
    before = rows_of(settings)
    with pytest.raises(RuntimeError, match="epochs"), migrating(settings) as config:
        config.attributes["connection"].execute(text("DELETE FROM runs"))
    assert rows_of(settings) == before


def test_the_saved_schema_is_an_older_one_of_this_code(saved: str, settings: Settings) -> None:
    engine = make_engine(settings)
    with engine.connect() as connection:
        assert current(connection) == SAVED_AT[saved.partition("-")[0]]
    upgrade(settings)
    with engine.connect() as connection:
        assert current(connection) == newest()
        assert set(inspect(connection).get_table_names()) >= {"jobs", "runs", "epochs"}
    engine.dispose()
