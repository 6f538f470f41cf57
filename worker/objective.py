"""What a network is trained on: its task's loss, the labels softened or the classes weighted if that is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from models.kinds.task import Task
from models.specification import RunSpecification
from worker.data import Dataset


@dataclass(frozen=True)
class Objective:
    """A task's loss, by Keras's own functions. class_weights: of each class, in their order; empty: none have any.

    As in `keras.Model.fit`, softened labels count in every loss, the weights of classes in that of the training alone.
    """

    task: Task
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] = ()

    @classmethod
    def of(cls, run: RunSpecification, data: Dataset) -> Objective:
        """What `run` is trained on, the weights of its classes by the rows of `data` that it trains on."""
        weights = run.training.class_weight
        if weights is None:
            found: tuple[float, ...] = ()
        elif isinstance(weights, str):
            found = balanced(np.asarray(data.train.labels), len(run.dataset.labels))
        else:
            found = tuple(weights.get(label, 1.0) for label in run.dataset.labels)
        return cls(run.dataset.task, run.training.label_smoothing, found)

    @property
    def plain(self) -> bool:
        """Whether the loss is the task's own."""
        return not self.label_smoothing and not self.class_weights

    def means(self, labels: tf.Tensor, predictions: tf.Tensor, training: bool) -> list[tf.Tensor]:
        """Of a batch's rows (rows, units): the mean of the task's loss, of its score, and, if it is another, of the
        loss that Keras reports."""
        loss, score = getattr(keras.losses, self.task.loss), getattr(keras.metrics, self.task.score)
        found = [tf.reduce_mean(loss(labels, predictions)), tf.reduce_mean(score(labels, predictions))]
        if not self.plain:
            found.append(self._fitted(labels, predictions, training))
        return found

    def _fitted(self, labels: tf.Tensor, predictions: tf.Tensor, training: bool) -> tf.Tensor:
        classes = tf.cast(labels[:, 0], tf.int32)
        if self.label_smoothing:
            # Softened labels are of each class: numbers of classes become rows of zeros and a one.
            soft = tf.one_hot(classes, self.task.units) if self.task.units > 1 else labels
            smoothed = getattr(keras.losses, self.task.smoothed)
            losses = smoothed(soft, predictions, label_smoothing=self.label_smoothing)
        else:
            losses = getattr(keras.losses, self.task.loss)(labels, predictions)
        if training and self.class_weights:
            losses *= tf.gather(tf.constant(self.class_weights, tf.float32), classes)
        return tf.reduce_mean(losses)


def balanced(labels: np.ndarray, classes: int) -> tuple[float, ...]:
    """Weights by which each class counts as much as another: rows / (classes there are x rows of the class)."""
    counts = np.bincount(labels.ravel().astype(np.int64), minlength=classes)
    there = np.count_nonzero(counts)
    return tuple(float(len(labels) / (there * count)) if count else 1.0 for count in counts)
