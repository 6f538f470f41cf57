"""The plot of combinations: what each change of a swept axis makes of the loss, and which two of them add up."""

from __future__ import annotations

from collections.abc import Iterator

from models.errors import NotFound
from models.kinds.metrics import in_unit, label
from models.specification import dataset_of
from reporting.combinations import Combinations
from reporting.plots.differences import MAX_ROWS, DifferenceRow, DifferenceSeries
from reporting.plots.kind import JobPlot, NoOptions, Source
from reporting.plots.sweep import in_figures
from reporting.verdicts import LEVEL


def _of_job(job: Source, _options: NoOptions) -> DifferenceSeries:
    analysis, dataset = job.analysis("data"), dataset_of(job.spec)
    if (found := analysis.combinations) is None:
        raise NotFound("The job has no results of a whole sweep over two axes or more")
    compared = [each for each in analysis.comparisons if each.metric == found.metric]
    sequential = any(each.sequential for each in compared)
    within = next((each.smallest for each in compared if each.smallest is not None), None)
    rows = list(_rows(found, sequential))
    notes = ["a × b: what both make beyond the sum of what each makes alone; below 0 they help by more, above by less."]
    notes.append(f"Against {', '.join(dict.fromkeys(_change(e.axis, e.reference) for e in found.effects))}.")
    if same := [_pair(each.axes, each.levels) for each in found.interactions if each.finding == "equivalent"]:
        notes.append(f"They add up, by an interval that holds at every look (within {within:g}): {', '.join(same)}.")
    if sequential:
        notes.append("Seeds may be added: what is drawn takes their number as fixed.")
    if len(rows) > MAX_ROWS:
        notes.append(f"{MAX_ROWS} of {len(rows)} are drawn: those that are furthest from 0.")
        kept = sorted(rows, key=lambda row: -abs(row.value))[:MAX_ROWS]
        rows = [row for row in rows if row in kept]
    called, n = label(found.metric, dataset.task), len(found.seeds)
    return DifferenceSeries(
        title=f"{called} on {dataset.called}: what each change makes of it, and which add up",
        subtitle=f"n = {n} seeds, paired; 95% interval (Student's t), not adjusted; p adjusted by Holm; filled: more "
        "than luck" if n > 1 else "n = 1 seed, no interval",
        x_label=f"{called}, change{in_unit(found.metric, dataset.task)}",
        rows=tuple(rows),
        theme=job.theme,
        notes=tuple(notes),
    )  # fmt: skip


def _rows(found: Combinations, sequential: bool) -> Iterator[DifferenceRow]:
    """The main effects, then the interactions; the p of two that add up is not what shows that."""
    for effect in found.effects:
        low, high = effect.ci95 or (None, None)
        sure = not sequential and effect.p_holm is not None and effect.p_holm < LEVEL
        name = _change(effect.axis, effect.level)
        yield DifferenceRow(name, effect.n, effect.difference or 0.0, low, high, effect.p_holm, sure)
    for pair in found.interactions:
        low, high = pair.ci95 or (None, None)
        p = None if pair.finding == "equivalent" else pair.p_holm
        sure = pair.finding in ("lower", "higher")
        yield DifferenceRow(_pair(pair.axes, pair.levels), pair.n, pair.difference or 0.0, low, high, p, sure)


def _change(axis: str, level: float | str) -> str:
    return f"{axis}={in_figures(level)}"


def _pair(axes: tuple[str, str], levels: tuple[float | str, float | str]) -> str:
    return " × ".join(_change(axis, level) for axis, level in zip(axes, levels, strict=True))


PLOT = JobPlot(
    "combinations",
    "Draw which two changes add up",
    "Of a sweep over two axes or more: what each level makes of the best loss against the axis's reference, and what "
    "each two make beyond the sum, with intervals over the seeds. 404 without results of the whole grid.",
    NoOptions,
    _of_job,
    in_report=lambda job: {"combinations": NoOptions()} if job.analysis("data").combinations else {},
)
