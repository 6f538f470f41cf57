"""What the plot of differences from the baseline shows: a difference and its interval for each variant."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from models.errors import NotFound
from models.kinds.metrics import UNPENALISED, in_unit, label
from models.kinds.task import Task
from reporting.answers import Analysis
from reporting.names import brief
from reporting.penalties import NOTHING, explained, included
from reporting.plots.progress import HasStatus, progress

MAX_ROWS = 40


@dataclass(frozen=True)
class DifferenceRow:
    """A variant minus the baseline over `n` seeds; no interval and no p with one seed. `sure`: more than luck.

    `p` accounts for all variants compared.
    """

    variant: str
    n: int
    value: float
    low: float | None
    high: float | None
    p: float | None
    sure: bool


@dataclass(frozen=True)
class DifferenceSeries:
    """Differences of one metric from the baseline, in the variants' order."""

    title: str
    subtitle: str
    x_label: str
    rows: tuple[DifferenceRow, ...]
    theme: str
    notes: tuple[str, ...]


def prepare_differences(
    analysis: Analysis,
    metric: str = "best_val_data_loss",
    *,
    runs: Sequence[HasStatus] = (),
    dataset: str = "",
    task: Task | None = None,
    theme: str = "light",
) -> DifferenceSeries:
    """What to draw of the comparisons of `reporting.analysis.analyse`, for one of the metrics they have.

    `runs` are those analysed; if some of what is compared have not finished, the subtitle says so.
    Raises `NotFound` where the analysis has comparisons, and none of that metric.
    """
    comparisons = analysis.comparisons
    found = [comparison for comparison in comparisons if comparison.metric == metric]
    if comparisons and not found:
        names = dict.fromkeys(comparison.metric for comparison in comparisons)
        raise NotFound(f"There is no comparison of {metric!r}; there are: {', '.join(names)}")
    sequential = any(c.sequential for c in found)
    rows = tuple(
        DifferenceRow(c.variant, c.n, c.difference, low, high, p, c.finding in ("lower", "higher"))
        for c in found
        for low, high in [c.ends or (None, None)]
        for p in [c.p_anytime if sequential else None if c.finding == "equivalent" else c.p_holm]
        if c.difference is not None
    )
    notes = []
    if len(rows) > MAX_ROWS:
        notes.append(f"{MAX_ROWS} of {len(rows)} variants are drawn: those that differ most.")
        kept = sorted(rows, key=lambda row: -abs(row.value))[:MAX_ROWS]
        rows = tuple(row for row in rows if row in kept)
    baseline = found[0].baseline if found else "the baseline"
    called = brief([baseline, *(c.variant for c in found)])
    subtracted = called[baseline]
    least, most = (pick((row.n for row in rows), default=0) for pick in (min, max))
    n = f"{most}" if least == most else f"{least} to {most}"
    seeds = (
        "n = 1 seed, no interval"
        if most == 1
        else f"n = {n} seeds, paired; {100 * found[0].confidence:.3g}% intervals and p for all at once, at every look"
        if sequential
        else f"n = {n} seeds, paired; 95% interval (Student's t), not adjusted; p adjusted by Holm"
        if most
        else "no runs to compare yet"
    )
    compared = {baseline, *(c.variant for c in found)}
    held = _penalties(analysis, metric, compared)
    words = included(label(metric, task), held)
    done = progress([run for run in runs if not found or run.variant in compared])
    parts = [done, seeds, "filled: more than luck" if most > 1 else ""]
    if fewer := [f"{called[row.variant]} ({row.n})" for row in rows if row.n < most]:
        notes.append(f"Fewer seeds in common with {subtracted}: {', '.join(fewer)}.")
    equivalent = [c for c in found if c.finding == "equivalent" and not c.identical]
    if equivalent and not sequential:
        same = ", ".join(f"{called[c.variant]} (within {c.smallest:g})" for c in equivalent)
        notes.append(f"The same, by a {100 * found[0].confidence:.3g}% interval that holds at every look: {same}.")
    if copied := [c.variant for c in found if c.identical]:
        notes.append(f"Trained exactly as {subtracted}: {', '.join(called[name] for name in copied)}.")
    if bare := [called[row.variant] for row in rows if row.n > 1 and row.low is None and row.variant not in copied]:
        why = "No interval yet" if sequential else "The same difference in all seeds, so no interval"
        notes.append(f"{why}: {', '.join(bare)}.")
    if missing := [called[c.variant] for c in found if c.difference is None]:
        notes.append(f"No seed in common with {subtracted}: {', '.join(missing)}.")
    notes += explained(held, metric, called)
    on = f"{',' if held else ''} on {dataset}" if dataset else ""
    return DifferenceSeries(
        title=f"{words}{on}: difference from {subtracted}",
        subtitle="; ".join(part for part in parts if part),
        x_label=f"{words} − {subtracted}{in_unit(metric, task)}",
        rows=rows,
        theme=theme,
        notes=tuple(notes),
    )


def _penalties(analysis: Analysis, metric: str, compared: Collection[str]) -> dict[str, float]:
    """The mean penalty at the last epoch of each variant that has one in `metric`."""
    if metric.partition("_")[2] not in UNPENALISED:
        return {}
    means = {each.variant: each.across_seeds["penalty"].mean for each in analysis.variants}
    return {name: mean for name, mean in means.items() if name in compared and mean is not None and mean > NOTHING}
