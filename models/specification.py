"""The specification of a job: what a client may ask for, and the resolved form that is stored.

`models.resolution.resolve` makes a `Specification`, in which nothing is left implicit, from a
client's JSON. A resolved specification is itself a valid body, so an old job can be submitted again
as it stands.

Names are Keras's own for whatever Keras has.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field, JsonValue, StringConstraints, ValidationError

from models.errors import UnreadableSpecification
from models.kinds.axes import AXES
from models.kinds.dataset import MAX_CLASSES, Dataset, NumWords, TrainSamples
from models.kinds.datasets import DATASETS, AnyDataset
from models.kinds.kind import Model, Penalty, Rate, Seed, default
from models.kinds.layer import MAX_LAYERS
from models.kinds.layers import AnyLayer, with_kernels
from models.kinds.metrics import ASKED, VAL_DATA_LOSS, AskedName, MetricName, recorded
from models.kinds.optimizer import BatchSize
from models.kinds.optimizers import OPTIMIZERS, AnyOptimizer
from models.kinds.task import Task
from models.names import Name, Tag, VariantName, check_text
from models.search import Search, State, Trial
from models.until import MAX_SEEDS, Until

# Limits, each with its reason in docs/limits.md.
MAX_VARIANTS = 500
MAX_RUNS = 1000
MAX_EPOCHS = 1000
MAX_METADATA = 64
MAX_METADATA_BYTES = 16_384
"""As compact JSON in UTF-8."""
MAX_TAGS = 20
MAX_NOTES = 10_000
"""Characters."""


class EarlyStopping(Model):
    """`keras.callbacks.EarlyStopping`: stop once `monitor` has not bettered by `min_delta` for `patience` epochs.

    `monitor` is by default the validation loss without the weights' penalties. With `restore_best` the run's model is
    that of the best epoch instead of the last.
    """

    monitor: MetricName = VAL_DATA_LOSS
    patience: int = Field(default=0, ge=0, le=MAX_EPOCHS)
    min_delta: float = Field(default=0.0, ge=0, le=1e6)
    restore_best: bool = False


ClassWeights = Annotated[dict[str, Penalty], Field(min_length=1, max_length=MAX_CLASSES)]


class Training(Model):
    """How a variant is trained. `evaluate_train` also evaluates the training set without dropout, each epoch.

    `metrics` are recorded beside those of every epoch, of the validation set.
    """

    epochs: int = Field(default=20, ge=1, le=MAX_EPOCHS)
    batch_size: BatchSize = 512
    optimizer: AnyOptimizer = default(OPTIMIZERS)
    early_stopping: EarlyStopping | None = None
    evaluate_train: bool = False
    # Absent if nothing is asked for: a run's key stays what it was before there were any to ask for.
    metrics: tuple[AskedName, ...] = Field(default=(), max_length=len(ASKED), exclude_if=operator.not_)
    label_smoothing: Rate = Field(
        default=0.0,
        exclude_if=operator.not_,
        description="This part of each label is shared out among all classes, as Keras's losses do it",
    )
    class_weight: Literal["balanced"] | ClassWeights | None = Field(
        default=None,
        exclude_if=operator.not_,
        description="By how much each class's rows count in the training loss, by label; those that are not named "
        "count 1. `balanced`: all classes count the same, by the rows that are trained on",
    )
    weights: bool = Field(
        default=False,
        exclude_if=operator.not_,
        description="Records each epoch the norm of each layer's kernel, and which share of its weights is near zero: "
        "`norm.` and `near_zero.`, each with the layer's name",
    )

    def recorded(self, task: Task) -> tuple[str, ...]:
        """The metrics of each epoch, by name, of a run on a data set of this task; without those of its layers."""
        return recorded(task, self.evaluate_train, self.metrics)


if TYPE_CHECKING:
    AxisName = str
else:
    AxisName = Literal[tuple(AXES)]


class DatasetOverride(Model):
    """A variant's own `train_samples` and `num_words`."""

    train_samples: TrainSamples | None = None
    # Absent if it is the job's: a run's key stays what it was before it could be another.
    num_words: NumWords | None = Field(default=None, exclude_if=operator.not_)


class Variant(Model):
    """A network: its hidden layers; the output layer is that of the data set's task.

    `training` and `dataset` are null where the job's own apply. `swept` says where in a sweep's grid
    the variant lies, or with which values a search tries it; it is null for any other. `trial` is there if it does.
    """

    name: VariantName
    layers: tuple[AnyLayer, ...] = Field(max_length=MAX_LAYERS)
    training: Training | None = None
    dataset: DatasetOverride | None = None
    swept: dict[AxisName, float | str] | None = None
    trial: Trial | None = Field(default=None, exclude_if=lambda trial: trial is None)


class Draws(Model):
    """The seeds from which a run's rows are drawn: those held out, and its bootstrap sample of those trained on.

    None: the rows are those that they are without chance, the same for every seed.
    """

    split: Seed | None = None
    sample: Seed | None = None


Keep = (
    Literal["chosen", "last", "every"]
    | Annotated[
        tuple[Annotated[int, Field(ge=1, le=MAX_EPOCHS)], ...],
        Field(min_length=1, max_length=MAX_EPOCHS),
        AfterValidator(lambda epochs: tuple(sorted(set(epochs)))),
    ]
)
"""The epochs whose models are kept beside the chosen one's: none, the last, every, or those of these numbers."""


class RunSpecification(Model):
    """One variant with one seed: everything its results depend on, and nothing else."""

    dataset: AnyDataset
    training: Training
    layers: tuple[AnyLayer, ...]
    seed: int
    # Absent if nothing is drawn: the keys of runs whose rows are not drawn stay what they are.
    draws: Draws | None = Field(default=None, exclude_if=lambda draws: draws is None)
    keep: Keep = Field(default="chosen", exclude_if=lambda keep: keep == "chosen")

    @property
    def recorded(self) -> tuple[str, ...]:
        """The metrics of each epoch, by name."""
        training = self.training
        layers = with_kernels([layer.type for layer in self.layers]) if training.weights else ()
        return recorded(self.dataset.task, training.evaluate_train, training.metrics, layers)

    def keeps(self, epoch: int, last: bool) -> bool:
        """Whether the model of this epoch is to be kept; `last`: no epoch is behind it."""
        if isinstance(self.keep, tuple):
            return epoch in self.keep
        return self.keep == "every" or (self.keep == "last" and last)


Varied = Literal["seed", "split", "sample"]
VARIED: tuple[Varied, ...] = ("seed",)
"""What is another for each seed of a job that does not say so: what weights, batches and noise are made from."""

VARY_IN_WORDS: dict[Varied, tuple[str, str]] = {
    "seed": ("weights, batches and noise", "Initial weights, the order of batches, dropout and other noise"),
    "split": ("held-out rows", "Which of the training rows are held out; a fifth of them unless a number is given"),
    "sample": ("training rows", "A bootstrap sample of the rows trained on: as many, drawn with replacement"),
}
"""What people call each, and what it is."""

FIXED_SEED = 0
"""From which weights, batches and noise are made of each run of a job whose `vary` does not have them."""


Tags = Annotated[tuple[Tag, ...], Field(max_length=MAX_TAGS), AfterValidator(lambda tags: tuple(dict.fromkeys(tags)))]
"""Each once, in the order given."""
Notes = Annotated[str, StringConstraints(max_length=MAX_NOTES), AfterValidator(check_text)]


class Description(Model):
    """What may be changed of a job once it is accepted; what is left out stays."""

    name: Name | None = None
    tags: Tags | None = None
    notes: Notes | None = None


class Specification(Model):
    """A job, resolved: every default filled in."""

    name: Name = "untitled"
    dataset: AnyDataset = default(DATASETS)
    training: Training = Training()
    variants: tuple[Variant, ...] = Field(min_length=1, max_length=MAX_VARIANTS)
    baseline: VariantName
    seeds: tuple[Seed, ...] = Field(default=(0,), min_length=1, max_length=MAX_SEEDS)
    until: Until | None = Field(default=None, exclude_if=lambda until: until is None)
    search: Search | None = Field(default=None, exclude_if=lambda search: search is None)
    # Absent if it is the default: jobs that do not name it are stored, and answered, as before there was a choice.
    vary: tuple[Varied, ...] = Field(default=VARIED, min_length=1, max_length=3, exclude_if=lambda vary: vary == VARIED)
    keep: Keep = Field(default="chosen", exclude_if=lambda keep: keep == "chosen")
    reuse: Literal["allow", "never"] = "allow"
    metadata: dict[Annotated[str, StringConstraints(max_length=100)], JsonValue] = Field(
        default={}, max_length=MAX_METADATA
    )
    tags: Tags = Field(default=(), exclude_if=operator.not_)
    notes: Notes = Field(default="", exclude_if=operator.not_)

    @property
    def runs(self) -> int:
        """How many runs it has at most, those that `until` and `search` may add included."""
        search, until = self.search, self.until
        seeds = max(len(self.seeds), until.max_seeds) if until else len(self.seeds)
        compared = len(self.given) + (search.finalists if search else 0)
        return compared * seeds + (search.trials if search else 0)

    @property
    def given(self) -> tuple[Variant, ...]:
        """Its variants but for those of a search."""
        return tuple(variant for variant in self.variants if variant.trial is None)

    def run(self, variant: str, seed: int) -> RunSpecification:
        """The run of `variant` with `seed`. Raises KeyError if there is no such variant."""
        return self.run_of({v.name: v for v in self.variants}[variant], seed)

    def run_of(self, chosen: Variant, seed: int) -> RunSpecification:
        """The run of a variant, which may be none of the specification's, with `seed`."""
        dataset = (
            self.dataset if chosen.dataset is None else self.dataset.model_copy(update=chosen.dataset.model_dump())
        )
        draws = Draws(split=seed if "split" in self.vary else None, sample=seed if "sample" in self.vary else None)
        return RunSpecification(
            dataset=dataset,
            training=chosen.training or self.training,
            layers=chosen.layers,
            seed=seed if "seed" in self.vary else FIXED_SEED,
            draws=None if draws == Draws() else draws,
            keep=self.keep,
        )


def begun(specification: Specification) -> dict[str, Any] | None:
    """How far the search of a job is that has just been submitted, as it is stored; None without one."""
    if specification.search is None:
        return None
    coming = specification.search.known + specification.search.finalists * len(specification.seeds)
    return State(trials=0, ended=0, failed=0, coming=coming, best=[], finalists=[]).model_dump(mode="json")


S = TypeVar("S", bound=BaseModel)


def _read(kind: type[S], document: Mapping[str, Any]) -> S:
    """What the database has, as this version knows it. Raises UnreadableSpecification."""
    try:
        return kind.model_validate_json(json.dumps(document))
    except ValidationError as error:
        raise UnreadableSpecification(
            "This version of the service does not know all of the job's specification; another has stored it"
        ) from error


def stored(document: Mapping[str, Any]) -> Specification:
    """The specification that was stored as `document`. Raises UnreadableSpecification, as those below do."""
    return _read(Specification, document)


def recorded_by(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the metrics that runs of a job record, by its specification as it was stored."""
    trainings = [document["training"], *(each["training"] for each in document["variants"] if each["training"])]
    asked = {name for training in trainings for name in training.get("metrics", ())}
    measured = [
        [layer["type"] for layer in each["layers"]]
        for each in document["variants"]
        if (each["training"] or document["training"]).get("weights")
    ]
    layers = with_kernels(*measured) if measured else ()
    evaluated = any(training["evaluate_train"] for training in trainings)
    return recorded(dataset_of(document).task, evaluated, asked, layers)


class _OfDataset(BaseModel):
    dataset: AnyDataset


class _OfUntil(BaseModel):
    until: Until | None = None


class _OfSearch(BaseModel):
    search: Search | None = None


class _OfVary(BaseModel):
    vary: tuple[Varied, ...] = VARIED


def vary_of(document: Mapping[str, Any]) -> tuple[Varied, ...]:
    """The `vary` of the specification that was stored as `document`."""
    return _read(_OfVary, {"vary": document.get("vary", VARIED)}).vary


def search_of(document: Mapping[str, Any]) -> Search | None:
    """The `search` of the specification that was stored as `document`."""
    return _read(_OfSearch, {"search": document.get("search")}).search


def until_of(document: Mapping[str, Any]) -> Until | None:
    """The `until` of the specification that was stored as `document`."""
    return _read(_OfUntil, {"until": document.get("until")}).until


def dataset_of(document: Mapping[str, Any]) -> Dataset:
    """The data set of the specification that was stored as `document`."""
    return _read(_OfDataset, {"dataset": document["dataset"]}).dataset
