"""Specifications: what is filled in, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models import presets
from models.errors import SpecificationError
from models.estimates import cost_of
from models.kinds.layers.dense import Dense
from models.kinds.metrics import MEASURES
from models.kinds.optimizers import OPTIMIZERS
from models.resolution import resolve
from models.reuse import key_of
from models.specification import MAX_METADATA_BYTES, Specification, stored


def faults(body: Any) -> dict[str, str]:
    """The pointers and codes of what is wrong with `body`."""
    with pytest.raises(SpecificationError) as refused:
        resolve(body)
    return {fault["pointer"]: fault["code"] for fault in refused.value.errors}


def test_the_notebook_has_the_notebooks_values() -> None:
    spec = resolve({"preset": "notebook"})
    assert [variant.name for variant in spec.variants] == ["original", "smaller", "bigger", "l2", "dropout"]
    assert (spec.baseline, spec.seeds, spec.reuse) == ("original", (0,), "allow")
    assert (spec.dataset.name, spec.dataset.inputs, spec.dataset.validation) == ("imdb", 10_000, "test")
    assert (spec.training.epochs, spec.training.batch_size, spec.training.optimizer.name) == (20, 512, "rmsprop")
    sizes = [cost_of(spec.run(variant.name, 0)).parameters for variant in spec.variants]
    assert sizes == [160_305, 40_029, 5_383_681, 160_305, 160_305]


def test_nothing_is_left_implicit_and_the_result_is_a_valid_body() -> None:
    body = {
        "variants": [
            "original",
            {"name": "more", "preset": "l2", "training": {"epochs": 3}, "dataset": {"train_samples": 9}},
        ],
        "training": {"batch_size": 64, "optimizer": {"name": "adam"}, "early_stopping": {}},
        "dataset": {"validation": {"holdout": 10_000}},
    }
    document = json.loads(resolve(body).model_dump_json())
    assert document["training"]["optimizer"]["beta_1"] == 0.9
    assert document["training"]["early_stopping"]["monitor"] == "val_data_loss"
    assert document["variants"][1]["training"]["epochs"] == 3
    assert document["variants"][1]["training"]["batch_size"] == 64  # the job's own
    assert resolve(document) == resolve(body) == stored(document)


def test_a_run_has_its_variants_overrides() -> None:
    spec = resolve(
        {"variants": ["original", {"name": "original less", "preset": "original", "dataset": {"train_samples": 100}}]}
    )
    assert spec.run("original", 0).dataset.train_samples is None
    assert spec.run("original less", 0).dataset.train_samples == 100
    assert spec.run("original", 0).layers == spec.run("original less", 0).layers
    with pytest.raises(KeyError):
        spec.run("nobody", 0)


def test_fields_beside_a_preset_override_its_own() -> None:
    spec = resolve(
        {"preset": "notebook", "variants": ["smaller", "l1"], "baseline": "l1", "name": "mine", "seeds": [3, 4]}
    )
    assert (spec.name, spec.baseline, spec.seeds) == ("mine", "l1", (3, 4))
    assert [variant.name for variant in spec.variants] == ["smaller", "l1"]


def test_a_presets_baseline_ends_with_its_variants() -> None:
    assert resolve({"preset": "notebook", "variants": ["l1"]}).baseline == "l1"
    assert resolve({"preset": "notebook", "variants": ["l1", "original"]}).baseline == "original"
    assert faults({"preset": "notebook", "variants": ["l1"], "baseline": "l2"}) == {"/baseline": "unknown_variant"}


def test_the_first_variant_is_the_baseline_where_none_is_named() -> None:
    assert resolve({"variants": ["l2", "original"]}).baseline == "l2"


def test_no_hidden_layer_is_logistic_regression() -> None:
    spec = resolve({"variants": [{"name": "logistic", "layers": []}]})
    assert cost_of(spec.run("logistic", 0)).parameters == 10_001


def test_every_fault_is_told_at_once() -> None:
    assert faults(
        {
            "name": " padded",
            "variants": [
                "original",
                "original",
                "nobody",
                3,
                {
                    "name": "x",
                    "layers": [
                        {"type": "dense", "units": 0},
                        {"type": "nope"},
                        {"type": "dropout", "rate": 1.0, "z": 1},
                    ],
                },
            ],
            "baseline": "absent",
            "seeds": [1, 1, -1],
            "dataset": {"num_words": 1, "validation": {"holdout": 0}},
            "training": {"epochs": "many", "optimizer": {"name": "sgdd"}},
            "unknown": 1,
        }
    ) == {
        "/name": "value_error",
        "/variants/1": "duplicate",
        "/variants/2": "unknown_preset",
        "/variants/3": "model_type",
        "/variants/4/layers/0/units": "greater_than_equal",
        "/variants/4/layers/1": "union_tag_invalid",
        "/variants/4/layers/2/rate": "less_than",
        "/variants/4/layers/2/z": "extra_forbidden",
        "/baseline": "unknown_variant",
        "/seeds/1": "duplicate",
        "/seeds/2": "greater_than_equal",
        "/dataset/num_words": "greater_than_equal",
        "/dataset/validation/holdout": "greater_than_equal",
        "/training/epochs": "int_type",
        "/training/optimizer": "union_tag_invalid",
        "/unknown": "extra_forbidden",
    }


COSINE: dict[str, Any] = {
    "learning_rate": {"schedule": "cosine_decay", "initial_learning_rate": 0.01, "decay_steps": 147}
}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], {"": "dict_type"}),
        ({}, {"/variants": "missing"}),
        ({"variants": []}, {"/variants": "too_short"}),
        ({"preset": "nobody"}, {"/preset": "unknown_preset"}),
        ({"variants": ["original"], "seeds": [True]}, {"/seeds/0": "int_type"}),
        ({"variants": ["original"], "seeds": [2**32]}, {"/seeds/0": "less_than_equal"}),
        ({"variants": ["original"] * 501}, {"/variants": "too_long"}),
        ({"variants": ["original", "l2"], "seeds": list(range(101))}, {"/seeds": "too_long"}),
        ({"variants": ["original"], "seeds": ["text"] * 9_000}, {"/seeds": "too_long"}),
        (
            {"variants": [{"name": "x", "layers": [{"type": "batch_normalization"}]}]},
            {"/variants/0/layers/0": "first_layer_not_dense"},
        ),
        (
            {
                "variants": [
                    {"name": "x", "layers": [{"type": "dropout", "rate": 0.5}, {"type": "layer_normalization"}]}
                ]
            },
            {"/variants/0/layers/1": "first_layer_not_dense"},
        ),
        (
            {"variants": ["l1"], "training": {"optimizer": {"clipnorm": 1.0, "clipvalue": 1.0}}},
            {"/training/optimizer/clipvalue": "value_error"},
        ),
        (
            {"variants": ["l1"], "training": {"optimizer": {"ema_momentum": 0.9}}},
            {"/training/optimizer/ema_momentum": "value_error"},
        ),
        (
            {"variants": ["l1"], "training": {"optimizer": {"learning_rate": 1e-46}}},
            {"/training/optimizer/learning_rate": "value_error"},
        ),
        (
            {"variants": ["l1"], "training": {"optimizer": {"learning_rate": {"schedule": "sine"}}}},
            {"/training/optimizer/learning_rate": "unknown_schedule"},
        ),
        (
            {"variants": ["l1"], "training": {"optimizer": {"learning_rate": {"schedule": "cosine_decay"}}}},
            {
                "/training/optimizer/learning_rate/initial_learning_rate": "missing",
                "/training/optimizer/learning_rate/decay_steps": "missing",
            },
        ),
        (
            {"variants": ["l1"], "training": {"optimizer": {"learning_rate": {"reduce_on_plateau": {"factor": 1}}}}},
            {"/training/optimizer/learning_rate/reduce_on_plateau/factor": "less_than"},
        ),
        (
            {
                "variants": ["l1"],
                "training": {"optimizer": {"learning_rate": {"reduce_on_plateau": {"monitor": "val_auc"}}}},
            },
            {"/training/optimizer/learning_rate/reduce_on_plateau/monitor": "not_recorded"},
        ),
        (
            {
                "variants": ["l1"],
                "training": {
                    "optimizer": {
                        "learning_rate": {
                            "schedule": "piecewise_constant_decay",
                            "boundaries": [20, 10],
                            "values": [0.1],
                        }
                    }
                },
            },
            {"/training/optimizer/learning_rate/boundaries": "value_error"},
        ),
        (
            {
                "variants": ["l1"],
                "training": {
                    "optimizer": {
                        "learning_rate": {
                            "schedule": "piecewise_constant_decay",
                            "boundaries": [10, 20],
                            "values": [0.1],
                        }
                    }
                },
            },
            {"/training/optimizer/learning_rate/values": "value_error"},
        ),
        (
            {"variants": ["l1"], "training": {"optimizer": {"learning_rate": {"reduce_on_plateau": {}, "decay": 1}}}},
            {"/training/optimizer/learning_rate/decay": "extra_forbidden"},
        ),
        # 49 batches an epoch: the second variant's run is too short for the job's schedule, the third's own too long.
        (
            {
                "training": {"epochs": 3, "optimizer": COSINE},
                "variants": [
                    "l1",
                    {"name": "short", "preset": "l1", "training": {"epochs": 2, "optimizer": {"clipnorm": 1}}},
                    {
                        "name": "long",
                        "preset": "l1",
                        "training": {
                            "optimizer": {
                                "learning_rate": {**COSINE["learning_rate"], "warmup_target": 1.0, "warmup_steps": 100}
                            }
                        },
                    },
                ],
            },
            {
                "/training/optimizer/learning_rate/decay_steps": "longer_than_run",
                "/variants/2/training/optimizer/learning_rate/decay_steps": "longer_than_run",
            },
        ),
        ({"variants": ["l1"], "training": {"label_smoothing": 1}}, {"/training/label_smoothing": "less_than"}),
        (
            {"variants": ["l1"], "training": {"class_weight": {"2": 1.0, "0": -1}}},
            {"/training/class_weight/0": "greater_than_equal"},
        ),
        (
            {"variants": ["l1", {"name": "x", "preset": "l2", "training": {"class_weight": {"2": 1, "1": 2}}}]},
            {"/variants/1/training/class_weight/2": "unknown_class"},
        ),
        (  # a variant has it from the job
            {
                "variants": ["l1", {"name": "x", "preset": "l2", "training": {"epochs": 3}}],
                "training": {"class_weight": {"7": 1}},
            },
            {"/training/class_weight/7": "unknown_class"},
        ),
        (
            {"sweep": {"grid": {"batch_size": [32, 64]}}, "training": {"class_weight": {"7": 1}}},
            {"/training/class_weight/7": "unknown_class"},
        ),
        (
            {"variants": ["l1"], "training": {"class_weight": {"0": 0, "1": 0}}},
            {"/training/class_weight": "all_zero"},
        ),
        ({"sweep": {"grid": {"label_smoothing": [0, 1]}}}, {"/sweep/grid/label_smoothing/1": "less_than"}),
        ({"sweep": {"grid": {"units": [4, 8, 4]}}}, {"/sweep/grid/units/2": "duplicate"}),
        # 10 updates: what a sweep or a variant changes of rows, batches or epochs makes the job's schedule too long.
        (
            {
                "sweep": {"grid": {"train_samples": [500, 25_000]}},
                "training": {"epochs": 10, "optimizer": COSINE},
            },
            {"/training/optimizer/learning_rate/decay_steps": "longer_than_run"},
        ),
        (
            {
                "sweep": {"grid": {"train_samples": [500, 25_000], "batch_size": [512]}},
                "training": {"epochs": 10, "optimizer": COSINE},
            },
            {"/training/optimizer/learning_rate/decay_steps": "longer_than_run"},
        ),
        (
            {
                "variants": ["l1", {"name": "few", "preset": "l1", "dataset": {"train_samples": 500}}],
                "training": {"epochs": 10, "optimizer": COSINE},
            },
            {"/training/optimizer/learning_rate/decay_steps": "longer_than_run"},
        ),
        (
            {
                "variants": ["l1", {"name": "short", "preset": "l1", "training": {"batch_size": 25_000}}],
                "training": {"epochs": 10, "optimizer": COSINE},
            },
            {"/training/optimizer/learning_rate/decay_steps": "longer_than_run"},
        ),
        (
            {
                "variants": ["l1"],
                "dataset": {"name": "synthetic_table", "classes": None},
                "training": {"class_weight": "balanced", "label_smoothing": 0.1},
            },
            {"/training/class_weight": "not_for_task", "/training/label_smoothing": "not_for_task"},
        ),
        ({"variants": [{"name": "x", "preset": "l1", "layers": []}]}, {"/variants/0/preset": "preset_and_layers"}),
        ({"variants": [{"name": "a,b", "layers": []}]}, {"/variants/0/name": "string_pattern_mismatch"}),
        ({"variants": ["l1"], "dataset": {"train_samples": 25_001}}, {"/dataset/train_samples": "too_large"}),
        (
            {"variants": ["l1"], "dataset": {"train_samples": 20_000, "validation": {"holdout": 10_000}}},
            {"/dataset/train_samples": "too_large"},
        ),
        (
            {"variants": ["l1"], "dataset": {"validation": {"holdout": 25_000}}},
            {"/dataset/validation/holdout": "too_large"},
        ),
        (
            {"variants": ["original"], "training": {"epochs": 0}, "baseline": None},
            {"/training/epochs": "greater_than_equal"},
        ),
        (
            {"variants": [{"name": "original", "training": {"batch_size": 0}}], "training": {"epochs": 0}},
            {"/training/epochs": "greater_than_equal", "/variants/0/training/batch_size": "greater_than_equal"},
        ),
    ],
)
def test_what_is_refused(body: Any, expected: dict[str, str]) -> None:
    assert faults(body) == expected


VALIDATION = 'Validate on "test", or hold training rows out, such as {"holdout": 1000} or {"holdout": 0.2}'


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (
            {"dataset": {"validation": {"holdout": -1}}},
            "The number of rows is at least 1; a share of them is above 0 and below 1",
        ),
        (
            {"dataset": {"validation": {"holdout": 2_000_000}}},
            "The number of rows is at most 1,000,000; a share of them is above 0 and below 1",
        ),
        (
            {"dataset": {"validation": {"holdout": 1.5}}},
            "A share is above 0 and below 1; a number of rows is a whole number",
        ),
        ({"dataset": {"validation": {"holdout": True}}}, "It is a number of rows, or a share of them, such as 0.2"),
        ({"dataset": {"validation": {}}}, "Field required"),
        ({"dataset": {"validation": "tset"}}, VALIDATION),
        ({"dataset": {"validation": 5}}, VALIDATION),
        ({"dataset": {"validation": None}}, VALIDATION),
        ({"dataset": {"validation": []}}, VALIDATION),
        ({"training": 4}, "Input should be an object"),
        ({"seeds": 3}, "Input should be an array"),
        ({"seeds": []}, "The array should have at least 1 item, not 0"),
        ({"metadata": []}, "Input should be an object"),
        ({"name": " x"}, "A name cannot begin with a space: U+0020 (space) at character 1"),
    ],
)
def test_a_fault_is_told_once_and_in_json_s_words(body: Any, detail: str) -> None:
    with pytest.raises(SpecificationError) as refused:
        resolve({"variants": ["original"], **body})
    assert [fault["detail"] for fault in refused.value.errors] == [detail]


@pytest.mark.parametrize(
    ("dataset", "rows"),
    [
        ({"validation": {"holdout": 0.2}}, 5000),
        ({"name": "reuters", "validation": {"holdout": 0.5}}, 4491),
        ({"name": "synthetic", "reviews": 2, "validation": {"holdout": 0.99}}, 1),
        ({"name": "synthetic", "reviews": 2, "validation": {"holdout": 1e-9}}, 1),
    ],
)
def test_a_share_to_hold_out_is_stored_as_how_many_rows(dataset: dict[str, Any], rows: int) -> None:
    resolved = resolve({"variants": ["original"], "dataset": dataset})
    assert resolved.dataset.model_dump()["validation"] == {"holdout": rows}
    assert resolve(resolved.model_dump(mode="json")) == resolved


def test_layers_and_optimizers_have_keras_s_bounds() -> None:
    def network(stddev: float) -> Any:
        noise = {"type": "gaussian_noise", "stddev": stddev}
        return {"variants": [{"name": "x", "layers": [{"type": "dense", "units": 1}, noise]}]}

    assert isinstance(resolve(network(1)), Specification)
    assert faults(network(1.01)) == {"/variants/0/layers/1/stddev": "less_than_equal"}
    diverges = {"variants": ["original"], "training": {"optimizer": {"name": "sgd", "learning_rate": 1e30}}}
    assert resolve(diverges).training.optimizer.learning_rate == 1e30


def test_metadata_are_small() -> None:
    def body(size: int) -> Any:
        return {"variants": ["original"], "metadata": {"é": "x" * (size - len('{"é":""}'.encode()))}}

    assert isinstance(resolve(body(MAX_METADATA_BYTES)), Specification)
    assert faults(body(MAX_METADATA_BYTES + 1)) == {"/metadata": "metadata_too_large"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"variants": ["original", "original"]}, "/variants/1"),
        ({"variants": ["original"], "search": {"space": {"units": [1, 2]}, "budget": {}}}, "/search/budget/runs"),
        ({"sweep": {"grid": {"l2": [0.001, 0.0010000000000000002]}}}, "/sweep"),
        ({"variants": [{"name": "v", "layers": [{"type": "dense"}]}]}, "/variants/0/layers/0/units"),
    ],
)
def test_a_pointer_goes_as_far_as_the_document_and_names_what_is_missing(body: Any, pointer: str) -> None:
    assert list(faults(body)) == [pointer]


def test_faults_of_many_variants_are_counted_and_the_first_are_told() -> None:
    def faulty(number: int, unknown: int) -> dict[str, Any]:
        return {"name": f"v{number}", "preset": "original", **{f"u{i}": 0 for i in range(unknown)}}

    variants = [faulty(number, 0 if number == 7 else 160) for number in range(500)]
    with pytest.raises(SpecificationError) as caught:
        resolve({"variants": variants, "seeds": ["0"], "surplus": 1})
    assert caught.value.extra["error_count"] == 499 * 160 + 2
    pointers = [each["pointer"] for each in caught.value.extra["errors"]]
    assert pointers[:3] == ["/seeds/0", "/surplus", "/variants/0/u0"]
    assert len(pointers) == 100


def test_too_many_runs() -> None:
    many = [{"name": str(i), "layers": []} for i in range(101)]
    assert faults({"variants": many, "seeds": list(range(10))}) == {"/seeds": "too_many_runs"}


def test_every_preset_resolves() -> None:
    for name in presets.VARIANTS:
        assert isinstance(resolve({"variants": [name]}), Specification)


def test_a_sweep_becomes_variants() -> None:
    spec = resolve({"variants": ["original"], "sweep": {"grid": {"units": [4, 8], "dropout": [0, 0.5]}}})
    assert [variant.name for variant in spec.variants] == [
        "original", "units=4 dropout=0", "units=4 dropout=0.5", "units=8 dropout=0", "units=8 dropout=0.5",
    ]  # fmt: skip
    dropped = spec.variants[2]
    assert [layer.type for layer in dropped.layers] == ["dense", "dropout"] * 2
    assert isinstance(dropped.layers[0], Dense)
    assert dropped.layers[0].units == 4
    assert dropped.swept == {"units": 4, "dropout": 0.5}
    assert spec.variants[0].swept is None
    assert resolve(json.loads(spec.model_dump_json())) == spec


def test_a_sweeps_names_tell_close_values_apart() -> None:
    spec = resolve({"sweep": {"grid": {"l2": [0.0001234567, 0.0001234568, 0.1 + 0.2], "train_samples": [1_000_000]}},
                    "dataset": {"name": "synthetic", "reviews": 1_000_000}})  # fmt: skip
    assert [variant.name for variant in spec.variants] == [
        f"l2={value} train_samples=1000000" for value in ("0.0001234567", "0.0001234568", "0.3")
    ]


def test_a_sweep_over_training_sizes_and_depths() -> None:
    spec = resolve({"sweep": {"grid": {"depth": [0, 3], "train_samples": [100, 25_000]}}})
    assert [len(variant.layers) for variant in spec.variants] == [0, 0, 3, 3]
    assert spec.run("depth=3 train_samples=100", 0).dataset.train_samples == 100


@pytest.mark.parametrize(
    ("sweep", "expected"),
    [
        (3, {"/sweep": "model_type"}),
        ({"grid": {}}, {"/sweep": "too_short"}),
        ({"grid": {"units": [1, 1]}}, {"/sweep/grid/units/1": "duplicate"}),
        (
            {"grid": {"units": [0], "x": [1]}},
            {"/sweep/grid/units/0": "greater_than_equal", "/sweep/grid/x": "extra_forbidden"},
        ),
        (
            {"grid": {"units": list(range(1, 41)), "l2": [i / 10 for i in range(20)]}},
            {"/sweep/grid": "too_many_variants"},
        ),
        ({"grid": {"train_samples": [1, 30_000]}}, {"/sweep/grid/train_samples": "too_large"}),
    ],
)
def test_what_a_sweep_may_not_be(sweep: Any, expected: dict[str, str]) -> None:
    assert faults({"sweep": sweep}) == expected


REVIEWS = {"name": "synthetic"}
CLASSES = {"name": "synthetic_table", "classes": 5}
NUMBER = {"name": "synthetic_table", "classes": None}


@pytest.mark.parametrize("dataset", [REVIEWS, CLASSES, NUMBER], ids=["binary", "multiclass", "regression"])
def test_what_a_task_does_not_measure_is_refused_with_its_place(dataset: dict[str, Any]) -> None:
    task = resolve({"dataset": dataset, "variants": ["original"]}).dataset.task
    own, other = ("mae", "acc") if task.name == "regression" else ("acc", "mae")

    def body(**training: Any) -> dict[str, Any]:
        return {"dataset": dataset, "variants": ["original", "l2"], "training": training}

    assert resolve(body()).training.recorded(task) == (
        "loss", own, "val_loss", f"val_{own}", "data_loss", "val_data_loss",
    )  # fmt: skip
    assert resolve(body(early_stopping={"monitor": f"val_{own}"}))
    stopping = body(early_stopping={"monitor": f"val_{other}"})
    assert faults(stopping) == {"/training/early_stopping/monitor": "not_recorded"}
    assert resolve({**body(), "until": {"smallest": 0.1, "metric": f"val_{own}"}})
    assert faults({**body(), "until": {"smallest": 0.1, "metric": f"val_{other}"}}) == {"/until/metric": "not_for_task"}
    with pytest.raises(SpecificationError) as refused:
        resolve(body(metrics=["auc" if task.name == "regression" else "r2"]))
    choice = "r2" if task.name == "regression" else "auc, brier, ece, f1"
    assert refused.value.errors[0]["detail"].endswith(f"{task.title}; to ask for are: {choice}")
    for asked, measure in MEASURES.items():
        if measure.asked and measure.tasks and task.name not in measure.tasks:
            assert faults(body(metrics=[asked])) == {"/training/metrics/0": "not_for_task"}
        elif measure.asked:
            assert f"val_{asked}" in resolve(body(metrics=[asked])).training.recorded(task)


def test_a_table_made_before_labels_could_be_numbers_has_the_same_specification() -> None:
    document = json.loads(resolve({"dataset": {"name": "synthetic_table"}, "variants": ["original"]}).model_dump_json())
    assert json.dumps(document["dataset"]) == (
        '{"name": "synthetic_table", "classes": 3, "samples": 1000, "columns": 20, "seed": 0, '
        '"train_samples": null, "validation": "test"}'
    )


class TestUntil:
    def test_it_is_in_place_of_a_preset_s_seeds(self) -> None:
        few = {"min_seeds": 2, "max_seeds": 3}
        assert resolve({"preset": "boston_housing"}).seeds == (0, 1, 2, 3, 4)
        assert resolve({"preset": "boston_housing", "until": few}).seeds == (0, 1)
        assert resolve({"preset": "boston_housing", "until": None}).seeds == (0, 1, 2, 3, 4)

    def test_seeds_beside_it_are_trained_first_and_the_specification_can_be_submitted_again(self) -> None:
        both = resolve({"preset": "boston_housing", "seeds": [7, 9], "until": {"max_seeds": 6}})
        assert both.seeds == (7, 9)
        later = both.model_copy(update={"seeds": (7, 9, 0, 1, 2)})
        for each in (both, later):
            assert resolve(json.loads(each.model_dump_json())) == each
        assert faults({"preset": "notebook", "seeds": [0, 1, 2], "until": {"min_seeds": 2, "max_seeds": 2}}) == {
            "/until/max_seeds": "too_small"
        }


class TestVary:
    def faults(self, **fields: Any) -> dict[str, str]:
        with pytest.raises(SpecificationError) as caught:
            resolve({"preset": "notebook", **fields})
        return {error["pointer"]: error["code"] for error in caught.value.errors}

    def test_a_split_holds_a_fifth_out_unless_something_is_said(self) -> None:
        varied = resolve({"preset": "notebook", "vary": ["seed", "split"], "until": {"smallest": 0.005}})
        assert varied.dataset.held_out == 5000
        asked = {"validation": {"holdout": 1234}}
        assert resolve({"preset": "notebook", "vary": ["split"], "dataset": asked}).dataset.held_out == 1234
        assert resolve({"preset": "notebook", "vary": ["sample"]}).dataset.held_out == 0
        assert resolve({"preset": "reuters", "vary": ["split"]}).dataset.held_out == 1000
        assert resolve(json.loads(varied.model_dump_json())) == varied

    def test_with_the_test_set_there_is_no_split_to_vary(self) -> None:
        asked = self.faults(vary=["split"], dataset={"validation": "test"})
        assert asked == {"/dataset/validation": "nothing_held_out"}

    def test_faults(self) -> None:
        assert self.faults(vary=["seed", "seed"]) == {"/vary/1": "duplicate"}
        assert self.faults(vary=[]) == {"/vary": "too_short"}
        assert self.faults(vary=["weights"]).keys() == {"/vary/0"}
        assert self.faults(vary="split").keys() == {"/vary"}

    def test_all_that_is_listed_before_is_told_beside_whatever_else_is_wrong(self) -> None:
        assert self.faults(vary=["seed", "split", "seed", "split"]) == {
            "/vary": "too_long", "/vary/2": "duplicate", "/vary/3": "duplicate",
        }  # fmt: skip
        asked = ["auc", "auc", "f1", "f1"]
        assert self.faults(vary=["seed", "seed"], seeds=[1, 1], training={"metrics": asked}, keep="none") == {
            "/vary/1": "duplicate", "/seeds/1": "duplicate", "/training/metrics/1": "duplicate",
            "/training/metrics/3": "duplicate", "/keep": "literal_error",
        }  # fmt: skip

    def test_the_default_is_not_written(self) -> None:
        assert "vary" not in resolve({"preset": "notebook"}).model_dump()
        assert resolve({"preset": "notebook", "vary": ["sample"]}).model_dump()["vary"] == ("sample",)


def test_what_every_optimizer_can_leaves_the_keys_of_those_without_it() -> None:
    def key(**optimizer: Any) -> str:
        return key_of(resolve({"variants": ["l1"], "training": {"optimizer": optimizer}}).run("l1", 0))

    same: list[dict[str, Any]] = [
        {"weight_decay": None}, {"clipnorm": None}, {"use_ema": False}, {"ema_momentum": None},
        {"learning_rate": 0.001},
    ]  # fmt: skip
    assert {key(**each) for each in same} == {key()}
    others: list[dict[str, Any]] = [
        {"weight_decay": 0.01}, {"weight_decay": 0.0}, {"clipnorm": 1.0}, {"global_clipnorm": 1.0}, {"clipvalue": 1.0},
        {"use_ema": True}, {"use_ema": True, "ema_momentum": 0.9}, {"use_ema": True, "ema_overwrite_frequency": 5},
        COSINE, {"learning_rate": {"reduce_on_plateau": {}}}, {"learning_rate": {"reduce_on_plateau": {"patience": 2}}},
    ]  # fmt: skip
    assert len({key(), *(key(**each) for each in others)}) == len(others) + 1


def test_a_rate_on_a_plateau_begins_with_the_optimizers_default() -> None:
    for optimizer, first in (("sgd", 0.01), ("adam", 0.001)):
        body = {"name": optimizer, "learning_rate": {"reduce_on_plateau": {"patience": 2}}}
        training = resolve({"variants": ["l1"], "training": {"optimizer": body}}).training
        assert training.optimizer.plateau is not None
        assert training.optimizer.plateau.initial_learning_rate == first


def test_a_variant_changes_the_jobs_optimizer() -> None:
    job = {"optimizer": {"name": "adam", "beta_1": 0.8}}
    variants = [
        {"name": "decays", "preset": "l1", "training": {"optimizer": {"weight_decay": 0.1}}},
        {"name": "other", "preset": "l1", "training": {"optimizer": {"name": "sgd", "weight_decay": 0.1}}},
    ]
    one, two = (variant.training for variant in resolve({"training": job, "variants": variants}).variants)
    assert one is not None
    assert two is not None
    assert one.optimizer.model_dump() == {
        **resolve({"training": job, "variants": ["l1"]}).training.optimizer.model_dump(),
        "weight_decay": 0.1,
    }
    assert two.optimizer.name == "sgd"


def test_axes_change_the_jobs_optimizer_and_what_is_read() -> None:
    grid = {
        "learning_rate": [0.1], "weight_decay": [0.2], "batch_size": [64], "label_smoothing": [0.1], "num_words": [500],
    }  # fmt: skip
    optimizer = {"name": "adam", "beta_1": 0.8}
    body = {"training": {"optimizer": optimizer}, "dataset": {"train_samples": 700}, "sweep": {"grid": grid}}
    run = resolve(body).run("batch_size=64 label_smoothing=0.1 learning_rate=0.1 num_words=500 weight_decay=0.2", 0)
    own = run.training.optimizer.model_dump()
    assert own == {**own, "name": "adam", "beta_1": 0.8, "learning_rate": 0.1, "weight_decay": 0.2}
    assert (run.training.batch_size, run.training.label_smoothing) == (64, 0.1)
    assert (run.dataset.inputs, run.dataset.trained_on) == (500, 700)


def test_axes_put_layers_around_the_hidden_ones() -> None:
    grid = {"activation": ["tanh"], "input_dropout": [0, 0.2], "noise": [0.1], "optimizer": ["sgd"], "depth": [1]}
    plain, noisy = resolve({"sweep": {"grid": grid}}).variants
    assert plain.name == "depth=1 activation=tanh input_dropout=0 noise=0.1 optimizer=sgd"
    assert [layer.type for layer in plain.layers] == ["dense", "gaussian_noise"]
    assert [layer.type for layer in noisy.layers] == ["dropout", "dense", "gaussian_noise"]
    assert isinstance(plain.layers[0], Dense)
    assert plain.layers[0].activation == "tanh"
    assert noisy.training is not None
    assert noisy.training.optimizer == OPTIMIZERS["sgd"].model_validate({})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"sweep": {"grid": {"optimizer": ["lion"]}}}, {"/sweep/grid/optimizer/0": "literal_error"}),
        ({"sweep": {"grid": {"num_words": [5, 6]}}}, {"/sweep/grid/num_words": "greater_than_equal"}),
        (
            {
                "dataset": {"name": "synthetic_table", "classes": None},
                "sweep": {"grid": {"label_smoothing": [0, 0.1], "num_words": [50]}},
            },
            {"/sweep/grid/num_words": "not_for_dataset", "/sweep/grid/label_smoothing": "not_for_task"},
        ),
        (
            {"sweep": {"grid": {name: [0.123456789] for name in
                ("l1", "l2", "dropout", "noise", "input_dropout", "label_smoothing", "weight_decay")}}},
            {"/sweep/grid": "too_many_axes"},
        ),
        (
            {"training": {"optimizer": COSINE, "epochs": 3}, "sweep": {"grid": {"batch_size": [512, 25_000]}}},
            {"/training/optimizer/learning_rate/decay_steps": "longer_than_run"},
        ),
        ({"variants": [{"name": "x", "preset": "l1", "dataset": {"num_words": 5}}]},
            {"/variants/0/dataset/num_words": "greater_than_equal"}),
    ],
)  # fmt: skip
def test_what_an_axis_refuses(body: dict[str, Any], expected: dict[str, str]) -> None:
    with pytest.raises(SpecificationError) as refused:
        resolve(body)
    assert {error["pointer"]: error["code"] for error in refused.value.errors} == expected


def test_metadata_that_a_database_cannot_keep() -> None:
    """PostgreSQL's JSON operators refuse U+0000, wherever it is."""
    body = {"variants": ["original"], "metadata": {"a": "\0", "b": [1, {"c\0": 1}], "fine": "x"}}
    assert faults(body) == {"/metadata/a": "value_error", "/metadata/b/1/c\0": "value_error"}


@pytest.mark.parametrize("dataset", [None, {"name": "synthetic"}, {"name": "reuters", "validation": {"holdout": 1000}}])
def test_the_job_of_remedies_is_of_any_data_set_with_classes(dataset: dict[str, Any] | None) -> None:
    specification = resolve({"preset": "remedies", **({"dataset": dataset} if dataset else {})})
    keys = {key_of(specification.run(variant.name, 0)) for variant in specification.variants}
    assert len(keys) == len(specification.variants) == 4
    search = specification.search
    assert search is not None
    assert [search.share(i) for i in range(len(search.spaces))] == [8] * 9
    assert (search.finalists, specification.runs) == (9, 4 * 10 + 72 + 9 * 10)
    mine = resolve({"preset": "remedies", "dataset": {"name": "synthetic"}, "seeds": [0, 1]})
    assert mine.search is not None
    assert (mine.seeds, mine.search.seed, mine.search.final.seeds) == ((0, 1), 2, 2)
    assert specification.baseline == "original"
    if dataset is None:
        assert specification.dataset.held_out == 10_000


def test_a_presets_search_is_changed_field_by_field() -> None:
    body = {"preset": "remedies", "dataset": {"name": "synthetic"}}
    whole = resolve(body).search
    few = resolve({**body, "search": {"budget": {"runs": 18}, "final": {"seeds": 3}}})
    assert whole is not None
    assert few.search is not None
    assert few.search == whole.model_copy(update={"budget": few.search.budget, "final": few.search.final})
    assert (few.search.trials, few.search.final.top, len(few.seeds)) == (18, 1, 3)
    timed = resolve({**body, "search": {"budget": {"seconds": 60}}}).search
    assert timed is not None
    assert timed.most == 400
    mine = resolve({**body, "search": {"space": {"units": [2, 4, 8, 16, 32]}, "budget": {"runs": 5}}}).search
    assert mine is not None
    assert (mine.trials, mine.final.top) == (5, 1)
    assert faults({**body, "search": {"budget": {"runs": 8}}}) == {"/search/budget/runs": "too_small"}
    assert faults({"search": {"budget": {"runs": 8}}}) == {"/search/space": "missing"}


@pytest.mark.parametrize(
    ("body", "pointer", "meant"),
    [
        ({"datset": {"name": "imdb"}}, "/datset", "dataset"),
        ({"Seeds": [1]}, "/Seeds", "seeds"),
        ({"swep": {}}, "/swep", "sweep"),
        ({"training": {"epoch": 3}}, "/training/epoch", "epochs"),
        ({"training": {"optimizer": {"learning_rte": 1}}}, "/training/optimizer/learning_rte", "learning_rate"),
        ({"dataset": {"name": "imdb", "num_wrds": 9}}, "/dataset/num_wrds", "num_words"),
        ({"variants": [{"name": "a", "layers": [{"type": "dense", "units": 4, "activaton": "relu"}]}]},
         "/variants/0/layers/0/activaton", "activation"),
        ({"variants": ["original"], "sweep": {"grid": {"unts": [1, 2]}}}, "/sweep/grid/unts", "units"),
        ({"preset": "notebok"}, "/preset", "notebook"),
        ({"variants": ["orignal"]}, "/variants/0", "original"),
    ],
)  # fmt: skip
def test_a_name_that_is_nearly_right_is_told_which_was_meant(body: dict[str, Any], pointer: str, meant: str) -> None:
    body = body if "variants" in body or "preset" in body else {"variants": ["original"], **body}
    with pytest.raises(SpecificationError) as caught:
        resolve(body)
    told = {each["pointer"]: each["detail"] for each in caught.value.errors}
    assert told[pointer].endswith(f"; did you mean `{meant}`?")


def test_a_name_that_is_refused_in_its_place_is_not_suggested_there() -> None:
    variant = {"name": "x", "preset": "original", "dataset": {"validation": "test"}}
    with pytest.raises(SpecificationError) as caught:
        resolve({"variants": ["original", variant]})
    (told,) = caught.value.errors
    assert (told["pointer"], told["detail"]) == ("/variants/1/dataset/validation", "There is no such field")


def test_a_name_that_is_like_no_other_is_only_told_to_be_none() -> None:
    with pytest.raises(SpecificationError) as caught:
        resolve({"variants": ["original"], "xyzzy": 1})
    assert [each["detail"] for each in caught.value.errors] == ["There is no such field"]
