"""Files as they are sent."""

from __future__ import annotations

import os
from typing import BinaryIO


class Measured:
    """A file whose length is told before its content is sent, and has to be that in the end.

    Raises ValueError when more or less is read of it: somebody writes to it, or it is none that has a length.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._length = os.fstat(file.fileno()).st_size

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`; empty at the end."""
        part = self._file.read(size)
        at = self._file.tell()
        if at > self._length or (not part and size != 0 and at < self._length):
            raise ValueError(f"{self._file.name} no longer has {self._length:,} bytes: is it being written?")
        return part

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As files do, but that its end is where it was."""
        if whence == os.SEEK_END:
            offset, whence = self._length + offset, os.SEEK_SET
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
