"""The stage of the faults: a service whose every part may be killed, and what must hold afterwards."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import NullPool, create_engine, text

from migrations.run import upgrade
from models.settings import Settings
from tests.servers import Process, Service, Valkey, wait_for

FAST = {
    "OCKHAM_LEASE_SECONDS": "6",
    "OCKHAM_HEARTBEAT_SECONDS": "0.5",
    "OCKHAM_SWEEP_SECONDS": "0.5",
    "OCKHAM_DRAIN_SECONDS": "2",
    "OCKHAM_LOG_FORMAT": "json",
}
"""What takes half a minute by default takes seconds here."""

LONG_EPOCHS = 100
LONG = {
    "dataset": {"name": "synthetic", "reviews": 1000, "num_words": 500},
    "training": {"epochs": LONG_EPOCHS, "batch_size": 16},
    "variants": ["dropout"],
    "reuse": "never",
}
"""Long enough for a fault in its middle; dropout, so that a resumed run must restore its noise too."""

SHORT = {
    "dataset": {"name": "synthetic", "reviews": 200, "num_words": 100},
    "training": {"epochs": 2},
    "variants": ["smaller"],
    "reuse": "never",
}


class Stage(Service):
    """A service with a broker of its own, and eyes for what must hold."""

    def __init__(self, directory: Path, database_url: str | None, env: Mapping[str, str] | None = None):
        directory.mkdir(parents=True, exist_ok=True)
        self.broker = Valkey(directory / "valkey")
        super().__init__(
            directory / "data", database_url=database_url, redis_url=self.broker.url, env={**FAST, **(env or {})}
        )
        self.settings = Settings(data_dir=self.directory, database_url=database_url)
        upgrade(self.settings)
        self.engine = create_engine(self.settings.sqlalchemy_url, poolclass=NullPool)
        self._api: Process | None = None
        self.workers: list[Process] = []
        self.worker_env: dict[str, str] = {}
        self._broker_directory = directory / "valkey"

    def begin(self, workers: int) -> None:
        """Starts what is missing of an API and so many workers; ends workers beyond."""
        if self._api is None or self._api.popen.poll() is not None:
            self._api = self.api()
        self.workers = [worker for worker in self.workers if worker.popen.poll() is None]
        for surplus in self.workers[workers:]:
            surplus.kill()
        self.workers = self.workers[:workers]
        while len(self.workers) < workers:
            name = f"worker-{len(self.processes)}"
            self.workers.append(self.worker(name=name, env=self.worker_env, wait=False))

    def whole(self, workers: int = 1) -> list[Process]:
        """An API and exactly so many workers, each ready; those that live go on."""
        if not self.broker_lives():
            self.restart_broker()
        self.begin(workers)
        pids = {worker.pid for worker in self.workers}
        ready = "SELECT pid FROM workers WHERE ready"
        wait_for("every worker", lambda: pids <= {row.pid for row in self.sql(ready)})
        return self.workers

    @property
    def api_process(self) -> Process:
        assert self._api is not None
        return self._api

    def kill_api(self) -> None:
        self.api_process.kill()

    def strike(self, fault: str, workers: int) -> None:
        """Kills a worker, the API, or the broker with its data, or `all` of these; then as many are there again."""
        if fault in ("worker", "all"):
            self.workers[0].kill()
        if fault in ("broker", "all"):
            self.restart_broker(keep_data=False)
        if fault in ("api", "all"):
            self.kill_api()
        self.begin(workers)

    def restart_api(self) -> None:
        self._api = self.api()

    def broker_lives(self) -> bool:
        return self.broker.popen.poll() is None and self.broker.answers()

    def restart_broker(self, keep_data: bool = True) -> None:
        """The broker, killed, is there again, with its data or without."""
        self.broker.kill()
        if not keep_data:
            for file in sorted(self._broker_directory.rglob("*"), reverse=True):
                file.unlink() if not file.is_dir() else file.rmdir()
        self.broker = Valkey(self._broker_directory, port=self.broker.port)

    def sql(self, query: str, **values: Any) -> list[Any]:
        """The rows that the database itself has."""
        with self.engine.connect() as connection:
            return list(connection.execute(text(query), values))

    def child(self, worker: Process) -> int:
        """The pid of the child that holds a run of `worker`'s."""

        def holder() -> int | None:
            rows = self.sql("SELECT worker_pid FROM runs WHERE status IN ('running', 'cancelling')")
            pids = {row.worker_pid for row in rows} & set(worker.children())
            return next(iter(pids), None)

        return int(wait_for("a training child", holder))

    def reaches(self, job_id: str, epoch: int, run: int = 0) -> None:
        """Waits until the job's run has recorded `epoch`."""

        def there() -> bool:
            shown = self.job(job_id)
            assert shown["status"] not in ("failed", "cancelled"), shown
            return bool(shown["runs"][run]["epoch"] >= epoch)

        wait_for(f"epoch {epoch} of {job_id}", there)

    def history(self, job_id: str) -> list[tuple[str, int, list[int], dict[str, list[float]]]]:
        """Every run's epochs and metrics, bit for bit."""
        answer = self.http.get(f"/v1/jobs/{job_id}/history").raise_for_status().json()
        return [(run["variant"], run["seed"], run["epochs"], run["metrics"]) for run in answer["runs"]]

    def all_events(self, job_id: str) -> list[dict[str, Any]]:
        """All events of a job, page by page."""
        events: list[dict[str, Any]] = []
        while True:
            query = {"after": events[-1]["id"] if events else 0, "limit": 1000}
            page = self.http.get(f"/v1/jobs/{job_id}/events", params=query).raise_for_status().json()
            events += page["data"]
            if not page["has_more"]:
                return events

    def intact(self, job_id: str, status: str = "succeeded", patience: float = 180) -> dict[str, Any]:
        """The finished job, once everything that is promised of it has been seen to hold."""
        job = self.finished(job_id, patience)
        assert job["status"] == status, job
        events = self.all_events(job_id)
        assert [event["id"] for event in events] == list(range(1, len(events) + 1))
        assert events[-1]["type"] == f"job.{status}"
        told = Counter((e["run_id"], e["data"]["epoch"]) for e in events if e["type"] == "run.epoch")
        assert set(told.values()) <= {1}
        ends = Counter(e["run_id"] for e in events if e["type"] in ("run.succeeded", "run.failed", "run.cancelled"))
        for run in job["runs"]:
            assert ends[run["id"]] == 1
            epochs = [
                row.epoch for row in self.sql("SELECT epoch FROM epochs WHERE run_id = :r ORDER BY 1", r=run["id"])
            ]
            assert epochs == list(range(1, run["epoch"] + 1))
            assert sorted(epoch for run_id, epoch in told if run_id == run["id"]) == epochs
            if run["status"] == "succeeded":
                assert run["epoch"] == run["epochs"]
        held = "SELECT id FROM runs WHERE job_id = :j AND (lease_expires_at IS NOT NULL OR worker_id IS NOT NULL)"
        assert self.sql(held, j=job_id) == []
        return job

    def requeued(self, job_id: str) -> list[str]:
        """The reasons for which runs of the job went back to the queue."""
        return [e["data"]["reason"] for e in self.all_events(job_id) if e["type"] == "run.requeued"]

    def logs(self) -> str:
        """What every process of the service has logged."""
        return "\n".join(process.log.read_text(errors="replace") for process in self.processes)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.broker.kill()
        assert self.orphans() == []

    def orphans(self) -> list[int]:
        """The pids of the service's processes, children included, that this process does not know of."""
        known = {pid for process in self.processes for pid in (process.pid, *process.children())}
        return [p.pid for p in psutil.process_iter() if p.pid not in known and self._is_ours(p)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            ours = process.environ().get("OCKHAM_REDIS_URL") == self.broker.url
            return ours and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid()
        except psutil.Error:
            return False
