"""The engine beside its yardsticks, in one run on one machine.

    OCKHAM_IMDB_NPZ=... python -m benchmarks.engine [--rounds 5] [--torch /path/to/python/with/torch]
        [--systems engine sklearn torch]

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
from worker.data import Dataset, load

EMBEDDING_BAG = Path(__file__).with_name("embedding_bag.py")
SYSTEMS = ("engine", "sklearn", "torch", "notebook", "keras-sparse")

RATIOS = [  # measure, yardstick, variant, value, at least, aim
    ("`original`, an epoch: notebook ÷ engine", "notebook", "original", "epoch_seconds", 8, 15),
    ("`original`, an epoch: stock sparse Keras ÷ engine", "keras-sparse", "original", "epoch_seconds", 8, 12),
    ("`original`, an epoch: scikit-learn ÷ engine", "sklearn", "original", "epoch_seconds", 3, 5),
    ("`original`, an epoch: PyTorch EmbeddingBag ÷ engine", "torch", "original", "epoch_seconds", 4, 8),
    ("`bigger`, an epoch: notebook ÷ engine", "notebook", "bigger", "epoch_seconds", 5, 8),
    ("`bigger`, an epoch: scikit-learn ÷ engine", "sklearn", "bigger", "epoch_seconds", 3, 5),
    ("`bigger`, an epoch: PyTorch EmbeddingBag ÷ engine", "torch", "bigger", "epoch_seconds", 1.5, 2),
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


def exported(data: Dataset) -> dict[str, Any]:
    """The rows to train and to validate on, as the yardsticks read them: arrays that NumPy saves under these names."""
    return {
        "inputs": data.inputs,
        **{
            f"{name}_{field}": np.asarray(array)
            for name, rows in (("train", data.train), ("validation", data.validation))
            for field in ("indptr", "indices", "labels", "numbers")
            if (array := getattr(rows, field)) is not None
        },
    }


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
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS, help="the engine, and beside what")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Measures and prints."""
    cores = os.cpu_count() or 1
    print(json.dumps({"machine": platform.machine(), "cores": cores}))
    if "engine" not in arguments.systems:
        raise SystemExit("The engine is what all are compared with: --systems engine ...")
    if arguments.torch is None:
        print("PyTorch is not measured: name a Python that has it with --torch", file=sys.stderr)
    seconds: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    rates: dict[int, list[float]] = defaultdict(list)

    def take(command: list[str]) -> None:
        for measured in lines(command):
            for name, value in measured.items():
                if name.endswith("seconds") and value is not None:
                    seconds[measured["system"], measured["variant"], name].append(value)

    systems = [each for each in arguments.systems if each != "torch" or arguments.torch]
    python = [sys.executable, "-m"]
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.npz"
        if "torch" in systems:
            settings = Settings()
            np.savez(rows, **exported(load(Imdb(), settings.data_dir, settings.npz("imdb"))))
        for _ in range(arguments.rounds):
            for variant, threads, units in (("original", 1, 16), ("bigger", cores, 512)):
                few = variant == "bigger"
                commands = {
                    "engine": [
                        *python, "benchmarks.engine_run", "--variants", variant, "--warm",
                        "--threads", str(threads), "--epochs", "5" if few else "20",
                    ],
                    "sklearn": [
                        *python, "benchmarks.mlp_classifier", "--variant", variant, "--epochs", "2" if few else "8",
                    ],
                    "torch": [
                        arguments.torch, str(EMBEDDING_BAG), str(rows),
                        "--units", str(units), "--epochs", "5",
                    ],
                    "notebook": [
                        *python, "benchmarks.notebook", "--variants", variant, "--epochs", "3" if few else "20",
                    ],
                }  # fmt: skip
                for system in (each for each in commands if each in systems):
                    take(commands[system])
            if "keras-sparse" in systems:
                take([*python, "benchmarks.notebook", "--sparse", "--epochs", "4"])
            for processes in (1, 2):
                rates[processes].append(throughput(processes, runs=10)["runs_a_minute"])
    print("\n| measure | yardstick | engine | ratio | at least | aim |\n|---|---|---|---|---|---|")
    for name, system, variant, value, least, aim in RATIOS:
        theirs = seconds[system, variant, "fit_seconds" if value == "run_seconds" else value]
        if theirs and (ours := seconds["engine", variant, value]):
            yardstick, engine = median(theirs), median(ours)
            print(f"| {name} | {yardstick:.3f} s | {engine:.3f} s | **{yardstick / engine:.1f}** | {least} | {aim} |")
    one, two = median(rates[1]), median(rates[2])
    print(
        f"| `original`, runs per minute: two processes ÷ one | {one:.0f} | {two:.0f} "
        f"| **{two / one:.2f}** | 1.85 | 1.95 |"
    )
    print("\n| of a warm engine | seconds | at most | aim |\n|---|---|---|---|")
    for variant in ("original", "bigger"):
        new = median(seconds["engine", variant, "new_shape_seconds"])
        print(f"| `{variant}`, the first run of its shape, above the second | {new:.3f} | 0.4 | 0.1 |")
    first = median(seconds["engine", "original", "first_batch_seconds"])
    print(f"| `original`, from the call to the first batch | {first:.3f} | | |")
    print("\n| processor seconds of an epoch | `original` | `bigger` |\n|---|---|---|")
    for system in systems:
        spent = [seconds[system, variant, "epoch_processor_seconds"] for variant in ("original", "bigger")]
        if all(spent):
            print(f"| {system} | " + " | ".join(f"{median(each):.3f}" for each in spent) + " |")


if __name__ == "__main__":
    main(options().parse_args())
