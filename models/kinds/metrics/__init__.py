"""The measures: a kind in each module here; and the metrics of an epoch that they make."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from pydantic import AfterValidator, Field

from models.errors import NotForTask
from models.kinds.kind import among, discover
from models.kinds.metric import Measure, Metric, Of
from models.kinds.task import Task
from models.kinds.weights import WEIGHTS

MEASURES = discover(__name__, __path__, Measure)

_ALL = [
    Metric(measure, of) for measure in MEASURES.values() for of in ((Of.VALIDATION,) if measure.asked else tuple(Of))
]
_PLACES = list(Of)


def _place(metric: Metric) -> tuple[int | bool, ...]:
    return metric.of == Of.EVALUATED, metric.measure.asked, not metric.measure.keras, _PLACES.index(metric.of)


METRICS = {metric.name: metric for metric in sorted(_ALL, key=_place)}
"""Every metric that an epoch may have, by name, in the order of columns; those of layers come behind them."""


def metric_of(name: str) -> Metric | None:
    """The metric of this name, one of `METRICS` or a measure of a layer's weights; None if there is none."""
    measure, _, layer = name.partition(".")
    return Metric(WEIGHTS[measure], Of.TRAINING, layer) if layer and measure in WEIGHTS else METRICS.get(name)


PAIRS = {
    measure.plural: (measure.name, Of.VALIDATION + measure.name) for measure in MEASURES.values() if measure.plural
}
"""Training against validation in one figure, by its name."""

UNPENALISED = {
    of + name: of + measure.unpenalised for name, measure in MEASURES.items() for of in Of if measure.unpenalised
} | {measure.plural: MEASURES[measure.unpenalised].plural for measure in MEASURES.values() if measure.unpenalised}
"""What shows the same without the weights' penalties, of a metric or a pair that has them in it."""
PENALISED = {without: name for name, without in UNPENALISED.items()}
"""The other way round."""

LOSS = next(measure for measure in MEASURES.values() if measure.penalised)
"""The loss that is trained on."""
DATA_LOSS = MEASURES[LOSS.unpenalised]
"""The same without the weights' penalties: fair to networks with and without them."""
VAL_LOSS, VAL_DATA_LOSS = Of.VALIDATION + LOSS.name, Of.VALIDATION + DATA_LOSS.name


EFFECTS = {
    "gap_at_end": "gap between validation and training loss at the last epoch",
    "rise": "rise of the validation loss from the best to the last epoch",
}
"""Numbers of the analysis that tell how much a network overfits, and what people call them."""


def phrase(name: str, task: Task | type[Task] | None = None) -> str:
    """What people call `name` within a sentence, in jobs of `task`; None: if they have no task in common.

    `name` is a metric's, a pair's, or that of a number in answers: `best_` or `final_` and a metric, `test_` and a
    measure. Of a loss, `best_` is its least value; of another metric, its value at the best epoch.
    """
    when, _, what = name.partition("_")
    if name in EFFECTS:
        return EFFECTS[name]
    if metric := metric_of(name):
        return metric.phrase(task)
    if name in PAIRS:
        return METRICS[PAIRS[name][0]].measure.titled(task)
    if when == "test" and what in MEASURES:
        return f"test {MEASURES[what].titled(task)}"
    if when == "best" and what in METRICS and not METRICS[what].measure.loss:
        return f"{METRICS[what].phrase(task)} at the best epoch"
    return f"{when} {METRICS[what].phrase(task)}" if what in METRICS else name.replace("_", " ")


def label(name: str, task: Task | type[Task] | None = None) -> str:
    """The same at the beginning of a line: in headings and on axes."""
    words = phrase(name, task)
    return words[:1].upper() + words[1:]


def in_unit(name: str, task: Task | None) -> str:
    """Behind a label, the unit in jobs of `task` of whatever `phrase` has words for; nothing if there is none."""
    metric = METRICS.get(PAIRS.get(name, (name,))[0]) or METRICS.get(name.partition("_")[2])
    unit = metric.measure.measured_in(task) if metric and task else ""
    return f" ({unit})" if unit else ""


def scored(task: Task | type[Task]) -> tuple[str, ...]:
    """The measures of the test set at the chosen epoch, by name: those that Keras computes batch by batch."""
    return tuple(name for name, each in MEASURES.items() if not each.asked and (each.loss or name == task.measure))


def recorded(
    task: Task, evaluate_train: bool = False, asked: Collection[str] = (), layers: Collection[str] = ()
) -> tuple[str, ...]:
    """The names of the metrics of each epoch of a run, in their order.

    `asked` are the measures it asks for, `layers` the names of those whose weights are measured.
    """
    always = scored(task)

    def is_recorded(metric: Metric) -> bool:
        name = metric.measure.name
        return name in asked or (name in always and (metric.of != Of.EVALUATED or evaluate_train))

    of_layers = (Metric(measure, Of.TRAINING, layer).name for measure in WEIGHTS.values() for layer in layers)
    return (*(name for name, metric in METRICS.items() if is_recorded(metric)), *of_layers)


def offered(task: Task | type[Task]) -> tuple[str, ...]:
    """The measures that jobs of this task have in every epoch, or may ask for, by name."""
    fits = [name for name, each in MEASURES.items() if each.asked and (not each.tasks or task.name in each.tasks)]
    return (*scored(task), *fits)


def check_offered(name: str, task: Task) -> None:
    """Raises NotForTask if no job of this task has the metric, or the pair of them, of this name."""
    if name not in METRICS and metric_of(name):
        return  # layers have weights whatever the task is
    own = [each for each, metric in METRICS.items() if metric.measure.name in offered(task)]
    if PAIRS.get(name, (name,))[0] not in own:
        there = ", ".join([*own, *(pair for pair, (first, _) in PAIRS.items() if first in own)])
        raise NotForTask(f"{name} is not measured of {task.title}; there are: {there}")


ASKED = [name for name, measure in MEASURES.items() if measure.asked]
"""The measures that `training.metrics` may name."""

MetricName = Annotated[
    str, AfterValidator(among(METRICS, "the metrics")), Field(json_schema_extra={"enum": list(METRICS)})
]
AskedName = Annotated[
    str, AfterValidator(among(ASKED, "the metrics to ask for")), Field(json_schema_extra={"enum": ASKED})
]
