"""The commands that run the service: the whole of it, or one part."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import psutil
import typer
from rich.console import Console

if TYPE_CHECKING:
    from models.settings import Settings

WORKER_BYTES = 2 << 30
"""What a worker's process may come to need; no more of them than fit are started unasked."""

Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Where everything is kept.", show_default="$OCKHAM_DATA_DIR, or .ockham")
]

ApiProcesses = Annotated[int, typer.Option(min=1, max=64, help="API processes that serve the port together.")]


def settings_for(data_dir: Path | None) -> Settings:
    """The environment's settings, with the command line's data directory before the environment's."""
    from models.settings import Settings

    return Settings() if data_dir is None else Settings(data_dir=data_dir)


def default_workers() -> int:
    """As many worker processes as this machine has processors to train on, and memory to train in."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, psutil.virtual_memory().total // WORKER_BYTES))


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    data_dir: DataDir = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes to train in.", show_default="one a processor")
    ] = None,
    api_processes: ApiProcesses = 1,
) -> None:
    """The whole service in the foreground: API, workers, and, unless set otherwise, Valkey and SQLite.

    Ctrl-C ends it in order: requests are finished, runs are finished or handed back. Again hurries it.
    Exit code 0 when told to end, 1 when a part fails for good, 2 when it cannot start as asked.
    """
    from ockham.supervisor import Supervisor

    console = Console(soft_wrap=True, highlight=False)

    def say(part: str, text: str) -> None:
        console.print(f"[bold]{part:<9}[/]", end="")
        console.print(text, markup=False)

    Supervisor(settings_for(data_dir), host, port, workers or default_workers(), api_processes, say).run()


def api(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    data_dir: DataDir = None,
    processes: ApiProcesses = 1,
    fd: Annotated[int | None, typer.Option(hidden=True, help="A listening socket that was inherited.")] = None,
    number: Annotated[int | None, typer.Option(hidden=True, help="Which of the processes this is, from 1 on.")] = None,
    sockets: Annotated[Path | None, typer.Option(hidden=True, help="The folder of the processes' sockets.")] = None,
) -> None:
    """The API alone, for a deployment on several hosts. Exit code 2 where it would be open to others without a key."""
    from ockham.admission import require_key
    from ockham.schema import need_local_database

    settings = settings_for(data_dir)
    need_local_database(settings)
    listener = None if fd is None else socket.socket(fileno=fd)
    require_key(settings, listener.getsockname()[0] if listener else host)
    if processes > 1 and number is None:
        from ockham.api_processes import run
        from ockham.exclusive import listening

        run(settings, listener or listening(host, port), processes)
        return

    gc.disable()  # what is imported stays: each collection would look at all of it and find next to nothing
    import uvicorn

    from api.app import create_app
    from api.serving import config
    from api.siblings import Siblings
    from ockham import api_processes

    with contextlib.suppress(AttributeError, OSError):  # not glibc
        ctypes.CDLL(None).mallopt(-8, 2)  # M_ARENA_MAX: with a heap for each thread, large bodies' leftovers add up
    sys.setswitchinterval(0.0003)  # a thread that computes gives way to an answer sooner than Python's 5 ms
    siblings = None
    if sockets and number is not None:
        siblings = Siblings(number, api_processes.sockets(sockets, processes))
    server = uvicorn.Server(config(create_app(settings, siblings), host=host, port=port))
    gc.enable()
    server.run(sockets=[listener] if listener else None)


def worker(
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Processes to train in.")] = 1,
    data_dir: DataDir = None,
) -> None:
    """A worker alone: it needs the addresses of the database and the broker, no more."""
    from ockham.schema import need_local_database

    settings = settings_for(data_dir)
    need_local_database(settings)

    from worker.process import run_worker

    raise typer.Exit(run_worker(settings, concurrency))


def migrate(data_dir: DataDir = None) -> None:
    """Brings the database to the newest schema; nothing happens where it is there already."""
    from migrations.run import upgrade

    upgrade(settings_for(data_dir))
