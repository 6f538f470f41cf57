"""What a service has to itself: its data directory and its port."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ockham.errors import CannotStart

PATIENCE_SECONDS = 15.0


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """The data directory's lock as a descriptor. Raises `CannotStart` while another service has it.

    Where that service has been killed, its parts are about to follow it: their end is waited for.
    """
    with path.open("a+") as lock:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                lock.seek(0)
                owner = lock.read().strip()
                if _is_alive(owner) or time.monotonic() > deadline:
                    message = f"{path.parent} is in use by another service (process {owner}); --data-dir names another"
                    raise CannotStart(message) from None
                time.sleep(0.1)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock.fileno()


def _is_alive(pid: str) -> bool:
    try:
        return psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
    except (ValueError, psutil.NoSuchProcess):
        return False


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises `CannotStart` where that is not possible.

    It is the supervisor's, so that callers wait, and do not fail, while the API is started again.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server((str(address[0]), int(address[1])), family=family, backlog=2048)
    except socket.gaierror as error:
        raise CannotStart(f"Cannot listen on {host}: {error.strerror}") from error
    except OSError as error:
        hint = "; --port 0 takes a free one" if error.errno == errno.EADDRINUSE else ""
        raise CannotStart(f"Cannot listen on {host}, port {port}: {os.strerror(error.errno or 0)}{hint}") from error
