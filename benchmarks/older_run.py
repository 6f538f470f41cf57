"""The engine of whatever tree is first on the path, asked by `benchmarks.older`: it trains what a line names.

Uses only what trees have had since version 0.1: its file is run beside another tree's packages. A line is JSON:
`variant`, `epochs`, `keep` (bytes of predictions, where they can be kept). The answer is a line of JSON: the median of
the processor seconds from one epoch's end to the next, those of all threads.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from inspect import signature
from pathlib import Path
from statistics import median
from typing import Any

from models.resolution import resolve
from models.settings import Settings
from worker import data, training


def main() -> None:
    """Answers line by line."""
    settings = Settings()
    training.configure(2)
    training.warm_up()
    keeps = "keep" in signature(training.train).parameters
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            asked = json.loads(line)
            body = {"variants": [asked["variant"]], "training": {"epochs": asked["epochs"]}}
            run = resolve(body).run(asked["variant"], 0)
            npz = settings.imdb_npz  # type: ignore[attr-defined]  # a setting of each file of a data set
            reviews = data.load(run.dataset, settings.data_dir, npz)
            ends: list[float] = []
            options: dict[str, Any] = {"keep": asked["keep"]} if keeps else {}
            training.train(
                run,
                reviews,
                on_epoch=lambda epoch: ends.append(time.process_time()),  # noqa: B023
                checkpoint=Path(folder) / "checkpoint",
                **options,
            )
            (Path(folder) / "checkpoint").unlink()
            print(json.dumps(median(end - began for began, end in itertools.pairwise(ends))), flush=True)


if __name__ == "__main__":
    main()
