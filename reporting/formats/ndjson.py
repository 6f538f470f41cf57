"""NDJSON: one object per line and epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from models.history import kind
from reporting.formats.base import KEYS, Export, Format


def write(export: Export) -> Iterator[bytes]:
    """The lines."""
    for chunk in export.chunks:
        lines = (json.dumps(_record(row, export.metrics)) + "\n" for row in export.rows(chunk))
        yield "".join(lines).encode()


def _record(row: tuple[Any, ...], metrics: Sequence[str]) -> dict[str, Any]:
    values = dict(zip((*KEYS, *metrics), row, strict=True))
    odd = {m: kind(values[m]) for m in metrics if values[m] is not None and not math.isfinite(values[m])}
    return values | dict.fromkeys(odd) | ({"nonfinite": odd} if odd else {})


FORMAT = Format("ndjson", "application/x-ndjson", "ndjson", write, also=("application/ndjson",), text=True)
