"""Histories as JSON, CSV, NDJSON and Parquet, made piece by piece: whole, never sampled, never all in memory.

The tables are in long form, a row an epoch: `job_id, run_id, variant, seed, epoch`, then a column a
metric. A value that is not finite is `nan`, `inf` or `-inf` in CSV, itself in Parquet, and null in
JSON and NDJSON with its kind in `nonfinite` beside it. TensorBoard's format is in `api.tensorboard`.
"""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from fastapi import Request

from api.summary import finite, kind, nonfinite
from models.history import RunHistory

MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "tensorboard": "application/zip",
}

COMPRESSED = (".png", ".parquet")
"""Endings of files that a ZIP would make no smaller."""

KEYS = ("job_id", "run_id", "variant", "seed", "epoch")

Chunks = Iterable[Sequence[tuple[str, RunHistory]]]
"""Histories, each with its job's id, some at a time."""


def wanted(request: Request, format: str | None) -> str:
    """The format that is asked for by name, or else first by `Accept` (RFC 9110, 12.5.1), or else JSON."""
    if format is not None:
        return format
    names = {media: name for name, media in MEDIA_TYPES.items()} | {"application/ndjson": "ndjson", "*/*": "json"}
    offers = {media: weight for media, weight in accepted(request).items() if media in names and weight > 0}
    return names[max(offers, key=offers.__getitem__)] if offers else "json"  # of equals the first


def accepted(request: Request) -> dict[str, float]:
    """The media types that `Accept` names, in small letters and in its order, each with its weight; 0 is a no."""
    found: dict[str, float] = {}
    for part in request.headers.get("Accept", "").split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        weight = float(quality) if quality.replace(".", "", 1).isdecimal() and quality.isascii() else 0.0
        found[media] = max(weight, found.get(media, 0.0))
    return found


def as_json(chunks: Chunks, head: dict[str, Any]) -> Iterator[bytes]:
    """One object: `head`, then `runs`, each with a list a metric."""
    yield json.dumps(head)[:-1].encode() + b', "runs": ['
    between = ""
    for chunk in chunks:
        texts = [json.dumps(run_json(job_id, history)) for job_id, history in chunk]
        yield (between + ", ".join(texts)).encode()
        between = ", "
    yield b"]}"


def run_json(job_id: str, history: RunHistory) -> dict[str, Any]:
    """One run's history."""
    return {
        "run_id": history.run_id,
        "job_id": job_id,
        "variant": history.variant,
        "seed": history.seed,
        "status": history.status,
        "epochs": list(history.epochs),
        "metrics": {name: finite(values) for name, values in history.metrics.items()},
        "nonfinite": nonfinite(history),
    }


def as_csv(chunks: Chunks, metrics: Sequence[str]) -> Iterator[bytes]:
    """RFC 4180, UTF-8, with a header line; what was not recorded is empty."""
    yield (",".join((*KEYS, *metrics)) + "\r\n").encode()
    for chunk in chunks:
        text = io.StringIO()
        csv.writer(text).writerows(_rows(chunk, metrics))
        yield text.getvalue().encode()


def as_ndjson(chunks: Chunks, metrics: Sequence[str]) -> Iterator[bytes]:
    """An object a line."""
    for chunk in chunks:
        yield "".join(json.dumps(_record(row, metrics)) + "\n" for row in _rows(chunk, metrics)).encode()


def as_parquet(chunks: Chunks, metrics: Sequence[str]) -> Iterator[bytes]:
    """Apache Parquet, a row group a chunk."""
    import pyarrow as pa  # slow to import, and rarely asked for
    from pyarrow import parquet

    types = (pa.string(), pa.string(), pa.string(), pa.int64(), pa.int32(), *(pa.float64() for _ in metrics))
    schema = pa.schema(list(zip((*KEYS, *metrics), types, strict=True)))
    written = Sink()
    with parquet.ParquetWriter(written, schema) as writer:
        for chunk in chunks:
            columns = list(zip(*_rows(chunk, metrics), strict=True)) or [()] * len(types)
            writer.write_table(pa.table([pa.array(c, t) for c, t in zip(columns, types, strict=True)], schema=schema))
            yield written.take()
    yield written.take()


ENCODERS: dict[str, Callable[[Chunks, Sequence[str]], Iterator[bytes]]] = {
    "csv": as_csv,
    "ndjson": as_ndjson,
    "parquet": as_parquet,
}


def _rows(chunk: Sequence[tuple[str, RunHistory]], metrics: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for job_id, history in chunk:
        nothing = (None,) * len(history.epochs)
        values = [history.metrics.get(name, nothing) for name in metrics]
        for epoch, *numbers in zip(history.epochs, *values, strict=True):
            yield job_id, history.run_id, history.variant, history.seed, epoch, *numbers


def _record(row: tuple[Any, ...], metrics: Sequence[str]) -> dict[str, Any]:
    values = dict(zip((*KEYS, *metrics), row, strict=True))
    odd = {m: kind(values[m]) for m in metrics if values[m] is not None and not math.isfinite(values[m])}
    return values | dict.fromkeys(odd) | ({"nonfinite": odd} if odd else {})


def zipped(files: Iterable[tuple[str, datetime, Iterable[bytes]]]) -> Iterator[bytes]:
    """A ZIP of `files`, each with its path, time of change and pieces, of which one is in memory at a time."""
    written = Sink()
    with zipfile.ZipFile(written, "w") as archive:
        for path, changed, pieces in files:
            entry = zipfile.ZipInfo(path, changed.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_STORED if path.endswith(COMPRESSED) else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w") as file:
                for piece in pieces:
                    file.write(piece)
                    yield written.take()
            yield written.take()
    yield written.take()


class Sink(io.RawIOBase):
    """A file that is handed on as it is written."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        """What was written since the last call."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
