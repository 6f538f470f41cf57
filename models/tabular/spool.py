"""A table's cells as text in a temporary file, by columns: each pass reads what it needs and no more."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack

import pyarrow as pa
import pyarrow.parquet as pq

from models.tabular.rows import Table

_LINE = "line"


class Spool:
    """What was read of a table: `names`, and as many `rows`; no batch is read after the one that exceeds `most`."""

    def __init__(self, table: Table, most: int, opened: ExitStack) -> None:
        self.names, self.rows = table.names, 0
        # By place: names are a stranger's.
        fields = [pa.field(str(place), pa.large_string()) for place in range(len(table.names))]
        schema = pa.schema([*fields, pa.field(_LINE, pa.int64())])
        self._file = opened.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        with pq.ParquetWriter(
            self._file, schema, compression="lz4", use_dictionary=False, write_statistics=False
        ) as to:
            for batch in table.batches:
                if batch.lines:
                    arrays = [pa.array(column, pa.large_string()) for column in batch.columns]
                    to.write_table(pa.table([*arrays, pa.array(batch.lines, pa.int64())], schema=schema))
                    self.rows += len(batch.lines)
                if self.rows > most:
                    break
        self._parquet = pq.ParquetFile(self._file)

    def column(self, name: str) -> pa.ChunkedArray:
        """A column's cells."""
        place = str(self.names.index(name))
        return self._parquet.read(columns=[place], use_threads=False).column(0)

    def batches(self, names: list[str] | None = None) -> Iterator[tuple[list[int], dict[str, pa.Array]]]:
        """Rows: the line of each, and the cells by the columns' names; of all columns if none are named."""
        names = self.names if names is None else names
        places = [*(str(self.names.index(name)) for name in names), _LINE]
        for number in range(self._parquet.num_row_groups):
            group = self._parquet.read_row_group(number, columns=places, use_threads=False)
            *columns, lines = (group.column(place).combine_chunks() for place in places)
            yield lines.to_pylist(), dict(zip(names, columns, strict=True))
