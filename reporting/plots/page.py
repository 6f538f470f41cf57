"""A figure's page: words above and below, and the rectangle that is left for panels. Measures are inches."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from reporting.names import cut, shortened
from reporting.plots.fonts import drawable
from reporting.plots.style import Theme

PAD = 0.12
MAX_NOTES = 5
LINE = 1.2
"""The height of a line, in sizes of its words."""


def word_size(width: float) -> float:
    """The size of words, in points, on a page `width` wide."""
    return 9.5 if width >= 5 else 8.0


def y_locator(height: float) -> MaxNLocator:
    """Ticks for an axis `height` high."""
    return MaxNLocator(nbins=max(2, min(7, int(height / 0.33))), steps=(1, 2, 2.5, 5, 10))


class Page:
    """What is left of `figure` lies between `left`, `right`, `bottom` and `top`; words are `size` points high."""

    def __init__(self, figure: Figure, theme: Theme) -> None:
        assert isinstance(figure.canvas, FigureCanvasAgg)
        self.figure, self.theme = figure, theme
        self.renderer: RendererAgg = figure.canvas.get_renderer()  # type: ignore[no-untyped-call]
        self.width, self.height = figure.get_size_inches()
        self.size = word_size(self.width)
        self.left, self.right, self.bottom, self.top = PAD, self.width - PAD, PAD, self.height - PAD

    def measure(self, text: str, size: float, weight: str = "normal") -> float:
        """The width of `text`, the widest line's if it has several."""
        if "\n" in text:
            return max(self.measure(line, size, weight) for line in text.split("\n"))
        font = FontProperties(size=size, weight=weight)
        size_in_pixels = self.renderer.get_text_width_height_descent(text, font, False)  # type: ignore[no-untyped-call]
        return float(size_in_pixels[0]) / self.figure.dpi

    def wrap(
        self, text: str, size: float, weight: str = "normal", width: float | None = None, most: int = 2
    ) -> list[str]:
        """`text` in lines `width` wide (the page's), at most `most`; the last is shortened if it does not fit."""
        width = self.width - 2 * PAD if width is None else width
        lines = self._lines(drawable(text), size, weight, width)
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
        return [cut(line, lambda each: self.measure(each, size, weight) <= width) for line in lines if line]

    def _lines(self, text: str, size: float, weight: str, width: float) -> list[str]:
        """`text` in as many lines as it needs; a word that is wider than `width` has one for itself."""
        lines: list[str] = []
        for word in text.split(" "):
            joined = f"{lines[-1]} {word}" if lines else word
            if lines and self.measure(joined, size, weight) <= width:
                lines[-1] = joined
            else:
                lines.append(word)
        return lines

    def names(
        self, names: Sequence[str], size: float, weight: str = "normal", *, width: float, most: int = 1
    ) -> list[str]:
        """Each of `names` in at most `most` lines `width` wide; those that differ are written differently."""

        def fits(name: str) -> bool:
            lines = self._lines(name, size, weight, width)
            return len(lines) <= most and all(self.measure(line, size, weight) <= width for line in lines)

        return ["\n".join(self._lines(name, size, weight, width)) for name in shortened(names, fits, drawable)]

    def above(self, text: str, size: float, color: str, weight: str = "normal") -> None:
        """Writes `text` at the top of what is left."""
        for line in self.wrap(text, size, weight):
            self.top -= 1.3 * size / 72
            self._write(line, self.top + 0.3 * size / 72, size, color, weight)

    def below(self, text: str, size: float, color: str) -> None:
        """Writes `text` at the bottom of what is left."""
        for line in reversed(self.wrap(text, size)):
            self._write(line, self.bottom + 0.3 * size / 72, size, color, "normal")
            self.bottom += 1.35 * size / 72

    def _write(self, line: str, y: float, size: float, color: str, weight: str) -> None:
        self.figure.text(
            PAD / self.width, y / self.height, line,
            fontsize=size, color=color, fontweight=weight, va="baseline",
        )  # fmt: skip

    def legend(self, handles: Sequence[Line2D], names: Sequence[str]) -> None:
        """Writes a legend at the bottom of what is left, smaller where it would take more than half of that."""
        widest = max(self.measure(name, self.size) for name in names) + 0.55
        columns = max(1, min(len(names), int((self.width - 2 * PAD) / widest)))
        line = (self.top - self.bottom) / 2 / ceil(len(names) / columns)
        size = max(4.0, min(self.size, line * 72 / 1.55))
        drawn = self.figure.legend(
            handles, names, loc="lower left", bbox_to_anchor=(0.3 * PAD / self.width, self.bottom / self.height),
            ncols=columns, frameon=False, fontsize=size, labelcolor=self.theme.ink, borderaxespad=0,
            handlelength=2.2, columnspacing=1.2,
        )  # fmt: skip
        self.bottom += drawn.get_window_extent(self.renderer).height / self.figure.dpi

    def apart(self, labels: Sequence[str], length: float, *, upright: bool = False) -> list[int]:
        """Which of equally spaced tick labels, along an axis `length` long, do not run into each other.

        `upright`: their height counts, not their width.
        """
        size = 0.9 * self.size
        needed = 1.2 * size / 72 if upright else max((self.measure(each, size) for each in labels), default=0) + 0.08
        return list(range(0, len(labels), max(1, ceil(needed * len(labels) / length))))

    def tick_width(self, limits: tuple[float, float], height: float) -> float:
        """The width of the y axis's tick labels, on axes `height` high."""
        formatter = ScalarFormatter()
        formatter.create_dummy_axis()
        assert formatter.axis is not None
        formatter.axis.set_view_interval(*limits)
        places = [v for v in y_locator(height).tick_values(*limits) if limits[0] <= v <= limits[1]]
        return max((self.measure(text, 0.9 * self.size) for text in formatter.format_ticks(places)), default=0.3)

    def words(self, title: str, subtitle: str, notes: Sequence[str]) -> None:
        """Writes a figure's title and subtitle at the top of what is left, and its notes at the bottom."""
        self.above(title, 1.2 * self.size, self.theme.ink, "bold")
        self.above(subtitle, 0.9 * self.size, self.theme.muted)
        for note in reversed(notes):
            self.below(note, 0.85 * self.size, self.theme.muted)

    def style(self, axes: Axes) -> None:
        """Two thin spines, small ticks, and the theme's colours."""
        axes.set_facecolor(self.theme.background)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(self.theme.muted)
        axes.set_axisbelow(True)
        axes.tick_params(
            labelsize=0.9 * self.size, colors=self.theme.muted, labelcolor=self.theme.ink, width=0.7, length=3
        )

    def single(self, limits: tuple[float, float], y_label: str, x_label: str, tick_width: float | None = None) -> Axes:
        """Axes that fill what is left, with the y axis from `limits`; `tick_width` where its labels are not numbers."""
        em = self.size / 72
        bottom = self.bottom + 3.4 * em
        height = max(0.2, self.top - 0.6 * em - bottom)
        label = self.label(y_label, height)
        left = self.left + (self.tick_width(limits, height) if tick_width is None else tick_width)
        left += (2.2 + LINE * label.count("\n")) * em
        axes = self.axes(left, bottom, max(0.5, self.right - left), height)
        self.style(axes)
        axes.set_ylim(*limits)
        axes.yaxis.set_major_locator(y_locator(height))
        axes.set_xlabel(x_label, fontsize=self.size, color=self.theme.ink)
        axes.set_ylabel(label, fontsize=self.size, color=self.theme.ink)
        return axes

    def label(self, text: str, length: float) -> str:
        """`text` as the label of an axis `length` long, in up to three lines."""
        return "\n".join(self.wrap(text, self.size, width=length, most=3))

    def inches(self, axes: Axes) -> tuple[float, float]:
        """The width and the height of `axes`."""
        place = axes.get_position()
        return float(place.width * self.width), float(place.height * self.height)

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Axes at that rectangle."""
        return self.figure.add_axes((left / self.width, bottom / self.height, width / self.width, height / self.height))
