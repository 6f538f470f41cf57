"""Schemathesis against the API on each kind of database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import Service

HERE = Path(__file__).parent
SEED, EXAMPLES = os.environ.get("OCKHAM_TEST_SEED", "1"), os.environ.get("OCKHAM_TEST_EXAMPLES", "20")
"""The same requests each time, so that a failure can be looked into; other seeds and more examples by hand."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_schemathesis(make_service: Callable[..., Service]) -> None:
    """Every check, every phase: examples, the edges of every schema, fuzzing, and walks along the links."""
    service = make_service()
    service.migrate()
    made = service.command("keys", "create", "schemathesis", "--scope", "admin")
    assert made.wait() == 0
    key = made.log.read_text().split()[-1]
    api = service.api()
    words = [
        "--checks", "all", "--seed", SEED, "--max-examples", EXAMPLES, "--max-response-time", "120",
        "--continue-on-failure", "--no-color", "--request-timeout", "120",
        "--suppress-health-check", "all", "--generation-database", "none", "--header", f"Authorization: Bearer {key}",
    ]  # fmt: skip
    program: list[str | Path] = [
        Path(sys.executable).with_name("schemathesis"),
        "--config-file",
        HERE / "schemathesis.toml",
    ]
    run = subprocess.run(
        [*program, "run", f"{service.http.base_url}/openapi.json", *words],
        cwd=service.directory,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    failures = run.stdout.partition("= FAILURES =")[2].partition("= WARNINGS =")[0]
    if run.returncode or "FAILED" in run.stdout:
        errors = [line for line in api.log.read_text().splitlines() if "[error" in line or "status=5" in line]
        pytest.fail(f"{failures[:6_000] or run.stdout[-6_000:]}\n{run.stdout[-400:]}\n{errors[-20:]}", pytrace=False)
