"""Objects as a notebook shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape


def table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in HTML; whatever is in it is shown as text."""
    head = "".join(f"<th>{escape(each)}</th>" for each in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(each))}</td>" for each in row) + "</tr>" for row in rows)
    return f"<p><b>{escape(title)}</b></p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def pairs(title: str, values: Mapping[str, object]) -> str:
    """A table in HTML with a name and a value per row."""
    return table(title, ("", ""), values.items())
