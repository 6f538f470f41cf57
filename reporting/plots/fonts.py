"""The fonts of figures: DejaVu Sans, which matplotlib has with it, and for what it lacks those of the machine."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any

from matplotlib import font_manager, rcParams
from matplotlib.ft2font import FT2Font

from reporting.names import shortened

# It would tell of each font that has no bold letters.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

FONT = "DejaVu Sans"

PLACEHOLDERS = "Last Resort High-Efficiency"
"""matplotlib's font with a sign for every character there is. The texts of an SVG are measured by it, and then drawn
by the fonts of whoever looks at it."""

LACKING = "□: a character that no font of the service's machine has. The SVG of this figure has it."

_drawn: ContextVar[Mapping[str, str]] = ContextVar("_drawn", default=MappingProxyType({}))
"""The boxes of the figure that is being drawn, by what they stand for."""

_found: dict[str, str | None] = {}
"""For each character that DejaVu Sans lacks and that was looked for: the family of a font of the machine, or None."""


@contextmanager
def fonts_for(series: object, *, everything: bool) -> Iterator[bool]:
    """Sets the families of `rcParams` that `series` is drawn with; yields whether they lack any of its characters.

    `everything`: the last of them has a sign for every character.
    """
    texts = _texts(series)
    others = {character for text in texts for character in text if not _has(FONT, character)}
    _look_for(others - _found.keys())
    found = sorted({family for character in others if (family := _found[character])})
    rcParams["font.family"] = [FONT, *found, "sans-serif", *([PLACEHOLDERS] if everything else [])]
    lacking = _boxes(texts)
    token = _drawn.set(lacking)
    try:
        yield bool(lacking)
    finally:
        _drawn.reset(token)


def _boxes(texts: Sequence[str]) -> dict[str, str]:
    """What stands for each run of characters in `texts` that the families of `rcParams` lack: a box for each.

    Runs that differ are told apart by numbers, the same throughout the figure.
    """
    runs = [run for text in texts for lacking, run in _runs(text) if lacking]
    return dict(zip(runs, shortened(runs, lambda _: True, lambda run: "□" * len(run)), strict=True))


def drawable(text: str) -> str:
    """`text` as the families of `rcParams` can draw it: a box for each character that they lack."""
    known = _drawn.get()
    return "".join(known.get(run, "□" * len(run)) if lacking else run for lacking, run in _runs(text))


def _is_drawable(character: str) -> bool:
    return any(_has(family, character) for family in rcParams["font.family"])


def _runs(text: str) -> Iterator[tuple[bool, str]]:
    """The stretches of `text` that fonts lack (True) or have, in turn.

    A sign that only says how its neighbours are to be written is left out if there is no font for it.
    """
    visible = (each for each in text if unicodedata.category(each) != "Cf" or _is_drawable(each))
    for lacking, run in groupby(visible, key=lambda each: not _is_drawable(each)):
        yield lacking, "".join(run)


def _texts(series: object) -> list[str]:
    """The texts in a dataclass and in what it holds, each once, in their order."""
    texts: dict[str, None] = {}
    seen: set[int] = set()  # panels share their curves, which have thousands of points

    def visit(value: Any) -> None:
        if isinstance(value, str):
            texts[value] = None
        elif id(value) in seen:
            return
        elif isinstance(value, tuple):
            seen.add(id(value))
            for each in value:
                visit(each)
        elif hasattr(value, "__dataclass_fields__"):
            seen.add(id(value))
            for each in vars(value).values():
                visit(each)

    visit(series)
    return list(texts)


@cache
def _has(family: str, character: str) -> bool:
    return character in "\n\r" or _font(family).get_char_index(ord(character)) > 0


@cache
def _font(family: str) -> FT2Font:
    return FT2Font(font_manager.findfont(font_manager.FontProperties(family=[family])))


def _look_for(characters: Collection[str]) -> None:
    """Opens the machine's fonts until each of `characters` was found in one, or in none."""
    missing = set(characters)
    for path in _installed():
        if not missing:
            break
        try:
            font = FT2Font(path)
            here = {each for each in missing if font.get_char_index(ord(each))} if font.scalable else set()
            if here and not font.family_name.replace(" ", "").startswith("LastResort"):
                font_manager.fontManager.addfont(path)
                _found.update(dict.fromkeys(here, font.family_name))
                missing -= here
        except (OSError, RuntimeError):  # not a font that matplotlib can read
            continue
    _found.update(dict.fromkeys(missing))


@cache
def _installed() -> list[str]:
    """The files of the machine's fonts, regular ones first: bold ones may have the same family."""
    return sorted(font_manager.findSystemFonts(), key=lambda path: ("regular" not in Path(path).stem.lower(), path))
