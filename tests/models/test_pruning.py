"""A pruner says what the definitions of its method say, of earlier trials alone, and again the same after a kill."""

from __future__ import annotations

import binascii
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from models.pruning import REDUCTION, STARTUP, Past, Pruner
from models.search import Search

EPOCHS = 12


def search(pruner: str, **fields: Any) -> Search:
    body = {"space": {"dropout": {"low": 0, "high": 0.9}}, "budget": {"runs": 30}, "pruner": pruner, **fields}
    return Search.model_validate(body)


def pruned_at(pruner: Pruner, values: Sequence[float]) -> int | None:
    """The epoch at which a trial ends early that would have these values; those the pruner knows are left out."""
    metric = pruner.search.metric
    for epoch, value in list(enumerate(values, 1))[len(pruner.own) :]:
        if why := pruner.see(epoch, {metric: value}):
            assert f"after epoch {epoch}" in str(why)
            assert why.as_json()["code"] == "pruned"
            return epoch
    return None


def curves(seed: int, count: int = 24) -> list[list[float]]:
    """Losses that fall and rise again, as those of networks that overfit."""
    chance = np.random.default_rng(seed)
    epochs = np.arange(1, EPOCHS + 1)
    return [
        list(chance.uniform(0.2, 0.6) + np.exp(-epochs / chance.uniform(1, 5)) + chance.uniform(0, 0.05) * epochs)
        for _ in range(count)
    ]


def by_median(best: Sequence[float], before: Sequence[Past]) -> int | None:
    """Worse than the median of those trained to their end, after a quarter of the epochs."""
    whole = [np.minimum.accumulate(past.values) for past in before if past.whole]
    for epoch in range(max(1, EPOCHS // 4), EPOCHS):
        if len(whole) >= STARTUP and best[epoch - 1] > np.median([of[epoch - 1] for of in whole]):
            return epoch
    return None


def by_hyperband(best: Sequence[float], before: Sequence[Past], name: str) -> int | None:
    """Li et al. 2018, "Hyperband", with the asynchronous halving of Li et al. 2020, as Optuna shares trials out."""
    brackets = int(math.log(EPOCHS, REDUCTION)) + 1
    sizes = [math.ceil(brackets * REDUCTION ** (brackets - 1 - b) / (brackets - b)) for b in range(brackets)]

    def bracket_of(number: int) -> int:
        at = int(binascii.crc32(f"{name}_{number}".encode())) % sum(sizes)
        return next(b for b in range(brackets) if at < sum(sizes[: b + 1]))

    bracket = bracket_of(len(before))
    epoch: int = REDUCTION**bracket
    while epoch < EPOCHS:
        rivals = [
            np.minimum.accumulate(past.values)[epoch - 1]
            for number, past in enumerate(before)
            if bracket_of(number) == bracket and len(past.values) >= epoch
        ]
        rivals = sorted([*rivals, best[epoch - 1]])
        if best[epoch - 1] > rivals[max(len(rivals) // REDUCTION - 1, 0)]:
            return epoch
        epoch *= REDUCTION
    return None


@pytest.mark.parametrize("name", ["median", "hyperband"])
def test_trials_end_where_the_definition_says(name: str) -> None:
    ended: set[int | None] = set()
    for seed in range(3):
        before: list[Past] = []
        for values in curves(seed):
            best = np.minimum.accumulate(values).tolist()
            expected = by_median(best, before) if name == "median" else by_hyperband(best, before, "0/0")
            assert pruned_at(Pruner(search(name), 0, EPOCHS, before), values) == expected, len(before)
            # Killed in between, and asked again by another process.
            for known in (1, 4):
                if expected is None or known < expected:
                    again = Pruner(search(name), 0, EPOCHS, before, own=list(values[:known]))
                    assert pruned_at(again, values) == expected
            before.append(Past(values[:expected], whole=expected is None))
            ended.add(expected)
    assert len(ended) > 3, "some are trained to their end, the others ended at different epochs"


def test_trials_that_failed_are_no_measure_and_a_loss_that_is_not_finite_ends_nothing() -> None:
    worse, better = [1.0] * EPOCHS, [0.5] * EPOCHS
    failed = [Past()] * STARTUP
    assert pruned_at(Pruner(search("median"), 0, EPOCHS, failed), worse) is None
    whole = [Past(better, whole=True)] * STARTUP
    assert pruned_at(Pruner(search("median"), 0, EPOCHS, [*failed, *whole]), worse) == EPOCHS // 4
    for name in ("median", "hyperband"):
        pruner = Pruner(search(name), 0, EPOCHS, whole)
        assert [pruner.see(epoch, {"val_data_loss": math.nan}) for epoch in (1, 2, 3)] == [None] * 3


def test_of_a_metric_that_rises_the_lower_is_ended() -> None:
    whole = [Past([0.8] * EPOCHS, whole=True)] * STARTUP
    for value, expected in ((0.7, EPOCHS // 4), (0.9, None)):
        pruner = Pruner(search("median", metric="val_acc"), 0, EPOCHS, whole)
        assert pruned_at(pruner, [value] * EPOCHS) == expected
