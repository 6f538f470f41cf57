"""Large tables: taken over HTTP and prepared, on both databases; then epochs on them beside the yardsticks.

    python -m benchmarks.datasets [--rows 200000] [--rounds 3] [--torch /path/to/python/with/torch]

A CSV of `rows` reviews (1.25 kB each), and one of half as many rows of 500 numbers, are made from a seed. Prints
tables, row by row.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil

from benchmarks import big_tables
from benchmarks.api import quantile
from benchmarks.engine import EMBEDDING_BAG
from benchmarks.reading import PATIENCE, Server, serving

STORES = ("sqlite", "postgresql")
EPOCHS = 4
MODULE = [sys.executable, "-m"]


def taken(server: Server, kind: str, name: str, path: Path) -> str:
    """Sends the file, prints what that took, and gives the data set's id."""
    server.restart()
    idle = server.usage.memory_info().rss / 1e6
    server.forget_peak()
    with asked(server) as (waited, readers), path.open("rb") as file:
        began = time.perf_counter()
        answer = server.http.post("/v1/datasets", files={"train": file}, data={"options": '{"label": "label"}'})
        seconds = time.perf_counter() - began
    assert answer.status_code == 201, answer.text
    above = server.peak() * 2**20 / 1e6 - idle
    shares = " | ".join(f"{quantile(waited, share):.0f}" for share in (0.5, 0.99, 1))
    size = path.stat().st_size / 1e6
    print(
        f"| {kind} | {name}, {size:.0f} MB | {seconds:.1f} | {above:.0f} | {max(readers, default=0):.0f} | {shares} |",
        flush=True,
    )
    return str(answer.json()["id"])


@contextmanager
def asked(server: Server) -> Iterator[tuple[list[float], list[float]]]:
    """Asks for /healthz meanwhile: the seconds of each answer; and the memory of the processes that read, in MB."""
    done, waited, readers = threading.Event(), list[float](), list[float]()

    def ask() -> None:
        with httpx.Client(base_url=server.service.http.base_url, timeout=PATIENCE) as http:
            while not done.wait(0.02):
                began = time.perf_counter()
                http.get("/healthz").raise_for_status()
                waited.append(time.perf_counter() - began)

    def watch() -> None:
        while not done.wait(0.1):
            for child in server.usage.children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    readers.append(child.memory_info().rss / 1e6)

    threads = [threading.Thread(target=each) for each in (ask, watch)]
    for thread in threads:
        thread.start()
    try:
        yield waited, readers
    finally:
        done.set()
        for thread in threads:
            thread.join()


def measured(command: list[str], env: dict[str, str] | None = None) -> dict[str, Any]:
    """What a command prints, one JSON object."""
    quiet = {**(os.environ if env is None else env), "TF_CPP_MIN_LOG_LEVEL": "3"}
    finished = subprocess.run(command, capture_output=True, text=True, env=quiet, check=False)
    if finished.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{finished.stderr[-2000:]}")
    return dict(json.loads(finished.stdout.splitlines()[-1]))


def prepared(server: Server, kind: str, name: str, dataset: str, rows: Path) -> None:
    """Prepares the data set as a worker does, prints what that took, and writes the encoded rows for the yardsticks."""
    command = [*MODULE, "benchmarks.table_run", dataset, "--export", str(rows)]
    got = measured(command, server.service.env)
    print(
        f"| {kind} | {name} | {got['fetch_seconds']:.1f} | {got['encode_seconds']:.1f} "
        f"| {got['before_gb']:.2f} | {got['prepare_peak_gb']:.2f} |",
        flush=True,
    )


def compared(name: str, commands: dict[str, tuple[list[str], dict[str, str] | None]], rounds: int) -> None:
    """Runs each command once per round, one after the other, and prints the medians."""
    results: dict[str, list[dict[str, Any]]] = {system: [] for system in commands}
    for _ in range(rounds):
        for system, (command, env) in commands.items():
            results[system].append(measured(command, env))
    ours = median(each["epoch_seconds"] for each in next(iter(results.values())))
    for system, got in results.items():
        values = {key: median(each[key] for each in got) for key in ("epoch_seconds", "epoch_processor_seconds")}
        peak = max(each["peak_gb"] for each in got)
        seconds, processor = values.values()
        print(
            f"| {name} | {system} | {seconds:.2f} | {processor:.2f} | {seconds / ours:.2f} | {peak:.2f} |", flush=True
        )


def main(rows: int, rounds: int, torch: str | None) -> None:
    """Measures and prints."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        big_tables.reviews(reviews := folder / "reviews.csv", rows)
        big_tables.numbers(numbers := folder / "numbers.csv", rows // 2)
        wide = f"{rows // 2:,} × {big_tables.COLUMNS} numbers"
        files = {f"{rows:,} reviews": reviews, wide: numbers}
        servers = {kind: opened.enter_context(serving(kind)) for kind in STORES}
        print(
            "\n## Taken over HTTP\n\n| store | CSV | seconds | API above idle, MB | reading process, MB "
            "| `/healthz` p50 ms | p99 | max |\n|---|---|---|---|---|---|---|---|",
            flush=True,
        )
        ids = {
            (kind, name): taken(server, kind, name, path)
            for name, path in files.items()
            for kind, server in servers.items()
        }
        print(
            "\n## Prepared by a worker\n\n| store | rows | from the database, s | encoded, s | process before, GB "
            "| its peak, GB |\n|---|---|---|---|---|---|",
            flush=True,
        )
        exports = {name: folder / f"rows-{number}.npz" for number, name in enumerate(files)}
        for (kind, name), dataset in ids.items():
            prepared(servers[kind], kind, name, dataset, exports[name])
        print(
            "\n## An epoch, four fifths trained on and a fifth validated on\n\n| rows | system | seconds "
            "| processor seconds | beside the engine | peak, GB |\n|---|---|---|---|---|---|",
            flush=True,
        )
        kind = STORES[0]
        for name in files:
            engine = [*MODULE, "benchmarks.table_run", ids[kind, name], "--epochs", str(EPOCHS)]
            env, mlp = servers[kind].service.env, [*MODULE, "benchmarks.mlp_classifier", "--epochs", str(EPOCHS)]
            commands: dict[str, tuple[list[str], dict[str, str] | None]] = {"engine": (engine, env)}
            if name != wide:
                commands["engine, ten classes"] = ([*engine, "--classes", "10"], env)
            commands["scikit-learn `MLPClassifier`"] = ([*mlp, "--rows", str(exports[name])], None)
            if torch and name != wide:
                bag = [torch, str(EMBEDDING_BAG), str(exports[name]), "--epochs", str(EPOCHS)]
                commands["PyTorch `EmbeddingBag`"] = (bag, None)
            compared(name, commands, rounds)
    if torch is None:
        print("\nPyTorch is not measured: name a Python that has it with --torch")
    print(f"\nLoad average of the machine: {os.getloadavg()[0]:.1f}; {os.cpu_count()} processors.")


def options(parser: argparse.ArgumentParser) -> None:
    """What this part takes beside the others' options."""
    parser.add_argument("--rows", type=int, default=200_000, help="reviews of the large table; numbers: half as many")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch", default=None, help="a Python that has torch")
    options(parser)
    chosen = parser.parse_args()
    main(chosen.rows, chosen.rounds, chosen.torch)
