"""Training one run: a variant with one seed, from its specification to its history and model.

Knows no web, no queue and no database: data comes in, epochs go out through a callback.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from models.errors import Diverged, OutOfMemory, Stopped
from models.kinds.datasets.synthetic import Synthetic
from models.kinds.layers.dense import Dense
from models.kinds.layers.dropout import Dropout
from models.kinds.metric import Of
from models.kinds.metrics import MEASURES, METRICS, VAL_DATA_LOSS, scored
from models.kinds.weights import WEIGHTS
from models.predictions import pack, size_of
from models.specification import RunSpecification, Training
from models.why import Rises
from worker import checkpoint as checkpoints
from worker import sparse
from worker.checkpoint import Checkpoint
from worker.data import Dataset, Rows
from worker.fingerprint import fingerprint
from worker.model import with_preprocessing
from worker.network import forget_networks, network_of
from worker.objective import Objective
from worker.plateau import OnPlateau

POLL_SECONDS = 0.2
"""How long a graph may run before it is asked again whether to stop."""


@dataclass(frozen=True)
class Epoch:
    """A finished epoch: its number from 1, its metrics by name (NaN and infinities included), and its seconds."""

    number: int
    metrics: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Model:
    """A model as a `.keras` file. digest: the same for the same layers and weights, whose files may differ."""

    digest: str
    content: bytes


@dataclass(frozen=True)
class Result:
    """A finished run.

    epochs: how many were trained. chosen_epoch: whose weights the model has, the last or, with
    `restore_best` or a holdout, the best. test: with a holdout, the test score at the chosen epoch.
    model: a `.keras` file. predictions: what `models.predictions` keeps at the chosen epoch, by the set's name;
    with `why`, `least` and `last` are the validation set's at the epochs of the least loss and at the last, each if it
    is another. why: with predictions of classes, what `models.why` says of each epoch, as JSON.
    fingerprint: what the numbers depend on beside the specification.
    """

    epochs: int
    chosen_epoch: int
    test: dict[str, float] | None
    model: bytes
    predictions: dict[str, bytes]
    why: bytes | None
    fingerprint: dict[str, Any]


def configure(threads: int = 2) -> None:
    """Lets `threads` operations of a graph run at once. Once a process, before anything is computed."""
    # An operation has one thread to itself: sharing one out costs small networks more than it saves
    # as soon as each core has a process (docs/performance.md).
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def warm_up() -> None:
    """Trains a tiny network, so that a process pays for TensorFlow's and XLA's first use before its first run."""
    rows = Rows(np.array([0, 2, 4]), np.array([0, 1, 1, 2], np.int32), np.array([0, 1], np.float32))
    data = Dataset("warm-up", 64, rows, rows, rows, sha256="")
    layers = (Dense(units=sparse.NARROW), Dropout(rate=0.5))
    tiny = Synthetic(num_words=64, reviews=2)
    train(RunSpecification(dataset=tiny, training=Training(epochs=1), layers=layers, seed=0), data)


def train(
    run: RunSpecification,
    data: Dataset,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    should_stop: Callable[[], bool] = lambda: False,
    checkpoint: Path | None = None,
    recorded: int = 0,
    keep: int = 0,
    on_model: Callable[[int, Callable[[], Model]], None] = lambda epoch, model: None,
    kept: Collection[int] = (),
) -> Result:
    """Trains `run` on `data`.

    on_epoch is called for each epoch after the first `recorded`, those included that a resumed
    checkpoint had already finished. should_stop is asked several times a second between batches.
    checkpoint is a file, written whole at each epoch's end before on_epoch is called, and resumed
    from where it belongs to this run; the numbers are those of an uninterrupted run, bit for bit.
    keep: predictions at the chosen epoch are kept if they take no more than so many bytes; else none are.
    on_model is called, before on_epoch, for each epoch that `run.keep` names and that is not among those `kept` from
    before, with what makes the model of that epoch: but not for the last one if the run's model is its.

    Raises Stopped, Diverged (a loss is not finite; its epoch went to on_epoch before; the test set's loss counts) or
    OutOfMemory.
    """
    try:
        return _Run(run, data, on_epoch, should_stop, checkpoint, recorded, keep, on_model, kept).train()
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise OutOfMemory("The run needs more memory than this worker has") from error


def forget() -> None:
    """Drops what is kept ready for further runs: networks and prepared data sets."""
    forget_networks()
    sparse.forget()


class _Run:
    def __init__(
        self,
        run: RunSpecification,
        data: Dataset,
        on_epoch: Callable[[Epoch], None],
        should_stop: Callable[[], bool],
        checkpoint: Path | None,
        recorded: int,
        keep: int,
        on_model: Callable[[int, Callable[[], Model]], None],
        kept: Collection[int],
    ) -> None:
        self.run, self.data, self.training = run, data, run.training
        self.on_epoch, self.should_stop = on_epoch, should_stop
        self.on_model, self.kept = on_model, kept
        self.checkpoint, self.recorded, self.keep = checkpoint, recorded, keep
        self.fingerprint = fingerprint(data.sha256)
        self.identity = run.model_dump_json() + json.dumps(self.fingerprint)
        self.rows = sparse.prepare(data, next((layer.units for layer in run.layers if isinstance(layer, Dense)), 1))
        self.task = run.dataset.task
        self.network = network_of(run.layers, self.training.optimizer, Objective.of(run, data), self.rows.cuts)
        self.best = BestEpoch(run)
        self.plateau = OnPlateau(self.training.optimizer.plateau, self.network.optimizer)
        self.metrics = run.recorded
        self.widths: dict[str, int] = defaultdict(lambda: 1)  # batches a call, for each kind of graph

    def train(self) -> Result:
        self.network.reset(self.run.seed)
        best: list[np.ndarray] = []
        history: list[dict[str, float]] = []
        if (saved := self._saved()) is not None:
            history, best = saved.history, saved.best
            for number, row in enumerate(history, 1):
                self.plateau.see(number, row)  # which changes the learning rate: the saved one is put back below
            self.network.restore(saved.state)
            for number, row in enumerate(history, 1):
                self.best.see(number, row)
                self._report(number, row)
        feed = self._feed(len(history) + 1)
        validation, asked = self.rows.validation.in_order, self.training.metrics
        tested = len(self.data.test) if self.run.dataset.held_out else 0
        keep = size_of(self.task, len(self.data.validation) + tested) <= self.keep
        rises: Rises | None = None
        if keep and self.task.class_count is not None:
            rises = Rises(self.task, validation.labels.numpy().astype(np.float64))
            if saved is not None and saved.least is not None:
                rises.go_on(saved.rises, saved.least)
            elif saved is not None:
                rises = None  # the epochs before were trained without
        last: np.ndarray | None = None  # of the last epoch, of which it is told by which rows its loss has risen
        outputs: np.ndarray | None = None  # of the epoch that would be chosen now, if it was trained here
        while len(history) < self.training.epochs and not self.best.over:
            began = time.perf_counter()
            metrics = self._metrics(Of.TRAINING, self.network.train, next(feed))[0]
            wanted = 2 if keep else 1 if asked else 0
            scores, by_row = self._metrics(Of.VALIDATION, self.network.evaluate, validation, wanted)
            metrics |= scores
            if self.training.evaluate_train:
                metrics |= self._metrics(Of.EVALUATED, self.network.evaluate, self.rows.train.in_order)[0]
            if asked:
                metrics |= self._asked(validation, by_row[0])
            if self.training.weights:
                metrics |= self._of_weights()
            row = {**{name: metrics[name] for name in self.metrics}, "seconds": time.perf_counter() - began}
            history.append(row)
            self.plateau.see(len(history), row)
            better = self.best.see(len(history), row)
            if better and self.best.wanted:
                best = self.network.weights()
            if keep and (better or not self.best.wanted):
                outputs = by_row[1]
            if rises is not None:
                rises.see(by_row[1])
                last = by_row[1]
            if self.checkpoint is not None:
                explained = (rises.rows, rises.least) if rises is not None else ([], None)
                state = Checkpoint(history, self.network.state(), best, *explained)
                checkpoints.save(self.checkpoint, self.identity, state)
            self._report(len(history), row)
        if rises is not None and last is None:  # all epochs were trained before
            last = self._metrics(Of.VALIDATION, self.network.evaluate, validation, 2)[1][1]
        chosen = len(history)
        if self.best.wanted:
            chosen = self.best.epoch
            self.network.set_weights(best)
        elif self.training.optimizer.use_ema:
            self.network.average()
            outputs = None  # those of the last epoch were of other weights
        kept = {}
        if keep:
            if outputs is None:
                outputs = self._metrics(Of.VALIDATION, self.network.evaluate, validation, 2)[1][1]
            kept["validation"] = self._packed(self.data.validation, outputs, self.data.validation_rows)
        if rises is not None:
            for name, of_epoch in (("least", rises.least), ("last", last)):
                if of_epoch is None or of_epoch is outputs:
                    continue
                content = self._packed(self.data.validation, of_epoch, self.data.validation_rows)
                if content != kept["validation"]:  # the same outputs, computed again after a resumption
                    kept[name] = content
        test = None
        if tested:
            rows = sparse.Blocks.of(self.data.test, self.rows.cuts).in_order
            score, by_row = self._metrics(Of.TRAINING, self.network.evaluate, rows, 2 if keep else 0)
            test = {name: score[name] for name in scored(self.task)}
            if not math.isfinite(test["loss"]):
                raise Diverged(f"The test set's loss is not finite at the chosen epoch, {chosen}")
            if keep:
                kept["test"] = self._packed(self.data.test, by_row[1])
        why = None if rises is None else json.dumps(rises.rows).encode()
        return Result(len(history), chosen, test, self._file(), kept, why, self.fingerprint)

    def _saved(self) -> Checkpoint | None:
        """The checkpoint to go on from: none that is behind an epoch whose model is to be kept and is not."""
        if self.checkpoint is None or (saved := checkpoints.load(self.checkpoint, self.identity)) is None:
            return None
        passed = range(1, len(saved.history))
        return None if any(self.run.keeps(each, False) and each not in self.kept for each in passed) else saved

    def _file(self) -> bytes:
        """The model as it is now, as a `.keras` file."""
        return with_preprocessing(self.network.file(), self.data.preprocessing)

    def _model(self) -> Model:
        weights = self.network.weights()
        of = hashlib.sha256(repr((self.run.layers, self.task, self.data.preprocessing)).encode())
        for each in weights:
            of.update(each.tobytes())
        return Model(of.hexdigest(), self._file())

    def _packed(self, rows: Rows, outputs: np.ndarray, numbers: np.ndarray | None = None) -> bytes:
        labels = np.asarray(rows.labels).reshape(len(rows), -1)
        return pack(self.task, numbers, labels, outputs)

    def _report(self, number: int, row: dict[str, float]) -> None:
        metrics = {name: value for name, value in row.items() if name != "seconds"}
        last = self.best.over or number == self.training.epochs
        # Without a choice the last one's is the run's model.
        if number not in self.kept and self.run.keeps(number, last) and (self.best.wanted or not last):
            self.on_model(number, self._model)
        if number > self.recorded:
            self.on_epoch(Epoch(number, metrics, row["seconds"]))
        for name, value in metrics.items():
            if name in METRICS and METRICS[name].measure.loss and not math.isfinite(value):
                raise Diverged(f"{name} is no longer finite in epoch {number}")

    def _feed(self, epoch: int) -> Iterator[sparse.Batches]:
        """The epochs' batches from `epoch` on, the next prepared while this one trains."""
        rows, size = self.rows.train, self.training.batch_size
        by_word = self.network.wide and not self.network.noise

        def prepare(number: int) -> sparse.Batches:
            return rows.batches(size, sparse.order(self.run.seed, number, len(rows)), by_word=by_word)

        with ThreadPoolExecutor(1, "feed") as executor:
            coming = executor.submit(prepare, epoch)
            while True:
                ready = coming.result()
                epoch += 1
                if epoch <= self.training.epochs:
                    coming = executor.submit(prepare, epoch)
                yield ready

    def _metrics(
        self, of: Of, graph: Callable[..., list[tf.Tensor]], batches: sparse.Batches, by_row: int = 0
    ) -> tuple[dict[str, float], list[np.ndarray]]:
        """Means over the rows of what `graph` returns for each batch; and of what it returns by row so many arrays."""
        counts = np.diff(batches.starts.numpy())
        means, *rows = self._computed(of, graph, batches, 1 + by_row)
        averages = np.average(means.astype(np.float64), axis=0, weights=counts)
        data_loss, penalty, score, *fitted = map(float, averages)
        scores = {
            of + "loss": (fitted[0] if fitted else data_loss) + penalty,
            of + self.task.measure: score,
            of + "data_loss": data_loss,
        }
        return scores, rows

    def _asked(self, batches: sparse.Batches, predictions: np.ndarray) -> dict[str, float]:
        """The metrics that `training.metrics` asks for, from all predictions of the validation set."""
        labels, predictions = batches.labels.numpy().astype(np.float64), predictions.astype(np.float64)
        return {Of.VALIDATION + name: MEASURES[name].value(labels, predictions) for name in self.training.metrics}

    def _of_weights(self) -> dict[str, float]:
        """What `training.weights` records: of the kernels as they are now trained."""
        kernels = self.network.kernels()
        return {
            f"{name}.{layer}": measure.value(kernel)
            for name, measure in WEIGHTS.items()
            for layer, kernel in kernels.items()
        }

    def _computed(
        self, of: str, graph: Callable[..., list[tf.Tensor]], batches: sparse.Batches, wanted: int
    ) -> list[np.ndarray]:
        """The first `wanted` of what `graph` returns, for all batches; asks between spans of them whether to stop."""
        parts: list[list[np.ndarray]] = []
        first, total = 0, len(batches.starts) - 1
        while first < total:
            if self.should_stop():
                raise Stopped
            last = min(first + self.widths[of], total)
            began = time.perf_counter()
            parts.append([part.numpy() for part in graph(batches, tf.constant(first), tf.constant(last))[:wanted]])
            # At most twice as many as the last time, and no more than the pace so far allows.
            done, seconds = last - first, time.perf_counter() - began
            self.widths[of] = max(1, min(2 * self.widths[of], int(POLL_SECONDS * done / seconds)))
            first = last
        return [np.concatenate(part) for part in zip(*parts, strict=True)]


class BestEpoch:
    """When to stop and which epoch is best, by the rules of `keras.callbacks.EarlyStopping`.

    Without early stopping the best epoch is that of the least validation loss, penalties left out.

    wanted: whether the run's model is the best epoch's (`restore_best`, or a holdout to choose on).
    """

    def __init__(self, run: RunSpecification) -> None:
        stopping = run.training.early_stopping
        self.monitor = stopping.monitor if stopping else VAL_DATA_LOSS
        self.min_delta = stopping.min_delta if stopping else 0.0
        self.patience = stopping.patience if stopping else math.inf
        self.wanted = bool(stopping and stopping.restore_best) or bool(run.dataset.held_out)
        self.sign = -1.0 if METRICS[self.monitor].measure.higher_is_better else 1.0
        self.best = math.inf
        self.epoch = 0
        self.waited = 0
        self.over = False

    def see(self, number: int, metrics: dict[str, float]) -> bool:
        """Takes an epoch's metrics; True where it is the best so far."""
        value = self.sign * metrics[self.monitor]
        if value + self.min_delta < self.best:
            self.best, self.epoch, self.waited = value, number, 0
            return True
        self.waited += 1
        self.over = self.waited >= self.patience
        return False
