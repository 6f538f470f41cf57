"""The engine beside its yardsticks, in one run on one machine.

    OCKHAM_IMDB_NPZ=... python -m benchmarks.engine [--rounds 5] [--torch /path/to/python/with/torch]

Each round starts every system once, one after the other, so that a change of the machine's load
falls on all. Prints one JSON object a measurement, then the table of ratios of medians. PyTorch
runs in an environment of its own (`pip install torch==2.13.0 numpy`), named by `--torch`; without
it its rows are left out, and that is said.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from models.kinds.datasets.imdb import Imdb
from models.settings import Settings

RATIOS = [  # measure, yardstick, variant, value, at least, aim
    ("`original`, an epoch: notebook ÷ engine", "notebook", "original", "epoch_seconds", 8, 15),
    ("`original`, an epoch: stock sparse Keras ÷ engine", "keras-sparse", "original", "epoch_seconds", 8, 12),
    ("`original`, an epoch: PyTorch EmbeddingBag ÷ engine", "torch", "original", "epoch_seconds", 1.7, 3),
    ("`bigger`, an epoch: notebook ÷ engine", "notebook", "bigger", "epoch_seconds", 5, 8),
    ("`bigger`, an epoch: PyTorch EmbeddingBag ÷ engine", "torch", "bigger", "epoch_seconds", 1.1, 1.6),
    ("`original`, 20 epochs: notebook's `fit` ÷ warm engine", "notebook", "original", "run_seconds", 10, 20),
]


def lines(command: list[str]) -> Iterable[dict[str, Any]]:
    """The JSON objects that a command prints; each is printed on, with the machine's load."""
    load = os.getloadavg()[0]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    finished = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if finished.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{finished.stderr[-2000:]}")
    for line in finished.stdout.splitlines():
        measured = {**json.loads(line), "load_before": load}
        print(json.dumps(measured), flush=True)
        yield measured


def write_for_torch(folder: Path) -> None:
    """The prepared reviews, for an environment that has NumPy alone."""
    from worker.data import load

    settings = Settings()
    data = load(Imdb(), settings.data_dir, settings.npz("imdb"))
    arrays: dict[str, Any] = {
        f"{name}_{field}": np.asarray(getattr(reviews, field))
        for name, reviews in (("train", data.train), ("test", data.test))
        for field in ("indptr", "indices", "labels")
    }
    np.savez(folder / "imdb.npz", num_words=data.inputs, **arrays)


def throughput(processes: int, runs: int) -> dict[str, Any]:
    """Runs of `original` (5 epochs) a minute, by so many warm processes of one thread at once."""
    command = [sys.executable, "-m", "benchmarks.engine_run", "--epochs", "5", "--repeat", str(runs)]
    spans: list[tuple[float, float]] = []

    def work() -> None:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            stamps = [time.perf_counter() for _ in process.stdout]
        spans.append((stamps[0], stamps[-1]))  # the first run warms the process

    threads = [threading.Thread(target=work) for _ in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = sum((runs - 1) / (end - begin) for begin, end in spans) * 60
    measured = {"system": "engine", "measure": "runs per minute", "processes": processes, "runs_a_minute": rate}
    print(json.dumps(measured), flush=True)
    return measured


def options() -> argparse.ArgumentParser:
    """What `python -m benchmarks.engine` and `python -m benchmarks` take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--torch", default=None, help="a Python that has torch")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Measures and prints."""
    cores = os.cpu_count() or 1
    print(json.dumps({"machine": platform.machine(), "cores": cores}))
    if arguments.torch is None:
        print("PyTorch is not measured: name a Python that has it with --torch", file=sys.stderr)
    seconds: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    rates: dict[int, list[float]] = defaultdict(list)

    def take(system: str, value: str, measured: dict[str, Any]) -> None:
        seconds[system, measured["variant"], value].append(
            measured["epoch_seconds" if value == "epoch_seconds" else value]
        )

    python = [sys.executable, "-m"]
    with tempfile.TemporaryDirectory() as folder:
        if arguments.torch:
            write_for_torch(Path(folder))
        for _ in range(arguments.rounds):
            for variant, threads in (("original", 1), ("bigger", cores)):
                engine = ["benchmarks.engine_run", "--variants", variant, "--warm", "--threads", str(threads)]
                for measured in lines([*python, *engine, "--epochs", "20" if variant == "original" else "5"]):
                    take("engine", "epoch_seconds", measured)
                    if variant == "original":
                        take("engine", "run_seconds", measured)
                        take("engine", "first_batch_seconds", measured)
                if arguments.torch:
                    units = "16" if variant == "original" else "512"
                    program = [arguments.torch, str(Path(__file__).with_name("embedding_bag.py")), folder]
                    for measured in lines([*program, "--units", units, "--epochs", "5"]):
                        take("torch", "epoch_seconds", measured)
                notebook = [
                    "benchmarks.notebook",
                    "--variants",
                    variant,
                    "--epochs",
                    "20" if variant == "original" else "3",
                ]
                for measured in lines([*python, *notebook]):
                    take("notebook", "epoch_seconds", measured)
                    if variant == "original":
                        seconds["notebook", variant, "run_seconds"].append(measured["fit_seconds"])
            for measured in lines([*python, "benchmarks.notebook", "--sparse", "--epochs", "4"]):
                take("keras-sparse", "epoch_seconds", measured)
            for processes in (1, 2):
                rates[processes].append(throughput(processes, runs=10)["runs_a_minute"])
    print("\n| measure | yardstick | engine | ratio | at least | aim |\n|---|---|---|---|---|---|")
    for name, system, variant, value, least, aim in RATIOS:
        if yardstick := seconds.get((system, variant, value)):
            theirs, ours = median(yardstick), median(seconds["engine", variant, value])
            print(f"| {name} | {theirs:.3f} s | {ours:.3f} s | **{theirs / ours:.1f}** | {least} | {aim} |")
    one, two = median(rates[1]), median(rates[2])
    print(f"| `original`, runs per minute: two ÷ one | {one:.0f} | {two:.0f} | **{two / one:.2f}** | 1.7 | 1.95 |")
    first = 1000 * median(seconds["engine", "original", "first_batch_seconds"])
    print(f"| from a warm engine's call to its first batch | | {first:.0f} ms | | | |")


if __name__ == "__main__":
    main(options().parse_args())
