"""When a job has enough seeds: as soon as its comparisons are decided.

The API looks at a job whenever all its runs have ended, and either queues further seeds or lets the job end
(`reporting.looks` says which, `models.states.go_on` does it). Nothing of this is in a process's memory.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from models.kinds.kind import Model, among
from models.kinds.metric import Of
from models.kinds.metrics import METRICS

MAX_SEEDS = 100
"""Of a job."""

COMPARED = [name for name, metric in METRICS.items() if metric.of == Of.VALIDATION and not metric.measure.asked]
"""The metrics whose best values are compared with the baseline's."""


class Until(Model):
    """Train further seeds until each comparison with the baseline is decided, or there are `max_seeds`.

    A comparison is decided if its interval, which is valid at every look and for all comparisons at once
    (1 - `alpha`), says `better`, `worse`, or `equivalent`: within ± `smallest`, in the unit of `metric`. Without
    `smallest` nothing is ever equivalent. A variant whose comparison is decided gets no further seeds.
    """

    smallest: Annotated[float, Field(gt=0, le=1e6)] | None = None
    metric: Annotated[
        str, AfterValidator(among(COMPARED, "the metrics to decide by")), Field(json_schema_extra={"enum": COMPARED})
    ] = "val_data_loss"
    alpha: float = Field(default=0.05, gt=0, le=0.5)
    min_seeds: int = Field(default=5, ge=2, le=MAX_SEEDS)
    max_seeds: int = Field(default=50, ge=2, le=MAX_SEEDS)
