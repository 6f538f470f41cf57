"""The whole service under one process: `ockham serve`.

Parts are started in order, each waited for, restarted when they die, and ended in the opposite order.
The supervisor has one thread and does no work of its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import httpx
import redis

from models.settings import Settings
from ockham import valkey
from ockham.admission import require_key
from ockham.errors import CannotStart, PartFailed
from ockham.exclusive import listening, locked
from ockham.guardian import OCKHAM, Guardian

CRASHES, CRASH_SECONDS = 5, 60.0
"""A part that dies this often within this time is not started again, and the service ends."""
LOG_BYTES = 20_000_000
TICK_SECONDS = 0.1
USAGE = 2
"""A part's exit code that says it cannot start as asked; its last line says why."""


class Interrupted(Exception):
    """A signal came while the service was starting."""


class NotYet(Exception):
    """A part is not ready; the message says what is missing."""


@dataclass
class Part:
    """One process of the service.

    `ready` says what is running and where, or raises `NotYet`; `patience` is how long that may take,
    `grace` how long the process may go on after SIGTERM, both in seconds.
    """

    name: str
    command: list[str]
    ready: Callable[[], str]
    patience: float
    grace: float
    pass_fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    crashes: list[float] = field(default_factory=list)
    start_at: float = 0.0


def publish(path: Path, text: str) -> None:
    """Writes a file that others wait for: it is there with all of its text, or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    part.replace(path)


class Supervisor:
    """Runs the service in `settings.data_dir`; `say(part, text)` is told what happens.

    Port 0 takes a free one. While everything is up, the file `service.url` in the data directory
    holds the service's address.
    """

    def __init__(self, settings: Settings, host: str, port: int, workers: int, say: Callable[[str, str], None]) -> None:
        self.settings, self.data_dir = settings, settings.data_dir.absolute()
        self.host, self.port, self.workers, self.say = host, port, workers, say
        self.logs = self.data_dir / "logs"
        self.parts: list[Part] = []
        self.signals = 0

    def run(self) -> None:
        """Serves until SIGINT, SIGTERM or SIGHUP; a second signal hurries the end.

        Raises `CannotStart` or `PartFailed`; no process is left behind then either.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup has SIGHUP ignored, and means it. A shell's `&` has SIGINT ignored too, but a SIGINT that
            # comes all the same was sent to this very process.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        with locked(self.data_dir / "serve.lock") as lock, listening(self.host, self.port) as listener:
            self.guardian = Guardian(hold=[lock])
            address = self.data_dir / "service.url"
            address.unlink(missing_ok=True)  # a service that was killed here has left its own
            try:
                url = self._start(listener)
                publish(address, url)
                self.say("ready", f"logs are in {self.logs}; Ctrl-C ends everything")
                while not self.signals:
                    self._tend()
                    time.sleep(TICK_SECONDS)
            except Interrupted:
                pass
            finally:
                address.unlink(missing_ok=True)
                listener.close()
                self._stop()
                self.guardian.close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signals += 1

    # --- starting ---------------------------------------------------------------------------

    def _start(self, listener: socket.socket) -> str:
        """Starts every part in order; the service's address."""
        if self.settings.redis_url is None:
            server, version = valkey.find_server(self.settings)
            self._begin(Part("valkey", valkey.command(server, self.settings), lambda: self._broker(version), 60, 10))
        else:
            self._await("broker", self._external_broker, 30)
        self._migrate()
        host, port = listener.getsockname()[:2]
        if not require_key(self.settings, host):
            self.say("keys", "none yet: open to your own programs on this machine; `ockham keys create` ends that")
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        probe = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        fd = listener.fileno()
        api = Part(
            "api", [*OCKHAM, "api", "--fd", str(fd)], lambda: _answers(probe + "/healthz", url), 60, 15, pass_fds=(fd,)
        )
        processes = f"{self.workers} process{'es' if self.workers != 1 else ''} to train in"
        worker = Part(
            "worker",
            [*OCKHAM, "worker", "--concurrency", str(self.workers)],
            lambda: _answers(probe + "/readyz", processes),
            120,
            self.settings.drain_seconds + 10,
        )
        self._begin(api, worker)
        return url

    def _begin(self, *parts: Part) -> None:
        """Starts `parts` at once, and waits until each is ready."""
        for part in parts:
            self.parts.append(part)
            self._spawn(part)
        for part in parts:
            self._await(part.name, part.ready, part.patience, part)

    def _await(self, name: str, ready: Callable[[], str], patience: float, part: Part | None = None) -> None:
        deadline = time.monotonic() + patience
        while not self.signals:
            try:
                self.say(name, ready())
                return
            except NotYet as missing:
                if part and part.process and part.process.poll() == USAGE:
                    raise CannotStart(self._last_line(name)) from None
                if part and part.process and part.process.poll() is not None:
                    raise PartFailed(
                        f"{name} did not start: {_ending(part.process)}.\n{self._last_words(name)}"
                    ) from None
                if time.monotonic() > deadline:
                    why = f"{name} was not ready within {patience:.0f} s: {missing}"
                    raise PartFailed(f"{why}\n{self._last_words(name)}") from None
            time.sleep(TICK_SECONDS)
        raise Interrupted

    def _spawn(self, part: Part) -> None:
        with (self.logs / f"{part.name}.log").open("ab") as log:
            part.process = self.guardian.begin(
                part.command, log=log.fileno(), pass_fds=part.pass_fds, env=self._environment()
            )

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "OCKHAM_DATA_DIR": str(self.data_dir)}

    def _broker(self, version: str) -> str:
        try:
            valkey.server_version(self.settings.broker)
        except redis.RedisError as error:
            raise NotYet(error) from error
        return f"{version}, embedded, on {self.settings.socket_path}"

    def _external_broker(self) -> str:
        try:
            version = valkey.server_version(self.settings.broker)
        except redis.AuthenticationError as error:
            raise CannotStart(f"The broker refuses OCKHAM_REDIS_URL's user or password: {error}") from error
        except redis.RedisError as error:
            raise NotYet(error) from error
        if valkey.is_too_old(version):
            oldest = ".".join(map(str, valkey.OLDEST))
            raise CannotStart(f"The broker is Redis {version}, and {oldest} or later is needed")
        return f"{version}, on {self.settings.broker}"

    def _migrate(self) -> None:
        with (self.logs / "migrate.log").open("wb") as log:
            process = self.guardian.begin([*OCKHAM, "migrate"], log=log.fileno(), env=self._environment())
        while process.poll() is None and not self.signals:
            time.sleep(TICK_SECONDS)
        process.kill()  # a migration is one transaction: it may be ended at any point
        process.wait()
        self.guardian.bury(process)
        if self.signals:
            raise Interrupted
        if process.returncode == USAGE:
            raise CannotStart(self._last_line("migrate"))
        if process.returncode:
            raise PartFailed(f"The database could not be brought up to date.\n{self._last_words('migrate')}")
        url = self.settings.database_url
        self.say("database", _without_password(url) if url else f"SQLite, in {self.data_dir / 'ockham.db'}")

    # --- running ----------------------------------------------------------------------------

    def _tend(self) -> None:
        """Starts again what has died, later each time; gives up on what keeps dying."""
        self.guardian.check()
        now = time.monotonic()
        for part in self.parts:
            if part.process is None:
                if now >= part.start_at:
                    self._spawn(part)
            elif part.process.poll() is not None:
                self.guardian.bury(part.process)
                part.crashes = [crash for crash in part.crashes if now - crash < CRASH_SECONDS] + [now]
                if len(part.crashes) > CRASHES:
                    ending = _ending(part.process)
                    raise PartFailed(f"{part.name} keeps ending ({ending}).\n{self._last_words(part.name)}")
                pause = 0.25 * 2 ** len(part.crashes)
                self.say(part.name, f"{_ending(part.process)}; starts again in {pause:.1f} s")
                part.process, part.start_at = None, now + pause
            _shorten(self.logs / f"{part.name}.log")

    def _last_line(self, name: str) -> str:
        return (self.logs / f"{name}.log").read_text(errors="replace").rstrip().rpartition("\n")[2]

    def _last_words(self, name: str) -> str:
        log = self.logs / f"{name}.log"
        if not log.exists():
            return ""
        lines = log.read_bytes()[-20_000:].decode(errors="replace").splitlines()
        return "\n".join([*lines[-15:], f"(the end of {log})"])

    # --- ending -----------------------------------------------------------------------------

    def _stop(self) -> None:
        """Ends the parts, the last one first: no more requests, then no more runs, the broker at the end."""
        order = {"api": 0, "worker": 1, "valkey": 2}
        for part in sorted(self.parts, key=lambda part: order[part.name]):
            if part.process is None:
                continue
            if part.process.poll() is None:
                self.say(part.name, "ends")
                part.process.terminate()
            deadline = time.monotonic() + part.grace
            # The broker ends within moments, and cleanly or not at all: no hurry with it.
            while part.process.poll() is None and time.monotonic() < deadline:
                if self.signals > 1 and part.name != "valkey":
                    break
                time.sleep(TICK_SECONDS / 4)
            if part.process.poll() is None:
                part.process.kill()
            part.process.wait()
            self.guardian.bury(part.process)
        if self.settings.socket_path.parent != self.data_dir:
            with suppress(OSError):
                self.settings.socket_path.parent.rmdir()


def _answers(url: str, where: str) -> str:
    try:
        answer = httpx.get(url, timeout=5, trust_env=False)
    except httpx.TransportError as error:
        raise NotYet(error) from error
    if answer.status_code != 200:
        raise NotYet(answer.text)
    return where


def _ending(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _shorten(log: Path) -> None:
    """Moves a log that has grown too long aside; writers append, so they go on at its new beginning."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)
