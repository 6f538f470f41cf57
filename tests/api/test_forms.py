"""The form's fields are those of the catalogue."""

from __future__ import annotations

from api.pages.forms import forms, layers_in_words
from models.kinds.axes import AXES
from models.kinds.constraints import CONSTRAINTS
from models.kinds.datasets import DATASETS
from models.kinds.layers import LAYERS
from models.kinds.metrics import ASKED
from models.kinds.optimizers import OPTIMIZERS
from models.kinds.schedules import SCHEDULES


def test_every_kind_has_its_fields() -> None:
    fields = forms()["fields"]
    for family, kinds in (("layers", LAYERS), ("optimizers", OPTIMIZERS), ("datasets", DATASETS)):
        assert list(fields[family]) == list(kinds)
        for name, kind in kinds.items():
            shown = {field["name"]: field for field in fields[family][name]["fields"]}
            assert shown.keys() == kind.model_fields.keys() - {kind.tag}
            assert {field for field in shown if shown[field]["main"]} == set(kind.main)
            assert {field: shown[field]["start"] for field in kind.starts} == kind.starts
            assert (fields[family][name]["title"], shown != {}) == (kind.title, len(kind.model_fields) > 1)
    assert [axis["name"] for axis in fields["axes"]] == list(AXES)
    assert [each["name"] for each in fields["metrics"]] == ASKED
    assert all(each["title"] and each["about"] for each in (*fields["axes"], *fields["metrics"]))
    assert layers_in_words()["dense"] == {
        "words": "{units} {activation}",
        "defaults": {"units": None, "activation": "linear"},
    }


def test_an_input_fits_its_field() -> None:
    fields = forms()["fields"]
    kinds = {field["name"]: field["kind"] for field in fields["training"]}
    assert kinds == {
        "epochs": "integer", "batch_size": "integer", "optimizer": "nested", "early_stopping": "nested",
        "evaluate_train": "switch", "metrics": "nested", "label_smoothing": "number", "class_weight": "choice",
        "weights": "switch",
    }  # fmt: skip
    weights = next(field for field in fields["training"] if field["name"] == "class_weight")
    assert (weights["choices"], weights["default"]) == (["balanced"], None)
    optimizer = {field["name"]: field for field in fields["optimizers"]["sgd"]["fields"]}
    rate = optimizer["learning_rate"]
    assert (rate["kind"], rate["varies"], rate["tag"], rate["default"]) == ("family", True, "schedule", 0.01)
    assert list(rate["family"]) == [*SCHEDULES, "reduce_on_plateau"]
    assert rate["family"]["reduce_on_plateau"]["within"] == "reduce_on_plateau"
    steps = {field["name"]: field for field in rate["family"]["piecewise_constant_decay"]["fields"]}
    assert (steps["values"]["kind"], steps["values"]["start"]) == ("list", (0.001, 0.0005, 0.0001))
    assert [optimizer[name]["kind"] for name in ("clipnorm", "use_ema", "weight_decay")] == [
        "number",
        "switch",
        "number",
    ]
    dense = {field["name"]: field for field in fields["layers"]["dense"]["fields"]}
    assert [dense[name]["kind"] for name in ("units", "activation", "use_bias")] == ["integer", "choice", "switch"]
    constraint = dense["kernel_constraint"]
    assert (constraint["kind"], list(constraint["family"])) == ("family", list(CONSTRAINTS))
    assert [field["name"] for field in constraint["family"]["max_norm"]["fields"]] == ["max_value"]
    assert not any(field["family"] for field in fields["training"])
    assert [part["name"] for part in dense["kernel_regularizer"]["parts"]] == ["l1", "l2"]
    assert (dense["units"]["low"], dense["units"]["high"], dense["units"]["required"]) == (1, 4096, True)
