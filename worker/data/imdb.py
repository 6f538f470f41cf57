"""The IMDB reviews (Maas et al., *Learning Word Vectors for Sentiment Analysis*, ACL 2011) from Keras's file."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

from models.errors import DatasetInvalid, DatasetUnavailable
from models.kinds.datasets.imdb import Imdb
from worker.data import csr
from worker.data.convert import FILE_BYTES
from worker.data.store import kept, locked

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/imdb.npz"
SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
"""Where Keras publishes the file, and its hash, both as `keras.datasets.imdb` has them."""

VERSION = "v1"
"""Of the arrays: another one when they change, so that old ones are not taken for new."""

REACHABLE_SECONDS = 8
DOWNLOAD_SECONDS = 900
CONVERT_SECONDS = 300

REMEDY = "Set OCKHAM_IMDB_NPZ to a copy of Keras's imdb.npz, or use the data set 'synthetic'"


def prepared(dataset: Imdb, folder: Path, npz: Path | None) -> Path:
    """The directory of the reviews over `dataset.num_words` ids, made first if it is not there.

    `folder`: where data sets are kept. `npz`: the file to use; without it Keras's cache, then its
    download. Raises DatasetUnavailable, DatasetInvalid and StorageFull.
    """
    num_words = dataset.num_words
    whole = folder / f"imdb-{SHA256[:16]}-{VERSION}"
    if npz is not None or not whole.is_dir():
        source, sha256 = _source(folder, npz)
        whole = kept(folder / f"imdb-{sha256[:16]}-{VERSION}", lambda partial: _convert(source, sha256, partial))

    def narrowed(partial: Path) -> None:
        train, test, _ = csr.read(whole)
        csr.write(partial, {split: [csr.narrow(part, num_words)] for split, part in (("train", train), ("test", test))})

    return kept(whole.with_name(f"{whole.name}-{num_words}"), narrowed)


def _source(folder: Path, npz: Path | None) -> tuple[Path, str]:
    """The file to read and its hash: the one that was named, else Keras's."""
    if npz is not None:
        try:
            _check(npz.stat())
            return npz, _sha256(npz, folder)
        except OSError as error:
            raise DatasetUnavailable("The file that OCKHAM_IMDB_NPZ names cannot be read") from error
    cached = Path.home() / ".keras" / "datasets" / "imdb.npz"
    # Keras downloads to the file's place itself: only one process may, and a part of it is not yet the file.
    with locked(folder / "download"):
        if not cached.is_file() or _sha256(cached, folder) != SHA256:
            cached = _download()
    return cached, SHA256


def _check(found: os.stat_result) -> None:
    """Refuses what would be read without end: a pipe, a device, a file of any size."""
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):  # a directory cannot be opened, and says so
        raise DatasetInvalid("What OCKHAM_IMDB_NPZ names is no regular file")
    if found.st_size > FILE_BYTES:
        raise DatasetInvalid(f"The IMDB file is not Keras's imdb.npz: it is larger than {FILE_BYTES >> 20} MB")


def _sha256(path: Path, folder: Path) -> str:
    """The file's hash, remembered for as long as the file's size, times and inode stay."""
    found = path.stat()
    state = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
    note = folder / f"hash-{hashlib.sha256(bytes(path.absolute())).hexdigest()[:16]}.json"
    try:
        noted = json.loads(note.read_text())
        if noted["state"] == state:
            return str(noted["sha256"])
    except (OSError, ValueError, LookupError, TypeError):
        pass  # not noted yet, or half a note: a note is cheaper to make again than to keep safe
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"state": state, "sha256": sha256}))
    return sha256


def _download() -> Path:
    if not _reachable():
        raise DatasetUnavailable(
            f"The IMDB reviews are not on this machine, and Keras's download of them cannot be reached. {REMEDY}"
        )
    try:
        done = subprocess.run(
            [sys.executable, "-m", "worker.data.download", URL, SHA256],
            stdout=subprocess.PIPE,
            stderr=None if sys.stderr.isatty() else subprocess.DEVNULL,
            text=True,
            timeout=DOWNLOAD_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        raise DatasetUnavailable(
            f"The download of the IMDB reviews broke off, or what came is not Keras's file. {REMEDY}"
        ) from error
    return Path(done.stdout.strip())


def _reachable() -> bool:
    """Whether the download answers. Looking up a name knows no time-out: a thread does it that can be left behind."""
    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(URL, method="HEAD"), timeout=REACHABLE_SECONDS):
                answered.set()
        except (OSError, ValueError):
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACHABLE_SECONDS)
    return answered.is_set()


def _convert(source: Path, sha256: str, directory: Path) -> None:
    command = [sys.executable, "-m", "worker.data.convert", str(source), sha256, str(directory)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=CONVERT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise DatasetInvalid("The IMDB file takes too long to read") from error
    if done.returncode == errno.ENOSPC:
        raise OSError(errno.ENOSPC, "No space left")
    if done.returncode:
        reason = done.stderr.rstrip().rpartition("\n")[2].partition("invalid: ")[2]
        raise DatasetInvalid(f"The IMDB file is not Keras's imdb.npz: {reason or 'reading it failed'}")
