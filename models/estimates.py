"""What a run costs, known before it is trained: rows, parameters, memory and work."""

from __future__ import annotations

from dataclasses import dataclass

from models.kinds.layer import on_inputs
from models.specification import RunSpecification

PROCESS = 800 << 20
"""A worker's process with TensorFlow, Keras and Numba loaded and a first graph traced."""

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

    # Of a row's words each takes its column, and its value if there are any; while rows are cut into blocks, four times
    # as much more. Numbers are kept as read, standardised, and as a tensor.
    words = data.inputs - data.numbers
    pairs = data.density * (8 if data.valued else 4) if words else 0
    prepared = (train + validation) * (12 * data.numbers + pairs) + 4 * max(train, validation) * pairs

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
    memory = PROCESS + prepared + activations + noisy + 4 * (copies * parameters + scratch)
    kept = sum(run.keeps(epoch, epoch == training.epochs) for epoch in range(1, training.epochs + 1))
    models = (1 + kept) * (4 * parameters + FILE)
    return Cost(train, parameters, memory, float(parameters) * train * training.epochs, models)
