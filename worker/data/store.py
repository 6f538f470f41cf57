"""Directories that are made once and whole: whoever comes second waits, or finds them ready."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from models.errors import StorageFull


@contextmanager
def locked(path: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold the lock of this name, waiting for it; the system takes it back from a process that dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as file:
        fcntl.flock(file, how)
        yield


@contextmanager
def read(directory: Path) -> Iterator[None]:
    """Files of `directory` are opened one after the other: `trim` leaves it alone meanwhile."""
    with locked(directory, fcntl.LOCK_SH):
        yield


RECENT_SECONDS = 30
"""A directory that was made or asked for since may be about to be opened."""


def kept(directory: Path, build: Callable[[Path], None]) -> Path:
    """`directory`, built first if it is not there: `build` fills another one, which is then renamed.

    A build that fails leaves nothing. One that is killed leaves nothing under the name; its remains go with
    the next build.
    Raises StorageFull, and whatever `build` raises.
    """
    with suppress(FileNotFoundError):
        os.utime(directory)  # `trim` goes by it
        return directory
    partial = directory.with_name(f"{directory.name}.partial")
    try:
        with locked(directory):
            if not directory.is_dir():
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                try:
                    build(partial)
                    for path in (*partial.iterdir(), partial):
                        _flush(path)
                    partial.rename(directory)
                finally:
                    shutil.rmtree(partial, ignore_errors=True)  # still there only if that failed
                _flush(directory.parent)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("No space is left to prepare the data set") from error
        raise
    return directory


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def trim(folder: Path, most: int) -> None:
    """Removes what `kept` made in `folder`, the longest unused first, until at most `most` bytes are left.

    A directory that was asked for within `RECENT_SECONDS` stays, and so does one that is `read`. Whoever has mapped a
    file keeps what it has.
    """
    found = []
    for directory in folder.iterdir():
        with suppress(FileNotFoundError):  # another process removes it, too
            if directory.is_dir() and directory.suffix != ".partial":
                size = sum(file.stat().st_size for file in directory.iterdir())
                found.append((directory.stat().st_mtime, size, directory))
    there = sum(size for _, size, _ in found)
    for used, size, directory in sorted(found):
        if there <= most or time.time() - used < RECENT_SECONDS:
            return
        with suppress(FileNotFoundError, BlockingIOError), locked(directory, fcntl.LOCK_EX | fcntl.LOCK_NB):
            partial = directory.with_name(f"{directory.name}.partial")
            directory.rename(partial)  # a part of it is never taken for the whole
            shutil.rmtree(partial)
            there -= size
