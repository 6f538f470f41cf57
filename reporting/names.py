"""Names made shorter so that they fit, and those that differ stay different."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import product, takewhile

BRIEF = 40
"""Characters of a name within a sentence."""

MOST = 3
"""Names in a list within a sentence; of more it says how many there are."""

LEAST = 4
"""Characters that are left of a name at least, whether they fit or not."""

KEPT = (16, 8, 4, 0)
"""Characters that stay of what words begin and end with in common: the first that fits."""

_LEFT_OUT = re.compile("…(?: ?…)+")
_NUMBER = "0123456789.+-e"


def shortened(names: Sequence[str], fits: Callable[[str], bool], shown: Callable[[str], str] = str) -> list[str]:
    """A text for each of `names` that fits; two names that differ have two texts that differ.

    Left out is what the names have in common, then the middle of each. Those whose texts would be equal nevertheless
    are numbered in their order. `shown`: a name as it can be written, which may be the same for several.
    """
    whole = list(dict.fromkeys(names))
    texts = [shown(name) for name in whole]
    if not all(map(fits, texts)):
        texts = _without_common(texts, fits)
    short = [cut(text, fits) for text in texts]
    taken = {text for text in short if short.count(text) == 1}
    for i, text in enumerate(texts):
        number = 1
        while short[i] not in taken:
            numbered = cut(text, fits, f" ({number})")
            if numbered not in taken:
                short[i] = numbered
                taken.add(numbered)
            number += 1
    found = dict(zip(whole, short, strict=True))
    return [found[name] for name in names]


def brief(names: Sequence[str]) -> dict[str, str]:
    """What each of `names` is called in a title or a note that has to stay short."""
    return dict(zip(names, shortened(names, lambda text: len(text) <= BRIEF), strict=True))


def listed(parts: Sequence[str]) -> str:
    """`parts` within a sentence: the first of them, and how many more there are."""
    first = ", ".join(parts[:MOST])
    return first if len(parts) <= MOST else f"{first} and {len(parts) - MOST} more"


def _without_common(texts: Sequence[str], fits: Callable[[str], bool]) -> list[str]:
    """`texts` without the words that those of as many words have in common: the last first, until they fit.

    If that is not enough, the words that differ lose what they begin and end with in common, the longest first.
    """
    found = list(texts)
    groups = defaultdict(list)
    for i, text in enumerate(texts):
        groups[text.count(" ")].append(i)
    for places in groups.values():
        columns = [list(column) for column in zip(*(texts[i].split(" ") for i in places), strict=True)]
        same = [column for column in columns if len(set(column)) == 1]
        others = [column for column in columns if len(set(column)) > 1]
        longest = sorted(others, key=lambda words: -max(map(len, words)))
        for column, kept in (*((each, 0) for each in reversed(same)), *product(longest, KEPT)):
            rows = [_joined(row) for row in zip(*columns, strict=True)]
            if not others or all(map(fits, rows)):
                break
            column[:] = _inner(column, kept)
        for i, row in zip(places, zip(*columns, strict=True), strict=True):
            found[i] = _joined(row)
    return found


def _joined(words: Sequence[str]) -> str:
    """`words` with a space between, and one sign for all that is left out between two of them."""
    return _LEFT_OUT.sub("…", " ".join(words))


def _inner(words: Sequence[str], kept: int) -> list[str]:
    """`words` with `kept` letters of what all of them begin and end with; numbers stay whole."""
    if len(set(words)) == 1:
        return ["…"] * len(words)
    head = len(_beginning(words).rstrip(_NUMBER))
    tail = len(_beginning([word[head:][::-1] for word in words]).rstrip(_NUMBER))
    found = []
    for word in words:
        begin, own, end = word[:head], word[head : len(word) - tail], word[len(word) - tail :]
        begin = begin if head <= kept + 1 else begin[:kept] + "…"
        end = end if tail <= kept + 1 else "…" + end[tail - kept :]
        found.append(begin + own + end)
    return found


def _beginning(words: Sequence[str]) -> str:
    """What all of `words` begin with."""
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*words, strict=False))
    return "".join(letters[0] for letters in same)


def cut(text: str, fits: Callable[[str], bool], end: str = "") -> str:
    """As much of the beginning and the end of `text`, with `…` between, as fits together with `end`."""
    if fits(text + end):
        return text + end
    low, high = LEAST, max(LEAST, len(text) - 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(_around(text, middle) + end) else (low, middle - 1)
    return _around(text, low) + end


def _around(text: str, length: int) -> str:
    """`text` without its middle, at most `length` characters long."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return _LEFT_OUT.sub("…", f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}")
