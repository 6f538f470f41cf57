"""What a run costs, known before it is trained: rows, parameters, memory and work."""

from __future__ import annotations

from dataclasses import dataclass

from models.kinds.layer import on_inputs
from models.specification import RunSpecification

PROCESS = 700 << 20
"""A worker's process with TensorFlow and Keras loaded and a first graph traced."""

FILE = 24 << 10
"""Of a model's file what is not weights."""


@dataclass(frozen=True)
class Cost:
    """What one run costs.

    rows: those that it trains on. parameters: of its network, output layer included, as `keras.Model.count_params`
    counts them. memory: the peak resident memory of a worker that trains it alone, in bytes. work: parameters times
    rows times epochs, which is what training costs up to a factor. models: bytes that its models take, at most: that
    of the chosen epoch, and those of the epochs that it keeps.
    """

    rows: int
    parameters: int
    memory: int
    work: float
    models: int


def cost_of(run: RunSpecification) -> Cost:
    """What `run` costs.

    The memory is a model of what the engine holds at once, its constants fitted to measurements
    (docs/performance.md); on the safe side by up to a third.
    """
    data, training = run.dataset, run.training
    train, validation = data.trained_on, data.validated_on

    # A row's inputs that are 1 are about half in dense bytes and half sparse (row, input) pairs. With numbers
    # among them the dense ones are floats; they are kept as read and standardised, too.
    words = data.inputs - data.numbers
    dense, pairs = min(240, words), data.density if words else 0
    dense = 4 * (dense + 3 * data.numbers) if data.numbers or data.valued else dense
    pair = 12 if data.valued else 8
    prepared = (train + validation) * (dense + pairs * pair) + validation * pairs * 4
    epochs = 3 * train * (dense + pairs * pair)

    width, parameters, held, scratch = data.inputs, 0, 0, 0
    noise = on_inputs(run.layers)
    # With noise on them a batch's rows are dense floats: as they are, and as each layer leaves them.
    noisy = 4 * data.inputs * min(training.batch_size, train) * (2 + noise) if noise else 0
    for layer in (*run.layers[noise:], data.task.output):
        parameters += layer.weights(width)
        scratch = max(scratch, layer.scratch(width))
        width = layer.width(width)
        held += width * layer.tensors
    activations = 4 * held * (3 * min(training.batch_size, train) + 2 * 1024)

    copies = 10 + 3 * training.optimizer.kept()
    if data.held_out or (training.early_stopping and training.early_stopping.restore_best):
        copies += 1
    memory = PROCESS + prepared + epochs + activations + noisy + 4 * (copies * parameters + scratch)
    kept = sum(run.keeps(epoch, epoch == training.epochs) for epoch in range(1, training.epochs + 1))
    models = (1 + kept) * (4 * parameters + FILE)
    return Cost(train, parameters, memory, float(parameters) * train * training.epochs, models)
