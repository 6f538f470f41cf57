"""No job is lost, however `ockham serve` ends."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ockham_client import Client
from tests.ockham.serving import Served, gone
from tests.servers import wait_for

pytestmark = pytest.mark.faults

LONG: dict[str, Any] = {
    "dataset": {"name": "synthetic", "num_words": 200, "reviews": 400},
    "training": {"epochs": 60, "batch_size": 4},
    "variants": ["original"],
    "reuse": "never",
}


def begin(service: Served, **changes: Any) -> str:
    """A job in training, of which epochs are recorded."""
    with Client(service.ready()) as client:
        job = client.submit(LONG, **changes)
        next(event for event in client.events(job, timeout=120) if event.type == "run.epoch")
        assert not client.job(job).finished
        return job.id


def check_whole(service: Served, job_id: str) -> None:
    """That the job ends well, each epoch there once."""
    with Client(service.ready()) as client:
        job = client.wait(job_id, timeout=240)
        assert job.succeeded, job.raw
        (run,) = client.history(job, "json")["runs"]
        assert run["epochs"] == list(range(1, job.runs[0].epochs + 1))
        told = [e.data["epoch"] for e in client.events(job) if e.type == "run.epoch"]
        assert told == run["epochs"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_job_goes_on_with_the_next_start(tmp_path: Path, number: signal.Signals) -> None:
    settings = {"OCKHAM_DRAIN_SECONDS": "1"}
    with Served(tmp_path / "data", "--workers", "1", env=settings) as first:
        job = begin(first)
        processes = first.everything()
        first.send(number)
        assert first.wait() == (0 if number == signal.SIGTERM else -signal.SIGKILL)
        for process in processes:
            wait_for(f"the end of {process}", partial(gone, process))
        with Served(tmp_path / "data", "--workers", "1", env=settings) as second:
            check_whole(second, job)


def test_a_second_signal_does_not_wait_for_runs(tmp_path: Path) -> None:
    with Served(tmp_path / "data", "--workers", "1", env={"OCKHAM_DRAIN_SECONDS": "3600"}) as service:
        begin(service, training={"epochs": 1000, "batch_size": 1}, dataset={"name": "synthetic"})
        processes = service.everything()
        service.send(signal.SIGINT)
        wait_for("the worker to be told", lambda: "worker   ends" in service.said)
        assert service.popen.poll() is None  # it would wait for the run, for an hour
        service.send(signal.SIGINT)
        assert service.wait() == 0
        assert [process for process in processes if not gone(process)] == []
