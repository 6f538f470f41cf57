"""A worker's part of a large table: brought from the database, encoded, trained on, in a process like its child.

    OCKHAM_DATA_DIR=... [OCKHAM_DATABASE_URL=...] python -m benchmarks.table_run ds_… [--epochs 4] [--classes 10]
        [--export FILE]

A fifth of the rows is held out, and an epoch is training and validation. Prints a JSON object. `--classes`: the same
rows with as many classes, drawn by chance. `--export`: the encoded rows, as the yardsticks read them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import true

from benchmarks.engine import exported
from models.database import Database
from models.datasets import complete
from models.kinds.datasets.table import Table
from models.resolution import resolve
from models.settings import Settings
from models.specification import RunSpecification
from worker.keras_import import import_keras


def main() -> None:
    """Prepares, trains and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--export", type=Path)
    arguments = parser.parse_args()
    import_keras()
    from worker import training
    from worker.data import load
    from worker.stored import fetch

    settings = Settings()
    training.configure(settings.threads)
    training.warm_up()
    before = memory()
    run = specified(settings, arguments.dataset, max(1, arguments.epochs))
    began = time.perf_counter()
    database = Database(settings)
    file = fetch(run.dataset, settings.data_dir.absolute(), database)
    database.dispose()
    fetched = time.perf_counter()
    data = load(run.dataset, settings.data_dir.absolute(), file)
    measured: dict[str, Any] = {
        "fetch_seconds": fetched - began,
        "encode_seconds": time.perf_counter() - fetched,
        "before_gb": before,
        "prepare_peak_gb": memory(),
        "rows": len(data.train),
        "pairs_per_row": len(data.train.indices) / len(data.train),
    }
    if arguments.export:
        np.savez(arguments.export, **exported(data))
    if arguments.classes > 2:
        run = with_classes(run, arguments.classes)
        random = np.random.default_rng(0)
        train, validation = (
            replace(rows, labels=random.integers(0, arguments.classes, len(rows)).astype(np.float32))
            for rows in (data.train, data.validation)
        )
        data = replace(data, train=train, validation=validation, sha256=f"{arguments.classes} classes")
    if arguments.epochs:
        seconds, processor = list[float](), list[float]()

        def on_epoch(epoch: training.Epoch) -> None:
            seconds.append(epoch.seconds)
            processor.append(time.process_time())

        with tempfile.TemporaryDirectory() as folder:
            training.train(
                run, data, on_epoch, checkpoint=Path(folder) / "checkpoint", keep=settings.max_predictions_bytes
            )
        measured |= {
            "epoch_seconds": float(np.median(seconds[1:] or seconds)),
            "epoch_processor_seconds": float(np.median(np.diff(processor))) if len(processor) > 1 else None,
            "peak_gb": memory(),
        }
    print(json.dumps(measured))


def memory() -> float:
    """The greatest resident memory of this process, in GB, since it began."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024 / 1e9


def specified(settings: Settings, dataset: str, epochs: int) -> RunSpecification:
    """The run of `original` on the data set, as the service would have it trained."""
    body: dict[str, Any] = {
        "dataset": {"id": dataset, "validation": {"holdout": 0.2}},
        "variants": ["original"],
        "training": {"epochs": epochs},
    }
    database = Database(settings)
    with database.read() as session:
        body = complete(session, true(), body)
    database.dispose()
    return resolve(body).run("original", 0)


def with_classes(run: RunSpecification, classes: int) -> RunSpecification:
    """The same run, if the label had so many classes."""
    assert isinstance(run.dataset, Table)
    labels = tuple(f"class {number}" for number in range(classes))
    content = run.dataset.found.model_copy(update={"task": "multiclass", "classes": classes, "labels": labels})
    return run.model_copy(update={"dataset": run.dataset.model_copy(update={"content": content})})


if __name__ == "__main__":
    main()
