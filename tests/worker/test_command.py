"""`python -m worker`, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

JOB = {
    "dataset": {"name": "synthetic", "num_words": 100, "reviews": 200},
    "variants": ["smaller"],
    "training": {"epochs": 2},
}


def test_it_says_its_lines_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(json.dumps(JOB))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OCKHAM_", "TF_"))}
    done = subprocess.run(
        [sys.executable, "-m", "worker", str(tmp_path / "job.json")], capture_output=True, text=True, timeout=240,
        env={**kept, "OCKHAM_DATA_DIR": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.get("epoch") for line in lines] == [1, 2, None]
