"""Names that people give: jobs' and variants'.

What people type is taken: joiners, no-break spaces, characters newer than this Python's tables of Unicode. Refused,
and named with its place, is what breaks a line or a terminal, cannot stand in XML (and so in no SVG), or changes
the order in which the text around it is read. The rule lists code points, so it is the same on every Python.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

REFUSED = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]")
"""Control characters, line separators, embedded directions, the byte-order mark, surrogates, what XML has not."""

REFUSED_IN_TEXT = re.compile(REFUSED.pattern.replace("\x00-\x1f", "\x00-\x08\x0b\x0c\x0e-\x1f"))
"""The same, but for tabs and the ends of lines."""


def check_name(text: str) -> str:
    """`text` itself. Raises `ValueError` with the character that may not be there, and its place counted from 1."""
    _check(REFUSED, text, "a name")
    for end, place in ((text[:1], 1), (text[-1:], len(text))):
        if end.isspace():
            where = "begin" if place == 1 else "end"
            raise ValueError(f"A name cannot {where} with a space: {_named(end)} at character {place}")
    return text


def check_text(text: str) -> str:
    """`text` itself, of several lines. Raises `ValueError` like `check_name`."""
    _check(REFUSED_IN_TEXT, text, "a text")
    return text


def _check(refused: re.Pattern[str], text: str, what: str) -> None:
    if found := refused.search(text):
        raise ValueError(f"{_named(found[0])} at character {found.start() + 1} cannot be part of {what}")


def folded(text: str) -> str:
    """The same for texts that differ only in letter case, in width or in how their characters are composed.

    Unicode's compatibility caseless matching (The Unicode Standard, 3.13, D146), made here and not by the database:
    SQLite folds ASCII alone, and what PostgreSQL folds depends on the locale that it was set up with.
    """
    for _ in range(2):
        text = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFKC", text)


def _named(character: str) -> str:
    name = unicodedata.name(character, "") or ("control character" if character < "\xa0" else "")
    return f"U+{ord(character):04X}" + (f" ({name.lower()})" if name else "")


Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(check_name)]
"""A job's."""

MAX_VARIANT_NAME = 100
VariantName = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_VARIANT_NAME, pattern=r"^[^,]*$"), AfterValidator(check_name)
]
"""A variant's: without commas, since addresses list variants with commas between."""

Tag = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(check_name)]
"""One of a job's, to find it by."""
