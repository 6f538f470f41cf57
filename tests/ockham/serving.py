"""`ockham serve` as a process of a test's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

from tests.servers import Process, wait_for


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with no `OCKHAM_*` but `settings` and the data set's file."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OCKHAM_")}
    if "OCKHAM_IMDB_NPZ" in os.environ:
        kept["OCKHAM_IMDB_NPZ"] = os.environ["OCKHAM_IMDB_NPZ"]
    return {**kept, **settings}


class Served(Process):
    """The whole service in `data_dir`, on a free port unless `words` say otherwise."""

    def __init__(self, data_dir: Path, *words: str, env: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        command = [sys.executable, "-P", "-m", "ockham", "serve", "--port", "0", "--data-dir", str(data_dir)]
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        log = data_dir.parent / f"{data_dir.name}-{len(list(data_dir.parent.glob('*.log')))}.log"
        super().__init__([*command, *words], log, environment(**(env or {})))

    @property
    def said(self) -> str:
        """Everything it has printed."""
        return self.log.read_text()

    def ready(self) -> str:
        """Its address, once everything is up."""
        address = self.data_dir / "service.url"

        def up() -> str | None:
            assert self.popen.poll() is None, self.said
            return address.read_text() if "\nready " in self.said else None

        return str(wait_for("the service", up))

    def part(self, name: str) -> psutil.Process:
        """The process of the part called `name`, once there is one."""
        words = {"valkey": "valkey-server", "guardian": "guardian.py"}

        def found() -> psutil.Process | None:
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(self.pid).children():
                    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                        line = child.cmdline()
                        if name in line or any(words.get(name, "\0") in word for word in line[:4]):
                            return child
            return None

        return wait_for(name, found)  # type: ignore[no-any-return]

    def whole(self) -> bool:
        """Whether every part is up, the worker's child too."""
        return status(self.ready()) == 200 and bool(self.part("worker").children())

    def everything(self) -> list[psutil.Process]:
        """The supervisor and every process below it, however deep."""
        supervisor = psutil.Process(self.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def kill(self) -> None:
        """Ends the supervisor and whatever it left behind."""
        left = []
        with suppress(psutil.NoSuchProcess):
            left = self.everything()
        super().kill()
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def gone(process: psutil.Process) -> bool:
    """Whether a process has ended; one that nobody has reaped yet has."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def status(url: str, path: str = "/readyz") -> int:
    """The service's answer; 0 where it cannot be reached."""
    try:
        return httpx.get(url + path, timeout=30, trust_env=False).status_code
    except httpx.TransportError:
        return 0
