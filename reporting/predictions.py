"""A run's predictions as files: JSON, CSV and Parquet, a row for each row of the set."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.predictions import Predictions
from reporting.archive import Sink

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("row", "label", "prediction", "loss")
CHUNK = 5_000
"""Rows that are written at once."""


@dataclass(frozen=True)
class Page:
    """The rows [start, stop) of a run's predictions.

    names: of the classes, in their order; None: they are numbers. head: what a JSON answer says before the rows.
    """

    of: Predictions
    names: Sequence[str] | None
    start: int
    stop: int
    head: dict[str, Any]

    @property
    def chunks(self) -> Iterator[slice]:
        """Where the rows are that are written at once."""
        for start in range(self.start, self.stop, CHUNK):
            yield slice(start, min(start + CHUNK, self.stop))

    def numbers(self, chunk: slice) -> NDArray[np.float64]:
        """Their labels as numbers; one that is no class with as few digits as tell it from other 32-bit floats."""
        labels = self.of.labels[chunk, 0]
        if self.of.task.class_count is not None:
            return labels
        return np.array([float(str(label)) for label in labels.astype(np.float32)])

    def rows(self, chunk: slice) -> Iterator[tuple[Any, ...]]:
        """What `COLUMNS` name, of these rows."""
        labels: Sequence[Any] = self.numbers(chunk).tolist()
        if self.of.task.class_count is not None:
            labels = [int(label) if self.names is None else self.names[int(label)] for label in labels]
        values = self.of.values[chunk]
        predictions = values[:, 0].tolist() if values.shape[1] == 1 else values.tolist()
        return zip(self.of.rows[chunk].tolist(), labels, predictions, self.of.losses[chunk].tolist(), strict=True)


def write_json(page: Page) -> Iterator[bytes]:
    """One object: `head`, then `data`, then whether there are more."""
    yield json.dumps(page.head)[:-1].encode() + b', "data": ['
    between = ""
    for chunk in page.chunks:
        texts = [json.dumps(dict(zip(COLUMNS, row, strict=True))) for row in page.rows(chunk)]
        yield (between + ", ".join(texts)).encode()
        between = ", "
    yield f'], "has_more": {json.dumps(page.stop < len(page.of.rows))}}}'.encode()


def write_csv(page: Page) -> Iterator[bytes]:
    """RFC 4180, UTF-8, with a header line; several probabilities are a JSON list."""
    yield (",".join(COLUMNS) + "\r\n").encode()
    for chunk in page.chunks:
        text = io.StringIO()
        rows = page.rows(chunk)
        if page.of.values.shape[1] > 1:
            rows = ((row, label, json.dumps(predictions), loss) for row, label, predictions, loss in rows)
        csv.writer(text).writerows(rows)
        yield text.getvalue().encode()


def write_parquet(page: Page) -> Iterator[bytes]:
    """One row group per chunk; several probabilities are a list."""
    import pyarrow as pa  # slow to import, and rarely asked for
    from pyarrow import parquet

    units = page.of.values.shape[1]
    schema = pa.schema(
        [
            ("row", pa.int64()),
            ("label", _type_of_labels(page)),
            ("prediction", pa.float64() if units == 1 else pa.list_(pa.float64(), units)),
            ("loss", pa.float64()),
        ]
    )
    written = Sink()
    with parquet.ParquetWriter(written, schema) as writer:
        for chunk in page.chunks:
            values = _column(page.of.values[chunk].ravel(), pa.float64())
            predictions = values if units == 1 else pa.FixedSizeListArray.from_arrays(values, units)
            rows, losses = _column(page.of.rows[chunk], pa.int64()), _column(page.of.losses[chunk], pa.float64())
            columns = [rows, _labels(page, chunk), predictions, losses]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            yield written.take()
    yield written.take()


def _type_of_labels(page: Page) -> pa.DataType:
    import pyarrow as pa

    if page.of.task.class_count is None:
        return pa.float64()
    return pa.int64() if page.names is None else pa.dictionary(pa.int64(), pa.string())


def _labels(page: Page, chunk: slice) -> pa.Array:
    import pyarrow as pa

    labels = page.numbers(chunk)
    if page.of.task.class_count is None:
        return _column(labels, pa.float64())
    numbers = _column(labels.astype(np.int64), pa.int64())
    if page.names is None:
        return numbers
    names = [name.encode() for name in page.names]
    ends = np.cumsum([0, *map(len, names)]).astype(np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(names))]
    return pa.DictionaryArray.from_arrays(numbers, pa.Array.from_buffers(pa.string(), len(names), buffers))


def _column(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    # From bytes: what makes columns of other values imports pandas, if it is installed, which takes a second and 80 MB.
    import pyarrow as pa

    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


@dataclass(frozen=True)
class Format:
    """A file format of predictions."""

    media_type: str
    write: Callable[[Page], Iterator[bytes]]


DEFAULT = "json"
FORMATS = {
    "json": Format("application/json", write_json),
    "csv": Format("text/csv", write_csv),
    "parquet": Format("application/vnd.apache.parquet", write_parquet),
}
"""By their names, which are also the endings of their files."""
