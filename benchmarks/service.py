"""The whole service beside the notebook as one script, on IMDB.

    OCKHAM_IMDB_NPZ=... python -m benchmarks.service [--rounds 5]

Each round trains the notebook's five networks twice, one after the other: as a script, from the import
to the last epoch, and as a job, from POST to succeeded, on an `ockham serve` that has trained one such
job before. Then single runs, on the idle service: from POST to the first batch, and to the end. Prints
one JSON object a measurement, then a table of medians.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.engine import lines
from models.settings import Settings
from ockham.demo import embedded
from ockham_client import Client, Event

NETWORKS = ["original", "smaller", "bigger", "l2", "dropout"]
SINGLE_RUNS = 7


def timed(client: Client, specification: dict[str, Any]) -> dict[str, Any]:
    """Seconds of a new job from POST to succeeded, by the client's clock, and its events."""
    events: list[Event] = []
    posted, began = time.time(), time.perf_counter()
    job = client.wait(client.submit({**specification, "reuse": "never"}), on_event=events.append)
    seconds = time.perf_counter() - began
    if not job.succeeded:
        raise RuntimeError(f"The job has {job.status}: {job.error}")
    return {"seconds": seconds, "posted": posted, "events": events}


def first_batch(measured: dict[str, Any]) -> float:
    """Seconds from POST to the first batch: the first epoch's commit less the seconds that it trained.

    What lies between the epoch's end and its commit, the checkpoint's writing, is still in it.
    """
    event = next(event for event in measured["events"] if event.type == "run.epoch")
    return float(datetime.fromisoformat(event.created_at).timestamp() - event.data["seconds"] - measured["posted"])


def peak_gigabytes() -> list[float]:
    """The peak resident memory of each process below this one, in GB, largest first (Linux)."""
    peaks = []
    for process in psutil.Process().children(recursive=True):
        status = Path(f"/proc/{process.pid}/status").read_text()
        peaks += [int(line.split()[1]) * 1024 / 1e9 for line in status.splitlines() if line.startswith("VmHWM:")]
    return sorted(peaks, reverse=True)


def main(rounds: int) -> None:
    """Measures and prints."""
    script: list[float] = []
    jobs: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings().model_copy(update={"data_dir": Path(folder)})
        with embedded(settings) as url, Client(url) as client:
            timed(client, {"preset": "notebook"})
            for _ in range(rounds):
                load = os.getloadavg()[0]
                jobs.append(timed(client, {"preset": "notebook"})["seconds"])
                told = {"measure": "notebook job", "seconds": jobs[-1], "load_before": load}
                print(json.dumps(told | {"worker_peaks_gb": peak_gigabytes()[:3]}), flush=True)
                command = [sys.executable, "-m", "benchmarks.notebook", "--variants", *NETWORKS, "--epochs", "20"]
                script.append([measured["seconds_since_import"] for measured in lines(command)][-1])
            single = [timed(client, {"variants": ["original"], "seeds": [seed]}) for seed in range(SINGLE_RUNS)]
            peaks = peak_gigabytes()
    starts = [first_batch(measured) for measured in single]
    whole = [measured["seconds"] for measured in single]
    print(json.dumps({"measure": "POST to first batch", "seconds": starts}))
    print(json.dumps({"measure": "one run of original, POST to succeeded", "seconds": whole}))
    theirs, ours = median(script), median(jobs)
    print("\n| measure | the notebook | Ockham | ratio |\n|---|---|---|---|")
    print(f"| five networks, 20 epochs each | {theirs:.1f} s | {ours:.1f} s | **{theirs / ours:.1f}** |")
    print(f"| from POST to the first batch, idle service | | {1000 * median(starts):.0f} ms | |")
    print(f"| `original`, 20 epochs, from POST to succeeded | | {median(whole):.2f} s | |")
    print(f"| peak memory of the two processes that train | | {peaks[0]:.2f} and {peaks[1]:.2f} GB | |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    main(parser.parse_args().rounds)
