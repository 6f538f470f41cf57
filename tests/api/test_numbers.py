"""JSON has one kind of number: 20.0 is the integer 20 in every body, and 20.5 is none."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from api.body import parse_json
from tests.api.conftest import Trainer


def floats(value: Any) -> Any:
    """The same JSON value with each integer written as a float."""
    if isinstance(value, dict):
        return {key: floats(each) for key, each in value.items()}
    if isinstance(value, list):
        return [floats(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize(
    ("text", "value"),
    [("20.0", 20), ("2e1", 20), ("-3.0", -3), ("20.5", 20.5), ("1e-3", 0.001), ("9007199254740991.0", 2**53 - 1),
     ("1e16", 1e16), ("1e300", 1e300)],
)  # fmt: skip
def test_a_number_without_a_fraction_is_an_integer(text: str, value: float) -> None:
    found = parse_json(text.encode())
    assert (found, type(found)) == (value, type(value))


def test_a_body_may_write_its_integers_as_floats(http: httpx.Client, trainer: Trainer) -> None:
    body = {
        "dataset": {"name": "synthetic", "reviews": 400, "num_words": 100, "validation": {"holdout": 50}},
        "variants": ["original", {"name": "few", "preset": "l2", "dataset": {"train_samples": 9}}],
        "sweep": {"grid": {"units": [4, 8], "depth": [1]}},
        "training": {"epochs": 2, "batch_size": 64, "early_stopping": {"patience": 1}},
        "seeds": [0, 1],
    }
    job = http.post("/v1/jobs", json=floats(body))
    assert job.status_code == 202, job.text
    spec = job.json()["spec"]
    assert json.dumps(spec) == json.dumps(http.post("/v1/jobs?validate_only=true", json=body).json()["spec"])
    assert http.post("/v1/jobs", json=floats(spec)).json()["spec"] == spec
    trainer.train(2 * len(job.json()["runs"]))
    more = http.post(f"/v1/jobs/{job.json()['id']}/seeds", json={"seeds": [2.0]})
    assert (more.status_code, more.json()["spec"]["seeds"]) == (202, [0, 1, 2])


@pytest.mark.parametrize("changes", [{"training": {"epochs": 20.5}}, {"seeds": [0.5]}, {"seeds": [1e300]}])
def test_a_fraction_is_no_integer(http: httpx.Client, changes: dict[str, Any]) -> None:
    answer = http.post("/v1/jobs", json={"variants": ["original"], **changes})
    assert answer.status_code == 422
    assert [error["code"] for error in answer.json()["errors"]] == ["int_type"]


def test_two_spellings_of_a_number_are_one_body(http: httpx.Client) -> None:
    def submit(epochs: float, seed: float) -> httpx.Response:
        body = {
            "variants": ["original"],
            "training": {"epochs": epochs},
            "seeds": [seed],
            "dataset": {"name": "synthetic"},
        }
        return http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "two spellings"})

    first, again = submit(2, 1), submit(2.0, 1.0)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert submit(3.0, 1).json()["code"] == "idempotency_key_reused"
