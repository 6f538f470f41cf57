"""A yardstick: the same network as scikit-learn's MLPClassifier, trained on the same sparse rows.

    python -m benchmarks.mlp_classifier --variant original --epochs 6

It has one thread in its products of sparse rows, and Adam, because it has no RMSprop. An epoch is training and
validation. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import numpy as np
import scipy.sparse
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from models.kinds.datasets.imdb import Imdb
from models.settings import Settings
from worker.data import Rows, load

UNITS = {"original": 16, "bigger": 512}


def rows(reviews: Rows, words: int) -> scipy.sparse.csr_matrix:
    """The reviews as SciPy's sparse rows."""
    ones = np.ones(len(reviews.indices), np.float32)
    return scipy.sparse.csr_matrix((ones, reviews.indices, reviews.indptr), shape=(len(reviews), words))


def main() -> None:
    """Trains and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", choices=UNITS, default="original")
    parser.add_argument("--epochs", type=int, default=6)
    arguments = parser.parse_args()
    units = UNITS[arguments.variant]
    settings = Settings()
    data = load(Imdb(), settings.data_dir, settings.npz("imdb"))
    x, validation = (rows(part, data.inputs) for part in (data.train, data.test))
    y, labels = np.asarray(data.train.labels), np.asarray(data.test.labels)
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
