"""How plots look: colours, marks, dashes, and the words on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib import rcParamsDefault

from reporting.plots.fonts import FONT


@dataclass(frozen=True)
class Theme:
    """The colours of a figure: `ink` for words and the baseline, `curves` for the other variants in turn."""

    background: str
    ink: str
    muted: str
    faint: str
    curves: tuple[str, ...]


# Okabe and Ito's blue and vermillion ("Color universal design", 2008); the other colours were searched for, so
# that each has a contrast of at least 3:1 with its background, and any two stay apart for every kind of colour
# blindness (as Machado, Oliveira and Fernandes simulate them, 2009). Marks and dashes tell them apart without colour.
LIGHT = Theme(
    background="#ffffff", ink="#1a1a1a", muted="#5f6368", faint="#d9dce1",
    curves=("#0072b2", "#d55e00", "#00573f", "#aa3377", "#5b3fd0", "#6b4c00"),
)  # fmt: skip
DARK = Theme(
    background="#14171c", ink="#eceff4", muted="#a3abb8", faint="#3a404a",
    curves=("#4aa8e8", "#ff8a3d", "#66e0a3", "#e39bc9", "#9b7bff", "#ffe27a"),
)  # fmt: skip
THEMES = {"light": LIGHT, "dark": DARK}

# One a curve, the baseline's first: matplotlib marks, and dashes in points (on, off, ...).
MARKS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[tuple[float, ...], ...] = (
    (), (6, 1.5), (1.5, 1.5), (6, 1.5, 1.5, 1.5), (10, 2), (3, 1.5), (6, 1.5, 1.5, 1.5, 1.5, 1.5),
)  # fmt: skip
ONSET = ((-0.11, 0.0), (0.11, 0.0), (0.11, 0.44), (0.66, 0.72), (-0.11, 1.0))
"""The onset's sign, a flag that stands on the curve: no curve's own mark. In parts of its height, y upwards."""

PANEL_CURVES = len(MARKS)
"""More curves than this do not fit into one panel."""

NOTEBOOK_MARKS = ("+", "o", "^", "x", "s", "*", "D", "1", "v", "2", "p", "3", "h", "4")
"""The notebook's crosses and dots, both blue there, and further marks after them."""


NOTEBOOK_LABELS = {
    "original": "Original model",
    "smaller": "Smaller model",
    "bigger": "Bigger model",
    "l2": "L2-regularized model",
    "l1": "L1-regularized model",
    "l1_l2": "L1- and L2-regularized model",
    "dropout": "Dropout-regularized model",
}

RC: dict[str, Any] = {
    **{key: value for key, value in rcParamsDefault.items() if not key.startswith(("backend", "date.", "toolbar"))},
    "font.family": [FONT, "sans-serif"],
    "font.sans-serif": [FONT],
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "ockham",
    "pdf.fonttype": 42,
    "path.simplify": True,
}
"""matplotlib's own defaults, whatever the machine's matplotlibrc says, and text that stays text."""
