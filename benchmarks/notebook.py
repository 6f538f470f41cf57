"""A yardstick: the notebook's own training code, on stock Keras.

    python -m benchmarks.notebook --variants original bigger --epochs 4 [--sparse]

As the notebook does it: dense float64 multi-hot matrices and `model.fit` (9 GB of memory). With
`--sparse` the best that stock Keras offers instead: `Input(sparse=True)` and SciPy's rows. Prints
one JSON object a variant.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from typing import Any

BEGAN = time.perf_counter()

import keras  # noqa: E402 - the import is part of what the notebook waits for
import numpy as np  # noqa: E402
import scipy.sparse  # noqa: E402
from keras import layers, regularizers  # noqa: E402

from models.kinds.datasets.imdb import Imdb  # noqa: E402
from models.settings import Settings  # noqa: E402
from worker.data import Rows, load  # noqa: E402

VARIANTS: dict[str, tuple[int, float, float]] = {  # units, L2 penalty, dropout
    "original": (16, 0.0, 0.0),
    "smaller": (4, 0.0, 0.0),
    "bigger": (512, 0.0, 0.0),
    "l2": (16, 0.001, 0.0),
    "dropout": (16, 0.0, 0.5),
}


def build(variant: str, words: int, sparse: bool) -> keras.Model:
    """The notebook's network of this name."""
    units, l2, rate = VARIANTS[variant]
    stack = [layers.Input((words,), sparse=sparse)]
    for _ in range(2):
        stack.append(layers.Dense(units, activation="relu", kernel_regularizer=regularizers.L2(l2) if l2 else None))
        if rate:
            stack.append(layers.Dropout(rate))
    model = keras.Sequential([*stack, layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["acc"])
    return model


def rows(reviews: Rows, words: int, sparse: bool) -> Any:
    """The reviews as the notebook's `vectorize_sequences` makes them, or as SciPy's sparse rows."""
    if sparse:
        ones = np.ones(len(reviews.indices), np.float32)
        return scipy.sparse.csr_matrix((ones, reviews.indices, reviews.indptr), shape=(len(reviews), words))
    results = np.zeros((len(reviews), words))
    for i in range(len(reviews)):
        results[i, reviews.indices[reviews.indptr[i] : reviews.indptr[i + 1]]] = 1.0
    return results


def main() -> None:
    """Trains and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=["original"])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--sparse", action="store_true")
    arguments = parser.parse_args()
    settings = Settings()
    data = load(Imdb(), settings.data_dir, settings.npz("imdb"))
    x, validation = (rows(part, data.inputs, arguments.sparse) for part in (data.train, data.test))
    y, labels = np.asarray(data.train.labels), np.asarray(data.test.labels)
    for variant in arguments.variants:
        model = build(variant, data.inputs, arguments.sparse)
        stamps: list[float] = []
        stamp = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs, to=stamps: to.append(time.perf_counter())
        )
        began = time.perf_counter()
        fitted = model.fit(
            x,
            y,
            epochs=arguments.epochs,
            batch_size=512,
            validation_data=(validation, labels),
            verbose=0,
            callbacks=[stamp],
        )
        print(
            json.dumps(
                {
                    "system": "keras-sparse" if arguments.sparse else "notebook",
                    "variant": variant,
                    "epochs": arguments.epochs,
                    "epoch_seconds": float(np.median(np.diff(stamps))) if len(stamps) > 1 else None,
                    "fit_seconds": time.perf_counter() - began,
                    "seconds_since_import": time.perf_counter() - BEGAN,
                    "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
                    "val_loss": fitted.history["val_loss"],
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
