"""A job's report: one page that needs nothing else, to read, to print and to keep."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from models.database import Database
from models.kinds.dataset import Dataset
from models.kinds.metric import Of
from models.kinds.metrics import DATA_LOSS, MEASURES, VAL_DATA_LOSS, VAL_LOSS, label, metric_of
from models.kinds.weights.norm import Norm
from models.specification import dataset_of, recorded_by, stored
from models.tables import Run
from reporting import plots
from reporting.across import Chosen, analyse_across, common_task, data_sets, labels, read_labelled
from reporting.penalties import penalties
from reporting.report import tables
from reporting.report.overrides import overrides
from reporting.results import Results
from reporting.why import why

WIDTH = 760
"""Of a figure, in pixels."""

SHORT = {"gap_at_end": "Gap at the last epoch", "rise": "Rise"}
"""Headings shorter than the labels; the text below the table explains them."""

LINE = 96
"""Characters on a line of the specification."""

templates = Environment(
    loader=PackageLoader("reporting.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(results: Results, error: str | None = None) -> str:
    """The page; `error` says why the job failed."""
    spec = results.job.spec
    return templates.get_template("report.html").render(
        job=results.job,
        error=error,
        spec=spec,
        baseline=spec["baseline"],
        dataset=_dataset_in_words(dataset_of(spec)),
        overrides=overrides(stored(spec)),
        task=results.task,
        measure=MEASURES[results.task.measure],
        columns=[label(name, results.task) for name in tables.columns(results.task)],
        effects=[SHORT.get(name) or label(name, results.task) for name in tables.EFFECTS_SHOWN],
        rows=tables.variants(results),
        comparisons=tables.comparisons(results.analysis, results.task, dataset_of(spec).validated_on),
        headline=results.analysis.headline,
        paragraph=results.analysis.paragraph,
        combinations=results.analysis.combinations,
        why=why(results.runs, results.rises, results.task).variants,
        mistakes=results.mistakes,
        warnings=results.analysis.warnings,
        figures=_inlined(figures(results, "svg", WIDTH)),
        tested=[label(f"test_{name}", results.task) for name in tables.tested(results.task)],
        scores=tables.test_scores(results.runs, results.task),
        together=tables.together(results),
        measured=[label(Of.VALIDATION + name, results.task) for name in tables.tested(results.task)],
        recalibrated=tables.recalibrated(results),
        failed=[run for run in results.runs if run.error],
        reused=sum(run.reused_from is not None for run in results.runs),
        fingerprints=fingerprints(results.runs),
        specification=_compact(spec),
    )


def render_comparison(
    database: Database, chosen: Sequence[Chosen], baseline: tuple[str, str], name: str, notes: str
) -> str:
    """The page of a comparison across jobs; see `analyse_across`."""
    analysis, task = analyse_across(database, chosen, baseline), common_task(chosen)
    histories, called = list(read_labelled(database, chosen)), labels(chosen)
    names = next(of for each, of in zip(chosen, called, strict=True) if each.job_id == baseline[0])
    drawn = []
    if any(history.epochs for history in histories):
        for metric in (VAL_DATA_LOSS, Of.VALIDATION + task.measure, DATA_LOSS.plural):
            series = plots.prepare(histories, metric, baseline=names[baseline[1]], dataset=data_sets(chosen), task=task)
            drawn.append((metric, plots.draw(series, "svg", WIDTH)))
    return templates.get_template("comparison.html").render(
        name=name,
        notes=notes,
        baseline=names[baseline[1]],
        jobs=[
            {"job_id": each.job_id, "name": each.name, "dataset": _dataset_in_words(dataset_of(each.spec))}
            for each in chosen
        ],
        columns=[label(column, task) for column in tables.columns(task)],
        rows=[
            {
                "name": each.variant,
                "analysis": each,
                "values": [tables.interval_over(each.across_seeds[column]) for column in tables.columns(task)],
            }
            for each in analysis.variants
        ],
        headline=analysis.headline,
        paragraph=analysis.paragraph,
        warnings=analysis.warnings,
        figures=_inlined(drawn),
        comparisons=tables.comparisons(analysis, task),
    )


def _inlined(drawn: Sequence[tuple[str, bytes]]) -> list[tuple[str, Markup]]:
    # Markup: drawn here, and matplotlib escapes the names on it.
    return [(name, Markup(_inline(svg, i))) for i, (name, svg) in enumerate(drawn)]


def figures(results: Results, format: str, width: int) -> list[tuple[str, bytes]]:
    """The figures that the job has data for, each with its name."""
    drawn: list[tuple[str, plots.Drawable]] = []
    baseline, dataset, histories, task = results.job.spec["baseline"], results.dataset, results.histories, results.task
    if any(history.epochs for history in histories):
        shown = [VAL_DATA_LOSS, VAL_LOSS, Of.VALIDATION + task.measure, DATA_LOSS.plural]
        shown += [name for name in recorded_by(results.job.spec) if _is_asked(name) and name not in shown]
        for metric in shown:
            if metric != VAL_LOSS or penalties(histories, VAL_LOSS):
                drawn.append((metric, plots.prepare(histories, metric, baseline=baseline, dataset=dataset, task=task)))
    job = plots.Source(
        results.job.spec,
        results.runs,
        results.read,
        results.analysis_in,
        why=lambda runs: results.rises,
        predictions=results.predictions,
    )
    for plot in plots.JOB_PLOTS.values():
        drawn += [(name, plot.prepare(job, options)) for name, options in plot.in_report(job).items()]
    return [(name, plots.draw(series, format, width)) for name, series in drawn]


def _is_asked(name: str) -> bool:
    """Whether it is drawn because the job asks for it: of layers' weights the norms alone."""
    metric = metric_of(name)
    return metric is not None and metric.measure.asked and (not metric.layer or metric.measure is Norm)


def fingerprints(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Each fingerprint once, with the ids of its runs."""
    found: dict[str, dict[str, Any]] = {}
    for run in runs:
        if run.fingerprint:
            key = json.dumps(run.fingerprint, sort_keys=True)
            found.setdefault(key, {"runs": [], "fingerprint": run.fingerprint})["runs"].append(run.id)
    return list(found.values())


def _dataset_in_words(dataset: Dataset) -> str:
    parts = [dataset.in_words()]
    if dataset.train_samples is not None:
        parts.append(f"trained on {dataset.train_samples:,}")
    parts.append(f"validated on {dataset.held_out:,} held out" if dataset.held_out else "validated on the test set")
    return "; ".join(parts)


def _compact(value: Any, indent: int = 0) -> str:
    """`value` as JSON; what fits on a line is on one, and short neighbours share theirs."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= LINE or not isinstance(value, dict | list) or not value:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {_compact(each, indent + 2)}" for key, each in value.items()]
    else:
        parts = [_compact(each, indent + 2) for each in value]
    lines: list[str] = []
    for part in parts:
        if lines and "\n" not in lines[-1] + part and len(inner) + len(lines[-1]) + len(part) + 3 <= LINE:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return f"{begin}\n{inner}" + f",\n{inner}".join(lines) + f"\n{' ' * indent}{end}"


_REFERENCES = (
    (re.compile(r'\bid="'), 'id="{}-'),
    (re.compile(r"url\(#"), "url(#{}-"),
    (re.compile(r'href="#'), 'href="#{}-'),
)


def _inline(svg: bytes, number: int) -> str:
    """A drawing to stand within a page: without its own document's head, and with ids no other figure has."""
    text = svg.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for pattern, prefixed in _REFERENCES:
        text = pattern.sub(prefixed.format(f"figure{number}"), text)
    return text
