"""What is in rows that somebody asks for by their numbers, and which other rows have the same inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models import datasets
from models.apart import TakesTooMuch, run_apart
from models.database import Database
from models.kinds.dataset import Dataset
from models.settings import Settings
from reporting.mistakes import Mistakes, SameInputs, WrongRow

SECONDS, MEMORY = 60, 4 << 30
"""Of processor time, and bytes, that reading texts may take."""


class NotToBeRead(Exception):
    """Why rows have no values."""


M = TypeVar("M", bound=Mistakes)
Told = Mapping[int, tuple[dict[str, Any], SameInputs]]
"""By a row's number what is in it, and which rows have the same inputs."""


def with_values(database: Database, settings: Settings, dataset: Dataset, stored: str | None, answer: M) -> M:
    """`answer`, each row with what is in it; or with the reason why that is not to be had.

    stored: the id of a data set of one's own that is still there.
    """
    kinds = {name: getattr(answer, name) for name in Mistakes.KINDS}
    wanted = {row.row: row for of in kinds.values() for row in of.data}
    try:
        told = _read(database, settings, dataset, stored, answer.split, wanted)
    except NotToBeRead as error:
        return answer.model_copy(update={"no_values": str(error)})

    def shown(row: WrongRow) -> WrongRow:
        values, same = told.get(row.row, (None, None))
        return row.model_copy(update={"values": values, "same_inputs": same})

    return answer.model_copy(
        update={name: of.model_copy(update={"data": [shown(row) for row in of.data]}) for name, of in kinds.items()}
    )


def _read(
    database: Database,
    settings: Settings,
    dataset: Dataset,
    stored: str | None,
    split: str,
    wanted: Mapping[int, WrongRow],
) -> Told:
    """Raises NotToBeRead."""
    if dataset.uploaded:
        if stored is None:
            raise NotToBeRead("The data set was deleted")
        return _of_table(database, stored, split, wanted)
    if "word_index" not in dataset.files:
        raise NotToBeRead(f"The rows of `{dataset.name}` are not texts or a table that somebody sent")
    return _of_texts(settings, dataset.name, split, wanted) if wanted else {}


def _of_texts(settings: Settings, name: str, split: str, wanted: Mapping[int, WrongRow]) -> Told:
    npz, words = settings.npz(name), settings.word_index(name)
    asked = {
        "name": name,
        "split": split,
        "npz": None if npz is None else str(npz.absolute()),
        "word_index": None if words is None else str(words.absolute()),
        "rows": {row: each.label for row, each in wanted.items()},
    }
    try:
        answer = run_apart("worker.texts", asked, SECONDS, MEMORY)
    except TakesTooMuch as error:
        raise NotToBeRead(f"Reading the texts takes more {error.what} than it may") from None
    if "refused" in answer:
        raise NotToBeRead(answer["refused"])
    return {
        int(row): ({"text": each.pop("text")}, SameInputs.model_validate(each))
        for row, each in answer["result"].items()
    }


def _of_table(database: Database, dataset_id: str, split: str, wanted: Collection[int]) -> Told:
    values = read_chosen(database, dataset_id, split, wanted)
    card = datasets.read_card(database, dataset_id)
    if card is None or card.label is None or not values:
        return {}
    inputs = [each.column for each in card.inputs if each.kind != "ignore"]
    label = card.label.column
    said = {tuple(row[name] for name in inputs): (Counter[str](), Counter[str]()) for row in values.values()}
    for place, which in enumerate(("train", "test")):
        for _, data in datasets.read_parts(database, dataset_id, which):
            table = pq.read_table(pa.BufferReader(data), columns=[*inputs, label])
            for i, name in enumerate(inputs):  # what is left has one of the values in each column
                known = pa.array({key[i] for key in said}, table.schema.field(name).type)
                table = table.filter(pc.is_in(table[name], value_set=known))
            for row in table.to_pylist():
                if (found := said.get(tuple(row[name] for name in inputs))) is not None:
                    found[place][str(row[label])] += 1
    told = {}
    for number, row in values.items():
        train, test = said[tuple(row[name] for name in inputs)]
        labels = dict(sorted((train + test).items()))
        told[number] = (row, SameInputs(training=train.total() - (split == "train"), labels=labels))
    return told


def read_chosen(database: Database, dataset_id: str, split: str, rows: Collection[int]) -> dict[int, dict[str, Any]]:
    """These rows of a split as they were read, by their numbers, counted from 1; those that are there."""
    found: dict[int, dict[str, Any]] = {}
    for first, data in datasets.read_parts(database, dataset_id, split, min(rows) - 1) if rows else ():
        file = pq.ParquetFile(pa.BufferReader(data))
        wanted = sorted(row for row in rows if first < row <= first + file.metadata.num_rows)
        if wanted:
            values = file.read().take([row - first - 1 for row in wanted]).to_pylist()
            found |= dict(zip(wanted, values, strict=True))
        if len(found) == len(rows):
            break
    return found
