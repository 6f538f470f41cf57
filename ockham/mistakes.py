"""Rows that a variant gets wrong, what its seeds score together, and its losses recalibrated, in a terminal."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ockham import completion
from ockham.tables import Grid, signed
from ockham.verbs import AsJson, JobId, Url, output, print_json, service

KINDS = {
    "always": "wrong with every seed, at the least validation loss and at the end",
    "overfitted": "wrong with every seed at the end, right with every seed at the least validation loss",
    "label_errors": "likely labelled wrong",
}
TEXT = 60
"""Characters of a row that are shown."""


def mistakes(
    job: JobId,
    variant: Annotated[
        str | None, typer.Option(help="Its name; the baseline unless given.", autocompletion=completion.variants)
    ] = None,
    limit: Annotated[int, typer.Option(help="Rows that are shown of each kind.")] = 10,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Shows the rows that a variant gets wrong with every seed, and those that are likely labelled wrong."""
    with service(url) as client:
        answer = client.mistakes(job, variant, limit)
        if as_json:
            print_json(answer)
            return
        if not answer["n"]:
            print(f"No run of {answer['variant']} has succeeded whose predictions are kept.")
            return
        for name, heading in KINDS.items():
            _rows(answer, name, heading).show(output())
        if answer["no_values"]:
            print(f"What is in these rows is not shown: {answer['no_values']}.")


def ensembles(
    job: JobId,
    split: Annotated[
        str,
        typer.Option(
            help="validation, or test of runs with a holdout.", autocompletion=completion.of("validation", "test")
        ),
    ] = "validation",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Shows what each variant's seeds score together, by their averaged predictions."""
    with service(url) as client:
        answer = client.ensembles(job, split)
        if as_json:
            print_json(answer)
            return
        if answer["variants"]:
            _ensembles(answer["variants"]).show(output())
        print(answer["sentence"])


def recalibration(
    job: JobId,
    at: Annotated[
        str, typer.Option(help="Each run's epoch: chosen or last.", autocompletion=completion.of("chosen", "last"))
    ] = "chosen",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Shows what is left of each variant's gain once all probabilities are recalibrated."""
    with service(url) as client:
        answer = client.recalibration(job, at)
        if as_json:
            print_json(answer)
            return
        if answer["variants"]:
            _recalibrated(answer).show(output())
        print(answer["sentence"])


def _recalibrated(answer: dict[str, Any]) -> Grid:
    compared = {each["variant"]: each for each in answer["comparisons"]}
    headings = (
        "variant",
        "seeds",
        "temperature",
        "loss",
        "recalibrated",
        "against the baseline",
        "95% interval",
        "that is",
    )
    return Grid(
        "Losses with probabilities recalibrated by a temperature for each run",
        headings,
        [
            (
                each["variant"],
                str(each["n"]),
                f"{each['temperature']:.2f}",
                f"{each['loss']:.4f}",
                f"{each['recalibrated']:.4f}",
                *_difference(compared.get(each["variant"])),
                compared.get(each["variant"], {}).get("in_words", "–"),
            )
            for each in answer["variants"]
        ],
    )


def _difference(each: dict[str, Any] | None) -> tuple[str, str]:
    """A difference and its interval."""
    if each is None or each["difference"] is None:
        return "–", "–"
    return f"{each['difference']:+.4f}", signed(each["ci95"])


def _rows(answer: dict[str, Any], name: str, heading: str) -> Grid:
    of = answer[name]
    shown = f", the first {len(of['data'])}" if len(of["data"]) < of["count"] else ""
    texts = any(row["values"] for row in of["data"])
    return Grid(
        f"{answer['variant']}: {of['count']:,} of {answer['rows']:,} rows are {heading}{shown}",
        (
            "row",
            "label",
            "its probability",
            "at the last epoch",
            "answer",
            *(["same inputs", "begins"] if texts else []),
        ),
        [
            (
                str(row["row"]),
                str(row["label"]),
                f"{row['probability']:.3g}",
                f"{row['probability_at_last']:.3g}",
                str(row["answer"]),
                *([_same(row["same_inputs"]), _beginning(row["values"])] if texts else []),
            )
            for row in of["data"]
        ],
    )


def _same(found: dict[str, Any] | None) -> str:
    """How many training rows have the same inputs, and if they have several labels, how many have which."""
    if found is None:
        return "–"
    labels = ", ".join(f"{label} in {count}" for label, count in found["labels"].items())
    training = f"{found['training']} in training"
    return f"{training}; {labels}" if len(found["labels"]) > 1 else training


def _beginning(values: dict[str, Any] | None) -> str:
    """The beginning of the row's longest text."""
    texts = [value for value in (values or {}).values() if isinstance(value, str)]
    return " ".join(max(texts, key=len, default="").split())[:TEXT]


def _ensembles(variants: list[dict[str, Any]]) -> Grid:
    names = list(dict.fromkeys(name for each in variants for name in each["together"]))
    rows: list[tuple[str, ...]] = []
    for each in variants:
        for who, of, against in (
            ("one seed", "single", None),
            (f"{each['n']} seeds together", "together", each["against_baseline"]),
        ):
            scores = (f"{each[of][name]:.4f}" if name in each[of] else "–" for name in names)
            rows.append((f"{each['variant']}, {who}", *scores, *_difference(against)))
    return Grid(
        "Predictions averaged over seeds, beside the mean of what one seed scores",
        ("variant", *names, "loss against one seed of the baseline", "95% interval"),
        rows,
    )
