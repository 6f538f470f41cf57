"""`python -m worker`, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

JOB = {
    "dataset": {"name": "synthetic", "num_words": 100, "reviews": 200},
    "variants": ["smaller"],
    "training": {"epochs": 2},
}


def work(folder: Path, name: str, text: str) -> subprocess.CompletedProcess[str]:
    (folder / name).write_text(text)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OCKHAM_", "TF_"))}
    return subprocess.run(
        [sys.executable, "-m", "worker", str(folder / name)], capture_output=True, text=True, timeout=240,
        env={**kept, "OCKHAM_DATA_DIR": str(folder)},
    )  # fmt: skip


def test_it_says_its_lines_and_nothing_else(tmp_path: Path) -> None:
    done = work(tmp_path, "job.json", json.dumps(JOB))
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.get("epoch") for line in lines] == [1, 2, None]


def test_a_loss_that_is_no_longer_finite(tmp_path: Path) -> None:
    wild = {**JOB, "training": {"epochs": 2, "optimizer": {"name": "sgd", "learning_rate": 1e30}}}
    done = work(tmp_path, "job.json", json.dumps(wild))
    assert done.returncode == 1
    *_, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert last["error"]["code"] == "diverged"


@pytest.mark.parametrize(("name", "text"), [("job.json", "{"), ("job.yaml", "seeds: !!set {1}"), ("a.yaml", "[")])
def test_what_cannot_be_read(tmp_path: Path, name: str, text: str) -> None:
    done = work(tmp_path, name, text)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("cannot read ")
    assert "Traceback" not in done.stderr
