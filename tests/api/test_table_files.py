"""Files as people have them, over HTTP on both databases: each a data set or told what is wrong, and never a 5xx."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.test_hostile import is_clean
from tests.tables import FILES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def send(http: httpx.Client, data: bytes, test: bytes | None = None, **options: Any) -> httpx.Response:
    files = {"train": ("table", data, "application/octet-stream")}
    if test is not None:
        files["test"] = ("test", test, "application/octet-stream")
    return http.post("/v1/datasets", files=files, data={"options": json.dumps({"label": "y", **options})}, timeout=120)


def test_what_people_have_is_stored_or_refused(http: httpx.Client) -> None:
    wrong: dict[str, Any] = {}
    for name, sent in FILES.items():
        answer = send(http, sent.data, sent.test, name="people", **sent.options)
        is_clean(answer)
        found = answer.json()
        if answer.status_code != (422 if sent.errors else 201):
            wrong[name] = found
        elif answer.status_code == 201:
            page = http.get(found["links"]["rows"], params={"limit": 1000})
            assert len(page.json()["data"]) == found["rows"]["train"], name
            assert http.delete(found["links"]["self"]).status_code == 204
    assert wrong == {}


CELLS = st.one_of(
    st.text(max_size=6), st.integers(-(10**20), 10**20).map(str), st.floats().map(str),
    st.sampled_from(["", "NA", "true", "2024-01-01", "1.234,5", '"', '"x,y"', "\ufeff", "=1+1", "007", "1e999", "\0"]),
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Tables that are nearly right, in some encoding, and bytes that are no tables."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.binary(max_size=200))
    mark, end = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    width = draw(st.integers(1, 3))
    rows = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width + 1), min_size=1, max_size=8))
    header = mark.join(["y", "a", "b", "c"][:width])
    text = end.join([header, *(mark.join(["uv"[i % 2], *row][: len(row)]) for i, row in enumerate(rows))])
    data = text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])), "replace")
    return gzip.compress(data) if draw(st.booleans()) else data


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(data=files(), test=st.none() | files(), told=st.sampled_from([{}, {"inputs": {"a": "number"}}, {"group": "a"}]))
def test_any_file_is_a_data_set_or_told_what_is_wrong(
    http: httpx.Client, data: bytes, test: bytes | None, told: dict[str, Any]
) -> None:
    answer = send(http, data, test, **told)
    is_clean(answer)
    assert answer.status_code in (200, 201, 422), answer.text
    if answer.status_code != 422:
        is_clean(http.get(answer.json()["links"]["rows"]))
        is_clean(http.get(answer.json()["links"]["self"]))
