"""What a stored result is found again by."""

from __future__ import annotations

import ast
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


def test_whatever_the_engine_imports_of_the_worker_is_part_of_it() -> None:
    """But the data, whose content has a hash of its own, and the fingerprint itself."""
    folder = Path(inspect.getfile(training)).parent
    for name in ENGINE:
        for node in ast.walk(ast.parse((folder / name).read_text())):
            if isinstance(node, ast.ImportFrom) and node.module in (
                "worker",
                *(f"worker.{f.stem}" for f in folder.glob("*.py")),
            ):
                modules = [node.module] if node.module != "worker" else [f"worker.{each.name}" for each in node.names]
                used = {module.partition(".")[2] + ".py" for module in modules} - {"fingerprint.py"}
                assert used <= {*ENGINE}, name
