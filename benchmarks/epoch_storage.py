"""How an epoch's metrics are best stored: `python -m benchmarks.epoch_storage`.

One column per metric, one JSON column, or one row per metric, on SQLite and PostgreSQL: 1,000 runs of 100 epochs with
nine metrics. The size on disk, the time of one transaction that records an epoch, and the time to read one metric, or
all, of every epoch.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import JSON, Column, Engine, Float, Integer, MetaData, String, Table, insert, literal, select, text

from models.database import make_engine
from models.settings import Settings
from tests.servers import PostgreSQL

RUNS, EPOCHS, WRITES = 1000, 100, 300
NAMES = tuple(f"{of}{name}" for of in ("", "val_", "eval_") for name in ("loss", "acc", "data_loss"))

metadata = MetaData()


def _table(name: str, *columns: Column[Any]) -> Table:
    run, epoch = (
        Column(column, kind, primary_key=True) for column, kind in (("run_id", String(40)), ("epoch", Integer))
    )
    return Table(name, metadata, run, epoch, *columns)


COLUMNS = _table("one_column_each", *(Column(name, Float(53)) for name in NAMES))
DOCUMENT = _table("one_json_column", Column("metrics", JSON))
ROWS = _table("one_row_each", Column("metric", String(40), primary_key=True), Column("value", Float(53)))

Values = dict[str, float]


def _rows(table: Table, run: str, epoch: int, values: Values) -> list[dict[str, Any]]:
    key = {"run_id": run, "epoch": epoch}
    if table is COLUMNS:
        return [{**key, **values}]
    if table is DOCUMENT:
        return [{**key, "metrics": values}]
    return [{**key, "metric": name, "value": value} for name, value in values.items()]


def _made() -> Iterator[tuple[str, int, Values]]:
    random = np.random.default_rng(0)
    for run in range(RUNS):
        for epoch, values in enumerate(random.random((EPOCHS, len(NAMES))).tolist(), 1):
            yield f"run_{run:032x}", epoch, dict(zip(NAMES, values, strict=True))


def _size(engine: Engine, table: Table) -> int:
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            return int(connection.execute(text(f"SELECT pg_total_relation_size('{table.name}')")).scalar_one())
        pages = (
            f"SELECT sum(pgsize) FROM dbstat WHERE name = '{table.name}' OR name LIKE 'sqlite_autoindex_{table.name}_%'"
        )
        return int(connection.execute(text(pages)).scalar_one())


def _seconds(call: Callable[[], Any]) -> float:
    """The least of three."""
    found = []
    for _ in range(3):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return min(found)


def measure(engine: Engine, table: Table) -> dict[str, float]:
    """Sizes in MB, times in milliseconds per epoch written, and in seconds read."""
    metadata.create_all(engine, [table])
    batch: list[dict[str, Any]] = []
    with engine.begin() as connection:
        for run, epoch, values in _made():
            batch += _rows(table, run, epoch, values)
            if len(batch) >= 20_000:
                connection.execute(insert(table), batch)
                batch.clear()
        if batch:
            connection.execute(insert(table), batch)
    size = _size(engine, table)
    writes = []
    values = dict(zip(NAMES, np.random.default_rng(1).random(len(NAMES)).tolist(), strict=True))
    for number in range(WRITES):
        began = time.perf_counter()
        with engine.begin() as connection:
            connection.execute(insert(table), _rows(table, "run_new", number, values))
        writes.append(time.perf_counter() - began)

    def read(*columns: Any, where: Any = None) -> Any:
        query = select(table.c.run_id, table.c.epoch, *columns)
        with engine.connect() as connection:
            return connection.execute(query if where is None else query.where(where)).all()

    def one() -> Any:
        if table is COLUMNS:
            return read(table.c.val_loss)
        if table is DOCUMENT:
            return [row.metrics["val_loss"] for row in read(table.c.metrics)]
        return read(table.c.value, where=table.c.metric == "val_loss")

    found = {
        "MB": size / 2**20,
        "ms per epoch": 1000 * statistics.median(writes),
        "s one metric": _seconds(one),
        "s all": _seconds(lambda: read(*(c for c in table.c if c.name not in ("run_id", "epoch")))),
    }
    if table is DOCUMENT:
        path = table.c.metrics.op("->", return_type=JSON())(literal("val_loss", String))
        found["s one metric, taken out by SQL"] = _seconds(lambda: read(path))
    return found


def main() -> None:
    """Prints a line of JSON for each database and way."""
    place = tempfile.TemporaryDirectory(prefix="ockham-")
    with place as folder, PostgreSQL(Path(folder)) as server, tempfile.TemporaryDirectory() as data:
        settings = Settings(data_dir=Path(data))
        for each in (settings, settings.model_copy(update={"database_url": server.create("bench")})):
            engine = make_engine(each, create=True)
            for table in (COLUMNS, DOCUMENT, ROWS):
                found = {name: round(value, 3) for name, value in measure(engine, table).items()}
                print(json.dumps({"on": engine.dialect.name, "as": table.name, "load": os.getloadavg()[0], **found}))
            engine.dispose()


if __name__ == "__main__":
    main()
