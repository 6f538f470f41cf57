"""Work in a process of its own, with limits: what takes too much ends that process alone."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any


class TakesTooMuch(Exception):
    """The work took more `what` (`time` or `memory`) than it may."""

    def __init__(self, what: str) -> None:
        super().__init__(f"It takes more {what} than it may")
        self.what = what


class Died(RuntimeError):
    """The process was ended by the signal `number`."""

    def __init__(self, words: str, number: int) -> None:
        super().__init__(words)
        self.number = number


LOOK_SECONDS = 0.2
"""Between two looks whether the answer is still wanted."""


def run_apart(
    module: str, asked: Any, seconds: int, memory: int, check_wanted: Callable[[], None] = lambda: None
) -> Any:
    """What `python -m module`, which calls `answer`, makes of `asked`; both are JSON.

    `seconds`: of processor time. `memory`: bytes. What `check_wanted` raises, which is called several times per
    second, ends the process, and is raised. Raises TakesTooMuch, and Died if a signal ended it otherwise.
    """
    deadline = time.monotonic() + 2 * seconds
    command = [sys.executable, "-P", "-m", module]
    pipe = subprocess.PIPE
    # From a file: what a pipe has not taken before its first timeout, `communicate` never sends.
    with tempfile.TemporaryFile("w+") as given:
        json.dump({"asked": asked, "seconds": seconds, "memory": memory}, given)
        given.seek(0)
        run = subprocess.Popen(command, stdin=given, stdout=pipe, stderr=pipe, text=True)
    with run:
        try:
            while True:
                try:
                    made, said = run.communicate(timeout=LOOK_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    pass
                if time.monotonic() > deadline:
                    raise TakesTooMuch("time")
                check_wanted()
        except BaseException:
            run.kill()
            raise
    if run.returncode == 0:
        return json.loads(made)
    if run.returncode == -signal.SIGXCPU:
        raise TakesTooMuch("time")
    if run.returncode == -signal.SIGKILL or said.strip().endswith("memory"):
        raise TakesTooMuch("memory")
    words = f"{module} ended with {run.returncode}: {said[-2000:]}"
    raise Died(words, -run.returncode) if run.returncode < 0 else RuntimeError(words)


def answer(work: Callable[[Any], Any]) -> None:
    """Reads what is asked, works within the limits, writes the answer, and ends the process."""
    told = json.load(sys.stdin)
    for limit, most in ((resource.RLIMIT_CPU, told["seconds"]), (resource.RLIMIT_DATA, told["memory"])):
        resource.setrlimit(limit, (most, most))
    try:
        result = work(told["asked"])
    except MemoryError:  # of which pyarrow's is one
        sys.exit("memory")
    json.dump(result, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # at its ordinary end pyarrow's threads, which still start, have been seen to abort the process
