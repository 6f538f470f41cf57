"""What a job came to, for people: its results, and its analysis in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from models.kinds.metrics import VAL_DATA_LOSS, VAL_LOSS, label
from models.kinds.task import Task
from models.specification import dataset_of
from ockham.tables import Grid, results, results_grid
from ockham_client import Client, Job
from reporting.penalties import NOTHING
from reporting.verdicts import LEVEL, is_sure

METRIC = f"best_{VAL_DATA_LOSS}"
"""Each variant's least loss on the validation set, penalties left out."""


@dataclass(frozen=True)
class Summary:
    """A finished job's tables, and what one has to know to read them."""

    rows: Sequence[Mapping[str, Any]]
    analysis: Mapping[str, Any]
    results: Grid
    comparison: Grid
    notes: Sequence[str]

    def show(self, console: Console) -> None:
        """Prints it."""
        console.print(self.results.table())
        console.print(self.comparison.table())
        for note in self.notes:
            console.print(note, markup=False, soft_wrap=True)


def summarize(client: Client, job: Job) -> Summary:
    """Asks the service for the job's metrics and analysis."""
    rows = results(job, client.metrics(job), client.metrics(job, VAL_DATA_LOSS))
    analysis = client.analysis(job)
    compared = comparison_grid(job, analysis)
    return Summary(
        rows, analysis, results_grid(job, rows), compared, list(notes(rows, analysis, dataset_of(job.spec).task))
    )


def comparisons(analysis: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The analysis's comparisons of the metric that is fair to all."""
    return [each for each in analysis["comparisons"] if each["metric"] == METRIC]


def comparison_grid(job: Job, analysis: Mapping[str, Any]) -> Grid:
    """A row a variant: its verdict, and its difference from the baseline. `analysis` is in the view `data`."""
    of = {each["variant"]: each for each in comparisons(analysis)}
    baseline = job.spec["baseline"]
    several = any(each["n"] > 1 for each in of.values())
    rows = []
    for variant in analysis["variants"]:
        name = variant["variant"]
        cells = _against(of[name]) if name in of else ("", "", "baseline" if name == baseline else "")
        rows.append((name, variant["verdict"], *(cells if several else (cells[0], cells[2]))))
    interval = ("95% interval",) if several else ()
    return Grid(
        f"{label(METRIC, dataset_of(job.spec).task)}, each variant minus {baseline}: lower is better",
        ("variant", "verdict", "difference", *interval, f"than {baseline}"),
        rows,
    )


def _against(found: Mapping[str, Any]) -> tuple[str, str, str]:
    """A difference, its interval, and both in words."""
    difference, interval = found["difference"], found["ci95"]
    if difference is None:
        return "–", "–", "–"
    shown = round(difference, 4) + 0.0  # no negative zero
    word = "lower" if shown < 0 else "higher" if shown > 0 else "the same"
    if interval is None:
        return f"{shown:+.4f}", "–", word
    smallest, decision = found.get("smallest"), found.get("decision")
    if smallest is not None and decision == "equivalent":
        word = f"the same, within {smallest:g}"
    else:
        word += ", more than luck" if is_sure(smallest, decision, found["p_holm"]) else ", may be luck"
    return f"{shown:+.4f}", f"{interval[0]:+.4f} to {interval[1]:+.4f}", word


def notes(rows: Sequence[Mapping[str, Any]], analysis: Mapping[str, Any], task: Task) -> Iterator[str]:
    """What one has to know to read the tables."""
    if penalised := [str(row["variant"]) for row in rows if _is_penalised(row)]:
        yield (
            f"Validation loss is Keras's, weight penalties included ({_some(penalised)}); "
            f"{task.loss_title} leaves them out: compare by that."
        )
    pairs = [each["n"] for each in comparisons(analysis) if each["n"]]
    if pairs and max(pairs) == 1:
        yield (
            "One seed cannot tell luck from effect. "
            'More seeds can: "seeds": [0, 1, 2, 3, 4] in the specification trains each variant five times.'
        )
    elif len(pairs) > 1:
        yield f"More than luck: p below {LEVEL}, Holm's correction for {len(pairs)} comparisons made."


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"in {len(names)} variants"


def _is_penalised(row: Mapping[str, Any]) -> bool:
    """Whether Keras's loss of the variant has a penalty in it."""
    keras, data = row.get(f"final_{VAL_LOSS}"), row.get(f"final_{VAL_DATA_LOSS}")
    return keras is not None and data is not None and keras - data > NOTHING
