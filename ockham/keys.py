"""`ockham keys`: API keys are made and revoked where the database is, not over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from models.errors import NotFound
from models.scopes import Scope
from ockham.errors import NOT_TEXT, in_a_line
from ockham.service import DataDir, settings_for

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from models.tables import ApiKey

app = typer.Typer(help="API keys: create, list, revoke.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
@in_a_line
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, or what for.")] = "unnamed",
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may do; repeatable.", show_default="submit, which implies read")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36500, help="Days until it expires.", show_default="never")
    ] = None,
    team: Annotated[
        str | None,
        typer.Option(
            help="Whose jobs it sees: a team's name, or another key's id or prefix.", show_default="a team of its own"
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Makes a key and prints it: once, and never again. From the first key on, the service asks for one."""
    from models import keys

    with _database(data_dir, create=True) as session:
        first = not keys.exist(session)
        lifetime = None if days is None else timedelta(days=days)
        try:
            key, token = keys.create(session, name, scope or [Scope.SUBMIT], lifetime, team)
        except NotFound as error:
            raise typer.BadParameter(error.detail, param_hint="--team") from None
        except ValueError as error:
            raise typer.BadParameter(NOT_TEXT if isinstance(error, UnicodeError) else str(error)) from None
        shown = {**_shown(key), "key": token}
    if first:
        typer.echo(
            "From now on every request needs a key; jobs made without one are seen by admin keys only.", err=True
        )
    print(json.dumps(shown, indent=2) if as_json else token)


@app.command("list")
@in_a_line
def list_keys(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Lists the keys by their beginnings."""
    from models import keys
    from ockham.tables import column

    with _database(data_dir) as session:
        found = [_shown(key) for key in keys.listed(session)]
    if as_json:
        print(json.dumps(found, indent=2))
        return
    headings = ("prefix", "name", "team", "scopes", "created", "expires", "last used", "revoked")
    table = Table(*map(column, headings), box=None)
    for key in found:
        times = (key[field] or "" for field in ("created_at", "expires_at", "used_at", "revoked_at"))
        table.add_row(key["prefix"], key["name"], key["team"] or "", " ".join(key["scopes"]), *times)
    Console(width=200, highlight=False, markup=False).print(table)


@app.command()
@in_a_line
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id or its prefix.")], data_dir: DataDir = None
) -> None:
    """Ends a key at once and for ever; its jobs stay."""
    from models import keys

    try:
        with _database(data_dir) as session:
            print(f"{keys.revoke(session, key).prefix} is revoked")
    except NotFound as error:
        typer.echo(error.detail, err=True)
        raise typer.Exit(5) from None


@contextmanager
def _database(data_dir: Path | None, *, create: bool = False) -> Iterator[Session]:
    # Imported when needed, here and above: the other commands start without them.
    from migrations.run import upgrade
    from models.database import Database
    from ockham.schema import need_schema, schema

    settings = settings_for(data_dir)
    if create and schema(settings) is None:
        upgrade(settings)  # a first key may be made before the service first starts
    need_schema(settings)
    database = Database(settings)
    try:
        with database.write() as session:
            yield session
    finally:
        database.dispose()


def _shown(key: ApiKey) -> dict[str, Any]:
    def text(moment: datetime | None) -> str | None:
        return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None

    return {
        "id": key.id,
        "prefix": key.prefix,
        "name": key.name,
        "team": key.team and key.team.removeprefix("team_"),
        "scopes": key.scopes,
        "created_at": text(key.created_at),
        "expires_at": text(key.expires_at),
        "used_at": text(key.used_at),
        "revoked_at": text(key.revoked_at),
    }
