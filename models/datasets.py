"""Users' data sets in the database: stored in parts, named in specifications, read again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.database import Database, comparable, now, take_turn
from models.errors import Conflict, SpecificationError, Unavailable
from models.faults import fault
from models.ids import new_id
from models.kinds.dataset import HELD_OUT
from models.kinds.datasets import BUILTIN
from models.kinds.datasets.table import Column, Content, Table
from models.tables import DatasetPart, StoredDataset
from models.tabular.card import Card, Classes, Quantity

STORING_SECONDS = 3600
"""How long storing a data set's parts may take. What was begun and not completed by then is removed."""


def find_same(session: Session, owner: str, digest: str) -> StoredDataset | None:
    """The owner's data set of these files and options."""
    return session.scalar(select(StoredDataset).where(StoredDataset.owner == owner, StoredDataset.digest == digest))


def stored_bytes(session: Session, owner: str) -> int:
    """How many bytes the owner's data sets have."""
    return int(session.scalar(select(func.sum(StoredDataset.bytes)).where(StoredDataset.owner == owner)) or 0)


def store(
    database: Database,
    owner: str,
    name: str,
    digest: str,
    card: Card,
    parts: Iterable[tuple[str, int, bytes]],
    size: int,
    most: int,
) -> str:
    """Stores a data set: its id. `parts`: of which split, its first row, the Parquet file. `size`: their bytes.

    Each part is a transaction, and nobody sees the data set before the last: it is there whole, or not at all.
    Raises Conflict if the owner's data sets would have more than `most` bytes, and Unavailable if the same was stored
    and deleted meanwhile.
    """
    with database.write() as session:
        _check_room(session, owner, size, most)  # before anything is stored for nothing
        clock = session.scalars(select(now())).one()
        dataset_id = new_id("ds", clock)
        row = StoredDataset(
            id=dataset_id,
            owner=owner,
            name=name,
            task=card.task,
            digest=None,
            bytes=size,
            card=card.model_dump(mode="json"),
            created_at=clock,
            deleted_at=clock + timedelta(seconds=STORING_SECONDS),
        )
        session.add(row)
    numbers: dict[str, int] = {}
    for split, first, data in parts:
        number = numbers[split] = numbers.get(split, -1) + 1
        with database.write() as session:
            session.add(DatasetPart(dataset_id=dataset_id, split=split, part=number, first=first, data=data))
    with suppress(IntegrityError), database.write() as session:
        take_turn(session, f"data sets of {owner}")  # several at once would each find room for itself
        _check_room(session, owner, size, most)
        session.execute(_one(dataset_id).values(deleted_at=None, digest=digest))
        return dataset_id
    with database.write() as session:  # another request was faster with the same
        session.execute(_one(dataset_id).values(deleted_at=now()))
        same = find_same(session, owner, digest)
        same_id = same.id if same else None
    if same_id is None:
        raise Unavailable("The same data set was stored and deleted at this moment; send it again")
    return same_id


def _check_room(session: Session, owner: str, size: int, most: int) -> None:
    there = stored_bytes(session, owner)
    if there + size > most:
        detail = f"Data sets may have {most:,} bytes together; delete one first"
        raise Conflict(f"{detail}: there are {there:,}, and this one has {size:,}")


def _one(dataset_id: str) -> Any:
    return update(StoredDataset).where(StoredDataset.id == dataset_id).execution_options(synchronize_session=False)


def read_parts(database: Database, dataset_id: str, split: str, first: int = 0) -> Iterator[tuple[int, bytes]]:
    """The parts of a split from the one with the row `first` on: the number of the first row, the Parquet file."""
    with database.read() as session:
        keys = session.execute(
            select(DatasetPart.part, DatasetPart.first)
            .where(DatasetPart.dataset_id == dataset_id, DatasetPart.split == split)
            .order_by(DatasetPart.part)
        ).all()
    begun = max((i for i, key in enumerate(keys) if key.first <= first), default=0)
    for part, row in keys[begun:]:
        with database.read() as session:
            data = session.scalar(
                select(DatasetPart.data).where(
                    DatasetPart.dataset_id == dataset_id, DatasetPart.split == split, DatasetPart.part == part
                )
            )
        if data is None:
            return  # deleted meanwhile
        yield row, data


def read_card(database: Database, dataset_id: str) -> Card | None:
    """What is in a data set; None if it is not there."""
    with database.read() as session:
        found = session.get(StoredDataset, dataset_id)
        return None if found is None else Card.model_validate(found.card)


def complete(session: Session, mine: ColumnElement[bool], body: Any) -> Any:
    """A client's specification, in which a stored data set that it names is followed by what is in it.

    `mine`: a condition on `StoredDataset`, of what the client may see. What the client says of the content is
    replaced; without a `validation` it is the test rows, or a fifth held out if there are none or the split varies.
    Raises SpecificationError if there is none with the id that is named.
    """
    named = body.get("dataset") if isinstance(body, dict) else None
    if not isinstance(named, dict):
        return body
    name, asked = named.get("name"), named.get("id")
    if (isinstance(name, str) and name in BUILTIN) or (asked is None and not isinstance(name, str)):
        return body
    by_id = "id" in named or name == Table.kind()
    found = None
    if isinstance(key := asked if by_id else name, str):
        column = StoredDataset.id if by_id else StoredDataset.name
        query = select(StoredDataset).where(mine, column == comparable(key))
        found = session.scalar(query.order_by(StoredDataset.id.desc()).limit(1))
    if found is None and not by_id:
        return body
    if found is None or name not in (None, Table.kind(), found.name):
        detail = "There is no data set of one's own with this id" + (" and this name" if found else "")
        raise SpecificationError([fault(("dataset", "id"), "unknown_dataset", detail)])
    content = content_of(found)
    dataset = {**named, "name": Table.kind(), "id": found.id, "content": content.model_dump(mode="json")}
    if named.get("validation") is None:
        splits = isinstance(vary := body.get("vary"), list) and "split" in vary
        dataset["validation"] = "test" if content.test_rows and not splits else {"holdout": HELD_OUT}
    return {**body, "dataset": dataset}


def hold(session: Session, dataset_id: str) -> bool:
    """Whether the data set is there; if it is, nobody deletes it until the transaction ends."""
    return session.get(StoredDataset, dataset_id, with_for_update=True, populate_existing=True) is not None


def content_of(stored: StoredDataset) -> Content:
    """What a specification says of a stored data set."""
    card = Card.model_validate(stored.card)
    assert stored.digest is not None
    return Content(
        title=stored.name,
        sha256=stored.digest,
        task=card.task,
        classes=len(card.label.classes) if isinstance(card.label, Classes) else None,
        deviation=card.label.sd if isinstance(card.label, Quantity) else None,
        rows=card.rows.train,
        test_rows=card.rows.test,
        grouped=card.group is not None,
        columns=tuple(
            Column(name=each.column, kind=each.kind, missing=each.missing > 0, distinct=each.distinct)
            for each in card.inputs
            if each.kind != "ignore"
        ),
        labels=tuple(each.label for each in card.label.classes) if isinstance(card.label, Classes) else (),
    )
