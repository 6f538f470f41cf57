"""The commands for data sets of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ockham import completion
from ockham.tables import column
from ockham.verbs import AsJson, Url, output, print_json, service

app = typer.Typer(help="Data sets of one's own: add, list, show, remove.", no_args_is_help=True)

DatasetId = Annotated[
    str, typer.Argument(metavar="DATASET", help="The data set's id.", autocompletion=completion.datasets)
]


@app.command()
def add(
    train: Annotated[Path, typer.Argument(help="CSV, TSV, JSON lines or Parquet; gzip allowed.")],
    label: Annotated[str, typer.Option(help="The column to predict.")],
    test: Annotated[Path | None, typer.Option(help="Rows that are only tested on.")] = None,
    name: Annotated[str | None, typer.Option(help="The data set's name.", show_default="the file's")] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="binary, multiclass or regression.",
            show_default="found from the label",
            autocompletion=completion.of("binary", "multiclass", "regression"),
        ),
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="NAME=KIND", help="text, number, category or ignore; repeatable.")
    ] = None,
    group: Annotated[str | None, typer.Option(help="A column whose equal values stay on one side of a split.")] = None,
    validate: Annotated[bool, typer.Option("--validate", help="Only read it, and show the card.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Sends a table, and shows what was found in it."""
    options = {"name": name, "task": task, "group": group, "inputs": dict(_pair(each) for each in kind or ())}
    given = {key: value for key, value in options.items() if value}
    with service(url) as client:
        _show(client.add_dataset(train, label, test=test, validate_only=validate, **given), as_json)


def _pair(text: str) -> tuple[str, str]:
    name, equals, kind = text.rpartition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not NAME=KIND", param_hint="--kind")
    return name, kind


@app.command("list")
def list_datasets(url: Url = None, as_json: AsJson = False) -> None:
    """Lists data sets, newest first, then the built-in ones."""
    with service(url) as client:
        found = list(client.datasets())
    if as_json:
        print_json(found)
        return
    table = Table(*map(column, ("id", "name", "task", "train", "test", "created")), box=None)
    for each in found:
        rows = (str(each["rows"][split]) for split in ("train", "test"))
        table.add_row(each["id"], each["name"], each["task"], *rows, (each["created_at"] or "built in")[:19])
    output().print(table, markup=False)


@app.command()
def show(dataset: DatasetId, url: Url = None, as_json: AsJson = False) -> None:
    """Shows a data set's card."""
    with service(url) as client:
        _show(client.dataset(dataset), as_json)


@app.command()
def remove(dataset: DatasetId, url: Url = None) -> None:
    """Deletes a data set; results of finished jobs stay."""
    with service(url) as client:
        client.delete_dataset(dataset)


def _show(dataset: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(dataset)
        return
    console = output()
    rows, label = dataset["rows"], dataset["label"] or {}
    console.print(f"{dataset['id'] or 'not stored'}  {dataset['name']}  {dataset['task']}", markup=False)
    console.print(f"{rows['train']:,} rows to train on, {rows['test']:,} to test on", markup=False)
    if classes := label.get("classes"):
        shown = ", ".join(f"{each['label']} {each['train']:,}" for each in classes[:20])
        more = f" and {len(classes) - 20} more" if len(classes) > 20 else ""
        console.print(f"label {label['column']}: {shown}{more}", markup=False)
    elif label:
        console.print(f"label {label['column']}: {label['min']:g} to {label['max']:g}, mean {label['mean']:g}")
    table = Table(*map(column, ("column", "taken for", "missing", "distinct")), box=None)
    for each in dataset["inputs"]:
        table.add_row(each["column"], each["kind"], str(each["missing"]), str(each["distinct"]))
    console.print(table, markup=False)
    for warning in dataset["warnings"]:
        count = "" if warning["rows"] is None else f" ({warning['rows']:,})"
        console.print(f"! {warning['detail']}{count}", markup=False)
