"""The loss of the data alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.metric import Measure

if TYPE_CHECKING:
    from models.kinds.task import Task


class DataLoss(Measure):
    """The loss without the weights' penalties: of networks with and without them it means the same."""

    name, title, plural, place = "data_loss", "loss without penalties", "data_losses", 2
    loss = True
    asked = False

    @classmethod
    def titled(cls, task: Task | type[Task] | None) -> str:
        return task.loss_title if task else cls.title

    @classmethod
    def measured_in(cls, task: Task) -> str:
        return task.unit
