"""`ockham doctor`: checks a deployment end to end, and says what to do about what it finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console

from ockham.service import DataDir


def doctor(
    submit: Annotated[bool, typer.Option(help="Also train a tiny job, and delete it.")] = True,
    timeout: Annotated[float, typer.Option(help="Seconds that the tiny job may take.")] = 120,
    url: Annotated[str | None, typer.Option("--url", help="The service.", show_default="$OCKHAM_URL")] = None,
    data_dir: DataDir = None,
) -> None:
    """Checks a deployment: settings, data directory, database, broker, service, workers, and a tiny job.

    Run it where the service runs, with its settings. Exit code 0 where all is well, else 1.
    """
    from pydantic import ValidationError

    from models.settings import Settings, faults
    from ockham import checks  # only now: it needs the database's and the broker's libraries

    console = Console(soft_wrap=True, highlight=False)
    try:
        given = {"url": url, "data_dir": data_dir}
        settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        for fault in faults(error):
            console.print("[red]wrong[/] settings   ", end="")
            console.print(fault, markup=False)
        raise typer.Exit(1) from None
    parts: list[tuple[str, Callable[[], str]]] = [
        ("data", lambda: checks.data_directory(settings)),
        ("database", lambda: checks.database(settings)),
        ("broker", lambda: checks.broker(settings)),
        ("service", lambda: checks.service(settings)),
        ("workers", lambda: checks.workers(settings)),
    ]
    if submit:
        parts.append(("a job", lambda: checks.tiny_job(settings, timeout)))
    troubles = 0
    for part, check in parts:
        try:
            found, colour, word = check(), "green", "ok"
        except checks.Trouble as trouble:
            found, colour, word = f"{trouble.found}. {trouble.do}", "red", trouble.word
            troubles += 1
        console.print(f"[{colour}]{word:<6}[/]{part:<10}", end="")
        console.print(found, markup=False)
    if troubles:
        raise typer.Exit(1)
