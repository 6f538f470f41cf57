"""Which comparisons are decided at a look, and how many seeds the others get."""

from __future__ import annotations

import random

import pytest

from models.history import RunHistory
from models.resolution import resolve
from models.specification import Specification
from reporting.looks import FURTHER, Look, look
from tests.reporting.test_analysis import history

UNTIL = {"smallest": 0.02, "min_seeds": 4, "max_seeds": 40}


def asked(seeds: int | None = None, **until: float) -> Specification:
    body = {"dataset": {"name": "synthetic"}, "variants": ["original", "l2", "dropout"], "until": {**UNTIL, **until}}
    return resolve(body if seeds is None else {**body, "seeds": list(range(seeds))})


def run(variant: str, seed: int, mean: float, spread: float, status: str = "succeeded") -> RunHistory:
    noise = random.Random(f"{variant} {seed}").gauss(0, spread)
    return history([0.6, 0.4 + mean + noise, 0.7], variant=variant, seed=seed, status=status)


def runs(
    specification: Specification, means: dict[str, float], spread: float, seeds: dict[str, int] | None = None
) -> list[RunHistory]:
    return [
        run(name, seed, mean, spread)
        for name, mean in means.items()
        for seed in specification.seeds[: (seeds or {}).get(name)]
    ]


def test_what_differs_clearly_is_decided_and_gets_no_more() -> None:
    specification = asked(10)
    seen = look(runs(specification, {"original": 0.0, "l2": -0.2, "dropout": 0.2}, 0.001), specification)
    assert seen == Look(seeds=10, decided={"l2": "better", "dropout": "worse"}, open=[], more=0)


def test_what_differs_by_less_than_matters_is_equivalent() -> None:
    specification = asked(10)
    seen = look(runs(specification, {"original": 0.0, "l2": 0.0, "dropout": -0.5}, 0.001), specification)
    assert seen.decided == {"l2": "equivalent", "dropout": "better"}


def test_without_a_smallest_difference_nothing_is_equivalent() -> None:
    body = {"variants": ["original", "l2"], "until": {"max_seeds": 20}, "seeds": list(range(20))}
    specification = resolve({**body, "dataset": {"name": "synthetic"}})
    seen = look(runs(specification, {"original": 0.0, "l2": 0.0}, 0.001), specification)
    assert (seen.decided, seen.open, seen.more) == ({}, ["l2"], 0)  # as many as it may have


@pytest.mark.parametrize("seeds", [4, 5, 9, 16, 20])
def test_the_open_get_a_quarter_more_and_never_more_than_there_may_be(seeds: int) -> None:
    specification = asked(seeds)
    seen = look(runs(specification, {"original": 0.0, "l2": 0.015, "dropout": 0.9}, 0.05), specification)
    assert "l2" in seen.open
    assert 1 <= seen.more <= -(-seeds * FURTHER // 1)
    assert seeds + seen.more <= UNTIL["max_seeds"]


def test_no_more_are_added_than_the_spread_seen_says_are_needed() -> None:
    found = []
    for seeds in range(10, 30):
        specification = asked(seeds)
        histories = runs(specification, {"original": 0.0, "l2": 0.03, "dropout": 0.9}, 0.03)
        seen = look(histories, specification)
        if seen.open == ["l2"]:
            found.append(seen.more)
    assert 1 in found, "near to a decision one seed is added at a time"
    assert max(found) > 1


def test_seeds_up_to_the_least_number_are_for_all() -> None:
    specification = asked(2)
    seen = look(runs(specification, {"original": 0.0, "l2": -0.2, "dropout": 0.2}, 1e-6), specification)
    assert (seen.more, sorted(seen.open), seen.decided) == (2, ["dropout", "l2"], {})


def test_a_decision_stays_while_others_get_seeds() -> None:
    specification = asked(30)
    histories = runs(specification, {"original": 0.0, "l2": 0.3, "dropout": 0.0}, 0.02, {"l2": 10})
    assert look(histories, specification).decided["l2"] == "worse"


def test_what_diverged_with_every_seed_is_not_waited_for() -> None:
    specification = asked(10)
    histories = runs(specification, {"original": 0.0, "l2": -0.2}, 0.001)
    nothing = (0.5, float("nan"))
    histories += [history(nothing, variant="dropout", seed=seed, status="failed") for seed in specification.seeds]
    assert look(histories, specification) == Look(seeds=10, decided={"l2": "better"}, open=[], more=0)
