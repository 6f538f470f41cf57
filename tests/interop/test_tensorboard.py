"""TensorBoard's own readers on the unpacked ZIP."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from ockham_client import Job

History = dict[tuple[str, int], dict[str, Any]]

READ = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

multiplexer = EventMultiplexer().AddRunsFromDirectory(sys.argv[1])
multiplexer.Reload()
found = {}
for run, tags in multiplexer.Runs().items():
    alone = EventAccumulator(f"{sys.argv[1]}/{run}").Reload()
    assert alone.Tags()["scalars"] == tags["scalars"]
    for tag in tags["scalars"]:
        assert repr(alone.Scalars(tag)) == repr(multiplexer.Scalars(run, tag))
        found.setdefault(run, {})[tag] = [[e.wall_time, e.step, str(e.value)] for e in multiplexer.Scalars(run, tag)]
print(json.dumps(found))
"""

PLACES = {"train": "", "validation": "val_", "train-inference": "eval_"}


@pytest.mark.slow
def test_tensorboard_reads_what_the_history_says(
    live: str, job: Job, history: History, python: Callable[..., Any], tmp_path: Path
) -> None:
    answer = httpx.get(f"{live}/v1/jobs/{job.id}/history?format=tensorboard", trust_env=False).raise_for_status()
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(tmp_path / "logs")
    found = python(READ, tmp_path / "logs")
    expected: dict[str, dict[str, Any]] = {}
    for (variant, seed), run in history.items():
        for place, prefix in PLACES.items():
            folder = variant.replace("[", "_").replace("]", "_")
            named = {f"epoch_{name}": prefix + name for name in ("loss", "acc", "data_loss")}
            if place == "train":  # what is measured of layers, under its own name
                named |= {name: name for name in run["metrics"] if "." in name}
            for tag, name in named.items():
                if values := run["metrics"].get(name):
                    tags = expected.setdefault(f"{folder}/seed-{seed}/{place}", {})
                    # TensorBoard keeps 32-bit floats, and what is past their range is infinite.
                    with np.errstate(over="ignore"):
                        narrow = np.array(values, dtype=np.float32)
                    tags[tag] = [[epoch, str(float(value))] for epoch, value in zip(run["epochs"], narrow, strict=True)]
    assert len(expected) >= 12
    shown = {run: {tag: [e[1:] for e in events] for tag, events in tags.items()} for run, tags in found.items()}
    assert shown == expected
    assert {"norm.dense_1", "near_zero.output"} < shown["original/seed-1/train"].keys()
    assert shown["wild/seed-1/validation"]["epoch_loss"][-1][1] in ("inf", "nan")
    times = [time for time, _, _ in found["original/seed-1/train"]["epoch_loss"]]
    assert times == sorted(times)
