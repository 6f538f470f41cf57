"""Directories that are made once and whole: whoever comes second waits, or finds them ready."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import StorageFull


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of this name, waiting for it; the system takes it back from a process that dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def kept(directory: Path, build: Callable[[Path], None]) -> Path:
    """`directory`, built first if it is not there: `build` fills another one, which is then renamed.

    A build that fails leaves nothing. One that is killed leaves nothing under the name; its remains go with
    the next build.
    Raises StorageFull, and whatever `build` raises.
    """
    if directory.is_dir():
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
