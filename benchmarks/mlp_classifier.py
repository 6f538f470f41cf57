"""A yardstick: the same network as scikit-learn's MLPClassifier, trained on the same sparse rows.

    python -m benchmarks.mlp_classifier --variant original --epochs 6 [--rows ROWS.npz]

The rows are IMDB's, or those of a file, as `benchmarks.engine.exported` gives them: words, which become sparse rows, or
numbers, a dense matrix. It has one thread in its products of sparse rows, and Adam, because it has no RMSprop. An epoch
is training and validation. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from benchmarks.engine import exported
from models.kinds.datasets.imdb import Imdb
from models.settings import Settings
from worker.data import load

UNITS = {"original": 16, "bigger": 512}


def matrix(rows: Mapping[str, Any], part: str, inputs: int) -> Any:
    """The rows of this part: SciPy's sparse ones, or a dense matrix if they are numbers."""
    if f"{part}_numbers" in rows:
        return rows[f"{part}_numbers"]
    indices, indptr = rows[f"{part}_indices"], rows[f"{part}_indptr"]
    return scipy.sparse.csr_matrix(
        (np.ones(len(indices), np.float32), indices, indptr), shape=(len(indptr) - 1, inputs)
    )


def main() -> None:
    """Trains and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", choices=UNITS, default="original")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rows", type=Path, help="without it IMDB's reviews")
    arguments = parser.parse_args()
    units = UNITS[arguments.variant]
    if arguments.rows is None:
        settings = Settings()
        rows = exported(load(Imdb(), settings.data_dir, settings.npz("imdb")))
    else:
        with np.load(arguments.rows) as file:
            rows = dict(file)
    x, validation = (matrix(rows, part, int(rows["inputs"])) for part in ("train", "validation"))
    y, labels = rows["train_labels"], rows["validation_labels"]
    model = MLPClassifier((units, units), batch_size=512, solver="adam", alpha=0, random_state=0)
    seconds, processor, losses = [], [], []
    for _ in range(arguments.epochs):
        began, worked = time.perf_counter(), time.process_time()
        model.partial_fit(x, y, classes=[0.0, 1.0])
        losses.append(float(log_loss(labels, model.predict_proba(validation)[:, 1])))
        seconds.append(time.perf_counter() - began)
        processor.append(time.process_time() - worked)
    print(
        json.dumps(
            {
                "system": "sklearn",
                "variant": arguments.variant,
                "epochs": arguments.epochs,
                "epoch_seconds": float(np.median(seconds[1:])),
                "epoch_processor_seconds": float(np.median(processor[1:])),
                "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
                "val_loss": losses,
            }
        )
    )


if __name__ == "__main__":
    main()
