"""What a run needs, told before it is trained: the memory of its worker."""

from __future__ import annotations

from models.kinds.layers.dense import Dense
from models.specification import (
    IMDB_REVIEWS,
    Holdout,
    RunSpecification,
    Synthetic,
    count_parameters,
)

PROCESS = 700 << 20
"""A worker's process with TensorFlow and Keras loaded and a first graph traced."""

PAIRS = 150
"""Distinct words of a review, rounded up (the IMDB reviews have 131.7 at 10,000 words)."""


def estimate_memory(run: RunSpecification) -> int:
    """The peak resident memory of a worker that trains `run` alone, in bytes.

    A model of what the engine holds at once, its constants fitted to measurements
    (docs/performance.md); on the safe side by up to a third.
    """
    data, training = run.dataset, run.training
    reviews = data.reviews if isinstance(data, Synthetic) else IMDB_REVIEWS
    validation = data.validation.holdout if isinstance(data.validation, Holdout) else reviews
    train = data.train_samples or (reviews - validation if isinstance(data.validation, Holdout) else reviews)

    # Of its pairs a review has about half in dense bytes and half as sparse (row, word) pairs.
    dense = min(240, data.num_words)
    prepared = (train + validation) * (dense + PAIRS * 8) + validation * PAIRS * 4
    epochs = 3 * train * (dense + PAIRS * 8)

    width, held = data.num_words, 0
    for layer in (*run.layers, Dense(units=1)):
        width = layer.width(width)
        held += width * layer.tensors
    rows = min(training.batch_size, train)
    activations = 4 * held * (3 * rows + 2 * 1024)

    parameters = 4 * count_parameters(run.layers, data.num_words)
    copies = 10 + 3 * training.optimizer.slots()
    if isinstance(data.validation, Holdout) or (training.early_stopping and training.early_stopping.restore_best):
        copies += 1
    return PROCESS + prepared + epochs + activations + copies * parameters
