"""The specification of a job: what a client may ask for, and the resolved form that is stored.

`models.resolution.resolve` makes a `Specification`, in which nothing is left implicit, from a
client's JSON. A resolved specification is itself a valid body, so an old job can be submitted again
as it stands.

Names are Keras's own for whatever Keras has.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, StringConstraints

from models.kinds.kind import Model, default
from models.kinds.layer import Layer
from models.kinds.layers import AnyLayer
from models.kinds.layers.dense import Dense
from models.kinds.optimizers import OPTIMIZERS, AnyOptimizer
from models.names import Name, VariantName

# Limits, each with its reason in docs/limits.md.
MAX_VARIANTS = 500
MAX_SEEDS = 100
MAX_RUNS = 1000
MAX_LAYERS = 16
MAX_EPOCHS = 1000
MAX_BATCH_SIZE = 25_000
MAX_WORDS = 100_000
MAX_REVIEWS = 1_000_000
MAX_SEED = 2**32 - 1
MAX_METADATA = 64
MAX_METADATA_BYTES = 16_384
"""As compact JSON in UTF-8."""

IMDB_REVIEWS = 25_000
"""Reviews in the IMDB training set, and as many in its test set."""


class EarlyStopping(Model):
    """`keras.callbacks.EarlyStopping`: stop once `monitor` has not bettered by `min_delta` for `patience` epochs.

    With `restore_best` the run's model is that of the best epoch instead of the last.
    """

    monitor: Literal["val_loss", "val_acc", "val_data_loss", "loss", "acc", "data_loss"] = "val_loss"
    patience: int = Field(default=0, ge=0, le=MAX_EPOCHS)
    min_delta: float = Field(default=0.0, ge=0, le=1e6)
    restore_best: bool = False


class Training(Model):
    """How a variant is trained. `evaluate_train` also evaluates the training set without dropout, each epoch."""

    epochs: int = Field(default=20, ge=1, le=MAX_EPOCHS)
    batch_size: int = Field(default=512, ge=1, le=MAX_BATCH_SIZE)
    optimizer: AnyOptimizer = default(OPTIMIZERS)
    early_stopping: EarlyStopping | None = None
    evaluate_train: bool = False


class Holdout(Model):
    """Validate on the first `holdout` training reviews; the test set is scored once, at the chosen epoch."""

    holdout: int = Field(ge=1, le=MAX_REVIEWS)


Words = Annotated[int, Field(ge=10, le=MAX_WORDS)]
TrainSamples = Annotated[int, Field(ge=1, le=MAX_REVIEWS)]


class Imdb(Model):
    """The IMDB reviews as Keras encodes them, multi-hot over the `num_words` most frequent words.

    `train_samples`: train on that many reviews only (null: on all). `validation`: `"test"` validates
    on the test set, as the notebook does; `{"holdout": n}` on n training reviews.
    """

    name: Literal["imdb"] = "imdb"
    num_words: Words = 10_000
    train_samples: TrainSamples | None = None
    validation: Literal["test"] | Holdout = "test"


class Synthetic(Model):
    """Reviews made from `seed`: `reviews` to train on, and as many to test."""

    name: Literal["synthetic"]
    num_words: Words = 10_000
    train_samples: TrainSamples | None = None
    validation: Literal["test"] | Holdout = "test"
    reviews: int = Field(default=8000, ge=2, le=MAX_REVIEWS)
    seed: int = Field(default=0, ge=0, le=MAX_SEED)


Dataset = Annotated[Imdb | Synthetic, Field(discriminator="name")]


Axis = Literal["units", "depth", "l1", "l2", "dropout", "train_samples"]
"""What a sweep varies."""


class DatasetOverride(Model):
    """A variant's own `train_samples`."""

    train_samples: TrainSamples | None


class Variant(Model):
    """A network: its hidden layers (the output layer is always `Dense(1, sigmoid)`).

    `training` and `dataset` are null where the job's own apply. `swept` says where in a sweep's grid
    the variant lies, and is null for any other.
    """

    name: VariantName
    layers: tuple[AnyLayer, ...] = Field(max_length=MAX_LAYERS)
    training: Training | None = None
    dataset: DatasetOverride | None = None
    swept: dict[Axis, float] | None = None


class RunSpecification(Model):
    """One variant with one seed: everything its numbers depend on, and nothing else."""

    dataset: Dataset
    training: Training
    layers: tuple[AnyLayer, ...]
    seed: int


Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]


class Specification(Model):
    """A job, resolved: every default filled in."""

    name: Name = "untitled"
    dataset: Dataset = Imdb()
    training: Training = Training()
    variants: tuple[Variant, ...] = Field(min_length=1, max_length=MAX_VARIANTS)
    baseline: VariantName
    seeds: tuple[Seed, ...] = Field(default=(0,), min_length=1, max_length=MAX_SEEDS)
    reuse: Literal["allow", "never"] = "allow"
    metadata: dict[Annotated[str, StringConstraints(max_length=100)], JsonValue] = Field(
        default={}, max_length=MAX_METADATA
    )

    def run(self, variant: str, seed: int) -> RunSpecification:
        """The run of `variant` with `seed`. Raises KeyError where there is no such variant."""
        chosen = {v.name: v for v in self.variants}[variant]
        dataset = (
            self.dataset if chosen.dataset is None else self.dataset.model_copy(update=chosen.dataset.model_dump())
        )
        return RunSpecification(
            dataset=dataset, training=chosen.training or self.training, layers=chosen.layers, seed=seed
        )


def stored(document: dict[str, Any]) -> Specification:
    """The specification that was stored as `document`."""
    return Specification.model_validate_json(json.dumps(document))


def count_parameters(layers: Iterable[Layer], num_words: int) -> int:
    """The network's parameters, output layer included, as `keras.Model.count_params` counts them."""
    width, total = num_words, 0
    for layer in (*layers, Dense(units=1)):
        total += layer.weights(width)
        width = layer.width(width)
    return total
