"""Data sets that users sent, from the database onto this host's disk."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from models.database import Database
from models.datasets import read_card, read_parts
from models.errors import DatasetUnavailable
from models.kinds.dataset import Dataset
from models.kinds.datasets.table import Table
from worker.data.store import kept


def fetch(dataset: Dataset, data_dir: Path, database: Database) -> Path | None:
    """The directory of a table's files, brought here from the database first if it is not there.

    None for a data set that the database does not have. Raises DatasetUnavailable if the database does not have the
    table any more, StorageFull.
    """
    if not isinstance(dataset, Table):
        return None

    def build(partial: Path) -> None:
        assert dataset.id is not None
        if (card := read_card(database, dataset.id)) is None:
            raise DatasetUnavailable("The data set has been deleted")
        for split, expected in (("train", dataset.available), ("test", dataset.tested)):
            rows = 0
            for number, (_, part) in enumerate(read_parts(database, dataset.id, split)):
                (partial / f"{split}-{number:06}.parquet").write_bytes(part)
                rows += pq.read_metadata(pa.BufferReader(part)).num_rows
            if rows != expected:
                raise DatasetUnavailable("The data set was deleted while it was read")
        (partial / "card.json").write_text(card.model_dump_json())

    return kept(data_dir / "datasets" / f"table-{dataset.found.sha256}", build)
