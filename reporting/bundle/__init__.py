"""A job in one archive: what was asked for, what came of it, figures, and a script that trains it without Ockham."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any

from models import drawing
from models.kinds.metric import Measure, Of
from models.kinds.metrics import MEASURES, METRICS
from models.kinds.weights import WEIGHTS
from models.specification import FIXED_SEED, RunSpecification, Specification, recorded_by, stored
from reporting import archive
from reporting.answer import Answer
from reporting.formats import FORMATS, Export
from reporting.reading import in_parts
from reporting.report import figures, fingerprints, render
from reporting.results import Results

WIDTH = 1200
"""Of a figure, in pixels."""

README = """\
{name}
{line}

specification.json  the whole experiment, nothing left implicit; submit it again as it stands
job.json            the job with its runs
fingerprints.json   what the runs were trained under, and which ones
history.csv         every epoch of every run; history.parquet the same
metrics.json        the final and the best epoch of each run, and means over seeds
analysis.json       overfitting and comparisons; analysis-keras.json with Keras's losses, penalties included
report.html         all of it to read and print
figures/            as PNG and SVG
networks.json       the variants' layers and optimizers as Keras's classes and their arguments
train.py            trains the same variants with Keras alone, from specification.json and networks.json:

    pip install 'keras>=3.8' tensorflow
    python train.py

The script's numbers differ from these as those of another seed would: Keras draws other initial
weights and other batches than the service.
"""


_DRAWING = (drawing.stream, drawing.split, drawing.resample, drawing.rows_drawn)


def zipped(results: Results, job: dict[str, Any]) -> Iterator[bytes]:
    """The archive, piece by piece. `job`: as the API shows it."""
    changed = results.job.finished_at or results.job.created_at
    return archive.zipped((f"{results.job.id}/{name}", changed, pieces) for name, pieces in _contents(results, job))


def _contents(results: Results, job: dict[str, Any]) -> Iterator[tuple[str, Iterable[bytes]]]:
    name = results.job.name
    yield "README.txt", [README.format(name=name, line="=" * len(name)).encode()]
    yield "specification.json", _json(results.job.spec)
    yield "job.json", _json(job)
    yield "fingerprints.json", _json(fingerprints(results.runs))
    for format in ("csv", "parquet"):
        export = Export(
            runs=results.runs,
            chunks=in_parts(results.histories, lambda history: len(history.epochs)),
            recorded={results.job.id: recorded_by(results.job.spec)},
            head={},
        )
        yield f"history.{format}", FORMATS[format].write(export)
    yield "metrics.json", _answer(results.metrics)
    yield "analysis.json", _answer(results.analysis)
    yield "analysis-keras.json", _answer(results.keras)
    yield "report.html", [render(results, job["error"] and job["error"]["message"]).encode()]
    for picture in ("png", "svg"):
        for figure, drawn in figures(results, picture, WIDTH):
            yield f"figures/{figure}.{picture}", [drawn]
    specification = stored(results.job.spec)
    yield "networks.json", _json({v.name: network(specification.run(v.name, 0)) for v in specification.variants})
    yield "train.py", [script(specification).encode()]


def network(run: RunSpecification) -> dict[str, Any]:
    """A variant's network and what it is trained with, for a program that knows Keras alone."""
    task = run.dataset.task
    return {
        "inputs": run.dataset.inputs,
        "layers": [layer.in_keras() for layer in (*run.layers, task.output)],
        "optimizer": run.training.optimizer.in_keras(),
        "callbacks": [plateau.in_keras()] if (plateau := run.training.optimizer.plateau) else [],
        "loss": task.loss,
        "smoothed": task.smoothed,
        "classes": run.dataset.labels,
        "measure": task.measure,
        "score": task.score,
    }


def script(specification: Specification) -> str:
    """The program that trains a job's variants without Ockham."""
    text = files("reporting.bundle").joinpath("train.py.txt").read_text("utf-8")
    columns = recorded_by(specification.model_dump(mode="json"))
    higher = [name for name, metric in METRICS.items() if metric.measure.higher_is_better]
    metrics = [f"METRICS = {columns}", f"HIGHER_IS_BETTER = {higher}", "MEASURES = {}", "WEIGHTS = {}"]
    for name, measure in MEASURES.items():
        if measure.asked and Of.VALIDATION + name in columns:
            metrics += _valued(f"MEASURES[{name!r}]", measure)
    for name, of_weights in WEIGHTS.items():
        if any(column.startswith(f"{name}.") for column in columns):
            metrics += _valued(f"WEIGHTS[{name!r}]", of_weights)
    draws = [f"FIXED_SEED, SPLIT, SAMPLE = {FIXED_SEED}, {drawing.SPLIT}, {drawing.SAMPLE}"]
    draws += ["\n\n" + inspect.getsource(each).rstrip() for each in _DRAWING]
    return (
        text.replace("#: data set\n", specification.dataset.script)
        .replace("#: metrics\n", "\n".join(metrics) + "\n")
        .replace("#: drawing\n", "\n".join(draws) + "\n")
    )


def _valued(place: str, measure: type[Measure]) -> list[str]:
    """Lines that put the measure's function at `place`."""
    source = textwrap.dedent(inspect.getsource(measure.value)).removeprefix("@staticmethod\n")
    return ["", "", source.replace("  # type: ignore[override]", "").rstrip(), "", "", f"{place} = value"]


def _answer(value: Answer) -> list[bytes]:
    return [value.model_dump_json(indent=2).encode() + b"\n"]


def _json(value: Any) -> list[bytes]:
    return [json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"]
