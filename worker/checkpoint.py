"""A run's checkpoint: all that training needs to go on as if it had never stopped."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from models.why import Explained


@dataclass
class Checkpoint:
    """The state at an epoch's end.

    history: a row per epoch, its metrics and seconds. state: every variable, the optimizer's
    and the noise counters included. best: the weights of the best epoch so far, where they matter.
    rises: what `models.why.Rises` has made of each epoch, and least the outputs that it compares with, if it is used.
    """

    history: list[dict[str, float]]
    state: list[np.ndarray]
    best: list[np.ndarray]
    rises: list[Explained] = field(default_factory=list)
    least: np.ndarray | None = None


def save(path: Path, identity: str, checkpoint: Checkpoint) -> None:
    """Writes the file whole or not at all."""
    arrays: dict[str, Any] = {f"state_{i}": array for i, array in enumerate(checkpoint.state)}
    arrays |= {f"best_{i}": array for i, array in enumerate(checkpoint.best)}
    if checkpoint.least is not None:
        arrays["least"] = checkpoint.least
    header = json.dumps({"identity": identity, "history": checkpoint.history, "rises": checkpoint.rises})
    path.parent.mkdir(parents=True, exist_ok=True)
    # A process that has lost the run may still be writing, on another host or in another container, where
    # process ids are the same: each write has a file of its own until it is whole.
    partial = path.with_name(f"{path.name}.{uuid4().hex}.partial")
    try:
        with partial.open("wb") as file:
            np.savez(file, header=np.frombuffer(header.encode(), np.uint8), **arrays)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load(path: Path, identity: str) -> Checkpoint | None:
    """The checkpoint at `path`; None where there is none, where it is another run's, or where it is damaged."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            header = json.loads(file["header"].tobytes())
            if header["identity"] != identity:
                return None
            arrays = {name: file[name] for name in file.files}
    except (FileNotFoundError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    state = [arrays[f"state_{i}"] for i in range(sum(name.startswith("state_") for name in arrays))]
    best = [arrays[f"best_{i}"] for i in range(sum(name.startswith("best_") for name in arrays))]
    return Checkpoint(header["history"], state, best, header["rises"], arrays.get("least"))
