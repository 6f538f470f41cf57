"""How the service's times grow: a table with exponents and a plot for each quantity.

    python -m benchmarks.growth runs|epochs|jobs|clients|workers [--store sqlite|postgresql] [--sizes 1 10 100]
                                [--seconds 8] [--api-processes 1] [--plots docs]

`runs`: of a job of 20 epochs. `epochs`: of a job of five runs. `jobs`: stored, of two runs each. `clients`: each polls
a job without a pause. `workers`: simulated, on PostgreSQL; each claims a run, sleeps, records an epoch, ends the run.

Each part takes less than four minutes on an idle machine. An exponent is the slope in log-log, of all sizes by least
squares, and of the last step alone: what is constant at small sizes hides growth from the first. The last line says
what breaks first. What grows with words, units, rows and batches is in `benchmarks.scaling`.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks import growth_clients, growth_reading, growth_workers

Row = Mapping[str, float]
"""What was measured at one size."""


@dataclass(frozen=True)
class Part:
    """What grows, by which sizes; `measure` gives the rows; `drawn` are the columns of the plot and `unit` theirs.

    `breaks` says what breaks first, by size and row.
    """

    words: str
    sizes: tuple[int, ...]
    measure: Callable[[argparse.Namespace], Iterator[tuple[int, Row]]]
    unit: str
    breaks: Callable[[Mapping[int, Row]], str]
    undrawn: tuple[str, ...] = ()


def slow(rows: Mapping[int, Row], bound: float = 1000) -> str:
    """The first call that takes longer than a second, or the one that would be the first by its last step."""
    for size, row in rows.items():
        late = {name: ms for name, ms in row.items() if ms > bound}
        if late:
            name = max(late, key=lambda each: late[each])
            return f"{name} is the first to take longer than a second: {late[name]:,.0f} ms at {size:,}"
    (before, first), (last, end) = list(rows.items())[-2:]
    soonest, at = "", math.inf
    for name, ms in end.items():
        exponent = slope([before, last], [first[name], ms])
        if exponent > 0.2 and (size := last * (bound / ms) ** (1 / exponent)) < at:
            soonest, at = name, size
    if not soonest:
        return "nothing: no call takes a second, and none grows with the last step"
    return f"nothing takes a second; by its last step {soonest} would be the first to, at about {at:,.0f}"


PARTS = {
    "runs": Part("runs in a job", (1, 10, 100, 1_000), growth_reading.runs, "ms", slow),
    "epochs": Part("epochs of a run", (10, 30, 100, 300, 1_000), growth_reading.epochs, "ms", slow),
    "jobs": Part("jobs stored", (10, 100, 1_000, 10_000, 100_000), growth_reading.jobs, "ms", slow),
    "clients": Part(
        "clients that poll", (1, 5, 20, 50, 100, 200, 500), growth_clients.clients, "ms, or requests per second",
        growth_clients.breaks, ("errors", "API MB", "busiest process, of its requests"),
    ),
    "workers": Part(
        "workers", (1, 2, 5, 10, 20, 50, 100, 200), growth_workers.workers, "ms, or claims per second",
        growth_workers.breaks, growth_workers.UNDRAWN,
    ),
}  # fmt: skip


def slope(sizes: list[int], values: list[float]) -> float:
    """The exponent of growth: the slope of a line through the logarithms, by least squares. NaN if a value is 0."""
    if min(values) <= 0 or len(sizes) < 2:
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def tables(words: str, rows: Mapping[int, Row]) -> str:
    """What was measured, and how it grows."""
    sizes, columns = list(rows), list(next(iter(rows.values())))
    lines = [f"| {words} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    lines += [
        f"| {size:,} | " + " | ".join(_rounded(row[name]) for name in columns) + " |" for size, row in rows.items()
    ]
    if len(sizes) > 1:
        for said, of in (("exponent", sizes), ("exponent of the last step", sizes[-2:])):
            told = (slope(of, [rows[size][name] for size in of]) for name in columns)
            lines.append(
                f"| {said} | " + " | ".join("–" if math.isnan(each) else f"{each:.2f}" for each in told) + " |"
            )
    return "\n".join(lines)


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def draw(part: Part, rows: Mapping[int, Row], path: Path) -> None:
    """Each column as a line, both axes logarithmic."""
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    axis = figure.subplots()
    for name in next(iter(rows.values())):
        if name not in part.undrawn:
            axis.loglog(list(rows), [row[name] or math.nan for row in rows.values()], "o-", markersize=3, label=name)
    axis.set_xlabel(part.words)
    axis.set_ylabel(part.unit)
    axis.grid(visible=True, alpha=0.3)
    axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=90)


def main(given: Sequence[str] | None = None) -> None:
    """Measures, prints and draws what `given`, else the command line, asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--sizes", type=int, nargs="+")
    parser.add_argument("--seconds", type=float, default=8, help="of each size of clients and workers")
    parser.add_argument("--api-processes", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=50, help="that the runs of the workers are of")
    parser.add_argument("--plots", type=Path)
    asked = parser.parse_args(given)
    part = PARTS[asked.part]
    asked.sizes = sorted(asked.sizes or part.sizes)
    store = "postgresql" if asked.part == "workers" else asked.store
    print(
        f"{part.words}, {store}, Python {platform.python_version()}, {os.cpu_count()} processors, "
        f"load {os.getloadavg()[0]:.1f} at the beginning; milliseconds unless named otherwise\n",
        flush=True,
    )
    rows: dict[int, Row] = {}
    for size, row in part.measure(asked):
        rows[size] = row
        print(f"{size:,}: " + ", ".join(f"{name} {_rounded(value)}" for name, value in row.items()), flush=True)
    print(f"\n{tables(part.words, rows)}\n\nload at the end: {os.getloadavg()[0]:.1f}")
    if len(rows) > 1:
        print(f"First to break: {part.breaks(rows)}.")
    if asked.plots:
        draw(part, rows, asked.plots / f"growth-{asked.part}.png")


def main_of_all() -> None:
    """Every part, with its own sizes."""
    for part in PARTS:
        main([part])


if __name__ == "__main__":
    main()
