"""What every optimizer is."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator

from models.kinds.kind import KerasKind, Moment, Penalty, Positive
from models.kinds.plateau import Plateau, ReduceOnPlateau
from models.kinds.schedule import LearningRate, Schedule
from models.kinds.schedules import SCHEDULES

MAX_BATCH_SIZE = 25_000
BatchSize = Annotated[int, Field(ge=1, le=MAX_BATCH_SIZE)]
"""The rows of an update."""

EMA_MOMENTUM = 0.99
"""Keras's default."""


def _rate(value: Any) -> str | None:
    """Which of the learning rates `value` is meant to be."""
    if isinstance(value, Schedule):
        return value.kind()
    if isinstance(value, ReduceOnPlateau) or (isinstance(value, Mapping) and "reduce_on_plateau" in value):
        return "plateau"  # not the field's name: a fault's place has both
    named = value.get("schedule") if isinstance(value, Mapping) else "number"
    return named if isinstance(named, str) else None


if TYPE_CHECKING:
    AnyLearningRate = float | Schedule | ReduceOnPlateau
else:
    _schedules = [Annotated[kind, Tag(name)] for name, kind in SCHEDULES.items()]
    AnyLearningRate = Annotated[
        Union[Annotated[LearningRate, Tag("number")], *_schedules, Annotated[ReduceOnPlateau, Tag("plateau")]],
        Discriminator(
            _rate,
            custom_error_type="unknown_schedule",
            custom_error_message="A learning rate is a number, an object with `reduce_on_plateau`, or one with a "
            f"`schedule`: {', '.join(SCHEDULES)}",
        ),
    ]


class BareOptimizer(KerasKind):
    """An optimizer's fields, but for `weight_decay`: AdamW has one of its own, at another place of its JSON.

    All but the learning rate are absent from JSON unless they are set: a run's key stays what it was before there were
    any.
    """

    tag = "name"
    main = ("learning_rate",)

    name: str
    learning_rate: AnyLearningRate = 0.001
    clipnorm: Positive | None = Field(
        None, exclude_if=operator.not_, description="Each variable's gradient has at most this norm"
    )
    global_clipnorm: Positive | None = Field(
        None, exclude_if=operator.not_, description="All gradients together have at most this norm"
    )
    clipvalue: Positive | None = Field(
        None, exclude_if=operator.not_, description="No entry of a gradient is further from 0"
    )
    use_ema: bool = Field(
        False, exclude_if=operator.not_, description="Keep a moving average of the weights, and end with it"
    )
    ema_momentum: Moment | None = Field(
        None,
        validate_default=True,
        exclude_if=lambda momentum: momentum is None,
        description=f"Of the moving average; {EMA_MOMENTUM} unless given",
    )
    ema_overwrite_frequency: Annotated[int, Field(ge=1, le=10**9)] | None = Field(
        None,
        exclude_if=operator.not_,
        description="After each so many updates the weights become their moving average; else at the end alone",
    )

    @field_validator("learning_rate")
    @classmethod
    def _begins(cls, rate: AnyLearningRate) -> AnyLearningRate:
        """A rate that is reduced on a plateau begins with the optimizer's default if nothing else is said."""
        if isinstance(rate, ReduceOnPlateau) and rate.reduce_on_plateau.initial_learning_rate is None:
            first = {"initial_learning_rate": cls.model_fields["learning_rate"].default}
            return ReduceOnPlateau(reduce_on_plateau=rate.reduce_on_plateau.model_copy(update=first))
        return rate

    @field_validator("ema_momentum", "ema_overwrite_frequency")
    @classmethod
    def _averages(cls, value: Any, info: ValidationInfo) -> Any:
        averages = info.data.get("use_ema", True)
        if value is not None and not averages:
            raise ValueError("it says something of the moving average: set `use_ema`")
        return EMA_MOMENTUM if value is None and averages and info.field_name == "ema_momentum" else value

    @field_validator("global_clipnorm", "clipvalue")
    @classmethod
    def _clips_once(cls, clip: float | None, info: ValidationInfo) -> float | None:
        before = [name for name in ("clipnorm", "global_clipnorm") if info.data.get(name) is not None]
        if clip is not None and before:
            raise ValueError(f"only one of `clipnorm`, `global_clipnorm` and `clipvalue` may be set: `{before[0]}` is")
        return clip

    @property
    def plateau(self) -> Plateau | None:
        """What reduces the learning rate as training goes on, if anything."""
        rate = self.learning_rate
        return rate.reduce_on_plateau if isinstance(rate, ReduceOnPlateau) else None

    def arguments(self) -> dict[str, Any]:
        first = {"learning_rate": self.plateau.initial_learning_rate} if self.plateau else {}
        given = {name: value for name, value in super().arguments().items() if value is not None}
        return {**given, **first}

    def slots(self) -> int:
        """The optimizer's own variables for each weight, moving averages of the weights not counted."""
        return 2

    def kept(self) -> int:
        """All variables that the optimizer keeps for each weight."""
        return self.slots() + self.use_ema


class Optimizer(BareOptimizer):
    """What updates the weights from their gradients."""

    weight_decay: Penalty | None = Field(
        None,
        exclude_if=lambda decay: decay is None,
        description="Before each update every weight loses this part of itself times the learning rate",
    )
