"""`ockham`: every command by its name."""

from __future__ import annotations

import typer

from ockham import service

app = typer.Typer(
    help="A training-job service for overfitting experiments.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

for command in (service.serve, service.api, service.worker, service.migrate):
    app.command(rich_help_panel="Service")(command)
