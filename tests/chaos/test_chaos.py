"""A minute of chaos; `make chaos` has five."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.chaos.play import play


@pytest.mark.chaos
@pytest.mark.timeout(1500)
def test_a_minute_of_random_faults_loses_and_doubles_nothing(tmp_path: Path) -> None:
    seed = secrets.randbelow(2**31)
    print(f"seed {seed}")
    outcome = play(tmp_path, 60, seed, jobs=16)
    print(outcome.told())
    assert outcome.sound, outcome.told()
    assert outcome.faults.total() >= 5
    assert outcome.jobs.total() == 16
