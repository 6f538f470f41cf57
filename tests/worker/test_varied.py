"""Runs whose rows are drawn: paired across variants, never taken for others, and the weights' seed as it is said."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import Stopped
from models.resolution import resolve
from models.reuse import key_of
from models.specification import Specification
from tests.worker.conftest import SMALL, TASKS, dense
from worker import training
from worker.data import load


def job(vary: list[str], **fields: Any) -> Specification:
    return resolve(
        {
            "dataset": {**SMALL, "validation": {"holdout": 150}},
            "variants": ["original", "smaller"],
            "training": {"epochs": 2, "batch_size": 128},
            "seeds": [0, 1],
            "vary": vary,
            **fields,
        }
    )


def test_a_varied_run_has_a_key_of_its_own() -> None:
    choices = [["seed"], ["split"], ["sample"], ["seed", "split"], ["seed", "sample"], ["split", "sample"],
               ["seed", "split", "sample"]]  # fmt: skip
    runs = {str(vary): job(vary).run("original", 1) for vary in choices}
    assert len({key_of(run) for run in runs.values()}) == len(choices)
    assert {run.seed for vary, run in runs.items() if "'seed'" not in vary} == {0}
    assert {run.seed for vary, run in runs.items() if "'seed'" in vary} == {1}
    assert "draws" not in job(["seed"]).run("original", 1).model_dump_json()
    # Rows are drawn for the seed 0 as for any other.
    assert key_of(job(["seed", "split"]).run("original", 0)) != key_of(job(["seed"]).run("original", 0))


@pytest.mark.parametrize("vary", [["split"], ["sample"], ["split", "sample"]], ids="-".join)
@pytest.mark.parametrize("task", TASKS)
def test_variants_have_the_same_rows_and_seeds_others(engine: None, tmp_path: Path, vary: list[str], task: str) -> None:
    specification = job(vary, dataset={**TASKS[task], "validation": {"holdout": 150}})
    found = {}
    for variant in ("original", "smaller"):
        for seed in (0, 1):
            run = specification.run(variant, seed)
            found[variant, seed] = load(run.dataset, tmp_path, None, run.draws)
    plain = load(specification.dataset, tmp_path, None)
    for seed in (0, 1):
        one, other = found["original", seed], found["smaller", seed]
        assert one.sha256 == other.sha256
        for a, b in ((one.train, other.train), (one.validation, other.validation)):
            assert (dense(a, one.inputs) == dense(b, one.inputs)).all()
    first, second = found["original", 0], found["original", 1]
    assert len({first.sha256, second.sha256, plain.sha256}) == 3
    assert (len(first.train), len(first.validation)) == (len(plain.train), len(plain.validation))

    def same(a: Any, b: Any) -> bool:
        return bool(np.array_equal(a.labels, b.labels) and np.array_equal(a.indices, b.indices))

    assert same(first.validation, second.validation) is ("split" not in vary)
    assert same(first.validation, plain.validation) is ("split" not in vary)
    assert not same(first.train, second.train)
    if task == "binary":
        share = np.mean(np.concatenate((plain.train.labels, plain.validation.labels)))
        assert np.mean(first.validation.labels) == pytest.approx(share, abs=1 / 150) or "split" not in vary
    if plain.train.numbers is not None:  # standardised by the rows that are trained on, each as often as it is drawn
        assert first.train.numbers is not None
        assert np.abs(first.train.numbers.mean(axis=0)).max() < 1e-5


def test_two_draws_of_one_size_are_not_taken_for_one_another(engine: None, tmp_path: Path) -> None:
    """A process keeps prepared rows from run to run: those of another split are as many, and not the same."""
    specification = job(["split"])

    def trained(seed: int) -> list[dict[str, float]]:
        run = specification.run("original", seed)
        epochs: list[training.Epoch] = []
        training.train(run, load(run.dataset, tmp_path, None, run.draws), epochs.append)
        return [epoch.metrics for epoch in epochs]

    one, other = trained(0), trained(1)
    assert one != other
    training.forget()
    assert trained(1) == other
    assert trained(0) == one


def test_a_checkpoint_is_resumed_by_the_same_draw_alone(engine: None, tmp_path: Path) -> None:
    specification = job(["split", "sample"])
    checkpoint = tmp_path / "checkpoint.npz"

    def trained(seed: int, file: Path | None = None, stop_after: int = 99) -> list[dict[str, float]]:
        run = specification.run("original", seed)
        epochs: list[training.Epoch] = []
        with suppress(Stopped):
            training.train(
                run, load(run.dataset, tmp_path, None, run.draws), epochs.append,
                should_stop=lambda: len(epochs) >= stop_after, checkpoint=file,
            )  # fmt: skip
        return [epoch.metrics for epoch in epochs]

    whole, other = trained(0), trained(1)
    assert trained(0, checkpoint, stop_after=1) == whole[:1]
    assert trained(0, checkpoint) == whole
    assert trained(1, checkpoint) == other
