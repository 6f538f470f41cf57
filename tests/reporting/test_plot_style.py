from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest

from reporting.plots.fonts import drawable
from reporting.plots.style import DASHES, MARKS, NOTEBOOK_MARKS, ONSET, THEMES, Theme

# Machado, Oliveira and Fernandes (2009), "A physiologically-based model for simulation of color vision
# deficiency", table 1, severity 1, on linear RGB.
SIGHT = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(color: str) -> np.ndarray:
    srgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.asarray(np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4))


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB, daylight D65."""
    t = TO_XYZ @ np.clip(rgb, 0, 1) / np.array([0.9505, 1.0, 1.089])
    x, y, z = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""
    dark, light = sorted(float(TO_XYZ[1] @ linear(color)) for color in (one, other))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_colours_can_be_told_apart(theme: Theme, sight: str) -> None:
    seen = [lab(SIGHT[sight] @ linear(color)) for color in (theme.ink, *theme.curves)]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 18


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_colours_stand_out(theme: Theme) -> None:
    assert all(contrast(color, theme.background) >= 3 for color in theme.curves)
    assert all(contrast(color, theme.background) >= 4.5 for color in (theme.ink, theme.muted))


def test_each_curve_of_a_panel_has_a_colour_a_mark_and_dashes_of_its_own() -> None:
    for theme in THEMES.values():
        assert len({theme.ink, *theme.curves}) == len(set(MARKS)) == len(set(DASHES)) == len(MARKS)
    assert NOTEBOOK_MARKS[:2] == ("+", "o")
    assert len(set(NOTEBOOK_MARKS)) == len(NOTEBOOK_MARKS)


def test_the_dashboards_onset_is_the_plots_own() -> None:
    static = Path(__file__).parents[2] / "api" / "pages" / "static"
    (drawn,) = re.findall(r"ONSET = (.*);", (static / "marks.js").read_text())
    assert json.loads(drawn) == [list(corner) for corner in ONSET]
    assert drawable("⚑ ◥ ↑") == "⚑ ◥ ↑"


def test_text_is_what_the_font_has() -> None:
    assert drawable("l2 = 0.001, ○ ▼ − é") == "l2 = 0.001, ○ ▼ − é"
    assert drawable("名前") == "□□"
