"""Work in a process of its own, with limits: what takes too much ends that process alone."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any


class TakesTooMuch(Exception):
    """The work took more `what` (`time` or `memory`) than it may."""

    def __init__(self, what: str) -> None:
        super().__init__(f"It takes more {what} than it may")
        self.what = what


def run_apart(module: str, asked: Any, seconds: int, memory: int) -> Any:
    """What `python -m module`, which calls `answer`, makes of `asked`; both are JSON.

    `seconds`: of processor time. `memory`: bytes. Raises TakesTooMuch.
    """
    try:
        run = subprocess.run(
            [sys.executable, "-P", "-m", module],
            input=json.dumps({"asked": asked, "seconds": seconds, "memory": memory}),
            capture_output=True,
            text=True,
            timeout=2 * seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TakesTooMuch("time") from None
    if run.returncode == 0:
        return json.loads(run.stdout)
    if run.returncode == -signal.SIGXCPU:
        raise TakesTooMuch("time")
    if run.returncode == -signal.SIGKILL or run.stderr.strip().endswith("memory"):
        raise TakesTooMuch("memory")
    raise RuntimeError(f"{module} ended with {run.returncode}: {run.stderr[-2000:]}")


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
