"""`python -m tests.chaos [--seconds N] [--seed N] [--jobs N]`: random faults, and what came of it."""

from __future__ import annotations

import argparse
import secrets
import tempfile
from pathlib import Path

from tests.chaos.play import play

parser = argparse.ArgumentParser(prog="python -m tests.chaos")
parser.add_argument("--seconds", type=float, default=300, help="how long faults are injected")
parser.add_argument("--seed", type=int, default=None, help="the same seed injects the same faults in the same order")
parser.add_argument("--jobs", type=int, default=60, help="how many jobs come in meanwhile")
arguments = parser.parse_args()
seed = secrets.randbelow(2**31) if arguments.seed is None else arguments.seed
print(f"chaos for {arguments.seconds:g} seconds, seed {seed}", flush=True)
with tempfile.TemporaryDirectory(prefix="ockham-chaos-") as directory:
    outcome = play(Path(directory), arguments.seconds, seed, jobs=arguments.jobs)
print(outcome.told())
raise SystemExit(0 if outcome.sound else 1)
