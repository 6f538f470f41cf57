"""What a module of this package has, so that its plot is drawn, and is one of a job's plots in the API."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from matplotlib.figure import Figure
from pydantic import BaseModel

from models.errors import NotFound
from models.history import RunHistory
from models.kinds.task import Task
from models.predictions import Predictions
from models.tables import Run
from models.why import Explained
from reporting.answers import Analysis
from reporting.overfitting import View
from reporting.plots.style import Theme
from reporting.reading import RunRow

Band = Literal["ci95", "sd", "minmax", "none"]


class Drawable(Protocol):
    """What `prepare` makes of histories and `draw` draws: plain values, without colours and pixels."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def title(self) -> str: ...
    @property
    def theme(self) -> str: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Drawing:
    """How what is `of` this class is drawn onto a figure, and how many inches high it wants to be at a width."""

    of: type
    draw: Callable[[Figure, Any, Theme], None]
    height: Callable[[Any, float], float]


@dataclass(frozen=True)
class Source:
    """A job to be plotted: its specification, its runs, what reads their histories, and how it shall look.

    `read` is given runs and the metrics that are needed of them, None for all. `analysis` is the job's in a view.
    `predictions` are those of the validation set that are kept of a run, None if none are. `why` is what is kept of why
    the runs' losses rise, by a run's id.
    """

    spec: Mapping[str, Any]
    runs: Sequence[RunRow | Run]
    read: Callable[[Iterable[RunRow | Run], Collection[str] | None], Iterator[RunHistory]]
    analysis: Callable[[View], Analysis]
    variants: Sequence[str] | None = None
    band: Band = "ci95"
    theme: str = "light"
    predictions: Callable[[RunRow | Run, Task], Predictions | None] = lambda run, task: None
    why: Callable[[Sequence[RunRow | Run]], Mapping[str, Sequence[Explained]]] = lambda runs: {}

    def chosen(self, names: Collection[str] | None = None) -> Collection[str]:
        """The variants that are asked for, or all of `names`: the job's unless given, without the trials of a search.

        Raises NotFound for one that is not among these.
        """
        if names is None:
            names = [each["name"] for each in self.spec["variants"] if each.get("trial") is None]
        for name in self.variants or ():
            if name not in names:
                raise NotFound(f"There is no variant named {name!r}")
        return self.variants or names


class NoOptions(BaseModel):
    """Of a plot of which nothing more may be asked."""


@dataclass(frozen=True)
class JobPlot:
    """A plot of a job as a whole, at `/v1/jobs/{job_id}/plots/{name}.{format}`.

    The fields of `options` are its parameters beside those that every plot has; `prepare` is given them and the job.
    `in_report` says which figures a report of the job has of it: the options of each, by the figure's name.
    """

    name: str
    summary: str
    description: str
    options: type[BaseModel]
    prepare: Callable[[Source, Any], Drawable]
    in_report: Callable[[Source], Mapping[str, BaseModel]] = lambda job: {}
