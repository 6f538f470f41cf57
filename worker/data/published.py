"""The files that Keras publishes: found, and converted to CSR arrays in a process of their own."""

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
from dataclasses import dataclass
from pathlib import Path

from models.errors import DatasetInvalid, DatasetUnavailable
from models.settings import in_keras_cache
from worker.data import csr
from worker.data.convert import FILE_BYTES
from worker.data.store import kept, locked

FOLDER = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
"""Where Keras publishes them."""

REACHABLE_SECONDS = 8
DOWNLOAD_SECONDS = 900
CONVERT_SECONDS = 300


@dataclass(frozen=True)
class Published:
    """The file of the data set `name`, `<name>.npz`, which the setting `<name>_npz` may name a copy of.

    title: what the rows are called. sha256: its hash as `keras.datasets` has it. url: where it is. version: of the
    arrays that it is converted to: another one when they change, so that old ones are not taken for new.
    """

    name: str
    title: str
    sha256: str
    url: str
    version: str = "v1"

    @property
    def setting(self) -> str:
        return f"OCKHAM_{self.name.upper()}_NPZ"

    @property
    def cached(self) -> Path:
        """The file's place in Keras's cache."""
        return in_keras_cache(f"{self.name}.npz")

    @property
    def remedy(self) -> str:
        copy = f"Set {self.setting} to a copy of Keras's {self.name}.npz"
        return f"{copy}, or use a data set that needs no file, such as 'synthetic'"

    def prepared(self, num_words: int, folder: Path, npz: Path | None) -> Path:
        """The directory of the file's rows over `num_words` ids, made first if it is not there; see `converted`."""
        return csr.narrowed(self.converted(folder, npz), num_words)

    def converted(self, folder: Path, npz: Path | None) -> Path:
        """The directory of the file's rows, made first if it is not there.

        `folder`: where data sets are kept. `npz`: the file to use; without it Keras's cache, then its
        download. Raises DatasetUnavailable, DatasetInvalid and StorageFull.
        """
        whole = folder / f"{self.name}-{self.sha256[:16]}-{self.version}"
        if npz is None and whole.is_dir():
            return whole
        source, sha256 = self._source(folder, npz)
        whole = folder / f"{self.name}-{sha256[:16]}-{self.version}"
        return kept(whole, lambda partial: self._convert(source, sha256, partial))

    def _source(self, folder: Path, npz: Path | None) -> tuple[Path, str]:
        """The file to read and its hash: the one that was named, else Keras's."""
        if npz is not None:
            try:
                self._check(npz.stat())
                return npz, _sha256(npz, folder)
            except OSError as error:
                raise DatasetUnavailable(f"The file that {self.setting} names cannot be read") from error
        cached = self.cached
        # Keras downloads to the file's place itself: only one process may, and a part of it is not yet the file.
        with locked(folder / "download"):
            if not cached.is_file() or _sha256(cached, folder) != self.sha256:
                cached = self._download()
        return cached, self.sha256

    def _check(self, found: os.stat_result) -> None:
        """Refuses what would be read without end: a pipe, a device, a file of any size."""
        if not (
            stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
        ):  # a directory cannot be opened, and says so
            raise DatasetInvalid(f"What {self.setting} names is no regular file")
        if found.st_size > FILE_BYTES:
            raise DatasetInvalid(f"{self._not_keras} it is larger than {FILE_BYTES >> 20} MB")

    @property
    def _not_keras(self) -> str:
        return f"The file is not Keras's {self.name}.npz:"

    def _download(self) -> Path:
        if not is_reachable(self.url):
            raise DatasetUnavailable(
                f"The {self.title} are not on this machine, and Keras's download of them cannot be reached. "
                f"{self.remedy}"
            )
        try:
            done = subprocess.run(
                [sys.executable, "-m", "worker.data.download", f"{self.name}.npz", self.url, self.sha256],
                stdout=subprocess.PIPE,
                stderr=None if sys.stderr.isatty() else subprocess.DEVNULL,
                text=True,
                timeout=DOWNLOAD_SECONDS,
                check=True,
            )
        except subprocess.SubprocessError as error:
            raise DatasetUnavailable(
                f"The download of the {self.title} broke off, or what came is not Keras's file. {self.remedy}"
            ) from error
        return Path(done.stdout.strip())

    def _convert(self, source: Path, sha256: str, directory: Path) -> None:
        command = [sys.executable, "-m", "worker.data.convert", self.name, str(source), sha256, str(directory)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=CONVERT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise DatasetInvalid(f"Keras's {self.name}.npz takes too long to read") from error
        if done.returncode == errno.ENOSPC:
            raise OSError(errno.ENOSPC, "No space left")
        if done.returncode:
            reason = done.stderr.rstrip().rpartition("\n")[2].partition("invalid: ")[2]
            raise DatasetInvalid(f"{self._not_keras} {reason or 'reading it failed'}")


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


def is_reachable(url: str) -> bool:
    """Whether the download answers. Looking up a name knows no time-out: a thread does it that can be left behind."""
    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=REACHABLE_SECONDS):
                answered.set()
        except (OSError, ValueError):
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACHABLE_SECONDS)
    return answered.is_set()
