"""What every axis of a sweep is, and the network that a sweep's values make."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal


@dataclass
class Network:
    """The variant that a combination of values makes: layers on the inputs, and so many blocks of a dense layer and
    the layers behind it.

    training, dataset: what the variant overrides. All are raw, as a client would write them.
    """

    depth: int = 2
    dense: dict[str, Any] = field(default_factory=lambda: {"type": "dense", "units": 16, "activation": "relu"})
    before: list[dict[str, Any]] = field(default_factory=list)
    behind: list[dict[str, Any]] = field(default_factory=list)
    training: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)

    @property
    def optimizer(self) -> dict[str, Any]:
        """What the variant changes of the job's optimizer, or with a name its own."""
        changes: dict[str, Any] = self.training.setdefault("optimizer", {})
        return changes

    def raw(self) -> dict[str, Any]:
        """Its part of a client's variant."""
        overrides = {name: value for name in ("training", "dataset") if (value := getattr(self, name))}
        return {"layers": [*self.before, *[self.dense, *self.behind] * self.depth], **overrides}


class Axis:
    """Something that a sweep varies. The docstring's first line is what people read of it.

    name: in specifications. title: on a figure's axis. place: axes are listed by place, then by name; of a sweep's
    combinations the last axis varies fastest. values: the type of one value, with its limits. costs: whether a greater
    value costs more to train, so that the least that is nearly as good as the best is worth knowing. updates: whether a
    run with a greater value has more updates (1), fewer (-1) or as many (0). rates: whether it sets the learning rate,
    so that the job's is not used.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    place: ClassVar[int] = 100
    values: ClassVar[Any]
    costs: ClassVar[bool] = False
    updates: ClassVar[Literal[-1, 0, 1]] = 0
    rates: ClassVar[bool] = False

    @classmethod
    def kind(cls) -> str:
        """Its name in specifications."""
        return cls.name

    @staticmethod
    def vary(network: Network, value: Any) -> None:
        """Gives `network` this value. The order in which a sweep's axes do so is of no meaning."""
        raise NotImplementedError
