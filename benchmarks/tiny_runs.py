"""How many tiny runs a service trains per second, and what a broker that forgets everything costs.

    python -m benchmarks.tiny_runs [--runs 1000] [--workers 1] [--reviews 400]

One job of so many runs (tens of them) of one epoch on `ockham serve` with SQLite, so that claims, commits and messages
are most of the work. Half-way the broker's data is deleted. Prints one JSON object per half: runs per
second and process, the longest pause between two starts, and the machine's load.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import tempfile
from datetime import datetime
from pathlib import Path

from models.settings import Settings
from ockham.demo import embedded
from ockham_client import Client
from worker.queue import broker

PAUSE_SECONDS = 2.0
"""Longer than this between two starts, and a process was not training."""


def measured(client: Client, settings: Settings, runs: int, reviews: int) -> list[list[float]]:
    """The moments at which runs started, before and after the broker's data was deleted."""
    job = client.submit(
        {
            "dataset": {"name": "synthetic", "num_words": 200, "reviews": reviews},
            "training": {"epochs": 1},
            "variants": [{"name": f"variant {number}", "preset": "original"} for number in range(10)],
            "seeds": list(range(runs // 10)),
            "reuse": "never",
        }
    )
    halves: list[list[float]] = [[], []]
    for event in client.events(job):
        if event.type != "run.started":
            continue
        half = halves[len(halves[0]) >= runs // 2]
        half.append(datetime.fromisoformat(event.created_at).timestamp())
        if len(halves[0]) == runs // 2 and not halves[1]:
            with broker(settings) as server:
                server.flushall()
    if (status := client.job(job).status) != "succeeded":
        raise RuntimeError(f"The job has {status}")
    return halves


def main(runs: int = 1000, workers: int = 1, reviews: int = 400) -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings().model_copy(update={"data_dir": Path(folder), "redis_url": None, "database_url": None})
        with embedded(settings, "--workers", str(workers)) as url, Client(url) as client:
            measured(client, settings, 20, reviews)  # the data set and the network are there after this
            load = os.getloadavg()[0]
            for when, starts in zip(("before", "after"), measured(client, settings, runs, reviews), strict=True):
                pauses = [later - earlier for earlier, later in itertools.pairwise(starts)]
                rate = len(pauses) / (starts[-1] - starts[0])
                told = {
                    "measure": f"tiny runs, {when} the broker forgot", "workers": workers, "runs": len(starts),
                    "runs_per_second_and_worker": round(rate / workers, 2), "longest_pause": round(max(pauses), 2),
                    "pauses": sum(pause > PAUSE_SECONDS for pause in pauses), "load_before": round(load, 1),
                }  # fmt: skip
                print(json.dumps(told), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--reviews", type=int, default=400)
    arguments = parser.parse_args()
    main(arguments.runs, arguments.workers, arguments.reviews)
