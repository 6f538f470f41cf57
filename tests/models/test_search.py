"""What of a search is refused, each fault at its place, and what is filled in."""

from __future__ import annotations

from typing import Any

import pytest

from models.errors import SpecificationError
from models.resolution import resolve, trial_of

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
        ({"space": [{"units": [4, 8]}, {"dropout": [0.5]}]}, "/search/space/1/dropout", "one_point"),
        ({"space": {"dropout": {"low": 0.5, "high": 0.5}}}, "/search/space/dropout/high", "not_above_low"),
        ({"space": {"dropout": {"low": 0.1, "high": 1.5}}}, "/search/space/dropout/high", "less_than"),
        ({"space": {"units": {"low": 1.5, "high": 8}}}, "/search/space/units/low", "int_type"),
        ({"space": {"l2": {"low": 0, "high": 0.1, "log": True}}}, "/search/space/l2/low", "not_positive"),
        ({"space": {"l2": {"low": "a little", "high": 0.1}}}, "/search/space/l2/low", "int_type"),
        ({"space": {"optimizer": {"low": 1, "high": 2}}}, "/search/space/optimizer", "not_numbers"),
        ({"space": {"optimizer": ["adam", "best"]}}, "/search/space/optimizer/1", "literal_error"),
        ({"space": {"train_samples": {"low": 10, "high": 151}}}, "/search/space/train_samples/high", "too_large"),
        ({"space": {"units": [4, 8, 4]}}, "/search/space/units/2", "duplicate"),
        ({"space": {"units": [4]}}, "/search/space/units", "one_point"),
        ({"space": [{"units": [4, 8]}, {"l2": [0, 1]}, {"units": [8, 4]}]}, "/search/space/2", "duplicate"),
        (
            {"space": [{"l2": {"low": 0, "high": 1}}, {"l2": {"low": 0.0, "high": 1.0, "log": False}}]},
            "/search/space/1", "duplicate",
        ),
        ({"space": {"units": {"low": 4}}}, "/search/space/units/high", "missing"),
        ({"space": {"label_smoothing": [0, 1]}}, "/search/space/label_smoothing/1", "less_than"),
        ({"space": {"l2": {"low": 0.10000001, "high": 0.10000002}}}, "/search/space/l2/high", "not_above_low"),
        ({"budget": {}}, "/search/budget/runs", "missing"),
        ({"budget": {"runs": 0}}, "/search/budget/runs", "greater_than_equal"),
        ({"budget": {"seconds": 0}}, "/search/budget/seconds", "greater_than"),
        ({"space": [{"units": [4, 8]}, {"dropout": [0.1, 0.5]}], "budget": {"runs": 1}}, "/search/budget/runs",
         "too_small"),
        ({"budget": {"seconds": 1e-9}}, "/search/budget/seconds", "too_small"),
        ({"space": [{"units": [4, 8]}, {"dropout": [0.1, 0.5]}], "budget": {"seconds": 1.9}},
         "/search/budget/seconds", "too_small"),
        ({"budget": {"runs": 4, "seconds": 10}}, "/search/budget/runs", "extra_forbidden"),
        ({"budget": {"runs": 4}, "pruner": "median"}, "/search/pruner", "nothing_to_prune"),
        ({"space": {"activation": ["relu", "tanh"]}, "pruner": "hyperband"}, "/search/pruner", "nothing_to_prune"),
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


@pytest.mark.parametrize(
    ("search", "trials", "finalists"),
    [
        ({}, 5, 1),
        ({"space": {"activation": ["relu", "tanh"]}, "budget": {"runs": 400}, "final": {"top": 3}}, 2, 2),
        ({"space": {"units": {"low": 4, "high": 6}, "activation": ["relu", "tanh"]}, "budget": {"runs": 9}}, 6, 1),
        ({"space": {"units": {"low": 4, "high": 400}, "activation": ["relu", "tanh"]}, "budget": {"runs": 9}}, 9, 1),
        ({"space": {"l2": {"low": 0.5, "high": 0.50036}}, "budget": {"runs": 9}, "final": {"top": 6}}, 5, 5),
        ({"space": {"l2": {"low": 0.9998, "high": 1.001}}, "budget": {"runs": 9}}, 4, 1),
        ({"space": {"l2": {"low": 0, "high": 1e-6}}, "budget": {"runs": 9}}, 9, 1),
        ({"space": [{"units": [4, 8]}, {"l2": {"low": 0, "high": 1}}], "budget": {"runs": 9}, "final": {"top": 4}},
         2 + 4, 2 + 4),
        ({"space": {"units": [4, 8, 16]}, "budget": {"seconds": 60}, "final": {"top": 2}}, 3, 2),
        ({"space": {"units": {"low": 2, "high": 64}}, "budget": {"seconds": 60}, "final": {"top": 2}}, 63, 2),
        ({"space": {"l2": {"low": 0, "high": 1}}, "budget": {"seconds": 60}, "final": {"top": 20}}, 400, 20),
    ],
)  # fmt: skip
@pytest.mark.parametrize("until", [False, True])
def test_how_many_runs_there_may_be(search: dict[str, Any], trials: int, finalists: int, until: bool) -> None:
    variants = ["original", "l2", "dropout"]
    body = {"dataset": HELD_OUT, "variants": variants, "search": {**SEARCH, **search}}
    found = resolve({**body, **({"until": {"min_seeds": 2, "max_seeds": 12}} if until else {})})
    seeds = 12 if until else len(found.seeds)
    assert found.search is not None
    assert (found.search.trials, found.search.finalists) == (trials, finalists)
    assert found.runs == (len(variants) + finalists) * seeds + trials


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
    assert faults(dataset=synthetic, seeds=[5, 6, 7]) == [("/search/final/seeds", "not_as_many")]
    searched = {**resolve({"dataset": synthetic, "search": SEARCH}).model_dump(mode="json"), "seeds": [1, 2, 9]}
    trial: Any = {"name": "units=4", "layers": [], "training": None, "dataset": None, "swept": {"units": 4},
             "trial": {"number": 0, "space": 0, "after": 0}}  # fmt: skip
    again = faults(**{**searched, "variants": [*searched["variants"], trial]})["spec"]
    assert again["search"]["final"]["seeds"] == 3, "a job that was given seeds is a specification still"
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


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        ({"train_samples": {"low": 16, "high": 150}}, ["/search/space/train_samples/low"]),
        ({"train_samples": [150, 20]}, ["/search/space/train_samples/1"]),
        ({"train_samples": [80, 150], "units": [4, 8]}, []),
        ({"train_samples": [80, 150], "batch_size": [8, 16]}, []),
        ({"train_samples": [80, 150], "batch_size": [8, 24]}, ["/search/space"]),
        ([{"units": [4, 8]}, {"train_samples": [80, 150], "batch_size": [8, 24]}], ["/search/space/1"]),
        ({"train_samples": [10, 150], "batch_size": [8, 150]},
         ["/search/space/train_samples/0", "/search/space/batch_size/1"]),
        ({"train_samples": [10, 150], "learning_rate": [0.1, 0.2]}, []),
        ({"batch_size": [8, 150], "optimizer": ["adam", "sgd"]}, []),
        ({"batch_size": [8, 150], "weight_decay": [0.1, 0.2]}, ["/search/space/batch_size/1"]),
    ],
)  # fmt: skip
def test_whatever_makes_a_run_shorter_than_its_schedule_is_found(space: Any, expected: list[str]) -> None:
    schedule = {"schedule": "cosine_decay", "initial_learning_rate": 0.002, "decay_steps": 50}
    training = {"epochs": 10, "batch_size": 16, "optimizer": {"learning_rate": schedule}}
    found = faults(dataset=HELD_OUT, training=training, search={**SEARCH, "space": space, "budget": {"runs": 2}})
    found = [] if isinstance(found, dict) else found
    assert sorted(found) == sorted((place, "longer_than_run") for place in expected)


def test_what_is_wrong_with_the_job_is_told_once() -> None:
    schedule = {"schedule": "cosine_decay", "initial_learning_rate": 0.002, "decay_steps": 5000}
    found = faults(dataset=HELD_OUT, training={"optimizer": {"learning_rate": schedule}})
    assert found == [("/training/optimizer/learning_rate/decay_steps", "longer_than_run")]


def test_a_trial_is_named_by_its_values_also_if_the_name_is_taken() -> None:
    specification = resolve({"dataset": HELD_OUT, "search": SEARCH, "sweep": {"grid": {"units": [4]}}})
    trial = trial_of(specification, {"units": 4}, 7, 0)
    assert trial.name == "units=4 (trial 7)"
    assert trial_of(specification, {"units": 8}, 8, 0).name == "units=8"
    long = dict.fromkeys(("l1", "l2", "dropout", "noise", "input_dropout", "weight_decay", "max_norm"), 0.1234567)
    name = trial_of(specification, long, 9, 0).name
    assert name.startswith("l1=0.1234567 l2=0.1234567 ")
    assert name.endswith(" … (trial 9)")
    assert len(name) <= 100
