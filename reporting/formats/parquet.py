"""Apache Parquet, one row group per chunk."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING

from models.history import RunHistory
from reporting.archive import Sink
from reporting.formats.base import KEYS, Export, Format

if TYPE_CHECKING:
    import pyarrow as pa


def write(export: Export) -> Iterator[bytes]:
    """The file."""
    import pyarrow as pa  # slow to import, and rarely asked for
    from pyarrow import parquet

    types = (pa.string(), pa.string(), pa.string(), pa.int64(), pa.int32(), *(pa.float64() for _ in export.metrics))
    schema = pa.schema(list(zip((*KEYS, *export.metrics), types, strict=True)))
    written = Sink()
    with parquet.ParquetWriter(written, schema) as writer:
        for chunk in export.chunks:
            if tables := [_table(export, history, schema) for history in chunk if history.epochs]:
                writer.write_table(pa.concat_tables(tables))
            yield written.take()
    yield written.take()


def _table(export: Export, history: RunHistory, schema: pa.Schema) -> pa.Table:
    """The run's rows, by columns."""
    import pyarrow as pa

    count = len(history.epochs)
    columns = [_same(text, count) for text in (export.jobs[history.run_id], history.run_id, history.variant)]
    columns += [
        _column(array("q", [history.seed]) * count, pa.int64()),
        _column(array("i", history.epochs), pa.int32()),
    ]
    for name in export.metrics:
        values = history.metrics.get(name)
        columns.append(pa.nulls(count, pa.float64()) if values is None else _column(array("d", values), pa.float64()))
    return pa.Table.from_arrays(columns, schema=schema)


# From bytes: what makes columns of Python values imports pandas, if it is installed, which takes a second and 80 MB.


def _column(values: array[int] | array[float], kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _same(text: str, count: int) -> pa.Array:
    """A column that has `text` in each row."""
    import pyarrow as pa

    data = text.encode()
    ends = array("i", (len(data) * row for row in range(count + 1)))
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(ends), pa.py_buffer(data * count)])


FORMAT = Format("parquet", "application/vnd.apache.parquet", "parquet", write, compressed=True)
