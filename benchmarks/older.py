"""Whether an epoch takes longer than with an older version of the engine: processor seconds, in turns.

    OCKHAM_IMDB_NPZ=... python -m benchmarks.older OLDER [--rounds 10] [--variants original,bigger]

OLDER is a checkout of an older commit (`git worktree add OLDER COMMIT`); it is run by this environment's Python. One
process of each tree trains on IMDB, in turns: the older one, this one with nothing kept, and this one as a worker
trains. Prints the table of medians; a ratio is the median of the rounds' own ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from models.settings import Settings

HERE = Path(__file__).resolve().parent
EPOCHS = {"original": 16, "bigger": 3}


class Tree:
    """A process that trains with the packages of a tree, its prepared data in a folder of its own."""

    def __init__(self, tree: Path, folder: Path) -> None:
        folder.mkdir()
        env = {
            **os.environ,
            "PYTHONPATH": str(tree),
            "OCKHAM_DATA_DIR": str(folder),
            "OCKHAM_IMDB_NPZ": str(Settings().npz("imdb")),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "MALLOC_ARENA_MAX": "1",  # as in a worker
        }
        command = [sys.executable, "-P", str(HERE / "older_run.py")]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tree, env=env, text=True
        )

    def seconds(self, variant: str, keep: int) -> float:
        """Processor seconds per epoch."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"variant": variant, "epochs": EPOCHS[variant], "keep": keep}) + "\n")
        self.process.stdin.flush()
        return float(json.loads(self.process.stdout.readline()))

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("older", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--variants", default=",".join(EPOCHS))
    chosen = parser.parse_args()
    if Settings().npz("imdb") is None:
        parser.error("OCKHAM_IMDB_NPZ must name the reviews")
    kept = Settings().max_predictions_bytes
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        older = opened.enter_context(Tree(chosen.older.resolve(), Path(folder) / "older"))
        this = opened.enter_context(Tree(HERE.parent, Path(folder) / "this"))
        contenders = {"older": (older, 0), "this, nothing kept": (this, 0), "this, as a worker trains": (this, kept)}
        print("| network | engine | processor seconds per epoch | ratio |\n|---|---|---:|---:|", flush=True)
        for variant in chosen.variants.split(","):
            seconds: dict[str, list[float]] = {name: [] for name in contenders}
            for number in range(-1, chosen.rounds):  # the first round warms up
                turns = list(contenders.items())
                for name, (tree, keep) in turns if number % 2 else reversed(turns):
                    took = tree.seconds(variant, keep)
                    if number >= 0:
                        seconds[name].append(took)
                print(f"{variant}, round {number + 1} of {chosen.rounds}", file=sys.stderr, flush=True)
            for name, took_each in seconds.items():
                ratio = median(one / other for one, other in zip(took_each, seconds["older"], strict=True))
                print(f"| `{variant}` | {name} | {median(took_each):.4f} | {ratio:.3f} |", flush=True)
    print(f"\nMedians of {chosen.rounds} rounds; load {os.getloadavg()[0]:.1f} at the end.")


if __name__ == "__main__":
    main()
