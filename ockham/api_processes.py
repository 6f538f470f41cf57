"""Several API processes on one port: what `ockham api --processes` and `ockham serve --api-processes` run.

They inherit one listening socket: whichever is free takes the next connection, and those that wait in its queue are not
lost when a process dies.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import structlog

from models import logs
from models.settings import Settings
from ockham.guardian import OCKHAM, Guardian
from ockham.processes import Interrupted, NotYet, Part, Processes

log = structlog.get_logger(__name__)


def sockets(folder: Path, processes: int) -> list[Path]:
    """The Unix sockets in `folder` by which so many API processes ask each other."""
    return [folder / f"api.{number}" for number in range(1, processes + 1)]


def api_parts(folder: Path, listener: socket.socket, processes: int, ready: Callable[[], str]) -> list[Part]:
    """So many API processes that listen on `listener`; `ready` says that one answers, and where, or raises NotYet.

    `folder`, to which this user alone may write, has their sockets.
    """
    fd = listener.fileno()
    command = [*OCKHAM, "api", "--fd", str(fd)]
    if processes == 1:
        return [Part("api", command, ready, 60, 15, pass_fds=(fd,))]
    parts = []
    for number, path in enumerate(sockets(folder, processes), 1):
        numbered = [*command, "--processes", str(processes), "--number", str(number), "--sockets", str(folder)]
        said = ready if number == 1 else partial(str, f"process {number} of {processes}, on the same port")
        parts.append(Part(f"api-{number}", numbered, partial(_is_up, path, said), 60, 15, pass_fds=(fd,)))
    return parts


def _is_up(path: Path, ready: Callable[[], str]) -> str:
    """What `ready` says, once the process listens on the socket for the others."""
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(str(path))
        except OSError as error:
            raise NotYet(error) from error
    return ready()


def answers(url: str, where: str) -> str:
    """`where`, if a GET of `url` is answered with 200. Raises NotYet."""
    try:
        answer = httpx.get(url, timeout=5, trust_env=False)
    except httpx.TransportError as error:
        raise NotYet(error) from error
    if answer.status_code != 200:
        raise NotYet(answer.text)
    return where


def run(settings: Settings, listener: socket.socket, processes: int) -> None:
    """Serves with so many processes until SIGINT, SIGTERM or SIGHUP; a second signal hurries the end.

    Raises PartFailed; no process is left behind then either.
    """
    logs.configure(settings)
    env = {"OCKHAM_DATA_DIR": str(settings.data_dir.absolute())}
    group = Processes(lambda part, text: log.info("api_process", part=part, text=text), None, env)
    group.listen()
    group.guardian = Guardian()
    with tempfile.TemporaryDirectory(prefix="ockham-") as folder:
        try:
            group.begin(*api_parts(Path(folder), listener, processes, lambda: f"process 1 of {processes}"))
            group.until_told()
        except Interrupted:
            pass
        finally:
            listener.close()
            group.stop()
            group.guardian.close()
