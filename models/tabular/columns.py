"""What a column is, by its values: text, numbers, categories, or nothing to learn from."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.tabular.options import Kind

MISSING = pa.array(["", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL"], pa.large_string())
"""Cells that say that there is no value; of a text column the empty one alone."""
MISSING_NUMBER = pa.chunked_array([MISSING, pa.array(["None", "-", "--"], pa.large_string())]).combine_chunks()
"""Among numbers more cells say so: of a category each of them may be a value."""
THOUSANDS = r"^[-+]?\d{1,3}(,\d{3})+(\.\d*)?$"
"""A number whose thousands are separated by commas, in a column without decimal commas."""
POINTS = r"^[-+]?\d{1,3}(\.\d{3})+"
COMMA_THOUSANDS = rf"{POINTS}(,\d*)?$"
"""A number whose thousands are separated by points, in a column with decimal commas."""
MOST_EXACT = 2**53
"""Beyond, a double does not hold every whole number."""
LARGEST = 1e18
"""Numbers are up to this, to both sides: a network's arithmetic loses what is above, and squares of errors overflow."""
NUMBER = r"^[-+]?((\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|(?i:inf(inity)?))$"
COMMA_NUMBER = r"^[-+]?((\d+,?\d*|,\d+)([eE][-+]?\d+)?|(?i:inf(inity)?))$"
"""What reads as a number, however large: one that is too large is told, and never makes its column something else."""
LEADING_ZERO = r"^[-+]?0\d"
DATE = r"^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([T ]\d{1,2}:\d{2}.*)?$"
_ID_NAME = re.compile(r"(^|[_ .-])(id|uuid|guid|index|key)$|^(unnamed.*|column_1|row)$|[a-z]I[dD]$", re.IGNORECASE)

MOST_CATEGORIES = 1000
"""A column of more values is not taken for categories, unless the options say so."""
LONG_CELLS = 100
"""Characters on average, above which a column is text."""
MOST_STRANGE = 0.1
"""A column is said to be numbers but for some cells if at most this share of the cells is none."""
FEW_ROWS = 20
"""Below, that no value repeats says nothing."""


@dataclass(frozen=True)
class Found:
    """A column of the training file."""

    kind: Kind
    missing: int
    distinct: int
    comma: bool = False
    """Whether its numbers have a decimal comma."""
    why: str = ""
    """The code of a warning that says why it was found to be this."""
    odd: str = ""
    """Of a column that is numbers but for a few cells: one of those."""


def present(cells: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    """The cells with null for those that are missing."""
    if kind in ("text", "ignore"):
        return pc.if_else(pc.match_substring_regex(cells, r"^\s*$"), None, cells)
    cells = pc.utf8_trim_whitespace(cells)
    return pc.if_else(pc.is_in(cells, MISSING_NUMBER if kind == "number" else MISSING), None, cells)


def numbers(cells: pa.ChunkedArray, comma: bool) -> pa.ChunkedArray:
    """Of cells that are present the numbers as doubles, infinite beyond a double's range; null for what is none."""
    if not comma:
        with suppress(pa.ArrowInvalid):  # some are none, or written as only patterns tell
            values = pc.cast(cells, pa.float64())
            if not pc.any(pc.is_nan(values)).as_py():
                return values
    thousands, separator = (COMMA_THOUSANDS, ".") if comma else (THOUSANDS, ",")
    cells = pc.if_else(pc.match_substring_regex(cells, thousands), pc.replace_substring(cells, separator, ""), cells)
    cells = pc.if_else(pc.match_substring_regex(cells, COMMA_NUMBER if comma else NUMBER), cells, None)
    if comma:
        cells = pc.replace_substring(cells, ",", ".")
    return pc.cast(pc.utf8_ltrim(cells, "+"), pa.float64())


def has_decimal_commas(cells: pa.ChunkedArray, delimiter: str) -> bool:
    """Whether numbers among the cells have a comma for a point.

    In a file with commas between cells only those can be told that have points between thousands as well, `1.234,5`.
    """
    if _any(cells, rf"{POINTS},\d*$", ","):
        return True
    if delimiter == "," or not _any(cells, COMMA_NUMBER, ","):
        return False
    return not _any(cells, NUMBER, ".", but=COMMA_THOUSANDS)


def _any(cells: pa.ChunkedArray, pattern: str, character: str, but: str | None = None) -> bool:
    cells = pc.filter(cells, pc.match_substring(cells, character))
    has = pc.match_substring_regex(cells, pattern)
    if but is not None:
        has = pc.and_not(has, pc.match_substring_regex(cells, but))
    return bool(pc.any(has).as_py())


def are_thousands(cells: pa.ChunkedArray) -> bool:
    """Whether every number with a point may be one whose thousands are separated by points."""
    return _any(cells, NUMBER, ".") and not _any(cells, NUMBER, ".", but=COMMA_THOUSANDS)


def find(cells: pa.ChunkedArray, name: str, told: Kind | None, delimiter: str, nested: bool) -> Found:
    """What the column is; `told` if the user has said it."""
    # Long cells are no categories; that is seen at once, and saves copies of a large column.
    long = (pc.mean(pc.utf8_length(cells)).as_py() or 0) > LONG_CELLS and not _are_mostly_numbers(cells)
    filled = present(cells, told or ("text" if long and not nested else "category"))
    missing = filled.null_count
    distinct = pc.count_distinct(filled, mode="only_valid").as_py()
    comma = has_decimal_commas(filled, delimiter)
    if told is not None:
        return Found(told, missing, distinct, comma and told == "number")
    count = len(cells) - missing
    if nested:
        return Found("ignore", missing, distinct, why="nested_input")
    if count == 0:
        return Found("ignore", missing, distinct, why="empty_input")
    if distinct == 1 and len(cells) > 1 and not missing:
        return Found("ignore", missing, distinct, why="constant_input")
    if long and distinct > FEW_ROWS:
        return Found("text", missing, distinct)
    values = numbers(filled, comma)
    lacking = missing if values.null_count == missing else present(cells, "number").null_count
    if lacking < len(cells) and values.null_count == lacking and not _any_match(filled, LEADING_ZERO):
        is_id = distinct == count and count >= FEW_ROWS and _is_count(values, name)
        if is_id:
            return Found("ignore", missing, distinct, comma, "identifier_input")
        inexact = pc.any(pc.greater(pc.abs(values), MOST_EXACT)).as_py() and _any_match(filled, r"^[-+]?\d{16}")
        why = "inexact_numbers" if inexact else ""
        return Found("number", lacking, pc.count_distinct(values, mode="only_valid").as_py(), comma, why)
    found = _find_words(cells, filled, name, missing, distinct, count)
    strange = values.null_count - missing
    if 0 < strange <= MOST_STRANGE * count:
        none = pc.and_(pc.is_valid(filled), pc.is_null(values))
        return replace(found, odd=pc.filter(filled, none)[0].as_py())
    return found


def _any_match(cells: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(cells, pattern)).as_py())


def _are_mostly_numbers(cells: pa.ChunkedArray) -> bool:
    """Whether at least half of the cells that have a value read as numbers: a few endless ones do not make a text."""
    numeric, missing = (
        pc.sum(pc.match_substring_regex(cells, rf"^\s*({pattern})\s*$")).as_py()
        for pattern in (f"{NUMBER[1:-1]}|{COMMA_NUMBER[1:-1]}", "|".join(map(re.escape, MISSING.to_pylist())))
    )
    return bool(2 * numeric >= len(cells) - cells.null_count - missing)


def _find_words(
    cells: pa.ChunkedArray, filled: pa.ChunkedArray, name: str, missing: int, distinct: int, count: int
) -> Found:
    if distinct > 2 and pc.all(pc.match_substring_regex(filled, DATE)).as_py():
        return Found("ignore", missing, distinct, why="date_input")
    words = 1 + pc.mean(pc.count_substring_regex(pc.utf8_trim_whitespace(filled), r"\s+")).as_py()
    repeats = distinct <= count / 2 and distinct <= MOST_CATEGORIES
    if repeats and (words <= 5 or distinct <= FEW_ROWS):
        return Found("category", missing, distinct)
    if words >= 1.5:
        whole = present(cells, "text")
        return Found("text", whole.null_count, pc.count_distinct(whole, mode="only_valid").as_py())
    if count >= FEW_ROWS and (distinct == count or _ID_NAME.search(name) or distinct > MOST_CATEGORIES):
        return Found("ignore", missing, distinct, why="identifier_input")
    return Found("category", missing, distinct)


def _is_count(values: pa.ChunkedArray, name: str) -> bool:
    """Whether numbers that are all different number the rows: whole, and without gaps or of an id's name."""
    array = values.drop_null().to_numpy()
    if np.any(array != np.floor(array)):
        return False
    return bool(array.max() - array.min() + 1 == len(array)) or _ID_NAME.search(name) is not None
