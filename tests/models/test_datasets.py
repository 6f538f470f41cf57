"""Users' data sets in the database: there whole or not at all, and gone in steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select, update

from models import datasets, deletion
from models.database import Database, now
from models.errors import Conflict, NotFound
from models.settings import Settings
from models.tables import SHOW_DELETED, DatasetPart, StoredDataset
from models.tabular.card import Card, Quantity, Rows

CARD = Card(
    task="regression",
    rows=Rows(train=3, test=0),
    label=Quantity(column="y", min=0, max=1, mean=0.5, sd=0.1),
    inputs=[],
    group=None,
    warnings=[],
)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    made = Database(settings)
    yield made
    made.dispose()


def store(database: Database, parts: Any, digest: str = "a") -> str:
    return datasets.store(database, "me", "mine", digest, CARD, parts, 3, 100)


def counted(database: Database) -> tuple[int, int]:
    """Rows of data sets and of parts, whatever is marked."""
    with database.read() as session:
        return tuple(  # type: ignore[return-value]
            session.scalar(select(func.count()).select_from(table), execution_options=SHOW_DELETED)
            for table in (StoredDataset, DatasetPart)
        )


def killed() -> Iterator[tuple[str, int, bytes]]:
    yield "train", 0, b"one"
    raise KeyboardInterrupt


def test_what_is_not_stored_whole_is_not_there(database: Database) -> None:
    with pytest.raises(KeyboardInterrupt):
        store(database, killed())
    with database.read() as session:
        assert session.scalars(select(StoredDataset)).all() == []
        assert datasets.find_same(session, "me", "a") is None
        assert datasets.stored_bytes(session, "me") == 0
    assert deletion.remove_deleted(database, 5) == 0  # it may still be on its way
    assert counted(database) == (1, 1)
    with database.write() as session:
        late = update(StoredDataset).values(deleted_at=now(-1))
        session.execute(late, execution_options={**SHOW_DELETED, "synchronize_session": False})
    assert deletion.remove_deleted(database, 5) == 2
    assert counted(database) == (0, 0)


def test_the_same_twice_at_once_is_one(database: Database) -> None:
    def slow() -> Iterator[tuple[str, int, bytes]]:
        yield "train", 0, b"one"
        first.append(store(database, [("train", 0, b"one")]))

    first: list[str] = []
    assert [store(database, slow())] == first
    deletion.remove_deleted(database, 5)
    assert counted(database) == (1, 1)
    assert store(database, [], digest="b") not in first


def test_several_at_once_do_not_pass_what_an_owner_may_have(database: Database) -> None:
    def slow() -> Iterator[tuple[str, int, bytes]]:
        yield "train", 0, b"one"
        datasets.store(database, "me", "other", "b", CARD, [("train", 0, b"two")], 3, 5)

    with pytest.raises(Conflict, match="there are 3, and this one has 3"):
        datasets.store(database, "me", "mine", "a", CARD, slow(), 3, 5)
    with database.read() as session:
        assert datasets.stored_bytes(session, "me") == 3
        assert datasets.find_same(session, "me", "a") is None
    assert datasets.store(database, "you", "mine", "a", CARD, [], 3, 5)


def test_parts_are_read_from_the_row_on(database: Database) -> None:
    made = store(database, [("train", 0, b"a"), ("train", 10, b"b"), ("test", 0, b"t"), ("train", 25, b"c")])
    read = {row: list(datasets.read_parts(database, made, "train", row)) for row in (0, 9, 10, 24, 25, 99)}
    assert read[0] == read[9] == [(0, b"a"), (10, b"b"), (25, b"c")]
    assert read[10] == read[24] == [(10, b"b"), (25, b"c")]
    assert read[25] == read[99] == [(25, b"c")]
    with database.write() as session:
        deletion.delete_dataset(session, made)
    with database.write() as session, pytest.raises(NotFound):
        deletion.delete_dataset(session, made)
    assert deletion.remove_deleted(database, 5) == 5
    assert counted(database) == (0, 0)
