"""Processes that one command runs: begun, waited for, started again when they die, and ended in order.

Whoever runs them has one thread and does no work of its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import FrameType

from ockham.errors import CannotStart, PartFailed
from ockham.guardian import Guardian

CRASHES, CRASH_SECONDS = 5, 60.0
"""A part that dies this often within this time is not started again, and the command ends."""
LOG_BYTES = 20_000_000
TICK_SECONDS = 0.1
STDERR = 2
USAGE = 2
"""A part's exit code that says it cannot start as asked; its last line says why."""


class Interrupted(Exception):
    """A signal came while the parts were starting."""


class NotYet(Exception):
    """A part is not ready; the message says what is missing."""


@dataclass
class Part:
    """One process that is run.

    `ready` says what is running and where, or raises `NotYet`; `patience` is how long that may take,
    `grace` how long the process may go on after SIGTERM, both in seconds. Parts of a lower `order` are ended first;
    at a second signal those that `hurries` says are killed.
    """

    name: str
    command: list[str]
    ready: Callable[[], str]
    patience: float
    grace: float
    pass_fds: tuple[int, ...] = ()
    order: int = 0
    hurries: bool = True
    process: subprocess.Popen[bytes] | None = None
    crashes: list[float] = field(default_factory=list)
    start_at: float = 0.0


class Processes:
    """Runs parts; `say(part, text)` is told what happens.

    Their output goes to files in `logs`, or without it to this process's standard error. `env` is what they have beside
    this process's environment.
    """

    guardian: Guardian

    def __init__(self, say: Callable[[str, str], None], logs: Path | None, env: Mapping[str, str]) -> None:
        self.say, self.logs, self.environment = say, logs, {**os.environ, **env}
        self.parts: list[Part] = []
        self.signals = 0

    def listen(self) -> None:
        """From now on SIGINT, SIGTERM and SIGHUP are counted: the first ends the parts, the second hurries the end."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup has SIGHUP ignored, and means it. A shell's `&` has SIGINT ignored too, but a SIGINT that
            # comes all the same was sent to this very process.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signals += 1

    def begin(self, *parts: Part) -> None:
        """Starts `parts` at once, and waits until each is ready."""
        for part in parts:
            self.parts.append(part)
            self._spawn(part)
        for part in parts:
            self.wait_for(part.name, part.ready, part.patience, part)

    def wait_for(self, name: str, ready: Callable[[], str], patience: float, part: Part | None = None) -> None:
        """Says what `ready` says as soon as it does. Raises Interrupted, CannotStart, PartFailed."""
        deadline = time.monotonic() + patience
        while not self.signals:
            try:
                self.say(name, ready())
                return
            except NotYet as missing:
                if part and part.process and part.process.poll() == USAGE:
                    raise CannotStart(self.last_line(name)) from None
                if part and part.process and part.process.poll() is not None:
                    raise PartFailed(
                        f"{name} did not start: {_ending(part.process)}.\n{self.last_words(name)}"
                    ) from None
                if time.monotonic() > deadline:
                    why = f"{name} was not ready within {patience:.0f} s: {missing}"
                    raise PartFailed(f"{why}\n{self.last_words(name)}") from None
            time.sleep(TICK_SECONDS)
        raise Interrupted

    def spawn(self, name: str, command: list[str], pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
        """Starts a process whose output is added to the log of this name."""
        if self.logs is None:
            return self.guardian.begin(command, log=STDERR, pass_fds=pass_fds, env=self.environment)
        with (self.logs / f"{name}.log").open("ab") as log:
            return self.guardian.begin(command, log=log.fileno(), pass_fds=pass_fds, env=self.environment)

    def _spawn(self, part: Part) -> None:
        part.process = self.spawn(part.name, part.command, part.pass_fds)

    def tend(self) -> None:
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
                    raise PartFailed(f"{part.name} keeps ending ({ending}).\n{self.last_words(part.name)}")
                pause = 0.25 * 2 ** len(part.crashes)
                self.say(part.name, f"{_ending(part.process)}; starts again in {pause:.1f} s")
                part.process, part.start_at = None, now + pause
            if self.logs:
                _shorten(self.logs / f"{part.name}.log")

    def until_told(self) -> None:
        """Keeps the parts running until a signal comes. Raises PartFailed."""
        while not self.signals:
            self.tend()
            time.sleep(TICK_SECONDS)

    def last_line(self, name: str) -> str:
        """Of a part's log."""
        return self._log(name).rstrip().rpartition("\n")[2]

    def last_words(self, name: str) -> str:
        """The end of a part's log, and where it is."""
        if not (lines := self._log(name)[-20_000:].splitlines()):
            return ""
        return "\n".join([*lines[-15:], f"(the end of {self.logs}/{name}.log)"])

    def _log(self, name: str) -> str:
        log = self.logs / f"{name}.log" if self.logs else None
        return log.read_text(errors="replace") if log and log.exists() else ""

    def stop(self) -> None:
        """Ends the parts by their order, those of the same at once."""
        for _, same in groupby(sorted(self.parts, key=lambda part: part.order), lambda part: part.order):
            running = [(part, part.process) for part in same if part.process]
            began = time.monotonic()
            for part, process in running:
                if process.poll() is None:
                    self.say(part.name, "ends")
                    process.terminate()
            for part, process in running:
                while process.poll() is None and time.monotonic() < began + part.grace:
                    if self.signals > 1 and part.hurries:
                        break
                    time.sleep(TICK_SECONDS / 4)
                if process.poll() is None:
                    process.kill()
                process.wait()
                self.guardian.bury(process)


def _ending(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _shorten(log: Path) -> None:
    """Moves a log that has grown too long aside; writers append, so they go on at its new beginning."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)
