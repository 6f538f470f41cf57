"""What people type is a name; what is refused is named with its place."""
# ruff: noqa: RUF001  (names in other scripts are what is tested)

from __future__ import annotations

from typing import Any

import pytest

from models.errors import SpecificationError
from models.names import folded
from models.resolution import resolve

TYPED = [
    "👩\u200d🔬 lab",  # zero width joiner
    "می\u200cخواهم",  # zero width non-joiner
    "l2\u00a00.01",  # no-break space
    "正則化\u3000L2",  # ideographic space
    "10\u202f000 avis",  # narrow no-break space
    "soft\u00adhyphen",
    "\u200fעברית",  # right-to-left mark
    "\U0001fae9",  # Unicode 16: newer than the tables of Python 3.11 to 3.13
    "\U000e0fff",  # not assigned at all
    "\ue000",  # private use
    "é",
    "e\u0301",
    "❤️",
]

SAME = [
    ("Übung ПРИВЕТ", "u\u0308BUNG привет"),
    ("Straße", "STRASSE"),
    ("ΟΔΟΣ", "οδος"),
    ("ＡＢＣ　１", "abc 1"),
    ("İstanbul", "i\u0307stanbul"),
    ("한국어", "\u1112\u1161\u11ab국어"),
    ("ﬁne", "FINE"),
]

REFUSED = [
    ("a\tb", "U+0009 (control character) at character 2 cannot be part of a name"),
    ("a\nb", "U+000A (control character) at character 2 cannot be part of a name"),
    ("\x1b[31mred", "U+001B (control character) at character 1 cannot be part of a name"),
    ("ab\u2028", "U+2028 (line separator) at character 3 cannot be part of a name"),
    ("a\u202eb", "U+202E (right-to-left override) at character 2 cannot be part of a name"),
    ("\ufeffa", "U+FEFF (zero width no-break space) at character 1 cannot be part of a name"),
    ("a\uffff", "U+FFFF at character 2 cannot be part of a name"),
    (" a", "A name cannot begin with a space: U+0020 (space) at character 1"),
    ("abc\u3000", "A name cannot end with a space: U+3000 (ideographic space) at character 4"),
]


def body(place: str, name: str) -> dict[str, Any]:
    if place == "/name":
        return {"name": name, "variants": ["original"]}
    return {"variants": [{"name": name, "layers": [{"type": "dense", "units": 2}]}]}


@pytest.mark.parametrize("place", ["/name", "/variants/0/name"])
@pytest.mark.parametrize("name", TYPED, ids=ascii)
def test_what_people_type_is_taken(place: str, name: str) -> None:
    found = resolve(body(place, name))
    assert name == (found.name if place == "/name" else found.variants[0].name)


@pytest.mark.parametrize("place", ["/name", "/variants/0/name"])
@pytest.mark.parametrize(("name", "detail"), REFUSED, ids=lambda text: ascii(text))
def test_what_is_refused_is_named_with_its_place(place: str, name: str, detail: str) -> None:
    with pytest.raises(SpecificationError) as refused:
        resolve(body(place, name))
    assert {"pointer": place, "code": "value_error", "detail": detail} in refused.value.errors


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_differs_in_case_width_or_composition_is_the_same_to_a_search(one: str, other: str) -> None:
    assert folded(one) == folded(other) == folded(folded(one))


def test_other_letters_are_others_to_a_search() -> None:
    assert len({folded(name) for name in ("Übung", "Ubung", "Uebung")}) == 3
