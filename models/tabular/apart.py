"""Reads a data set's files in a process of its own: a file that takes too much ends that process alone."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from models.apart import Died, TakesTooMuch, run_apart
from models.errors import Unavailable
from models.tabular.card import Card
from models.tabular.faults import BadRow, InvalidDataset
from models.tabular.options import Options
from models.tabular.source import Format, named_format

log = structlog.get_logger()

FEWER = "send fewer rows or columns"
SECONDS = 300
"""Of processor time that reading a data set may take."""
MEMORY = 3 << 30
"""Bytes that it may use."""


@dataclass(frozen=True)
class SentFile:
    """A file as it was sent: where it is, its name, its media type, and the SHA-256 of its content."""

    path: Path
    name: str
    media_type: str
    sha256: bytes

    @property
    def format(self) -> Format | None:
        """What its name says, or else its media type."""
        return named_format(self.name, self.media_type)


@dataclass(frozen=True)
class Result:
    """What was read: the card, and of each part its split, its first row and its file."""

    card: Card
    parts: list[tuple[str, int, Path]]


def read_apart(
    train: SentFile,
    test: SentFile | None,
    options: Options,
    limit: int,
    folder: Path,
    check_wanted: Callable[[], None],
) -> Result:
    """Reads the files; the parts are written into `folder`. `limit`: a file's bytes, unpacked.

    Raises InvalidDataset with every bad row; also if the files take more time or memory than they may, or if they make
    the process crash. Raises Unavailable if somebody ends the process.
    What `check_wanted` raises ends it.
    """

    def told(sent: SentFile | None) -> dict[str, Any] | None:
        return None if sent is None else {"path": str(sent.path), "format": sent.format}

    asked = {
        "train": told(train),
        "test": told(test),
        "options": options.model_dump(),
        "limit": limit,
        "folder": str(folder),
    }
    try:
        answer = run_apart("models.tabular", asked, SECONDS, MEMORY, check_wanted)
    except TakesTooMuch as error:
        raise _told(
            f"too_much_{error.what}", f"Reading the files takes more {error.what} than it may: {FEWER}"
        ) from None
    except Died as error:
        if error.number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            raise Unavailable("Reading the files was ended from outside: send them again") from None
        log.warning("dataset_unreadable", reason=str(error))
        raise _told("unreadable", "Reading the files ends the process that reads them: they are damaged") from None
    if "errors" in answer:
        raise InvalidDataset([BadRow(**each) for each in answer["errors"]], answer["error_count"])
    parts = [(split, first, folder / name) for split, first, name in answer["parts"]]
    return Result(Card.model_validate(answer["card"]), parts)


def _told(code: str, detail: str) -> InvalidDataset:
    return InvalidDataset([BadRow(file="train", line=None, column=None, code=code, detail=detail)], 1)
