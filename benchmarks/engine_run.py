"""The engine's side of the comparison: variants trained as a warm worker trains them.

    python -m benchmarks.engine_run --variants original bigger --epochs 6 [--threads 1] [--warm]

Prints one JSON object a variant. With `--warm` each variant is trained once before, as in a worker
that has had such a job, and by how much the first time took longer is `new_shape_seconds`; a checkpoint is written
each epoch either way.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from models.resolution import resolve
from models.settings import Settings


def measure(body: dict[str, Any], warm: bool) -> dict[str, Any]:
    """Trains the only run of the job `body`, and tells how long its parts took."""
    from worker import data, training

    settings = Settings()
    specification = resolve(body)
    run = specification.run(specification.variants[0].name, specification.seeds[0])
    reviews = data.load(run.dataset, settings.data_dir, settings.npz(run.dataset.name))
    one_epoch = run.model_copy(update={"training": run.training.model_copy(update={"epochs": 1})})
    firsts: list[float] = []
    for _ in range(2 if warm else 0):
        began = time.perf_counter()
        training.train(one_epoch, reviews)
        firsts.append(time.perf_counter() - began)
    epochs: list[training.Epoch] = []
    asked: list[float] = []
    worked: list[float] = []

    def on_epoch(epoch: training.Epoch) -> None:
        epochs.append(epoch)
        worked.append(time.process_time())

    def should_stop() -> bool:
        asked.append(time.perf_counter())
        return False

    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        result = training.train(run, reviews, on_epoch=on_epoch, should_stop=should_stop, checkpoint=Path(folder) / "c")
        ended = time.perf_counter()
    return {
        "epochs": result.epochs,
        "epoch_seconds": float(np.median([epoch.seconds for epoch in epochs[1:] or epochs])),
        "epoch_processor_seconds": float(np.median(np.diff(worked))) if len(worked) > 1 else None,
        "run_seconds": ended - began,
        "new_shape_seconds": firsts[0] - firsts[1] if warm else None,
        "first_batch_seconds": asked[0] - began,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "val_loss": [epoch.metrics["val_loss"] for epoch in epochs],
    }


def main() -> None:
    """Trains and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", default=["original"])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--repeat", type=int, default=1)
    arguments = parser.parse_args()

    from worker import training

    training.configure(arguments.threads)
    if arguments.warm:
        training.warm_up()
    for variant in arguments.variants * arguments.repeat:
        measured = measure({"variants": [variant], "training": {"epochs": arguments.epochs}}, arguments.warm)
        print(
            json.dumps({"system": "engine", "variant": variant, "threads": arguments.threads, **measured}), flush=True
        )


if __name__ == "__main__":
    main()
