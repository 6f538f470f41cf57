"""The words of texts that Keras publishes as numbers: found as the texts are."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from models.errors import DatasetInvalid, DatasetUnavailable
from models.settings import in_keras_cache
from worker.data.published import FOLDER, REACHABLE_SECONDS, is_reachable
from worker.data.store import locked

MOST_BYTES = 20 << 20
"""Keras's largest has 2 MB."""
MOST_WORDS = 1_000_000
"""And 88,584 words."""


@dataclass(frozen=True)
class WordIndex:
    """The file `<name>_word_index.json`, a JSON object of words and their ranks; md5: its hash, as Keras has it."""

    name: str
    md5: str

    @property
    def file(self) -> str:
        return f"{self.name}_word_index.json"

    @property
    def setting(self) -> str:
        return f"OCKHAM_{self.name.upper()}_WORD_INDEX"

    def words(self, folder: Path, named: Path | None) -> list[str]:
        """The words by rank, the most frequent first; "" for a rank that no word has.

        `folder`: where data sets are kept. `named`: the file to use; without it Keras's cache, then its
        download. Raises DatasetUnavailable and DatasetInvalid.
        """
        try:
            with (named or self._kerass(folder)).open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise DatasetUnavailable(f"The file that {self.setting} names cannot be read") from error
        try:
            ranks = json.loads(content)
            known = {rank: word for word, rank in ranks.items() if 0 < rank <= MOST_WORDS}
        except (ValueError, TypeError, AttributeError) as error:
            raise DatasetInvalid(f"The file is not Keras's {self.file}") from error
        if not known or len(known) < len(ranks):
            raise DatasetInvalid(f"The file is not Keras's {self.file}: a word has no rank of its own")
        return [known.get(rank, "") for rank in range(1, max(known) + 1)]

    @property
    def cached(self) -> Path:
        """The file's place in Keras's cache."""
        return in_keras_cache(self.file)

    def _kerass(self, folder: Path) -> Path:
        """The file in Keras's cache, fetched first if it is not there."""
        with locked(folder / "download"):
            if not self.cached.is_file():
                self._download(self.cached)
        return self.cached

    def _download(self, cached: Path) -> None:
        url = f"{FOLDER}/{self.file}"
        remedy = f"Set {self.setting} to a copy of Keras's {self.file}"
        if not is_reachable(url):
            raise DatasetUnavailable(
                f"Which words the numbers of the texts stand for is not on this machine, and Keras's download of it "
                f"cannot be reached. {remedy}"
            )
        try:
            with urllib.request.urlopen(url, timeout=REACHABLE_SECONDS) as response:
                content = response.read(MOST_BYTES + 1)
        except OSError as error:
            raise DatasetUnavailable(f"The download of Keras's {self.file} broke off. {remedy}") from error
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != self.md5:
            raise DatasetUnavailable(f"What came is not Keras's {self.file}. {remedy}")
        cached.parent.mkdir(parents=True, exist_ok=True)
        partial = cached.with_name(f"{cached.name}.{uuid4().hex}.partial")
        partial.write_bytes(content)
        partial.replace(cached)
