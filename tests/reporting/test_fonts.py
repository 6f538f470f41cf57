"""Names in every script: an SVG has them as they are; PNG and PDF by the machine's fonts, or as boxes told apart."""
# ruff: noqa: RUF001  (names in other scripts are what is tested)

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from models.history import RunHistory
from reporting.analysis import analyse
from reporting.plots import Drawable, draw, prepare, prepare_differences, prepare_sweep
from reporting.plots.catalogue import DRAWINGS
from reporting.plots.fonts import LACKING, drawable, fonts_for
from reporting.plots.style import RC, THEMES

CHINESE = ("正則化", "比較用")
NAMES = [
    *CHINESE,
    "l2 正則化",
    "l2 比較用",
    "مرحبا",
    "שלום",
    "สวัสดี",
    "한국어",
    "👩\u200d🔬 lab",
    "正則化\u3000L2",
    "a\u00adb",
]


def curves(names: list[str]) -> list[RunHistory]:
    losses = dict.fromkeys(("val_loss", "val_data_loss", "val_acc"), (0.5, 0.4, 0.6))
    return [
        RunHistory(f"{name}-{seed}", name, seed, "succeeded", (1, 2, 3), losses) for name in names for seed in (0, 1)
    ]


def figures(names: list[str]) -> dict[str, Drawable]:
    runs = curves(names)
    return {
        "curves": prepare(runs, "val_loss", dataset=names[0]),
        "few": prepare(curves(names[:4]), "val_loss"),
        "notebook": prepare(runs, "val_loss", style="notebook"),
        "from the baseline": prepare(runs, "val_loss", baseline=names[0], difference=True),
        "differences": prepare_differences(analyse(runs, names[0])),
    }


def written(series: Drawable, *, svg: bool = False) -> list[str]:
    """The texts that are drawn, in a line each."""
    drawing = DRAWINGS[type(series)]
    with matplotlib.rc_context(RC), fonts_for(series, everything=svg):  # type: ignore[arg-type]
        figure = Figure(figsize=(8, drawing.height(series, 8)), dpi=96)
        FigureCanvasAgg(figure)
        drawing.draw(figure, series, THEMES[series.theme])
        found = [each.get_text() for each in figure.findobj(Text) if isinstance(each, Text)]
    return [" ".join(text.split("\n")) for text in found]


@pytest.mark.once
@pytest.mark.parametrize("kind", figures(NAMES))
def test_an_svg_has_every_name_as_it_is(kind: str) -> None:
    root = ElementTree.fromstring(draw(figures(NAMES)[kind], "svg"))
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    for name in NAMES[:4] if kind == "few" else NAMES[1:]:
        assert any(name in text for text in texts), name
    assert not any("□" in text for text in texts)
    assert LACKING not in texts


def test_an_svg_is_drawn_by_the_readers_fonts() -> None:
    svg = draw(figures(NAMES)["curves"], "svg").decode()
    assert "'DejaVu Sans', sans-serif" in svg


@pytest.mark.once
@pytest.mark.parametrize("kind", figures(NAMES))
def test_what_no_font_has_is_boxes_that_are_told_apart(kind: str) -> None:
    """The machine that tests has no font for Chinese: else the names stand there themselves."""
    texts = written(figures(list(CHINESE))[kind])
    shown = [text for text in texts if text in ("□□□ (1)", "□□□ (2)", *CHINESE)]
    assert shown
    whole = " ".join(texts)
    if "□" in whole:
        assert ("□□□ (1)" in whole, "□□□ (2)" in whole) == (True, True)


@pytest.mark.slow
@pytest.mark.parametrize("format", ["png", "pdf"])
def test_every_figure_can_be_drawn(format: str) -> None:
    for series in figures([*NAMES, "\U0001fae9", "\U000e0fff", "\ue000", "𝔘𝔫𝔦"]).values():
        assert draw(series, format) == draw(series, format)


def test_signs_that_are_not_seen_have_no_box() -> None:
    with matplotlib.rc_context(RC):  # type: ignore[arg-type]
        assert drawable("a\u2066b\U000e0001c") in ("abc", "a\u2066bc")


def test_a_sweep_has_its_note(tmp_path: Path) -> None:
    sweep = prepare_sweep(curves(list(CHINESE)), {"正則化": {"l2": 0.0}, "比較用": {"l2": 0.1}}, dataset="評論")
    assert "評論" in draw(sweep, "svg").decode()
    assert written(sweep)


def a_font(folder: Path, flavour: str) -> None:
    """A font of two glyphs, whose outlines differ."""
    font = FontBuilder(1000, isTTF=flavour == "ttf")
    widths = {".notdef": 500, "one": 400, "two": 800}
    font.setupGlyphOrder(list(widths))
    font.setupCharacterMap({ord("正"): "one", ord("比"): "two"})
    pens = {name: TTGlyphPen(None) if flavour == "ttf" else T2CharStringPen(1000, None) for name in widths}
    for name, pen in pens.items():
        pen.moveTo((0, 0))
        pen.lineTo((widths[name], 0))
        pen.lineTo((widths[name], 700))
        pen.closePath()
    if flavour == "ttf":
        font.setupGlyf({name: pen.glyph() for name, pen in pens.items()})
    else:
        outlines = {name: pen.getCharString() for name, pen in pens.items()}
        font.setupCFF("Ockham-Regular", {"FullName": "Ockham Test"}, outlines, {})
    font.setupHorizontalMetrics(dict.fromkeys(widths, (1000, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Ockham Test", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    folder.mkdir(parents=True, exist_ok=True)
    font.save(folder / f"Regular.{flavour}")


PROGRAM = """
import hashlib, json, sys
from tests.reporting.test_fonts import curves, written
from reporting.plots import draw, prepare
found = {}
for name in ("正", "比"):
    series = prepare(curves([name]), "val_loss")
    found[name] = {format: hashlib.sha256(draw(series, format)).hexdigest() for format in ("png", "pdf")}
    found[name]["texts"] = written(series)
print(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.parametrize("flavour", ["ttf", "otf"])
def test_fonts_of_the_machine_draw_what_dejavu_lacks(tmp_path: Path, flavour: str) -> None:
    """A font that is installed after matplotlib listed the machine's is found, too."""
    root = Path(__file__).parents[2]
    env = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path / "mpl"), "PYTHONPATH": str(root)}

    def drawn() -> dict[str, dict[str, str]]:
        done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=root, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        found: dict[str, dict[str, str]] = json.loads(done.stdout)
        return found

    before = drawn()
    if "□" in before["正"]["texts"]:
        assert before["正"]["png"] == before["比"]["png"], "a box is a box"
    a_font(tmp_path / "fonts", flavour)
    after = drawn()
    for name in ("正", "比"):
        assert name in after[name]["texts"]
    for format in ("png", "pdf"):
        assert after["正"][format] != after["比"][format]
