"""The rules of how a variant is trained that take its data set and its length into account, and where a fault lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from models.faults import fault, in_words, sent
from models.kinds.axes import AXES
from models.kinds.dataset import Dataset
from models.kinds.plateau import ReduceOnPlateau
from models.kinds.schedule import Schedule
from models.specification import Training

SHOWN_CLASSES = 20
"""In the words of a fault."""

Place = tuple[str | int, ...]


def of_words(data: Dataset, place: Place) -> Iterator[dict[str, str]]:
    """What is wrong with the number of words of a variant's `data`, which is that of the job but for what it overrides;
    `place` is where it says so."""
    kind = type(data)
    if "num_words" not in kind.model_fields:
        if hasattr(data, "num_words"):
            yield fault(place, "not_for_dataset", f"{data.title} has no words")
        return
    try:
        kind.model_validate(data.model_dump())
    except ValidationError as invalid:
        yield from (
            fault(place, error["type"], in_words(error)) for error in invalid.errors() if error["loc"] == ("num_words",)
        )


def of_training(data: Dataset, within: Place, training: Training) -> Iterator[dict[str, str]]:
    """What is wrong with `training` on `data`; `within` is its place in the specification."""
    task = data.task
    if training.label_smoothing and not task.smoothed:
        detail = f"Labels of {task.title} are no classes that could be softened"
        yield fault((*within, "label_smoothing"), "not_for_task", detail)
    if training.class_weight is not None and not data.labels:
        yield fault((*within, "class_weight"), "not_for_task", f"{task.title.capitalize()} has no classes")
    elif isinstance(training.class_weight, dict):
        there = ", ".join(data.labels[:SHOWN_CLASSES]) + (", …" if len(data.labels) > SHOWN_CLASSES else "")
        for label in training.class_weight:
            if label not in data.labels:
                yield fault((*within, "class_weight", label), "unknown_class", f"The classes are: {there}")
        if not any(training.class_weight.get(label, 1) for label in data.labels):
            yield fault((*within, "class_weight"), "all_zero", "No row would count: a class at least needs a weight")
    yield from _of_learning_rate(data, (*within, "optimizer", "learning_rate"), training)


def _of_learning_rate(data: Dataset, place: Place, training: Training) -> Iterator[dict[str, str]]:
    rate, rows = training.optimizer.learning_rate, data.trained_on
    if isinstance(rate, Schedule) and rows > 0:
        updates = training.epochs * -(-rows // training.batch_size)
        field, needed = rate.reaches()
        if needed > updates:
            detail = f"The schedule takes {needed:,} updates, and the run has {updates:,}, one per batch"
            yield fault((*place, field), "longer_than_run", detail)
    recorded = training.recorded(data.task)
    if isinstance(rate, ReduceOnPlateau) and rate.reduce_on_plateau.monitor not in recorded:
        detail = f"No epoch will have it; each records: {', '.join(recorded)}"
        yield fault((*place, "reduce_on_plateau", "monitor"), "not_recorded", detail)


def placed(errors: Iterable[dict[str, str]], body: Any) -> list[dict[str, str]]:
    """The faults, each once, their places in the document that the client sent.

    What a variant has from the job's training lies there, what it has from a sweep at the axis that gives it.
    """
    found: dict[tuple[str, str], dict[str, str]] = {}
    for error in errors:
        pointer = _place(error["pointer"], body)
        found.setdefault((pointer, error["code"]), {**error, "pointer": pointer})
    return list(found.values())


def _place(pointer: str, body: Any) -> str:
    parts = pointer.split("/")[1:]
    steps = _steps(parts, body)
    if steps[:1] != ("variants",) or sent(body, steps[:2]):
        # A variant's training is completed by the job's.
        own = steps[2:3] == ("training",) and not sent(body, steps) and sent(body, _steps(parts[2:], body))
        return "/" + "/".join(parts[2:]) if own else _sent_part(parts, steps, body)
    grid = (
        body.get("sweep", {}).get("grid", {}) if isinstance(body, dict) and isinstance(body.get("sweep"), dict) else {}
    )
    axis = next((name for name in AXES if name in grid and name in steps), None)
    axis = axis or ("optimizer" if "optimizer" in steps and "optimizer" in grid else None)
    if axis:
        return f"/sweep/grid/{axis}"
    if steps[2:] and sent(body, _steps(parts[2:], body)):
        return "/" + "/".join(parts[2:])
    return "/sweep" if sent(body, ("sweep",)) else _sent_part(parts, steps, body)


def _steps(parts: Sequence[str], body: Any) -> Place:
    """A pointer's parts as steps into `body`: of digits is the number of an array's element, or a name."""
    steps: list[str | int] = []
    for part in parts:
        name = part.replace("~1", "/").replace("~0", "~")
        steps.append(int(part) if part.isdigit() and not sent(body, (*steps, name)) else name)
    return tuple(steps)


def _sent_part(parts: list[str], steps: Place, body: Any) -> str:
    """The pointer as far as the client's document goes, and to the member that is missing there."""
    node: Any = body
    for depth, step in enumerate(steps):
        if type(node) not in (dict, list):
            return "".join(f"/{each}" for each in parts[:depth])
        if not sent(node, (step,)):
            return "".join(f"/{each}" for each in parts[: depth + 1])
        node = node[step]
    return "".join(f"/{part}" for part in parts)
