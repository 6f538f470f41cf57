"""What a job came to, for people: its results, and its analysis in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from models.kinds.metrics import DATA_LOSS, LOSS, VAL_DATA_LOSS, VAL_LOSS, label
from models.kinds.task import Task
from models.specification import dataset_of
from ockham.tables import Grid, results, results_grid, signed
from ockham_client import Client, Job
from ockham_client.frames import interval_of

METRIC = f"best_{VAL_DATA_LOSS}"
"""Each variant's least loss on the validation set, penalties left out."""


@dataclass(frozen=True)
class Summary:
    """A finished job's tables, and what one has to know to read them."""

    rows: Sequence[Mapping[str, Any]]
    analysis: Mapping[str, Any]
    results: Grid
    comparison: Grid
    combinations: Grid | None
    notes: Sequence[str]

    def show(self, console: Console) -> None:
        """Prints it."""
        self.results.show(console)
        self.comparison.show(console)
        if self.combinations:
            self.combinations.show(console)
        tell(console, self.notes)


def tell(console: Console, notes: Iterable[str]) -> None:
    """Prints sentences, broken between words on a screen."""
    for note in notes:
        console.print(note, markup=False, soft_wrap=not console.is_terminal)


def summarize(client: Client, job: Job) -> Summary:
    """Asks the service for the job's metrics and analysis."""
    rows = results(job, client.metrics(job))
    analysis = client.analysis(job)
    compared = comparison_grid(job.spec["baseline"], dataset_of(job.spec).task, analysis)
    return Summary(
        rows, analysis, results_grid(job, rows), compared, combinations_grid(analysis), list(notes(analysis))
    )


def comparisons(analysis: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The analysis's comparisons of the loss that its headline goes by."""
    return [each for each in analysis["comparisons"] if each["metric"] == _metric(analysis)]


def _metric(analysis: Mapping[str, Any]) -> str:
    if analysis.get("search"):  # its finalists were chosen on the rows held out, so the test set judges them
        return f"test_{(DATA_LOSS if analysis.get('view', 'data') == 'data' else LOSS).name}"
    return METRIC if analysis.get("view", "data") == "data" else f"best_{VAL_LOSS}"


def comparison_grid(baseline: str, task: Task, analysis: Mapping[str, Any]) -> Grid:
    """One row per variant: its verdict, and its difference from the baseline."""
    of = {each["variant"]: each for each in comparisons(analysis)}
    several = any(each["n"] > 1 for each in of.values())
    rows = []
    for variant in analysis["variants"]:
        name = variant["variant"]
        cells = _against(of[name]) if name in of else ("", "", "baseline" if name == baseline else "")
        rows.append((name, variant["verdict"], *(cells if several else (cells[0], cells[2]))))
    interval = (_heading(list(of.values())),) if several else ()
    return Grid(
        f"{label(_metric(analysis), task)}, each variant minus {baseline}: lower is better",
        ("variant", "verdict", "difference", *interval, f"than {baseline}"),
        rows,
    )


def _against(found: Mapping[str, Any]) -> tuple[str, str, str]:
    """A difference, the interval that its words go by, and the words."""
    difference, interval = found["difference"], interval_of(found)
    shown = "–" if difference is None else f"{round(difference, 4) + 0.0:+.4f}"  # no negative zero
    # As the heading has it of the others.
    apart = interval is not None and found["finding"] == "equivalent" and not found["sequential"]
    return shown, signed(interval) + (", at every look" if apart else ""), found["in_words"]


def _heading(compared: Sequence[Mapping[str, Any]]) -> str:
    """Of the intervals; one that holds at every look has the confidence that the job asks for."""
    first = compared[0]
    return f"{100 * first['confidence']:.3g}% interval, at every look" if first["sequential"] else "95% interval"


def combinations_grid(analysis: Mapping[str, Any]) -> Grid | None:
    """A row per two changes of a sweep's axes: what each makes of the loss alone, both together, and what is beyond."""
    if (found := analysis.get("combinations")) is None or not found["interactions"]:
        return None
    rows = []
    for pair in found["interactions"]:
        changes = [f"{axis}={level:g}" if isinstance(level, float) else f"{axis}={level}"
                   for axis, level in zip(pair["axes"], pair["levels"], strict=True)]  # fmt: skip
        effects = [f"{pair[part]['difference']:+.4f}" for part in ("first", "second", "together")]
        rows.append(
            (" and ".join(changes), *effects, f"{pair['difference']:+.4f}", signed(pair["ci95"]), pair["in_words"])
        )
    return Grid(
        "Which two add up: what each makes of the loss, both together, and what is beyond the sum",
        ("two changes", "first", "second", "together", "beyond", "95% interval", "that is"),
        rows,
    )


def show_analysis(console: Console, baseline: str, task: Task, analysis: Mapping[str, Any]) -> None:
    """Prints the table of verdicts and differences, and below it what to know before believing it."""
    comparison_grid(baseline, task, analysis).show(console)
    if grid := combinations_grid(analysis):
        grid.show(console)
    tell(console, notes(analysis))


def notes(analysis: Mapping[str, Any]) -> Iterator[str]:
    """What was found, in words, and what one has to know to read the tables: the analysis's warnings too."""
    for words in ("headline", "paragraph"):
        if analysis[words]:
            yield analysis[words]
    for warning in analysis["warnings"]:
        yield f"{warning['detail']} ({warning['code']})"
