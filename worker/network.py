"""A variant's network: a plain Keras model, and the graphs that train and evaluate it on sparse rows.

Every layer, optimizer, regularizer, constraint and initializer is Keras's own. Ours are the first layer's
product (`worker.sparse`) and the loop over batches, which runs inside one graph.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from inspect import signature
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.kinds.layer import Layer, on_inputs
from models.kinds.optimizer import BareOptimizer
from worker import sparse
from worker.model import build, initialize, made, save
from worker.objective import Objective

KEPT_BYTES = 256 << 20
"""How much the networks may weigh that a process keeps ready beside the one in use."""

_kept: OrderedDict[tuple[Any, ...], Network] = OrderedDict()


def network_of(
    layers: tuple[Layer, ...], optimizer: BareOptimizer, objective: Objective, cuts: tuple[int, ...]
) -> Network:
    """The network of this shape, traced once in a process; `reset` makes it a new one.

    The most recently used are kept, within `KEPT_BYTES`.
    """
    key = (layers, optimizer, objective, cuts)
    if key not in _kept:
        _kept[key] = Network(layers, optimizer, objective, cuts)
    _kept.move_to_end(key)
    while len(_kept) > 1 and sum(network.nbytes for network in _kept.values()) > KEPT_BYTES:
        _kept.popitem(last=False)
        gc.collect()  # graphs and the functions they call hold each other
    return _kept[key]


def forget_networks() -> None:
    """Drops them all; one that is in use stays until it is not."""
    _kept.clear()
    gc.collect()


class Network:
    """A Keras model, its optimizer, and its graphs.

    The first kernel is trained in the blocks of rows that end at `cuts` (see `worker.sparse`), each
    a variable of its own: optimizers and most penalties work element by element. What does not is given the whole.
    Where noise is put on the inputs, rows are not sparse any more: in training each batch is made dense.
    """

    def __init__(
        self, layers: tuple[Layer, ...], optimizer: BareOptimizer, objective: Objective, cuts: tuple[int, ...]
    ) -> None:
        self.objective = objective
        self.model = build(layers, cuts[-1], objective.task)
        # Layers that put noise on the inputs, in training alone, and the layer that reads them.
        self.noise, self.rest = self.model.layers[: on_inputs(layers)], self.model.layers[on_inputs(layers) :]
        self.first: keras.layers.Dense = self.rest[0]
        self.wide = self.first.units >= sparse.NARROW
        self.blocks = [
            keras.Variable(np.zeros((last - first, self.first.units), np.float32), name=f"words_{first}")
            for first, last in itertools.pairwise((0, *cuts))
        ]
        # Those whose output is another in training.
        self._differs = {layer for layer in self.model.layers if "training" in signature(layer.call).parameters}
        rest = [v for v in self.model.trainable_variables if v is not self.first.kernel]
        self.trainable = [*self.blocks, *rest]
        self.optimizer = made(optimizer)
        self.optimizer.build(self.trainable)
        # The first kernel's norm is that of all its blocks: what clips by a variable's norm is ours.
        self.clipnorm, self.optimizer.clipnorm = self.optimizer.clipnorm, None
        # One fused pass over a wide kernel's rows; a narrow one is quicker without.
        self._apply = tf.function(self._update, jit_compile=self.wide, autograph=False)
        # Both: (batches, first, last) -> float32 (last - first, 3), the mean loss of the data, penalty and
        # score of each of the batches [first, last), trained on or only scored; (…, 4) with the loss that is
        # trained on behind them if it is not that of the data. When they are only scored, also the predictions of
        # all their rows, and what is kept of them: both float32 (rows, units).
        self.train = tf.function(partial(self._loop, self._step, 0), autograph=False, reduce_retracing=True)
        self.evaluate = tf.function(partial(self._loop, self._score, 2), autograph=False, reduce_retracing=True)
        self._optimizer_start = [variable.numpy().ravel()[0] for variable in self.optimizer.variables]

    def reset(self, seed: int) -> None:
        """Initial weights, an untouched optimizer and fresh noise, all fixed by `seed`."""
        initialize(self.model, seed)
        self._fill_blocks()
        for variable, value in zip(self.optimizer.variables, self._optimizer_start, strict=True):
            variable.assign(tf.fill(variable.shape, value))

    def _fill_kernel(self) -> None:
        """The Keras model's first kernel as the blocks are."""
        self.first.kernel.assign(np.concatenate([block.numpy() for block in self.blocks]))

    def _fill_blocks(self) -> None:
        """The blocks as the Keras model's first kernel is."""
        ends = np.cumsum([block.shape[0] for block in self.blocks])[:-1]
        for block, value in zip(self.blocks, np.split(self.first.kernel.numpy(), ends), strict=True):
            block.assign(value)

    @property
    def variables(self) -> list[keras.Variable]:
        """All state: weights, moving statistics, noise counters and the optimizer's own."""
        others = [v for layer in self.model.layers for v in layer.variables if v is not self.first.kernel]
        return [*self.blocks, *others, *self.optimizer.variables]

    @property
    def nbytes(self) -> int:
        """What the variables weigh, and a few megabytes for the graphs."""
        return 4 * sum(int(math.prod(v.shape)) for v in (self.first.kernel, *self.variables)) + (8 << 20)

    def state(self) -> list[np.ndarray]:
        """The values of `variables`."""
        return [variable.numpy() for variable in self.variables]

    def restore(self, state: Sequence[np.ndarray]) -> None:
        """Goes back to a `state`."""
        for variable, value in zip(self.variables, state, strict=True):
            variable.assign(value)

    def weights(self) -> list[np.ndarray]:
        """The Keras model's weights as they are now trained."""
        self._fill_kernel()
        weights: list[np.ndarray] = self.model.get_weights()
        return weights

    def kernels(self) -> dict[str, np.ndarray]:
        """The kernel of each layer that has one, as it is now trained, by the layer's name."""
        self._fill_kernel()
        return {layer.name: layer.kernel.numpy() for layer in self.model.layers if hasattr(layer, "kernel")}

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Goes back to an epoch's `weights()`; the optimizer stays as it is."""
        self.model.set_weights(weights)
        self._fill_blocks()

    def file(self) -> bytes:
        """The model as a `.keras` file, compiled to be evaluated."""
        self._fill_kernel()
        return save(self.model, self.objective.task)

    # --- graphs ------------------------------------------------------------------------------

    def _product(
        self, batches: sparse.Batches, batch: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor]]]:
        """The first layer's bare product for a batch, and what turns its gradient into those of the blocks."""
        rows = slice(batches.starts[batch], batches.starts[batch + 1])
        count = tf.cast(rows.stop - rows.start, tf.int32)
        head = tf.cast(batches.head[rows], tf.float32)
        kernels = [block.value for block in self.blocks]
        tails = list(zip(kernels[1:], (tail.of(batch) for tail in batches.tails), strict=True))
        total = tf.matmul(head, kernels[0])
        for kernel, pairs in tails:
            with self._after(total):
                total += sparse.product(kernel, pairs, count)

        def gradients(gradient: tf.Tensor) -> list[tf.Tensor]:
            # (gradientᵀ · head)ᵀ: the matrix product is quicker with the few units in front.
            into_head = tf.transpose(tf.matmul(gradient, head, transpose_a=True))
            if self.wide:
                into_head = tf.matmul(head, gradient, transpose_a=True)
            with self._after(into_head):
                return [
                    into_head,
                    *(sparse.product_gradient(kernel, pairs, count, gradient) for kernel, pairs in tails),
                ]

        return total, gradients

    def _noisy_product(
        self, batches: sparse.Batches, batch: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], list[tf.Tensor]]]:
        """`_product` in training where there is noise on the inputs, drawn by Keras's own layers."""
        rows = slice(batches.starts[batch], batches.starts[batch + 1])
        count = tf.cast(rows.stop - rows.start, tf.int32)
        widths = [block.shape[0] for block in self.blocks]
        tails = [(tail.of(batch), width) for tail, width in zip(batches.tails, widths[1:], strict=True)]
        values = sparse.densified(tf.cast(batches.head[rows], tf.float32), tails, count)
        for layer in self.noise:
            values = layer.call(values, training=True)
        total = tf.matmul(values, tf.concat([block.value for block in self.blocks], 0))

        def gradients(gradient: tf.Tensor) -> list[tf.Tensor]:
            return list(tf.split(tf.matmul(values, gradient, transpose_a=True), widths))

        return total, gradients

    def _after(self, done: tf.Tensor) -> Any:
        """Orders a narrow network's few costly operations: handing them to a second thread costs more than it saves."""
        return contextlib.nullcontext() if self.wide else tf.control_dependencies([done])

    def _outputs(self, product: tf.Tensor, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        """Predictions (count, units) and penalties from the first layer's bare product, by Keras's own layers."""
        values = product + self.first.bias if self.first.use_bias else product
        values = self.first.activation(values)
        penalty = tf.constant(0.0)
        for layer in self.rest:
            if layer is not self.first:
                values = layer.call(values, **({"training": training} if layer in self._differs else {}))
            if layer.activity_regularizer is not None:
                # As keras.Layer.__call__ does: a mean over the batch.
                penalty += layer.activity_regularizer(values) / tf.cast(tf.shape(values)[0], tf.float32)
            for weight in layer.trainable_weights:
                if weight.regularizer is not None:
                    parts = [weight]
                    if weight is self.first.kernel:
                        # Only these penalties are the sum of the blocks' own.
                        by_element = isinstance(weight.regularizer, keras.regularizers.L1L2)
                        parts = self.blocks if by_element else [tf.concat([b.value for b in self.blocks], 0)]
                    penalty += tf.add_n([weight.regularizer(part) for part in parts])
        return values, penalty

    def average(self) -> None:
        """The weights become the moving average that the optimizer keeps, as at the end of `keras.Model.fit`."""
        self.optimizer.finalize_variable_values(self.trainable)

    def _update(self, gradients: list[tf.Tensor]) -> None:
        if self.clipnorm is not None:
            blocks, rest = gradients[: len(self.blocks)], gradients[len(self.blocks) :]
            whole, *rest = (tf.clip_by_norm(gradient, self.clipnorm) for gradient in (tf.concat(blocks, 0), *rest))
            gradients = [*tf.split(whole, [block.shape[0] for block in self.blocks]), *rest]
        self.optimizer.apply(gradients, self.trainable)
        if (constraint := self.first.kernel_constraint) is not None:
            # A norm is that of a whole kernel's column. Of other kernels the optimizer calls it.
            kernel = constraint(tf.concat([block.value for block in self.blocks], 0))
            parts = tf.split(kernel, [block.shape[0] for block in self.blocks])
            for block, part in zip(self.blocks, parts, strict=True):
                block.assign(part)

    def _step(self, batches: sparse.Batches, batch: tf.Tensor) -> list[tf.Tensor]:
        """One batch: forward, backward, update. Its mean loss of the data, penalty and score before the update."""
        labels = batches.labels[batches.starts[batch] : batches.starts[batch + 1]]
        product, block_gradients = (self._noisy_product if self.noise else self._product)(batches, batch)
        with tf.GradientTape() as tape:
            tape.watch(product)
            predictions, penalty = self._outputs(product, training=True)
            data_loss, score, *fitted = self.objective.means(labels, predictions, training=True)
            loss = (fitted[0] if fitted else data_loss) + penalty
        into_product, *gradients = tape.gradient(loss, [product, *(v.value for v in self.trainable)])
        for i, gradient in enumerate(block_gradients(into_product)):
            gradients[i] = gradient if gradients[i] is None else gradients[i] + gradient
        self._apply(gradients)
        return [tf.stack([data_loss, penalty, score, *fitted])]

    def _score(self, batches: sparse.Batches, batch: tf.Tensor) -> list[tf.Tensor]:
        """One batch in inference mode: what `_step` returns, the predictions, and what is kept of them."""
        labels = batches.labels[batches.starts[batch] : batches.starts[batch + 1]]
        product, _ = self._product(batches, batch)
        predictions, penalty = self._outputs(product, training=False)
        data_loss, score, *fitted = self.objective.means(labels, predictions, training=False)
        # The activation's operation has its input, from which Keras's own losses are computed in a graph, too.
        outputs = predictions.op.inputs[0] if self.objective.task.before else predictions
        return [tf.stack([data_loss, penalty, score, *fitted]), predictions, outputs]

    def _loop(
        self,
        step: Callable[[sparse.Batches, tf.Tensor], list[tf.Tensor]],
        by_row: int,
        batches: sparse.Batches,
        first: tf.Tensor,
        last: tf.Tensor,
    ) -> list[tf.Tensor]:
        """What `step` returns for the batches [first, last): means stacked, and `by_row` others, row behind row."""

        def body(batch: tf.Tensor, *results: tf.TensorArray) -> tuple[Any, ...]:
            made = zip(results, step(batches, batch), strict=True)
            return batch + 1, *(result.write(batch - first, value) for result, value in made)

        shapes = [(3 if self.objective.plain else 4,), *[(None, self.model.layers[-1].units)] * by_row]
        results = [
            tf.TensorArray(tf.float32, size=last - first, element_shape=shape, infer_shape=False) for shape in shapes
        ]
        means, *rows = tf.while_loop(lambda batch, *_: batch < last, body, (first, *results))[1:]
        return [means.stack(), *(each.concat() for each in rows)]
