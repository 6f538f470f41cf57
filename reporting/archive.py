"""ZIP archives and other files that are handed on while they are written."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

COMPRESSED = (".png", ".parquet")
"""Endings of files that a ZIP would make no smaller."""


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
