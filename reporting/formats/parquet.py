"""Apache Parquet, one row group per chunk."""

from __future__ import annotations

from collections.abc import Iterator

from reporting.archive import Sink
from reporting.formats.base import KEYS, Export, Format


def write(export: Export) -> Iterator[bytes]:
    """The file."""
    import pyarrow as pa  # slow to import, and rarely asked for
    from pyarrow import parquet

    types = (pa.string(), pa.string(), pa.string(), pa.int64(), pa.int32(), *(pa.float64() for _ in export.metrics))
    schema = pa.schema(list(zip((*KEYS, *export.metrics), types, strict=True)))
    written = Sink()
    with parquet.ParquetWriter(written, schema) as writer:
        for chunk in export.chunks:
            columns = list(zip(*export.rows(chunk), strict=True)) or [()] * len(types)
            writer.write_table(pa.table([pa.array(c, t) for c, t in zip(columns, types, strict=True)], schema=schema))
            yield written.take()
    yield written.take()


FORMAT = Format("parquet", "application/vnd.apache.parquet", "parquet", write, compressed=True)
