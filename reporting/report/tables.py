"""The rows of a report's tables: numbers as they are read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from models.kinds.metric import Of
from models.kinds.metrics import DATA_LOSS, EFFECTS, MEASURES, VAL_DATA_LOSS, label
from models.kinds.task import Task
from models.tables import Run
from reporting.answers import Analysis
from reporting.results import Results
from reporting.smallest import whose
from reporting.statistics import CONFIDENCE, Estimate, estimate
from reporting.summary import by_variant

EFFECTS_SHOWN = (f"final_{VAL_DATA_LOSS}", *EFFECTS)
"""What a table of its own shows of the analysis: how much each variant overfits if training goes on."""


def columns(task: Task) -> tuple[str, ...]:
    """What the table of variants shows of the analysis: how good each is if training stops in time."""
    return f"best_{VAL_DATA_LOSS}", f"best_{Of.VALIDATION}{task.measure}"


def tested(task: Task) -> tuple[str, ...]:
    """The measures of the test set that the report shows."""
    return DATA_LOSS.name, task.measure


def variants(results: Results) -> list[dict[str, Any]]:
    """One row per variant, of the same runs that are compared: those that finished and did not diverge."""
    analysed = {each.variant: each for each in results.analysis.variants}
    runs = Counter(history.variant for history in results.histories)
    parameters = {run.variant: run.parameters for run in results.runs}
    return [
        {
            "name": name,
            "parameters": parameters[name],
            "baseline": name == results.job.spec["baseline"],
            "analysis": analysed[name],
            "best_epoch": analysed[name].best_epoch,
            "left_out": runs[name] - analysed[name].n,
            "runs": runs[name],
            "values": [interval_over(analysed[name].across_seeds[column]) for column in columns(results.task)],
            "effects": [interval_over(analysed[name].across_seeds[effect]) for effect in EFFECTS_SHOWN],
        }
        for name in by_variant(results.histories)
    ]


def comparisons(analysis: Analysis, task: Task, rows: int | None = None) -> list[dict[str, Any]]:
    """One table per metric: what is compared, and one row per variant; `rows`: of the validation set."""
    tables: dict[str, dict[str, Any]] = {}
    for each in analysis.comparisons:
        if each.difference is None:
            continue
        table = tables.setdefault(
            each.metric,
            {
                "title": label(each.metric, task),
                "at_every_look": each.sequential,
                "confidence": f"{100 * (each.confidence if each.sequential else CONFIDENCE):.3g}%",
                "within": None,
                "rows": [],
            },
        )
        digits = 2 if each.metric == "best_epoch" else 4

        same = each.finding == "equivalent"
        if same and not each.identical:
            table["within"] = f"{each.smallest:g}: {whose(each.smallest_from, each.baseline, rows)}"
        table["rows"].append(
            {
                "variant": each.variant,
                "n": each.n,
                "difference": f"{each.difference:+.{digits}f}",
                "interval": _ends(each.ends, digits),
                "at_every_look": same and not each.sequential and each.ends is not None,
                "both": _ends(each.intervals.both, digits),
                "p": _probability(None if each.sequential or same else each.p),
                "corrected": _probability(each.p_anytime if each.sequential else None if same else each.p_holm),
                "sure": each.finding in ("lower", "higher"),
                "in_words": each.in_words,
            }
        )
    return list(tables.values())


def _probability(p: float | None) -> str:
    return "" if p is None else "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def interval_over(over: Estimate) -> dict[str, str]:
    """A mean and its interval in words."""
    if over.mean is None:
        return {"mean": "–", "ci95": ""}
    mean = f"{over.mean:.4f}"
    if over.ci95 is None:
        return {"mean": mean, "ci95": ""}
    low, high = over.ci95
    between = " to " if low < 0 else "–"
    return {"mean": mean, "ci95": f"{low:.4f}{between}{high:.4f}"}


def test_scores(runs: Sequence[Run], task: Task) -> list[dict[str, Any]]:
    """With a holdout: the test set's scores at each run's chosen epoch, over a variant's seeds."""
    rows = []
    for name in dict.fromkeys(run.variant for run in runs):
        scored = [run.test for run in runs if run.variant == name and run.test]
        if scored:
            values = [
                interval_over(estimate([s[each] for s in scored if _finite(s.get(each))], MEASURES[each].bounds))
                for each in tested(task)
            ]
            rows.append({"variant": name, "n": len(scored), "values": values})
    return rows


def together(results: Results) -> dict[str, Any] | None:
    """A variant's seeds together in a row beside that of one of them; None if no variant has several."""
    if results.ensembles is None or not results.ensembles.variants:
        return None
    rows = []
    for each in results.ensembles.variants:
        for who, scores, against in (
            ("one seed", each.single, None),
            (f"{each.n} seeds together", each.together, each.against_baseline),
        ):
            rows.append(
                {
                    "variant": each.variant,
                    "who": who,
                    "scores": [f"{scores[name]:.4f}" if name in scores else "–" for name in tested(results.task)],
                    "difference": "" if against is None else f"{against.difference:+.4f}",
                    "interval": _ends(None if against is None else against.ci95),
                }
            )
    return {"sentence": results.ensembles.sentence, "rows": rows}


def recalibrated(results: Results) -> dict[str, Any] | None:
    """A row per variant: its loss as it is and recalibrated, and how it stands; None if nothing is kept of any."""
    of = results.recalibration
    if of is None or not of.variants:
        return None
    compared = {each.variant: each for each in of.comparisons}
    rows = []
    for variant in of.variants:
        each = compared.get(variant.variant)
        both = (None, None) if each is None else (each.before, each.difference)
        rows.append(
            {
                "of": variant,
                "differences": ["" if value is None else f"{value:+.4f}" for value in both],
                "interval": _ends(None if each is None else each.ci95),
                "in_words": "" if each is None else each.in_words,
            }
        )
    return {"sentence": of.sentence, "rows": rows}


def _ends(interval: tuple[float, float] | None, digits: int = 4) -> str:
    return "" if interval is None else f"{interval[0]:+.{digits}f} to {interval[1]:+.{digits}f}"


def _finite(value: Any) -> bool:
    return value is not None and math.isfinite(value)
