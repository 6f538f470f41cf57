"""Every kind of the catalogue keeps to what the rest of the program takes for granted."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from string import Formatter

import pytest
from pydantic import TypeAdapter, ValidationError

from models.kinds.axes import AXES
from models.kinds.axis import Axis, Network
from models.kinds.constraints import CONSTRAINTS
from models.kinds.dataset import Dataset, Holdout
from models.kinds.datasets import DATASETS, AnyDataset
from models.kinds.kind import Kind, Penalty, any_of, default, discover, unnamed
from models.kinds.layer import Layer
from models.kinds.layers import LAYERS, AnyLayer
from models.kinds.metrics import MEASURES, METRICS, PAIRS, VAL_DATA_LOSS, in_unit, label, phrase
from models.kinds.optimizers import OPTIMIZERS, AnyOptimizer
from models.kinds.regularizers import REGULARIZERS
from models.kinds.schedules import SCHEDULES
from models.kinds.task import Task
from models.kinds.tasks import TASKS
from models.kinds.tasks.regression import Regression

KINDS = [
    *LAYERS.values(),
    *OPTIMIZERS.values(),
    *SCHEDULES.values(),
    *REGULARIZERS.values(),
    *CONSTRAINTS.values(),
    *DATASETS.values(),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_kind_is_complete(kind: type[Kind]) -> None:
    example = kind.model_validate(kind.starts)
    assert kind.model_validate_json(example.model_dump_json()) == example
    assert re.fullmatch("[a-z0-9_]+" if kind.tag else r"\w+", kind.kind())
    assert kind.title
    assert kind.__doc__
    assert {*kind.starts, *kind.main} <= kind.model_fields.keys() - {kind.tag}
    if kind.tag:
        assert (kind.tag in kind.model_json_schema().get("required", ())) is not kind.unnamed


@pytest.mark.parametrize("kind", LAYERS.values(), ids=lambda kind: kind.__name__)
def test_a_layers_words_are_of_its_fields(kind: type[Layer]) -> None:
    assert {field for _, field, _, _ in Formatter().parse(kind.words) if field} <= kind.model_fields.keys()


@pytest.mark.parametrize("kind", DATASETS.values(), ids=lambda kind: kind.__name__)
def test_a_data_set_counts_its_rows(kind: type[Dataset]) -> None:
    data = kind.model_validate(kind.starts)
    rows = data.available
    assert (data.held_out, data.trained_on, data.validated_on) == (0, rows, data.tested)
    held = data.model_copy(update={"validation": Holdout(holdout=10)})
    assert (held.held_out, held.trained_on, held.validated_on) == (10, rows - 10, 10)
    few = held.model_copy(update={"train_samples": 3})
    assert (few.held_out, few.trained_on, few.validated_on) == (10, 3, 10)
    assert TASKS[data.task.name] is type(data.task)
    assert data.title in data.in_words()
    assert min(data.inputs, data.tested) > 0
    assert 0 <= data.numbers <= data.inputs
    assert (data.density > 0) == (data.numbers < data.inputs)


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_has_its_loader(name: str) -> None:
    assert (Path(__file__).parents[2] / "worker" / "data" / f"{name}.py").is_file()


SET = [kind.model_validate(kind.starts).task for kind in DATASETS.values()]


@pytest.mark.parametrize("task", [*SET, Regression("dollars", 2.0)], ids=lambda task: task.name)
def test_a_task_is_complete(task: Task) -> None:
    assert task.title
    assert in_unit(VAL_DATA_LOSS, task) == f" ({task.unit})" != " ()"
    assert in_unit(f"best_{VAL_DATA_LOSS}", task) == in_unit("data_losses", task) == f" ({task.unit})"
    assert in_unit(f"val_{task.measure}", task) == (f" ({task.measure_unit})" if task.measure_unit else "")
    assert in_unit("val_loss", task) == in_unit("best_epoch", task) == in_unit(VAL_DATA_LOSS, None) == ""
    assert task.output.units == task.units > 0
    assert task.chance is None or math.isfinite(task.chance)
    assert MEASURES[task.measure].title


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_a_loss_is_called_what_the_task_calls_it(task: type[Task]) -> None:
    assert phrase("val_data_loss", task) == f"validation {task.loss_title}"
    assert label("data_losses", task).casefold() == task.loss_title.casefold()
    assert label("best_val_data_loss", task) == f"Best validation {task.loss_title}"
    assert label("test_data_loss", task) == f"Test {task.loss_title}"
    assert label("val_loss", task) == "Validation loss", "Keras's, whatever it is made of"


def test_every_number_of_an_answer_has_a_label() -> None:
    of_answers = [f"{when}_{name}" for when in ("best", "final") for name in METRICS]
    labels = {name: label(name) for name in (*METRICS, *PAIRS, *of_answers, *(f"test_{name}" for name in MEASURES))}
    assert len(set(labels.values())) == len(labels), "two things have one name"
    assert labels["val_data_loss"] == "Validation loss without penalties"
    assert labels["best_val_acc"] == "Validation accuracy at the best epoch"
    assert labels["final_val_auc"] == "Final validation AUC"
    assert label("best_epoch") == "Best epoch"


@pytest.mark.parametrize("axis", AXES.values(), ids=lambda axis: axis.name)
def test_an_axis_changes_the_network_whatever_changed_before_it(axis: type[Axis]) -> None:
    def value(of: type[Axis], number: int) -> float | str:
        values = TypeAdapter(of.values)
        if choices := values.json_schema().get("enum"):
            return str(choices[number])
        return number / 10 if values.json_schema()["type"] == "number" else number

    network = Network()
    axis.vary(network, TypeAdapter(axis.values).validate_python(value(axis, 3)))
    assert network.raw() != Network().raw()
    for other in AXES.values():
        if other is not axis:
            other.vary(network, value(other, 4))
    before = json.dumps(network.raw())
    axis.vary(network, value(axis, 5))
    assert json.dumps(network.raw()) != before
    assert axis.title
    assert axis.__doc__


def test_more_of_what_holds_a_network_back_costs_nothing() -> None:
    assert [AXES[name].costs for name in ("units", "depth", "train_samples")] == [True] * 3
    assert not any(AXES[name].costs for name in ("l1", "l2", "dropout", "max_norm"))


def test_the_first_of_a_family_is_meant_if_none_is_named() -> None:
    assert default(OPTIMIZERS) == OPTIMIZERS["rmsprop"].model_validate({})
    assert next(iter(LAYERS)) == "dense"
    assert LAYERS["dense"].reads


def test_two_kinds_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = (
        "from typing import Literal\n"
        "from models.kinds.layer import Layer\n\n"
        "class Twice(Layer):\n"
        '    """Twice there."""\n'
        '    title, keras, words = "twice", "layers.ReLU", "twice"\n'
        '    type: Literal["twice"] = "twice"\n'
    )
    package = tmp_path / "doubled"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in ("a", "b"):
        (package / f"{name}.py").write_text(one)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TypeError, match="same name: twice, twice"):
        discover("doubled", [str(package)], Layer)


def test_kinds_without_a_name_are_told_apart_by_their_fields() -> None:
    class Range(Kind):
        low: Penalty
        high: Penalty

    class Most(Kind):
        high: Penalty
        strict: bool = False

    either: TypeAdapter[Kind] = TypeAdapter(any_of({"Range": Range, "Most": Most}))
    assert either.validate_python({"low": 1.0, "high": 2.0}) == Range(low=1.0, high=2.0)
    assert either.validate_python({"high": 2.0, "strict": True}) == Most(high=2.0, strict=True)
    assert either.validate_python(Most(high=2.0)) == Most(high=2.0)
    with pytest.raises(ValidationError) as refused:
        either.validate_python({"high": -1.0, "strict": True})
    assert [fault["loc"] for fault in refused.value.errors()] == [("Most", "high")]


def test_a_discriminator_is_a_required_field() -> None:
    """OpenAPI demands it, and clients that are made from the document refuse an object without it."""
    layers = TypeAdapter(AnyLayer).json_schema()
    assert layers["discriminator"]["mapping"].keys() == LAYERS.keys()
    assert all("type" in layer["required"] for layer in layers["$defs"].values() if "type" in layer["properties"])
    for family, kinds in ((AnyOptimizer, OPTIMIZERS), (AnyDataset, DATASETS)):
        either = TypeAdapter(family).json_schema()
        assert "discriminator" not in either
        named = [each for each in either["$defs"].values() if "name" in each["properties"]]
        without = [each["title"] for each in named if "name" not in each.get("required", ())]
        assert without == [kinds[unnamed(kinds)].__name__]
