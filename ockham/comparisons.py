"""The commands for saved comparisons across jobs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from models.specification import dataset_of
from ockham import completion
from ockham.summary import show_analysis
from ockham.tables import column
from ockham.verbs import AsJson, Smallest, Url, output, print_json, service
from ockham_client import Client, Comparison

app = typer.Typer(help="Saved comparisons across jobs: list, show, delete.", no_args_is_help=True)

ComparisonId = Annotated[
    str,
    typer.Argument(
        metavar="COMPARISON",
        help="Its id or the beginning of it, its name, or `latest`.",
        autocompletion=completion.comparisons,
    ),
]


def compare(
    jobs: Annotated[
        list[str] | None,
        typer.Argument(metavar="JOB...", help="Jobs, with all their runs.", autocompletion=completion.jobs),
    ] = None,
    run: Annotated[
        list[str] | None, typer.Option(help="A single run beside them. Repeatable.", autocompletion=completion.runs)
    ] = None,
    name: Annotated[str | None, typer.Option(help="The name to save it under.")] = None,
    baseline: Annotated[
        str | None, typer.Option(help="A variant, or a job for its own baseline.", show_default="the first job's")
    ] = None,
    notes: Annotated[str | None, typer.Option(help="Text of one's own.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Saves a comparison across jobs, and shows it: every variant against one baseline, paired by seed."""
    with service(url) as client:
        saved = client.compare(*(jobs or ()), runs=run or (), name=name, baseline=baseline, notes=notes)
        _show(client, saved, as_json)


@app.command("list")
def list_comparisons(url: Url = None, as_json: AsJson = False) -> None:
    """Lists comparisons, newest first."""
    with service(url) as client:
        found = list(client.comparisons())
    if as_json:
        print_json([dict(each.raw) for each in found])
        return
    table = Table(*map(column, ("id", "name", "jobs", "runs", "baseline")), box=None)
    for each in found:
        table.add_row(each.id, each.name, str(len(each.jobs)), str(len(each.runs)), each.baseline)
    output().print(table, markup=False)


@app.command()
def show(comparison: ComparisonId, smallest: Smallest = None, url: Url = None, as_json: AsJson = False) -> None:
    """Shows a comparison: every variant against the baseline, and what to know before believing it."""
    with service(url) as client:
        _show(client, client.comparison(comparison), as_json, smallest)


@app.command()
def delete(comparison: ComparisonId, url: Url = None) -> None:
    """Deletes a comparison; its jobs stay."""
    with service(url) as client:
        client.delete_comparison(comparison)


def _show(client: Client, comparison: Comparison, as_json: bool, smallest: float | None = None) -> None:
    if as_json:
        print_json(comparison.raw)
        return
    console = output()
    console.print(f"{comparison.name}: {comparison.id}", markup=False, soft_wrap=True)
    for line in filter(None, (comparison.notes, *(f"deleted since: {each}" for each in comparison.missing))):
        console.print(line, markup=False, soft_wrap=True)
    analysis = client.analysis(comparison, smallest=smallest)
    task = dataset_of(client.job(comparison.raw["baseline_job_id"]).spec).task
    compared = [each["baseline"] for each in analysis["comparisons"]]
    show_analysis(console, compared[0] if compared else comparison.baseline, task, analysis)
