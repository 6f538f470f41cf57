"""What each option costs that looks into a training: processor seconds per epoch and bytes per run.

    python -m benchmarks.options [--rounds 5] [--epochs 6] [--variants original,bigger] [--dataset imdb]

Runs are trained here, as a worker trains them, one after another; the options take turns in each round. Processor
seconds are those of all threads: other work on the machine changes them less than the time on the clock. Prints the
table that docs/performance.md has.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from models.history import encode
from models.resolution import resolve
from models.settings import Settings
from models.specification import RunSpecification
from worker.keras_import import import_keras

OPTIONS: dict[str, dict[str, Any]] = {
    "without any": {"predictions": 0},
    "predictions and `why`, as always": {},
    '`training.metrics`: `["auc", "brier", "ece", "f1"]`': {"training": {"metrics": ["auc", "brier", "ece", "f1"]}},
    "`training.weights`": {"training": {"weights": True}},
    '`keep`: `"every"`': {"keep": "every"},
}
"""What a job asks for; `predictions`: how many bytes of them a run may keep."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--variants", default="original,bigger")
    parser.add_argument("--dataset", choices=("imdb", "synthetic"), default="imdb")
    chosen = parser.parse_args()
    import_keras()
    from worker import training
    from worker.data import load

    training.configure()
    before = os.getloadavg()[0]
    print(
        "| network | option | processor seconds per epoch | ratio | bytes of a run of 20 epochs |\n"
        "|---|---|---:|---:|---:|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for variant in chosen.variants.split(","):
            runs = {name: specified(variant, chosen, asked) for name, asked in OPTIONS.items()}
            data = load(next(iter(runs.values())).dataset, Path(folder), Settings().npz(chosen.dataset))
            paces: dict[str, list[float]] = {name: [] for name in OPTIONS}
            sizes: dict[str, int] = {}
            for _ in range(chosen.rounds):
                for name, run in runs.items():
                    keep = OPTIONS[name].get("predictions", Settings().max_predictions_bytes)
                    pace, sizes[name] = measured(run, data, keep, Path(folder) / "checkpoint")
                    paces[name].append(pace)
            first = paces["predictions and `why`, as always"]
            for name, own in paces.items():
                ratio = median(one / other for one, other in zip(own, first, strict=True))
                print(f"| `{variant}` | {name} | {median(own):.3f} | {ratio:.2f} | {sizes[name]:,} |", flush=True)
    print(
        f"\nMedians of {chosen.rounds} rounds; load {before:.1f} at the beginning, {os.getloadavg()[0]:.1f} at the end."
    )


def specified(variant: str, chosen: argparse.Namespace, asked: dict[str, Any]) -> RunSpecification:
    """The run with what is asked for."""
    body = {
        "dataset": {"name": chosen.dataset},
        "variants": [variant],
        "training": {"epochs": chosen.epochs, **asked.get("training", {})},
        **({"keep": asked["keep"]} if "keep" in asked else {}),
    }
    return resolve(body).run(variant, 0)


def measured(run: RunSpecification, data: Any, keep: int, checkpoint: Path) -> tuple[float, int]:
    """The median processor seconds from one epoch's end to the next, and the bytes of 20 such epochs and the results.

    The model that every run keeps is not among them.
    """
    from worker import training

    ends: list[float] = []
    rows, models = [0], [0]

    def on_epoch(epoch: training.Epoch) -> None:
        ends.append(time.process_time())
        rows[0] += len(json.dumps(encode(epoch.metrics)))

    def on_model(epoch: int, make: Callable[[], training.Model]) -> None:
        models[0] += len(make().content)

    checkpoint.unlink(missing_ok=True)
    result = training.train(run, data, on_epoch, checkpoint=checkpoint, keep=keep, on_model=on_model)
    paces = [end - begin for begin, end in itertools.pairwise(ends)]
    per_epoch = rows[0] / len(ends) + len(result.why or b"") / len(ends)
    kept = models[0] / max(1, len(ends) - 1) * 19  # of the last epoch it is the run's own
    return median(paces), round(20 * per_epoch + kept + sum(map(len, result.predictions.values())))


if __name__ == "__main__":
    main()
