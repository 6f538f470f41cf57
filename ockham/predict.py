"""`ockham predict`: asks a run's model about new rows."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from ockham import completion
from ockham.verbs import AsJson, Url, output, print_json, service

SHOWN = 12
"""Inputs that are listed of a row."""


def predict(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A run that succeeded: its id, or JOB/VARIANT/SEED.", autocompletion=completion.runs
        ),
    ],
    given: Annotated[
        list[str], typer.Argument(metavar="TEXT|ROW...", help='Texts; or rows as JSON objects, `{"age": 30}`.')
    ],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Predicts new rows, and says which of their words, numbers and categories matter most."""
    with service(url) as client:
        rows = [row for text in given if (row := _row(text)) is not None]
        if rows and len(rows) < len(given):
            raise ValueError("Give either texts or rows, not both")
        predictions = client.predict(run, rows=rows) if rows else client.predict(run, texts=given)
        if as_json:
            print_json(predictions)
            return
        for text, prediction in zip(given, predictions, strict=True):
            _print(text, prediction)


def _row(text: str) -> dict[str, Any] | None:
    """The row that the text is as JSON; None if it is a text."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _print(text: str, prediction: dict[str, Any]) -> None:
    chances = sorted((prediction["probabilities"] or {}).items(), key=lambda each: -each[1])
    said = ", ".join(f"{label} {chance:.3f}" for label, chance in chances[:5]) or f"{prediction['value']:.6g}"
    output().print(f"{text[:60]}: {said}", markup=False, highlight=False)
    table = Table("input", f"effect on {_measured(prediction)}")
    contributions = prediction["contributions"]
    for each in contributions[:SHOWN]:
        table.add_row(each["input"], f"{each['effect']:+.4g}")
    if len(contributions) > SHOWN:
        table.add_row(f"{len(contributions) - SHOWN} more", "")
    output().print(table, markup=False)


def _measured(prediction: dict[str, Any]) -> str:
    """What an effect is a difference of, as `value` is: of two classes the second one's probability."""
    if prediction["probabilities"] is None:
        return "the prediction"
    classes = list(prediction["probabilities"])
    return f"the probability of {classes[1] if len(classes) == 2 else prediction['label']}"
