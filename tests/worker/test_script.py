"""The archive's script trains with Keras alone what the engine trains: every remedy is in it."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models.resolution import resolve
from reporting.bundle import network, script

LAYERS = [{"type": "dropout", "rate": 0.1}, {"type": "dense", "units": 16, "activation": "relu"}]
PLATEAU = {"reduce_on_plateau": {"monitor": "val_data_loss", "min_delta": 10.0, "factor": 0.5, "patience": 1}}
COSINE = {"schedule": "cosine_decay", "initial_learning_rate": 0.05, "decay_steps": 20}
VARIANTS: list[dict[str, Any]] = [
    {
        "name": "soft",
        "layers": LAYERS,
        "training": {"label_smoothing": 0.2, "optimizer": {"learning_rate": COSINE, "use_ema": True}},
    },
    {
        "name": "weighted",
        "layers": LAYERS,
        "training": {
            "class_weight": "balanced",
            "optimizer": {"name": "adam", "learning_rate": PLATEAU, "weight_decay": 0.1, "global_clipnorm": 1.0},
        },
    },
    {"name": "named", "layers": LAYERS, "training": {"class_weight": {"2": 3.0}, "optimizer": {"clipnorm": 1.0}}},
]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_remedy_is_in_the_script(tmp_path: Path) -> None:
    job = resolve(
        {
            "dataset": {"name": "synthetic_table", "classes": 4, "samples": 400, "columns": 6},
            "training": {"epochs": 5, "batch_size": 50, "weights": True},
            "variants": VARIANTS,
        }
    )
    (tmp_path / "train.py").write_text(script(job), "utf-8")
    (tmp_path / "specification.json").write_text(job.model_dump_json(), "utf-8")
    networks = {variant.name: network(job.run(variant.name, 0)) for variant in job.variants}
    (tmp_path / "networks.json").write_text(json.dumps(networks), "utf-8")
    done = subprocess.run([sys.executable, "-P", "train.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = list(csv.DictReader((tmp_path / "history-keras.csv").read_text().splitlines()))
    of = {name: [row for row in rows if row["variant"] == name] for name in networks}
    assert all(len(epochs) == 5 for epochs in of.values())
    assert all(math.isfinite(float(row["val_loss"])) for row in rows)
    of_layers = {name for name in rows[0] if "." in name}
    assert of_layers == {f"{measure}.{layer}" for measure in ("norm", "near_zero") for layer in ("dense_2", "output")}
    assert all(float(row["norm.dense_2"]) > 0 and 0 <= float(row["near_zero.output"]) <= 1 for row in rows)
    soft, weighted, named = of["soft"][-1], of["weighted"][-1], of["named"][-1]
    assert float(soft["val_loss"]) > float(soft["val_data_loss"]), "the loss is of softened labels"
    assert float(weighted["val_loss"]) == pytest.approx(float(weighted["val_data_loss"]), rel=1e-5)
    assert float(named["loss"]) > 1.2 * float(named["data_loss"]), "the training loss is of weighted rows"
