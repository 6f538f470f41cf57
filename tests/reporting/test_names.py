from __future__ import annotations

from itertools import product

import matplotlib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from models.history import RunHistory
from models.kinds.tasks.binary import Binary
from reporting.analysis import analyse
from reporting.names import BRIEF, brief, shortened
from reporting.plots import Drawable, prepare, prepare_differences
from reporting.plots.catalogue import DRAWINGS
from reporting.plots.series import Style
from reporting.plots.style import RC, THEMES

SWEPT = [f"units=16 l1=0 l2={l2} dropout=0.5 train_samples=200" for l2 in ("0.0001", "0.001", "0.01")]
DEEP = [f"units=16 depth=2 l1=1e-05 l2={l2} dropout=0.25 train_samples=200" for l2 in ("0.0001", "0.001", "0.01")]
WORDS = [" ".join([*["the same word"] * 3, word, *["and the end"] * 4]) for word in ("one", "two", "three")]
LETTERS = [f"{'x' * 48}{digit}{'y' * 48}" for digit in "123"]
NAMES = {"swept": SWEPT, "deep": DEEP, "words": WORDS, "letters": LETTERS}


def within(limit: int) -> list[str]:
    return [each for names in NAMES.values() for each in shortened(names, lambda text: len(text) <= limit)]


def test_names_that_fit_stay_as_they_are() -> None:
    assert shortened(["b", "a", "b"], lambda text: len(text) < 2) == ["b", "a", "b"]
    assert within(100) == [name for names in NAMES.values() for name in names]


def test_what_names_have_in_common_is_left_out_first() -> None:
    names = ["original", *SWEPT]
    assert shortened(names, lambda text: len(text) <= 45) == [
        "original", *(f"units=16 l1=0 l2={l2} dropout=0.5 …" for l2 in ("0.0001", "0.001", "0.01")),
    ]  # fmt: skip
    assert shortened(names, lambda text: len(text) <= 20) == [
        "original",
        "… l2=0.0001 …",
        "… l2=0.001 …",
        "… l2=0.01 …",
    ]


def test_numbers_stay_whole() -> None:
    both = [f"units={units} l2={l2} dropout=0.5" for units, l2 in product((16, 116), ("0.0001", "0.001"))]
    assert shortened(both, lambda text: len(text) <= 15) == [
        "…16 …0.0001 …", "…16 …0.001 …", "…116 …0.0001 …", "…116 …0.001 …",
    ]  # fmt: skip


def test_where_nothing_else_helps_names_are_numbered() -> None:
    assert shortened(["正則化", "比較用", "正", "正"], lambda _: True, lambda name: "□" * len(name)) == [
        "□□□ (1)", "□□□ (2)", "□", "□",
    ]  # fmt: skip
    assert shortened(["?", "!", "■ (1)"], lambda _: True, lambda name: "■" if len(name) == 1 else name) == [
        "■ (2)", "■ (3)", "■ (1)",
    ]  # fmt: skip


@given(st.lists(st.text("ab =1", min_size=1, max_size=12), unique=True, max_size=8), st.integers(8, 14))
def test_names_that_differ_are_never_written_alike(names: list[str], limit: int) -> None:
    short = shortened(names, lambda text: len(text) <= limit)
    assert len(set(short)) == len(names)
    assert all(len(text) <= limit for text in short)
    called = brief([name * BRIEF for name in names])
    assert len(set(called.values())) == len(names)


METRICS = ("loss", "val_loss", "data_loss", "val_data_loss", "acc", "val_acc")


def curves(names: list[str]) -> list[RunHistory]:
    return [
        RunHistory(f"{i}-{seed}", name, seed, "succeeded", (1, 2, 3), dict.fromkeys(METRICS, (0.5 + i / 9, 0.4, 0.6)))
        for i, name in enumerate(names)
        for seed in (0, 1)
    ]


def written(series: Drawable, width: int) -> list[str]:
    """Every text of a figure, an element a text, in one line each."""
    drawing = DRAWINGS[type(series)]
    with matplotlib.rc_context(RC):  # type: ignore[arg-type]
        figure = Figure(figsize=(width / 96, drawing.height(series, width / 96)), dpi=96)
        FigureCanvasAgg(figure)
        drawing.draw(figure, series, THEMES[series.theme])
        found = [each.get_text() for each in figure.findobj(Text) if isinstance(each, Text) and each.get_visible()]
    return [" ".join(text.split()) for text in found]


def labels(texts: list[str], names: list[str]) -> list[str]:
    """Those of `texts` that are of nothing but a name: begun as one, or with its beginning left out."""
    begun = tuple({name[:1] for name in names} | {"…"})
    return [
        text
        for text in texts
        if text.startswith(begun) and ":" not in text and not text.startswith("no ") and text[-1] != "."
    ]


@pytest.mark.parametrize("width", [288, 400, 800])
@pytest.mark.parametrize("style", ["lines", "notebook"])
@pytest.mark.parametrize("case", NAMES)
def test_each_curve_has_a_label_of_its_own(case: str, style: Style, width: int) -> None:
    for names in (NAMES[case], NAMES[case][:2], [f"{name} {i}" for i in range(5) for name in NAMES[case]]):
        found = labels(written(prepare(curves(names), "val_loss", style=style), width), names)
        assert len(found) == len(set(found)) == len(names), found
    found = labels(written(prepare(curves(NAMES[case]), "losses", style=style), width), NAMES[case])
    assert len(found) == len(set(found)) == len(NAMES[case]) * (2 if style == "notebook" else 1), found


@pytest.mark.parametrize("width", [400, 800])
@pytest.mark.parametrize("case", NAMES)
def test_each_difference_has_a_label_of_its_own_and_the_axis_says_what_it_is(case: str, width: int) -> None:
    baseline, *others = names = NAMES[case]
    series = prepare_differences(analyse(curves(names), baseline), task=Binary())
    texts = written(series, width)
    found = [text for text in labels(texts, others) if text != brief(names)[baseline]]  # a line of the title
    assert len(found) == len(set(found)) == 2, found
    label = f"Best validation cross-entropy − {brief(names)[baseline]}"
    assert any(text.startswith(label) for text in texts)
    assert "difference from" in " ".join(texts)


def test_notes_and_titles_keep_their_words() -> None:
    names = [f"{'x' * 40} {digit} {'y' * 50}" for digit in "12"]
    early = [RunHistory(name, name, 0, "succeeded", (1, 2), {"val_loss": (0.5, float("nan"))}) for name in names]
    series = prepare(early, "val_loss")
    assert series.notes == tuple(f"{brief(names)[name]}: seed 0 not finite from epoch 2 on." for name in names)
    assert len(set(series.notes)) == 2
    difference = prepare(curves(names), "val_loss", baseline=names[0], difference=True)
    assert difference.title == f"Validation loss: difference from {brief(names)[names[0]]}"
    texts = written(difference, 400)
    assert "difference from" in " ".join(texts)
    assert any(text.startswith(f"Validation loss − {brief(names)[names[0]]}") for text in texts)
