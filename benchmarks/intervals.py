"""How often the intervals over seeds, over rows and over both contain the mean over all seeds and all rows.

    python -m benchmarks.intervals [EXPERIMENTS]

Prints the table of docs/analysis.md, with the same numbers each time.
"""

from __future__ import annotations

import sys

import numpy as np

from reporting.rows import OfRows, spread
from reporting.statistics import estimate

SHAPES = ((5, 500, 500), (10, 2000, 2000), (30, 2000, 2000), (10, 500, 2500), (30, 500, 2500))
"""Seeds, the rows of each, and how many rows there are: if more, each seed draws its own."""
SPREADS = ((0.02, 1.0, 0.3), (0.2, 1.0, 0.3), (0.2, 0.2, 1.0))


def covered(
    seeds: int, rows: int, pool: int, spreads: tuple[float, float, float], experiments: int
) -> tuple[float, float, float]:
    """The shares of experiments, of random seeds and random rows, whose intervals contain the true mean, 0."""
    rng = np.random.default_rng(0)
    none = np.zeros(rows, np.float32)
    counts = np.zeros(3)
    for _ in range(experiments):
        sizes = ((seeds, 1), (pool,), (seeds, rows))
        of_seeds, of_rows, rest = (rng.normal(0, each, size) for each, size in zip(spreads, sizes, strict=True))
        numbers = [np.sort(rng.permutation(pool)[:rows]) if pool > rows else np.arange(rows) for _ in range(seeds)]
        values = of_seeds + np.array([of_rows[drawn] for drawn in numbers]) + rest
        runs = {seed: OfRows(numbers[seed], row.astype(np.float32)) for seed, row in enumerate(values)}
        over_seeds = estimate(values.mean(axis=1).tolist()).ci95
        found = spread(runs, {seed: OfRows(numbers[seed], none) for seed in runs}, over_seeds)
        assert found is not None
        intervals = (over_seeds, found.rows, found.both)
        counts += [interval is not None and interval[0] <= 0 <= interval[1] for interval in intervals]
    in_seeds, in_rows, in_both = counts / experiments
    return float(in_seeds), float(in_rows), float(in_both)


def main(experiments: int) -> None:
    """Prints the table."""
    print("| seeds | rows | spread of seeds : rows : rest | `seeds` | `rows` | `both` |\n|---|---|---|---|---|---|")
    for seeds, rows, pool in SHAPES:
        drawn = f"{rows:,}" if pool == rows else f"{rows:,} of {pool:,}"
        for spreads in SPREADS:
            shares = " | ".join(f"{100 * each:.1f}%" for each in covered(seeds, rows, pool, spreads, experiments))
            print(f"| {seeds} | {drawn} | {' : '.join(f'{each:g}' for each in spreads)} | {shares} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
