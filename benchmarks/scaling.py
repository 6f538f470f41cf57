"""What an epoch costs as the job grows: a table, and a plot for docs/performance.md.

    OCKHAM_IMDB_NPZ=... python -m benchmarks.scaling [--plot docs/scaling.png]

One size is changed at a time, from `original` on IMDB with one thread. Seconds are the processor's,
an epoch of training and validation each, the least of three: they hold on a busy machine too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from models.resolution import resolve
from models.settings import Settings

SIZES: dict[str, tuple[int, ...]] = {
    "units": (4, 16, 64, 256, 512, 1024, 2048),
    "num_words": (1_000, 2_000, 5_000, 10_000, 20_000, 50_000),
    "train_samples": (1_000, 5_000, 10_000, 25_000),
    "batch_size": (32, 128, 512, 2048),
}


def measure(size: str, value: int) -> dict[str, Any]:
    """An epoch's cost where one `size` has this `value`."""
    from worker import data, training

    units = value if size == "units" else 16
    job = {
        "dataset": {size: value} if size in ("num_words", "train_samples") else {},
        "training": {"epochs": 4, **({size: value} if size == "batch_size" else {})},
        "variants": [{"name": "v", "layers": [{"type": "dense", "units": units, "activation": "relu"}] * 2}],
    }
    run = resolve(job).run("v", 0)
    settings = Settings()
    reviews = data.load(run.dataset, settings.data_dir, settings.npz(run.dataset.name))
    stamps: list[float] = []
    training.train(run, reviews, on_epoch=lambda epoch: stamps.append(time.process_time()))
    seconds = min(later - earlier for earlier, later in itertools.pairwise(stamps))
    pairs = len(reviews.train.indices) + len(reviews.validation.indices)
    return {
        "size": size,
        "value": value,
        "cpu_seconds": seconds,
        "pairs": pairs,
        "nanoseconds_a_pair": 1e9 * seconds / pairs,
    }


def draw(measured: list[dict[str, Any]], path: Path) -> None:
    """One small panel a size, both axes logarithmic."""
    figure = Figure(figsize=(11, 2.8), layout="constrained")
    axes = figure.subplots(1, len(SIZES), sharey=True)
    for axis, size in zip(axes, SIZES, strict=True):
        points = [m for m in measured if m["size"] == size]
        axis.loglog([m["value"] for m in points], [m["cpu_seconds"] for m in points], "o-")
        axis.set_xlabel(size)
        axis.grid(visible=True, alpha=0.3)
    axes[0].set_ylabel("processor seconds per epoch")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measures, prints and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()

    from worker import training

    training.configure(threads=1)
    measured = []
    for size, values in SIZES.items():
        for value in values:
            measured.append(measure(size, value))
            print(json.dumps(measured[-1]), flush=True)
    print("\n| size | value | processor seconds per epoch | nanoseconds per pair |\n|---|---|---|---|")
    for m in measured:
        print(f"| {m['size']} | {m['value']:,} | {m['cpu_seconds']:.3f} | {m['nanoseconds_a_pair']:.1f} |")
    if arguments.plot:
        draw(measured, arguments.plot)


if __name__ == "__main__":
    main()
