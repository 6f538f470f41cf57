"""A client that openapi-python-client makes from our OpenAPI document, and that runs a job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ockham_client import Client
from tests.ockham.serving import environment

TOOLS = Path(sys.prefix) / "tools" / "bin"

CONFIGURATION = """
content_type_overrides:
  application/zip: application/octet-stream
  application/pdf: application/octet-stream
  image/png: application/octet-stream
  image/svg+xml: application/octet-stream
"""
"""What docs/interoperability.md recommends; a test holds it to that."""

USE = """
import json, sys, time
from generated import Client
from generated.api.jobs import create_job, get_job
from generated.api.plots import get_plot
from generated.api.results import get_history, get_metrics
from generated.models import (
    Dense, GetPlotFormat, GetPlotMetricType0, History, JobObject, JobRequest, Problem, Synthetic, Training,
    VariantRequest, VariantRequestPresetType0,
)

client = Client(sys.argv[1], raise_on_unexpected_status=True)
refused = create_job.sync(client=client, body=JobRequest(variants=[VariantRequest("empty")], seeds=[]))
assert isinstance(refused, Problem) and refused.status == 422, refused
body = JobRequest(
    name="generated",
    dataset=Synthetic("synthetic", num_words=200, reviews=200),
    training=Training(epochs=3, batch_size=64),
    variants=[
        VariantRequest("one", preset=VariantRequestPresetType0.ORIGINAL),
        VariantRequest("two", layers=[Dense("dense", units=2)]),
    ],
)
job = create_job.sync(client=client, body=body)
assert isinstance(job, JobObject), job
until = time.monotonic() + 200
while job.status not in ("succeeded", "failed", "cancelled") and time.monotonic() < until:
    time.sleep(0.2)
    job = get_job.sync(job.id, client=client)
history = get_history.sync(job.id, client=client)
assert isinstance(history, History), history
assert get_metrics.sync(job.id, client=client).variants[1].n == 1
plot = get_plot.sync(job.id, GetPlotMetricType0.VAL_LOSS, GetPlotFormat.PNG, client=client)
assert plot.payload.read().startswith(b"\\x89PNG")
print(json.dumps({"id": job.id, "status": job.status, "runs": [run.to_dict() for run in history.runs]}))
"""


def test_the_page_recommends_what_is_tested() -> None:
    page = (Path(__file__).parents[2] / "docs" / "interoperability.md").read_text()
    assert CONFIGURATION in page


@pytest.mark.slow
def test_it_is_made_without_a_warning_and_runs_a_job(live: str, tmp_path: Path) -> None:
    assert TOOLS.is_dir(), "`make test-all` installs requirements/tools.lock"
    (tmp_path / "generator.yml").write_text(CONFIGURATION)
    # The generator formats what it made with the ruff beside it.
    env = environment(PATH=f"{TOOLS}{os.pathsep}{os.environ['PATH']}", NO_PROXY="127.0.0.1")
    words = ["--url", f"{live}/openapi.json", "--config", "generator.yml", "--fail-on-warning"]
    made = subprocess.run(
        [TOOLS / "openapi-python-client", "generate", *words, "--meta", "none", "--output-path", "generated"],
        capture_output=True, text=True, cwd=tmp_path, env=env, timeout=240,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    assert "WARNING" not in made.stdout + made.stderr
    used = subprocess.run(
        [TOOLS / "python", "-W", "error", "-c", USE, live],
        capture_output=True, text=True, cwd=tmp_path, env=env, timeout=240,
    )  # fmt: skip
    assert used.returncode == 0, used.stderr
    job = json.loads(used.stdout)
    assert job["status"] == "succeeded"
    assert [(run["variant"], run["epochs"]) for run in job["runs"]] == [("one", [1, 2, 3]), ("two", [1, 2, 3])]
    with Client(live) as client:
        assert job["runs"] == client.history(job["id"], "json")["runs"]
