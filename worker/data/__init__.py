"""The reviews that networks are trained on: `load` gives a data set as memory-mapped sparse rows.

A data set's loader is the module of its name, with a function `prepared(dataset, folder, imdb_npz)` that returns the
directory of its rows as `worker.data.csr` writes them, made first if it is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from models.errors import DatasetInvalid
from models.kinds import dataset
from worker.data import csr
from worker.data.csr import Reviews

__all__ = ["Dataset", "Reviews", "load"]


@dataclass(frozen=True)
class Dataset:
    """Reviews to train on, to validate on, to test on. Word ids are below `num_words`.

    `validation` is `test` itself unless training reviews were held out. `sha256` is the hash of the
    whole encoded content, before anything was held out or left away.
    """

    name: str
    num_words: int
    train: Reviews
    validation: Reviews
    test: Reviews
    sha256: str


def load(specification: dataset.Dataset, data_dir: Path, imdb_npz: Path | None) -> Dataset:
    """The data set that is asked for: prepared under `data_dir` the first time, mapped into memory ever after.

    The first `holdout` training reviews are held out, then the first `train_samples` of the others
    are trained on. `imdb_npz`: the file with the IMDB reviews; without it Keras's cache, then
    Keras's download.

    Raises DatasetUnavailable where the reviews cannot be had, DatasetInvalid where their file is not
    what it should be or has too few of them, StorageFull where there is no room for them.
    """
    loader = import_module(f"worker.data.{specification.name}")
    train, test, sha256 = csr.read(loader.prepared(specification, data_dir / "datasets", imdb_npz))

    held_out = specification.held_out
    left = len(train) - held_out
    wanted = left if specification.train_samples is None else specification.train_samples
    if not 0 < wanted <= left:
        raise DatasetInvalid(
            f"Of {len(train)} training reviews, {held_out} cannot be held out and {max(wanted, 1)} trained on"
        )
    return Dataset(
        name=specification.name,
        num_words=specification.inputs,
        train=train.slice(held_out, held_out + wanted),
        validation=train.slice(0, held_out) if held_out else test,
        test=test,
        sha256=sha256,
    )
