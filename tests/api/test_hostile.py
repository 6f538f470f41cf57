"""Whatever comes in, the answer is a 2xx or a problem document; and nothing of the inside is in it."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import SMALL, submit

INSIDE = re.compile(
    r"Traceback|File \"|/site-packages/|\.py\b|SELECT |INSERT |sqlite3|psycopg|sqlalchemy|api_keys", re.I
)


def is_clean(answer: httpx.Response) -> None:
    """A 2xx, or a problem document of a client's fault, with nothing of the inside in it."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 300:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        assert not INSIDE.search(answer.text), answer.text


BODIES = {
    "empty": b"",
    "not json": b"variants: [original]",
    "half": b'{"variants": ["original"',
    "two": b"{} {}",
    "array": b"[1]",
    "string": b'"notebook"',
    "null": b"null",
    "invalid utf-8": b'{"name": "\xff\xfe", "variants": ["original"]}',
    "utf-16": '{"variants": ["original"]}'.encode("utf-16"),
    "utf-8 with a mark": b'\xef\xbb\xbf{"variants": ["original"]}',
    "lone surrogate": b'{"name": "\\ud800", "variants": ["original"]}',
    "nul": b'{"name": "a\\u0000b", "variants": ["original"]}',
    "deep arrays": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "deep metadata": b'{"variants": ["original"], "metadata": ' + b'{"a":' * 40 + b"1" + b"}" * 41,
    "nan": b'{"variants": ["original"], "training": {"optimizer": {"learning_rate": NaN}}}',
    "infinity": b'{"variants": ["original"], "metadata": {"a": -Infinity}}',
    "a number that overflows": b'{"variants": ["original"], "metadata": {"a": 1e999}}',
    "a huge integer": b'{"variants": ["original"], "training": {"epochs": ' + b"9" * 4000 + b"}}",
    "a huger integer": b'{"variants": ["original"], "seeds": [' + b"9" * 100_000 + b"]}",
    "an integer that overflows": b'{"variants": ["original"], "metadata": {"a": -' + b"9" * 401 + b"}}",
    "doubled key": b'{"variants": ["original"], "seeds": [0], "seeds": [1]}',
    "doubled key inside": b'{"variants": ["original"], "metadata": {"a": 1, "a": 2}}',
    "a megabyte's name": json.dumps({**SMALL, "name": "x" * 990_000}).encode(),
    "a megabyte more": json.dumps({**SMALL, "name": "x" * 1_000_000}).encode(),
    "many faults": json.dumps(
        {"variants": [{"name": ",", "layers": [{"type": "?"}]}] * 500, "seeds": [-1] * 100}
    ).encode(),
    "markup": json.dumps({**SMALL, "name": "<script>alert(1)</script>", "colour": "<b>"}).encode(),
    "sql": json.dumps({**SMALL, "name": "'; DROP TABLE jobs; --"}).encode(),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies(http: httpx.Client, name: str) -> None:
    body = BODIES[name]
    answer = http.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    is_clean(answer)
    assert "digits" not in answer.text
    assert answer.status_code == 202 if name in ("sql", "utf-8 with a mark") else answer.status_code in (400, 413, 422)
    if answer.status_code == 422:
        assert answer.json()["errors"]
    is_clean(http.post("/v1/webhooks", content=body))
    is_clean(http.get("/v1/jobs"))


IDS = (
    "x", "..", "../jobs", "%2e%2e%2f", "job_", "job_" + "0" * 32, "job_" + "0" * 1000, "job_%00", "%00", "%ff", "'",
    "*", "job_0' OR '1'='1", "\N{FULLWIDTH LATIN SMALL LETTER J}ob", "\N{SNOWMAN}",
    "run_" + "0" * 32, " ", "%0d%0aX: y",
)  # fmt: skip


@pytest.mark.parametrize("bad", IDS)
def test_ids(http: httpx.Client, bad: str) -> None:
    submit(http)
    for url in (
        f"/v1/jobs/{bad}", f"/v1/jobs/{bad}/events", f"/v1/jobs/{bad}/history", f"/v1/jobs/{bad}/analysis",
        f"/v1/jobs/{bad}/plots/loss.png", f"/v1/runs/{bad}", f"/v1/runs/{bad}/model.keras", f"/v1/webhooks/{bad}",
        f"/v1/plots/{bad}.png?job=x", f"/v1/history?job={bad}&run={bad}", f"/v1/jobs?after={bad}",
        f"/v1/jobs?name={bad}", f"/v1/jobs?status={bad}", f"/v1/plots/loss.{bad}?job=x",
        f"/static/{bad}", f"/jobs/{bad}",
    ):  # fmt: skip
        answer = http.get(url)
        assert answer.status_code in (200, 404, 422), (url, answer.status_code)
        assert not INSIDE.search(answer.text) or answer.status_code == 200


@pytest.mark.parametrize(
    "metric", ["../loss", "loss%00", "loss.png.svg", "__class__", "seconds", "%2Fetc%2Fpasswd", "λ"]
)
def test_metrics_of_plots(http: httpx.Client, metric: str) -> None:
    job = submit(http)
    answer = http.get(f"/v1/jobs/{job['id']}/plots/{metric}.png")
    assert answer.status_code == 404
    is_clean(answer)


HEADERS: tuple[dict[str, str | bytes], ...] = (
    {"If-None-Match": "W/"}, {"If-None-Match": '","' * 1000}, {"If-None-Match": b"\xff"},
    {"Range": "bytes=" + "9" * 1000},
    {"Last-Event-ID": "-1", "Accept": "text/event-stream"}, {"Prefer": "wait=99999999999999999999"},
    {"Prefer": "wait=-1"}, {"Prefer": b"wait=\xb2"}, {"Accept": "text/csv;q=x, */*;q=" + "9" * 500},
    {"Accept": b"\xff/\xfe"},
    {"Idempotency-Key": "x" * 256}, {"Idempotency-Key": b"\xe9"}, {"Authorization": "Bearer"},
    {"Authorization": b"\xff"},
    {"X-Request-ID": "<script>"}, {"X-Forwarded-For": "1.1.1.1", "X-Forwarded-Host": "evil"},
    {"Content-Encoding": "gzip"},
    {"Transfer-Encoding": "chunked"}, {"Accept-Encoding": "gzip;q=0, *"}, {"X-HTTP-Method-Override": "DELETE"},
)  # fmt: skip


@pytest.mark.parametrize("headers", HEADERS, ids=str)
def test_headers(http: httpx.Client, headers: dict[str, str | bytes]) -> None:
    job = submit(http)
    http.post(f"/v1/jobs/{job['id']}/cancel")  # nothing waits for a finished job
    url = f"/v1/jobs/{job['id']}"
    for path in (url, f"{url}/history", f"{url}/events", f"{url}/plots/loss.svg", "/v1/jobs"):
        answer = http.get(path, headers=headers)  # type: ignore[arg-type]
        if answer.status_code != 304:
            is_clean(answer)
        assert "<script>" not in str(answer.headers)
    if "Transfer-Encoding" not in headers:
        is_clean(http.post("/v1/jobs", json=SMALL, headers=headers))  # type: ignore[arg-type]


def test_a_transfer_coding_that_is_not_known(http: httpx.Client) -> None:
    with socket.create_connection((http.base_url.host, http.base_url.port or 80), timeout=30) as connection:
        connection.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"malformed"' in answer


def test_a_header_without_an_end(http: httpx.Client) -> None:
    with socket.create_connection((http.base_url.host, http.base_url.port or 80), timeout=30) as connection:
        connection.sendall(b"GET /v1/jobs HTTP/1.1\r\nX: " + b"a" * 1_000_000)
        answer = connection.recv(1000)
    assert answer.startswith(b"HTTP/1.1 4") or answer == b""
    assert http.get("/healthz").status_code == 200


WORDS = st.sampled_from(
    [
        "original",
        "l2",
        "variants",
        "name",
        "layers",
        "dense",
        "type",
        "units",
        "imdb",
        "synthetic",
        "holdout",
        "test",
        "",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS | st.text(max_size=20)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
LAYER = st.fixed_dictionaries(
    {"type": st.sampled_from(["dense", "dropout", "gaussian_noise", "batch_normalization", "conv"])},
    optional={"units": JSON | st.integers(0, 20), "rate": JSON | st.floats(0, 1), "activation": JSON},
)
VARIANT = WORDS | st.fixed_dictionaries(
    {}, optional={"name": WORDS | JSON, "layers": st.lists(LAYER, max_size=3) | JSON, "training": JSON}
)
SPECIFICATION = st.fixed_dictionaries(
    {},
    optional={
        "name": JSON,
        "preset": JSON | st.just("notebook"),
        "dataset": JSON | st.fixed_dictionaries({}, optional={"name": WORDS, "num_words": JSON, "validation": JSON}),
        "training": JSON | st.fixed_dictionaries({}, optional={"epochs": JSON, "batch_size": JSON, "optimizer": JSON}),
        "variants": st.lists(VARIANT, max_size=4) | JSON,
        "sweep": JSON | st.fixed_dictionaries({"grid": JSON}),
        "baseline": JSON | WORDS,
        "seeds": JSON | st.lists(st.integers(-1, 5), max_size=4),
        "reuse": JSON,
        "metadata": JSON,
    },
)


@given(body=SPECIFICATION | JSON)
@settings(max_examples=60, suppress_health_check=list(HealthCheck), database=None)
def test_any_specification(http: httpx.Client, body: Any) -> None:
    answer = http.post("/v1/jobs", content=json.dumps(body))  # httpx itself would refuse NaN; a hostile client does not
    is_clean(answer)
    assert answer.status_code in (202, 400, 422)
    if answer.status_code == 422:
        for error in answer.json()["errors"]:
            assert {"pointer", "code", "detail"} <= error.keys()
    elif answer.status_code == 202:
        again = http.post("/v1/jobs", json=answer.json()["spec"], params={"validate_only": "true"})
        assert again.json()["spec"] == answer.json()["spec"]
        assert http.get(answer.headers["Location"]).json()["spec"] == answer.json()["spec"]
