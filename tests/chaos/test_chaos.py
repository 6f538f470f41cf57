"""A minute of chaos; `make chaos` has twenty seeds of two minutes each."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

import pytest

from tests.chaos.play import play


@pytest.mark.chaos
@pytest.mark.timeout(1500)
def test_a_minute_of_random_faults_loses_and_doubles_nothing() -> None:
    seed = secrets.randbelow(2**31)
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="ockham-chaos-") as directory:
        outcome = play(Path(directory), 60, seed, jobs=16)
    print(outcome.told())
    assert outcome.sound, outcome.told()
    assert outcome.faults.total() >= 5
    assert outcome.jobs.total() == 16
