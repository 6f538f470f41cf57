"""What a stored result is found again by."""

from __future__ import annotations

import inspect
from pathlib import Path

from worker import training
from worker.fingerprint import ENGINE, fingerprint


def test_the_promise_is_part_of_the_key_and_stays_to_the_letter() -> None:
    """A comma more, and every stored result would be trained again."""
    promise = "The same specification and seed give a bit-identical history and weights where all of this agrees."
    assert fingerprint("0")["promise"] == promise


def test_a_run_is_not_taken_for_one_whose_epoch_was_chosen_by_another_rule() -> None:
    """The rule without early stopping is in no specification: its code is part of the fingerprint."""
    assert Path(inspect.getfile(training.BestEpoch)).name in ENGINE
