"""Ends the processes that a supervisor began when the supervisor is gone, however it went.

`Guardian` starts this very file as a process of its own, which reads the parts' process groups from
a pipe. When the supervisor ends, by SIGKILL too, the pipe closes, and the guardian kills every group
still on its list, grandchildren included. It imports the standard library alone and is there within
milliseconds. On Linux each part also asks the kernel to be killed with its parent
(`prctl(PR_SET_PDEATHSIG)`), which holds even if the guardian is killed first.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

OCKHAM = (sys.executable, "-P", "-m", "ockham")
"""This command again. -P: the folder one happens to be in may have an `api` or a `models` of its own."""

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may be imported.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def die_with_parent() -> None:
    """For a child between fork and exec: on Linux, it is killed when the thread that forked it ends."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Guardian:
    """The supervisor's side. `hold` are descriptors, such as a lock's, that stay open until every part is dead."""

    def __init__(self, hold: Sequence[int] = ()) -> None:
        self._hold = tuple(hold)
        self._groups: set[int] = set()
        self._parent = os.getpid()
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-I", "-S", __file__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=self._hold, start_new_session=True
        )
        assert self._process.stdin is not None
        self._pipe = self._process.stdin.fileno()
        for group in self._groups:
            self._tell("+", group)

    def _tell(self, sign: str, group: int) -> None:
        os.write(self._pipe, f"{sign}{group}\n".encode())

    def begin(
        self, command: Sequence[str], *, log: int, pass_fds: Sequence[int] = (), env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Starts `command` as a process group that does not outlive this process; its output goes to `log`."""
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=env,
            pass_fds=pass_fds,
            start_new_session=True,  # a group of its own: Ctrl-C reaches the supervisor alone, who ends parts in order
            preexec_fn=self._adopt,
        )
        self._groups.add(process.pid)
        return process

    def _adopt(self) -> None:
        """In the child, before it becomes its program: no moment is left in which nobody would end it."""
        self._tell("+", os.getpid())
        die_with_parent()
        if os.getppid() != self._parent:
            os._exit(1)

    def bury(self, process: subprocess.Popen[bytes]) -> None:
        """Ends what is left of the group of a `process` that has ended."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        self._groups.discard(process.pid)
        self._tell("-", process.pid)

    def check(self) -> None:
        """Replaces the guardian's process if someone has killed it."""
        if self._process.poll() is not None:
            self._start()

    def close(self) -> None:
        """Ends the guardian, and every part still running."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    """The guardian's process: it ends when its standard input does."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    # Killed processes stay visible until somebody reaps them, so not for ever.
    for _ in range(100):
        for group in list(groups):
            try:
                os.killpg(group, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                groups.discard(group)
        if not groups:
            return
        time.sleep(0.05)


if __name__ == "__main__":
    main()
