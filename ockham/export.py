"""`ockham export`: a job's runs in other programs."""

from __future__ import annotations

from typing import Annotated

import typer

from ockham.verbs import JobId, Url, service

app = typer.Typer(help="A job's runs in other programs: mlflow.", no_args_is_help=True)


@app.callback()
def export() -> None:
    """A job's runs in other programs: mlflow."""


@app.command()
def mlflow(
    job: JobId,
    tracking_uri: Annotated[str | None, typer.Option(help="MLflow's store.", show_default="MLflow's own")] = None,
    experiment: Annotated[str | None, typer.Option(help="MLflow's experiment.", show_default="the job's name")] = None,
    url: Url = None,
) -> None:
    """Logs each run of a job as an MLflow run, once, however often it is called; waits for a job that still trains."""
    from ockham_client.mlflow import export

    with service(url) as client:
        done = export(client, job, tracking_uri, experiment)
    print(f"{len(done.logged)} runs logged, {len(done.known)} there already, in experiment {done.experiment}")
