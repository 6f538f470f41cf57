"""`python -m tests.chaos [--seeds N] [--seconds N] [--jobs N] [--seed N]`: random faults, and what came of them."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from tests.chaos.faults import clocks
from tests.chaos.play import play

parser = argparse.ArgumentParser(prog="python -m tests.chaos")
parser.add_argument("--seeds", type=int, default=20, help="how many rounds, each with the next seed")
parser.add_argument("--seconds", type=float, default=120, help="how long each injects faults")
parser.add_argument("--seed", type=int, default=1, help="the first seed: the same injects the same faults in order")
parser.add_argument("--jobs", type=int, default=28, help="how many jobs come in meanwhile")
arguments = parser.parse_args()
if not clocks():
    print("libfaketime is not installed: no clock is set off")
outcomes = []
for seed in range(arguments.seed, arguments.seed + arguments.seeds):
    print(f"chaos for {arguments.seconds:g} seconds, seed {seed}", flush=True)
    directory = Path(tempfile.mkdtemp(prefix="ockham-chaos-"))
    outcomes.append(play(directory, arguments.seconds, seed, jobs=arguments.jobs))
    print(outcomes[-1].told(), flush=True)
    if outcomes[-1].sound:
        shutil.rmtree(directory)
    else:
        print(f"its logs and its data are in {directory}", flush=True)
unsound = [outcome.seed for outcome in outcomes if not outcome.sound]
print(f"{len(outcomes)} seeds, {len(unsound)} not sound{': ' if unsound else ''}{', '.join(map(str, unsound))}")
raise SystemExit(1 if unsound else 0)
