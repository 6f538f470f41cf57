"""`ockham`: every command by its name."""

from __future__ import annotations

from collections.abc import Callable

import typer

from ockham import comparisons, datasets, demo, doctor, export, keys, mistakes, predict, service, verbs
from ockham.errors import in_a_line

app = typer.Typer(
    help="A training-job service for overfitting experiments.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SERVICE: list[Callable[..., None]] = [
    service.serve,
    service.api,
    service.worker,
    service.migrate,
    doctor.doctor,
    demo.demo,
]
JOBS: list[Callable[..., None]] = [
    verbs.submit,
    verbs.jobs,
    verbs.remedies,
    verbs.show,
    verbs.watch,
    verbs.describe,
    verbs.cancel,
    verbs.retry,
    verbs.seeds,
    verbs.reproduce,
    predict.predict,
    verbs.delete,
    verbs.history,
    verbs.predictions,
    verbs.model,
    comparisons.compare,
    verbs.metrics,
    verbs.analysis,
    verbs.why,
    mistakes.mistakes,
    mistakes.ensembles,
    mistakes.recalibration,
    verbs.plot,
    verbs.report,
    verbs.bundle,
    verbs.presets,
    verbs.mcp,
]

for command in SERVICE:
    app.command(rich_help_panel="The service")(in_a_line(command))
for command in JOBS:
    app.command(rich_help_panel="Jobs")(command)

app.add_typer(comparisons.app, name="comparisons", rich_help_panel="Jobs")
app.add_typer(datasets.app, name="datasets", rich_help_panel="Jobs")
app.add_typer(export.app, name="export", rich_help_panel="Jobs")
app.add_typer(keys.app, name="keys", rich_help_panel="The service")
