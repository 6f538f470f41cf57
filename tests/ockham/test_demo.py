"""`ockham demo`, from an empty directory to its figures."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.ockham.serving import environment, gone
from tests.servers import wait_for

FIGURES = [
    "1_smaller_validation_loss",
    "2_bigger_validation_loss",
    "3_bigger_training_loss",
    "4_l2_validation_loss",
    "5_dropout_validation_loss",
]
DEMO = [sys.executable, "-P", "-m", "ockham", "demo"]


def check(out: Path, dataset: str, epochs: int) -> None:
    """That `out` holds what the demo promises."""
    for name in [*FIGURES, "all_validation_loss"]:
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG"), name
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["dataset"], summary["epochs"]) == (dataset, epochs)
    variants = {row["variant"]: row for row in summary["variants"]}
    assert list(variants) == ["original", "smaller", "bigger", "l2", "dropout"]
    assert variants["original"]["parameters"] == 160_305
    for row in variants.values():
        assert 1 <= row["best_epoch"] <= epochs
        assert 0 < row["best_val_data_loss"] <= row["final_val_data_loss"]
        assert row["best_val_data_loss"] <= row["best_val_loss"]
        assert 0 < row["best_val_acc"] <= 1
        assert row["verdict"]
        assert row["seconds"] > 0
    with (out / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5 * epochs
    assert [each["variant"] for each in summary["comparisons"]] == ["smaller", "bigger", "l2", "dropout"]
    table = (out / "summary.md").read_text()
    assert "each variant minus original" in table
    assert "(one_seed)" in table
    assert "The figures 1 to 5 show Keras's" in table
    assert dataset in table
    assert all(f"{name}.png" in table for name in FIGURES)


@pytest.mark.slow
def test_without_the_real_reviews_it_says_so_and_trains_on_made_ones(tmp_path: Path) -> None:
    env = environment(
        OCKHAM_IMDB_NPZ=str(tmp_path / "nowhere.npz"), OCKHAM_DATABASE_URL="postgresql://nobody@192.0.2.1/x"
    )
    done = subprocess.run(
        [*DEMO, "--epochs", "2", "--out", "figures"], capture_output=True, text=True, cwd=tmp_path, env=env, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Training on synthetic reviews, because IMDB's cannot be had: ")
    assert "data set synthetic" in done.stdout
    check(tmp_path / "figures", "synthetic", 2)
    # Nothing is left, and nothing was made outside.
    assert sorted(path.name for path in tmp_path.iterdir()) == [".ockham", "figures"]
    assert [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or [])] == []


@pytest.mark.imdb
@pytest.mark.slow
def test_on_the_real_reviews(tmp_path: Path) -> None:
    for _ in range(2):  # the second one finds the reviews prepared
        done = subprocess.run(
            [*DEMO, "--epochs", "3"], capture_output=True, text=True, cwd=tmp_path, env=environment(), timeout=280
        )
        assert done.returncode == 0, done.stderr
        assert "data set imdb" in done.stdout
        check(tmp_path / "results", "imdb", 3)


@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_demo_that_is_ended_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    env = environment(OCKHAM_IMDB_NPZ=str(tmp_path / "nowhere.npz"))
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=env) as demo:
        assert demo.stderr is not None
        said = b""
        while b"epoch 1 of" not in said:
            line = demo.stderr.readline()
            assert line, said
            said += line
        processes = [psutil.Process(demo.pid), *psutil.Process(demo.pid).children(recursive=True)]
        assert len(processes) >= 7
        os.kill(demo.pid, number)
        for process in processes:
            wait_for(f"the end of {process}", partial(gone, process))
    assert demo.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)


def test_a_broken_file_of_reviews_is_no_reason_to_pretend(tmp_path: Path) -> None:
    broken = tmp_path / "imdb.npz"
    broken.write_bytes(b"not an archive")
    done = subprocess.run(
        DEMO, capture_output=True, text=True, cwd=tmp_path, env=environment(OCKHAM_IMDB_NPZ=str(broken)), timeout=120
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()
