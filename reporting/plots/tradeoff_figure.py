"""The figure of a trade-off: a point for each variant with its intervals, and the Pareto front."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter
from matplotlib.transforms import Bbox
from pydantic import BaseModel, Field

from models.errors import NotFound
from models.kinds.metrics import METRICS, check_offered
from models.specification import dataset_of
from reporting.penalties import needed
from reporting.plots.kind import Drawing, JobPlot, Source
from reporting.plots.layout import y_limits
from reporting.plots.page import Page
from reporting.plots.style import MARKS, Theme
from reporting.plots.sweep import swept
from reporting.plots.tradeoff import COSTS, Offer, TradeOff, prepare_tradeoff


class TradeOffOptions(BaseModel):
    """What may be asked of the figure of a trade-off."""

    against: str = Field("parameters", description="`parameters`, `seconds` (per run), or an axis of the job's sweep")
    metric: str = Field("val_data_loss", description="Its best value over the epochs is drawn")


FEW = 7
"""So many variants have colours and marks of their own."""
MANY = 40
"""Of more variants those on the front and the baseline have their names."""


def draw_tradeoff(figure: Figure, tradeoff: TradeOff, theme: Theme) -> None:
    """Points with bars; filled and joined on the front. Names beside the points as far as they have room."""
    page = Page(figure, theme)
    page.words(tradeoff.title, tradeoff.subtitle, tradeoff.notes)
    offers = tradeoff.offers
    edges = [edge for offer in offers for edge in (offer.low, offer.high) if edge is not None]
    limits = y_limits([offer.y for offer in offers], edges, signed=False)
    axes = page.single(limits, tradeoff.y_label, tradeoff.x_label)
    axes.grid(color=theme.faint, linewidth=0.6)
    if not offers:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no epochs yet", color=theme.muted, ha="center", transform=axes.transAxes)
        return
    _x_axis(page, axes, tradeoff)
    front = sorted((offer for offer in offers if offer.front), key=lambda offer: offer.x)
    axes.plot([o.x for o in front], [o.y for o in front], color=theme.muted, linewidth=1.2, linestyle="--", zorder=2)
    for offer in offers:
        _point(axes, offer, theme, own=len(offers) <= FEW)
    named = [offer for offer in offers if len(offers) <= MANY or offer.front or offer.rank < 0]
    _names(page, axes, sorted(named, key=lambda offer: (offer.rank >= 0, not offer.front, offer.y)), offers, theme)


def _x_axis(page: Page, axes: Axes, tradeoff: TradeOff) -> None:
    if tradeoff.places:
        axes.set_xlim(-0.5, len(tradeoff.places) - 0.3)
        shown = page.apart(tradeoff.places, page.inches(axes)[0])
        axes.set_xticks(shown, [tradeoff.places[i] for i in shown])
        return
    edges = [edge for o in tradeoff.offers for edge in (o.x, o.x_low, o.x_high) if edge is not None]
    low, high = min(edges), max(edges)
    if tradeoff.log:
        axes.set_xscale("log")
        low = min(o.x for o in tradeoff.offers)  # an interval may go down to nothing
        axes.set_xlim(low / 1.6, high * 2.2)
        axes.xaxis.set_major_locator(FixedLocator(_of_decades(page, axes)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(_in_digits)  # not as mathematics, which is not read in text
        return
    room = (high - low) or abs(high) or 1.0
    axes.set_xlim(low - 0.08 * room, high + 0.2 * room)
    axes.xaxis.set_major_formatter(_in_digits)
    axes.locator_params(axis="x", nbins=max(2, min(8, int(page.inches(axes)[0] / 0.9))))


def _of_decades(page: Page, axes: Axes) -> list[float]:
    """The ticks of a logarithmic x axis: 1, 2 and 5 in each decade, or 1 alone, as their labels have room."""
    (low, high), inches = axes.get_xlim(), page.inches(axes)[0]

    def place(value: float) -> float:
        return inches * math.log(value / low) / math.log(high / low)

    def fits(value: float) -> bool:
        half = page.measure(_in_digits(value, None), page.size) / 2
        return half <= place(value) <= inches - half

    for steps in ((1, 2, 5), (1,)):
        every = [step * 10.0**power for power in range(-3, 13) for step in steps]
        shown = [value for value in every if low <= value <= high and fits(value)]
        widest = max((page.measure(_in_digits(value, None), page.size) for value in shown), default=0)
        if all(place(after) - place(before) > widest + 0.1 for before, after in itertools.pairwise(shown)):
            break
    return shown


def _in_digits(value: float, _: object) -> str:
    return f"{value:,.10g}"


def _point(axes: Axes, offer: Offer, theme: Theme, *, own: bool) -> None:
    turn = (offer.rank + 1) % len(MARKS) if own else min(offer.rank + 1, 1)
    color = theme.curves[turn - 1] if turn else theme.ink
    if not own and not offer.front and offer.rank >= 0:
        color = theme.muted
    bars: dict[str, Any] = {"color": color, "linewidth": 1.4, "alpha": 0.75, "zorder": 2.5}
    if offer.low is not None and offer.high is not None:
        axes.plot([offer.x, offer.x], [offer.low, offer.high], **bars)
    if offer.x_low is not None and offer.x_high is not None:
        axes.plot([offer.x_low, offer.x_high], [offer.y, offer.y], **bars)
    axes.plot(
        [offer.x], [offer.y], MARKS[turn], color=color, markersize=6.5, markeredgewidth=1.5, markeredgecolor=color,
        markerfacecolor=color if offer.front else theme.background, zorder=4 if offer.rank < 0 else 3,
    )  # fmt: skip


def _names(page: Page, axes: Axes, offers: Sequence[Offer], drawn: Sequence[Offer], theme: Theme) -> None:
    """Names at the points, first of those that count most; one that would lie on something else is left out."""
    names = page.names([offer.variant for offer in offers], 0.9 * page.size, width=0.3 * page.inches(axes)[0])
    dot = 4.5 * page.figure.dpi / 72
    points = [axes.transData.transform((offer.x, offer.y)) for offer in offers]
    marks = [axes.transData.transform((offer.x, offer.y)) for offer in drawn]
    taken = [Bbox.from_bounds(x - dot, y - dot, 2 * dot, 2 * dot) for x, y in marks]
    frame = axes.get_window_extent(page.renderer)
    for (x, y), name in zip(points, names, strict=True):
        wide = page.measure(name, 0.9 * page.size) * page.figure.dpi
        high = 1.15 * page.size * page.figure.dpi / 72
        beside, above = 2 * dot, 1.6 * dot
        for left, bottom in (
            (x + beside, y + 0.2 * dot),
            (x + beside, y - high - 0.2 * dot),
            (x - beside - wide, y + 0.2 * dot),
            (x - beside - wide, y - high - 0.2 * dot),
            (x - wide / 2, y + above),
            (x - wide / 2, y - above - high),
        ):
            box = Bbox.from_bounds(left, bottom, wide, high)
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 + 2 and frame.y0 <= box.y0 and box.y1 <= frame.y1
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                place = axes.transAxes.inverted().transform((left, bottom + 0.2 * high))
                axes.text(
                    place[0], place[1], name, transform=axes.transAxes, fontsize=0.9 * page.size, color=theme.ink,
                    bbox={"facecolor": theme.background, "alpha": 0.7, "linewidth": 0, "pad": 0.6}, zorder=2.8,
                )  # fmt: skip
                break


def _of_job(job: Source, options: TradeOffOptions) -> TradeOff:
    dataset, places = dataset_of(job.spec), swept(job.spec)
    axes = dict.fromkeys(name for place in places.values() for name in place)
    if options.against not in (*COSTS, *axes):
        raise NotFound(f"A trade-off is drawn against one of: {', '.join((*COSTS, *axes))}")
    if options.metric not in METRICS:
        raise NotFound(f"There is no metric named {options.metric!r}; there are: {', '.join(METRICS)}")
    check_offered(options.metric, dataset.task)
    chosen = job.chosen()
    runs = [run for run in job.runs if run.variant in chosen]
    return prepare_tradeoff(
        list(job.read(runs, needed([options.metric]))),
        runs,
        against=options.against,
        swept=places,
        metric=options.metric,
        baseline=job.spec["baseline"],
        band=job.band,
        dataset=dataset.called,
        task=dataset.task,
        theme=job.theme,
    )


def _in_report(job: Source) -> dict[str, BaseModel]:
    """Of a job whose variants differ in what they cost."""
    trained = {run.parameters for run in job.runs if run.epoch}
    return {"tradeoff": TradeOffOptions()} if len(trained) > 1 else {}


DRAWING = Drawing(TradeOff, draw_tradeoff, lambda tradeoff, inches: max(3.4, min(0.6 * inches, 6.5)))
PLOT = JobPlot(
    "tradeoff",
    "Draw a trade-off",
    "The best value of each variant against its cost, with the Pareto front, or against what was swept.",
    TradeOffOptions,
    _of_job,
    _in_report,
)
