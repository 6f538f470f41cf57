"""What of a search is refused, each fault at its place, and what is filled in."""

from __future__ import annotations

from typing import Any

import pytest

from models.errors import SpecificationError
from models.resolution import resolve

HELD_OUT = {"name": "synthetic", "reviews": 200, "num_words": 100, "validation": {"holdout": 50}}
SEARCH: dict[str, Any] = {
    "space": {"units": {"low": 2, "high": 64, "log": True}, "activation": ["relu", "tanh"]},
    "budget": {"runs": 5},
    "final": {"top": 1, "seeds": 2},
}


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"space": {}}, "/search/space", "empty"),
        (
            {"space": {"units": {"low": 64, "high": 4}, "dropout": {"low": 0, "high": 0.8}}},
            "/search/space/units/high", "not_above_low",
        ),
        (
            {"space": {"units": {"low": 4, "high": -1e308}, "dropout": [0, 0.5]}},
            "/search/space/units/high", "int_type",
        ),
        ({"space": {"colour": ["red"]}}, "/search/space/colour", "extra_forbidden"),
        ({"space": {"units": [4], "dropout": [0.5]}}, "/search/space", "one_point"),
        ({"space": [{"units": [4, 8]}, {"dropout": [0.5]}]}, "/search/space/1", "one_point"),
        ({"space": {"dropout": {"low": 0.5, "high": 0.5}}}, "/search/space/dropout/high", "not_above_low"),
        ({"space": {"dropout": {"low": 0.1, "high": 1.5}}}, "/search/space/dropout/high", "less_than"),
        ({"space": {"units": {"low": 1.5, "high": 8}}}, "/search/space/units/low", "int_type"),
        ({"space": {"l2": {"low": 0, "high": 0.1, "log": True}}}, "/search/space/l2/low", "not_positive"),
        ({"space": {"l2": {"low": "a little", "high": 0.1}}}, "/search/space/l2/low", "int_type"),
        ({"space": {"optimizer": {"low": 1, "high": 2}}}, "/search/space/optimizer", "not_numbers"),
        ({"space": {"optimizer": ["adam", "best"]}}, "/search/space/optimizer/1", "literal_error"),
        ({"space": {"train_samples": {"low": 10, "high": 151}}}, "/search/space/train_samples/high", "too_large"),
        ({"space": {"units": [4, 8, 4]}}, "/search/space/units", "value_error"),
        ({"space": {"l2": {"low": 0.10000001, "high": 0.10000002}}}, "/search/space/l2/high", "not_above_low"),
        ({"budget": {}}, "/search/budget/runs", "missing"),
        ({"budget": {"runs": 0}}, "/search/budget/runs", "greater_than_equal"),
        ({"budget": {"seconds": 0}}, "/search/budget/seconds", "greater_than"),
        ({"space": [{"units": [4, 8]}, {"dropout": [0.1, 0.5]}], "budget": {"runs": 1}}, "/search/budget/runs",
         "too_small"),
        ({"final": {"top": 6, "seeds": 2}}, "/search/final/top", "too_many_finalists"),
        ({"budget": {"runs": 400}, "final": {"top": 20, "seeds": 100}}, "/search/budget", "too_many_runs"),
        ({"space": {"label_smoothing": {"low": 0, "high": 1}}}, "/search/space/label_smoothing/high", "less_than"),
        ({"space": []}, "/search/space", "too_short"),
        ({"pruner": "patient"}, "/search/pruner", "literal_error"),
        ({"sampler": "grid"}, "/search/sampler", "literal_error"),
        ({"metric": "val_mae"}, "/search/metric", "not_for_task"),
    ],
)  # fmt: skip
def test_what_will_not_do_is_said(changes: dict[str, Any], pointer: str, code: str) -> None:
    assert faults(dataset=HELD_OUT, search={**SEARCH, **changes}) == [(pointer, code)]


def faults(**body: Any) -> Any:
    """What is wrong with the body; what it becomes if nothing is."""
    try:
        return {"spec": resolve({"search": SEARCH, **body}).model_dump(mode="json")}
    except SpecificationError as error:
        return [(each["pointer"], each["code"]) for each in error.errors]


def test_rows_are_held_out_and_seeds_are_fresh() -> None:
    synthetic = {"name": "synthetic", "reviews": 200, "num_words": 100}
    assert faults(dataset=synthetic)["spec"]["dataset"]["validation"] == {"holdout": 40}
    assert faults(dataset={**synthetic, "validation": "test"}) == [("/dataset/validation", "nothing_held_out")]
    named = {**SEARCH, "seed": 1}
    assert faults(dataset=synthetic, search=named, seeds=[0, 1]) == [("/search/seed", "not_fresh")]
    assert faults(dataset=synthetic, seeds=[0, 1])["spec"]["search"]["seed"] == 2
    assert faults(dataset=synthetic, seeds=[5]) == [("/search/final/seeds", "not_as_many")]
    alone = {**SEARCH, "final": {"top": 1}}
    assert faults(dataset=synthetic, seeds=[5], search=alone)["spec"]["search"]["final"] == {"top": 1, "seeds": 1}
    large = {**SEARCH, "space": {"units": {"low": 2, "high": 100_000}}}
    assert [code for _, code in faults(dataset=synthetic, search=large)] == ["less_than_equal"]


def test_a_pruner_needs_an_epoch_to_save() -> None:
    synthetic = {"name": "synthetic", "reviews": 200, "num_words": 100}
    pruned = {**SEARCH, "pruner": "hyperband"}
    one = faults(dataset=synthetic, search=pruned, training={"epochs": 1})
    assert one == [("/search/pruner", "nothing_to_prune")]
    assert faults(dataset=synthetic, search=pruned, training={"epochs": 2})["spec"]["search"]["pruner"] == "hyperband"


def test_a_schedule_that_is_longer_than_a_run_is_found_before_one_is_tried() -> None:
    schedule = {"schedule": "cosine_decay", "initial_learning_rate": 0.002, "decay_steps": 50}
    training = {"epochs": 10, "optimizer": {"learning_rate": schedule}}
    search = {**SEARCH, "space": {"batch_size": {"low": 16, "high": 150}}}
    assert ("/search/space/batch_size/high", "longer_than_run") in faults(
        dataset=HELD_OUT, search=search, training={**training, "batch_size": 16}
    )
