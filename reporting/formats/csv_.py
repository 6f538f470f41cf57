"""CSV (RFC 4180), UTF-8, with a header line; what was not recorded is empty."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from reporting.formats.base import KEYS, Export, Format


def write(export: Export) -> Iterator[bytes]:
    """The header line, then the rows."""
    yield (",".join((*KEYS, *export.metrics)) + "\r\n").encode()
    for chunk in export.chunks:
        text = io.StringIO()
        csv.writer(text).writerows(export.rows(chunk))
        yield text.getvalue().encode()


FORMAT = Format("csv", "text/csv", "csv", write, text=True)
