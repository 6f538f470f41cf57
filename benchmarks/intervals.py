"""How often the intervals over seeds, over rows and over both contain the mean over all seeds and all rows.

    python -m benchmarks.intervals [EXPERIMENTS]

Prints the table of docs/analysis.md, with the same numbers each time.
"""

from __future__ import annotations

import sys

import numpy as np

from reporting.rows import OfRows, spread
from reporting.statistics import estimate

SHAPES = ((5, 500), (10, 2000), (30, 2000))
SPREADS = ((0.02, 1.0, 0.3), (0.2, 1.0, 0.3), (0.2, 0.2, 1.0))


def covered(seeds: int, rows: int, spreads: tuple[float, float, float], experiments: int) -> tuple[float, float, float]:
    """The shares of experiments, of random seeds and random rows, whose intervals contain the true mean, 0."""
    rng = np.random.default_rng(0)
    numbers = np.arange(rows)
    none = {seed: OfRows(numbers, np.zeros(rows, np.float32)) for seed in range(seeds)}
    counts = np.zeros(3)
    for _ in range(experiments):
        sizes = ((seeds, 1), (1, rows), (seeds, rows))
        values = np.zeros((seeds, rows)) + sum(
            rng.normal(0, deviation, size) for deviation, size in zip(spreads, sizes, strict=True)
        )
        found = spread({seed: OfRows(numbers, row.astype(np.float32)) for seed, row in enumerate(values)}, none)
        assert found is not None
        intervals = (estimate(values.mean(axis=1).tolist()).ci95, found.rows, found.both)
        counts += [interval is not None and interval[0] <= 0 <= interval[1] for interval in intervals]
    of_seeds, of_rows, both = counts / experiments
    return float(of_seeds), float(of_rows), float(both)


def main(experiments: int) -> None:
    """Prints the table."""
    print("| seeds | rows | spread of seeds : rows : rest | `seeds` | `rows` | `both` |\n|---|---|---|---|---|---|")
    for seeds, rows in SHAPES:
        for spreads in SPREADS:
            shares = " | ".join(f"{100 * each:.1f}%" for each in covered(seeds, rows, spreads, experiments))
            print(f"| {seeds} | {rows:,} | {' : '.join(f'{each:g}' for each in spreads)} | {shares} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
