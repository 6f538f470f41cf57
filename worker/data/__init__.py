"""The rows that networks are trained on: `load` gives a data set, its sparse rows memory-mapped.

A data set's loader is the module of its name, with a function `prepared(dataset, folder, file)` that returns the
directory of its rows as `worker.data.csr` writes them, made first if it is not there. `file` is what a setting names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.drawing import rows_drawn
from models.errors import DatasetInvalid
from models.kinds import dataset
from models.preprocessing import MEMBER, Preprocessing, of_numbers
from models.specification import Draws
from worker.data import csr
from worker.data.csr import Rows

__all__ = ["Dataset", "Rows", "load"]


@dataclass(frozen=True)
class Dataset:
    """Rows of `inputs` inputs to train on, to validate on, to test on.

    `validation` is `test` itself unless training rows were held out. `sha256` is the hash of the
    whole encoded content, before anything was held out, left away or standardised. `whole`: if rows were drawn,
    all of which they were: kernels are cut by these, so that networks of other draws have the same shapes.
    `preprocessing` is how further rows are encoded like these; None if that does not depend on the rows, or if
    further rows are not taken.
    validation_rows: the number of each validation row in its file, from 1; None: 1, 2, …
    """

    name: str
    inputs: int
    train: Rows
    validation: Rows
    test: Rows
    sha256: str
    whole: Rows | None = None
    preprocessing: Preprocessing | None = None
    validation_rows: NDArray[np.int64] | None = None


def load(specification: dataset.Dataset, data_dir: Path, file: Path | None, draws: Draws | None = None) -> Dataset:
    """The data set that is asked for: prepared under `data_dir` the first time, mapped into memory ever after.

    The first `holdout` training rows are held out, then the first `train_samples` of the others
    are trained on. Numbers are standardised by the rows that are trained on. `file`: the data set's file, if it has
    one; without it Keras's cache, then Keras's download. With `draws` the held-out rows, the sample of the others, or
    both are drawn by chance; no two of them are taken for the same data set, since `sha256` is another for each.

    Raises DatasetUnavailable where the rows cannot be had, DatasetInvalid where their file is not
    what it should be or has too few of them, StorageFull where there is no room for them.
    """
    loader = import_module(f"worker.data.{specification.name}")
    folder = data_dir / "datasets"
    if draws is not None and specification.uploaded:  # the encoding is learned from what is drawn
        rows = loader.prepared(specification, folder, file, draws)
    else:
        rows = loader.prepared(specification, folder, file)
    train, test, sha256 = csr.read(rows)

    held_out = csr.describe(rows).get("held_out", specification.held_out)  # whole groups may be more
    left = len(train) - held_out
    wanted = left if specification.train_samples is None else specification.train_samples
    wanted = csr.describe(rows).get("trained_on", wanted)  # a sample of whole groups has its own number of rows
    if not 0 < wanted <= left:
        raise DatasetInvalid(
            f"Of {len(train)} training {specification.rows}, {held_out} cannot be held out "
            f"and {max(wanted, 1)} trained on"
        )
    whole, validation_rows = None, None
    if held_out and (rows / csr.HELD_OUT_ROWS).is_file():
        validation_rows = np.load(rows / csr.HELD_OUT_ROWS, allow_pickle=False)
    if draws is not None and not specification.uploaded:
        strata = np.asarray(train.labels) if specification.task.measure == "acc" else np.zeros(len(train))
        order = np.concatenate(rows_drawn(strata, held_out, wanted, draws.split, draws.sample))
        whole, train = train, train.take(order)
        validation_rows = order[:held_out] + 1 if held_out else None
        sha256 = hashlib.sha256(sha256.encode() + order.astype("<i8").tobytes()).hexdigest()
    trained = train.slice(held_out, held_out + wanted)
    held = train.slice(0, held_out) if held_out else None
    preprocessing = None
    if (rows / MEMBER).is_file():
        preprocessing = Preprocessing.model_validate_json((rows / MEMBER).read_text())
    elif specification.numbers:
        preprocessing = of_numbers(specification)
    if trained.numbers is not None:
        scales = _scales(trained.numbers)
        preprocessing = preprocessing and preprocessing.with_scales(scales)
        trained, test = standardised(trained, scales), standardised(test, scales)
        held = None if held is None else standardised(held, scales)
    return Dataset(
        name=specification.name,
        inputs=specification.inputs,
        train=trained,
        validation=test if held is None else held,
        test=test,
        sha256=sha256,
        whole=whole,
        preprocessing=preprocessing,
        validation_rows=validation_rows,
    )


def _scales(numbers: np.ndarray) -> list[tuple[float, float]]:
    """The mean and the standard deviation of each column's numbers; of one that never changes, 1."""
    scales = []
    for column in numbers.T:  # one at a time: a table may be wide
        values = column.astype(np.float64)
        values = values[~np.isnan(values)]
        scales.append((float(values.mean()), float(values.std()) or 1.0) if len(values) else (0.0, 1.0))
    return scales


def standardised(rows: Rows, scales: Sequence[tuple[float, float]]) -> Rows:
    """The rows with each number as its distance from its column's mean, in standard deviations; 0 if it is missing."""
    assert rows.numbers is not None
    numbers = np.empty_like(rows.numbers)
    for into, column, (mean, deviation) in zip(numbers.T, rows.numbers.T, scales, strict=True):
        into[:] = (column.astype(np.float64) - mean) / deviation
        into[np.isnan(into)] = 0
    return replace(rows, numbers=numbers)
