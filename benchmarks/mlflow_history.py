"""Every epoch of many runs out of an MLflow tracking server. Runs under a Python that has MLflow; see benchmarks.api.

Reads twice: by the client's public call, which is for one run's one metric, and by the bulk call of MLflow's own page,
which is for one metric of at most 100 runs. Arguments: a folder, runs, epochs, metrics. Prints seconds and calls of
both as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

from mlflow.entities import Metric  # type: ignore[import-not-found, unused-ignore]
from mlflow.tracking import MlflowClient  # type: ignore[import-not-found, unused-ignore]

BULK = 100
"""Runs in one bulk call: MLflow allows no more."""


def main(folder: Path, runs: int, epochs: int, metrics: int) -> None:
    """Fills a store, serves it, reads it all back."""
    store = f"sqlite:///{folder / 'mlflow.db'}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--port", str(port)]
    server = subprocess.Popen(
        [*command, "--artifacts-destination", str(folder / "artifacts")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/health")
        client = MlflowClient(url)
        names = [f"metric_{i}" for i in range(metrics)]
        ids = []
        for _ in range(runs):
            run = client.create_run("0")
            ids.append(run.info.run_id)
            points = [Metric(name, 0.5, 0, epoch) for name in names for epoch in range(epochs)]
            client.log_batch(run.info.run_id, metrics=points)
        begun = time.perf_counter()
        points_read = sum(len(client.get_metric_history(run, name)) for run in ids for name in names)
        seconds = time.perf_counter() - begun
        assert points_read == runs * epochs * metrics
        single = {"seconds": seconds, "calls": runs * metrics}
        parts = [(ids[i : i + BULK], name) for i in range(0, runs, BULK) for name in names]
        begun = time.perf_counter()
        points_read = sum(_bulk(url, of, name, len(of) * epochs) for of, name in parts)
        seconds = time.perf_counter() - begun
        assert points_read == runs * epochs * metrics
        print(json.dumps({"single": single, "bulk": {"seconds": seconds, "calls": len(parts)}}))
    finally:
        # With its workers, and at once: it has been seen to need more than half a minute for an orderly end.
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(30)


def _bulk(url: str, runs: list[str], metric: str, most: int) -> int:
    asked = urllib.parse.urlencode([*(("run_id", run) for run in runs), ("metric_key", metric), ("max_results", most)])
    with urllib.request.urlopen(f"{url}/ajax-api/2.0/mlflow/metrics/get-history-bulk?{asked}", timeout=60) as answer:
        return len(json.load(answer)["metrics"])


def _wait(url: str) -> None:
    for _ in range(1500):
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("MLflow's server did not start")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
