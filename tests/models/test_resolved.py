"""Specifications resolve to what they always did, byte by byte: stored results are found again by it.

`resolved.json` was written by version 0.1: bodies, what each resolved to, and of each run its key, parameters,
memory and work.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from models.estimates import cost_of
from models.resolution import resolve
from models.reuse import key_of
from models.specification import stored

STORED: dict[str, Any] = json.loads((Path(__file__).parent / "resolved.json").read_text())


@pytest.mark.parametrize("name", STORED)
def test_a_body_resolves_to_the_same_bytes_and_keys(name: str) -> None:
    case = STORED[name]
    body = deepcopy(case["body"])
    specification = resolve(body)
    assert body == case["body"], "a client's document is read, and stays as it is"
    assert specification.model_dump_json() == case["resolved"]
    assert resolve(json.loads(case["resolved"])) == stored(json.loads(case["resolved"])) == specification
    for variant in specification.variants:
        for seed in specification.seeds:
            run = specification.run(variant.name, seed)
            cost = cost_of(run)
            told = {"parameters": cost.parameters, "memory": cost.memory, "work": cost.work}
            assert {"key": key_of(run), **told} == case["runs"][f"{variant.name} {seed}"]
