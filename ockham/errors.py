"""Why the service does not run, told in a line."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer
from pydantic import ValidationError

P = ParamSpec("P")
R = TypeVar("R")

DATABASE = "OCKHAM_DATABASE_URL names it; without it, it is ockham.db in the folder of --data-dir or OCKHAM_DATA_DIR"
NO_DATABASE = f"There is no database yet: `ockham migrate`, or `ockham serve`, makes it. {DATABASE}"

NOT_TEXT = "An argument, a setting or a file's name has bytes that are not UTF-8"


class CannotStart(Exception):
    """The service cannot be started as asked: a port, a directory or a server will not do. Exit code 2."""


class PartFailed(Exception):
    """A part of the service does not come up, or does not stay up. Exit code 1."""


def in_a_line(command: Callable[P, R]) -> Callable[P, R]:
    """`command`, which ends with a line on stderr and no traceback if it cannot do its work.

    Exit code 2 for `CannotStart`, for settings that are not valid (a line for each), for a file or folder that cannot
    be used, for a database that refuses; 1 for `PartFailed`. Any other exception is a fault of the program and stays
    a traceback.
    """

    @functools.wraps(command)
    def told(*args: P.args, **given: P.kwargs) -> R:
        try:
            return command(*args, **given)
        except (CannotStart, PartFailed) as error:
            line, code = str(error), 1 if isinstance(error, PartFailed) else 2
        except ValidationError as error:
            if error.title != "Settings":
                raise
            from models.settings import faults

            line, code = "\n".join(faults(error)), 2
        except UnicodeError:
            line, code = NOT_TEXT, 2
        except OSError as error:
            line, code = f"{error.filename or 'The system'}: {error.strerror or error}", 2
        except Exception as error:
            if (refused := _refused(error)) is None:
                raise
            line, code = refused, 2
        typer.secho(line, fg=typer.colors.RED, err=True)
        raise typer.Exit(code)

    return told


def _refused(error: Exception) -> str | None:
    """What the database said, if `error` is its refusal."""
    if not type(error).__module__.startswith("sqlalchemy."):
        return None  # most commands never load SQLAlchemy
    from sqlalchemy.exc import DatabaseError, InterfaceError

    from models.database import reason

    if not isinstance(error, (DatabaseError, InterfaceError)):
        return None
    return f"The database cannot be used ({reason(error)}). {DATABASE}"
