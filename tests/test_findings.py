"""The notebook's claims settled on numbers with known answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import claims


def run(variant: str, seed: int, losses: list[float], penalty: float = 0.0) -> dict[str, Any]:
    return {
        "variant": variant,
        "seed": seed,
        "epochs": list(range(1, len(losses) + 1)),
        "metrics": {
            "val_data_loss": losses,
            "val_loss": [loss + penalty for loss in losses],
            "val_acc": [0.8] * len(losses),
            "data_loss": [1 / epoch for epoch in range(1, len(losses) + 1)],
        },
    }


def test_what_is_measured_of_a_run() -> None:
    found = claims.measure(run("l2", 0, [0.5, 0.3, 0.4, 0.7], penalty=0.05))
    assert found == {
        "best_epoch": 2.0, "best": 0.3, "accuracy": 0.8, "final": 0.7,
        "rise": pytest.approx(0.4), "keras_rise": pytest.approx(0.4),
        "roughness": pytest.approx((0.3 + 0.2) / 2), "early_training": 0.25, "penalty": pytest.approx(0.05),
    }  # fmt: skip
    assert claims.measure(run("l2", 0, [0.5, float("nan")])) == {}


@pytest.mark.parametrize(("end", "verdict"), [(0.35, "holds"), (0.9, "the opposite holds"), (None, "not decided")])
def test_a_claim_is_settled_by_the_side_of_a_sure_difference(end: float | None, verdict: str) -> None:
    runs = []
    for seed in range(6):
        wobble = 0.01 * (seed % 3)
        runs.append(run("original", seed, [0.5, 0.3, 0.4, 0.6 + wobble]))
        last = 0.6 + 0.2 * (-1) ** seed if end is None else end
        runs.append(run("dropout", seed, [0.5, 0.3 - 0.001 * seed, 0.32, last - wobble]))
    findings = claims.settle(claims.measured({"runs": runs}))
    (rise,) = [each for each in findings if each.claim.measure == "rise"]
    assert rise.verdict == verdict
    assert rise.n == 6
    assert {each.claim.variant for each in findings} == {"dropout"}


def test_the_smallest_that_is_as_good_as_the_best() -> None:
    settings = [(2.0, [0.50, 0.52]), (8.0, [0.305, 0.315]), (32.0, [0.29, 0.31]), (128.0, [0.33, 0.35])]
    assert claims.enough(settings) == 8.0
    assert claims.enough([(4.0, [0.4]), (8.0, [0.3])]) == 8.0


@pytest.mark.parametrize(("seeds", "verdict"), [(10, "holds"), (3, "not decided")])
def test_the_same_difference_in_all_seeds_is_settled_by_its_sign(seeds: int, verdict: str) -> None:
    runs = [
        run(variant, seed, losses)
        for seed in range(seeds)
        for variant, losses in (("original", [0.5, 0.4, 0.3, 0.6]), ("bigger", [0.5, 0.3, 0.4, 0.6]))
    ]
    findings = {each.claim.measure: each for each in claims.settle(claims.measured({"runs": runs}))}
    assert findings["best_epoch"].difference == -1
    assert findings["best_epoch"].verdict == verdict
    assert findings["rise"].verdict == "not decided"


def test_a_claim_is_decided_at_every_look_or_says_what_it_would_take() -> None:
    draw = np.random.default_rng(0)
    runs = []
    for seed in range(20):
        luck, noise = draw.normal(0, 0.02), draw.normal(0, 0.001, 3)
        runs.append(run("original", seed, [0.5, 0.3 + luck, 0.4, 0.7 + luck]))
        runs.append(run("l2", seed, [0.5, 0.3 + luck + noise[0], 0.31, 0.4 + luck + noise[1]]))
        runs.append(run("l1", seed, [0.5, 0.35 + luck + noise[2], 0.36, 0.5 + luck]))
        if seed < 12:
            runs.append(run("dropout", seed, [0.5, 0.3 + luck - draw.normal(0.005, 0.02), 0.4, 0.6]))
    decided = claims.decide(claims.measured({"runs": runs}))
    findings = {(each.claim.variant, each.claim.measure): each for each in decided}
    assert findings["l2", "best"].verdict == "no difference that matters"
    assert findings["l2", "rise"].verdict == "holds"
    assert findings["l1", "best"].verdict == "the opposite holds"
    undecided = findings["dropout", "best"]
    assert (undecided.verdict, undecided.n) == ("not decided", 12)
    assert undecided.seeds_needed is not None
    assert undecided.seeds_needed > 12
    assert undecided.difference == pytest.approx(undecided.variant - undecided.baseline)
