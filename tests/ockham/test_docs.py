"""What the pages on the command line and the client say is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import typer.main

from api.schemas import JobError
from models.errors import RunError
from ockham import verbs
from ockham.cli import app
from tests.ockham.serving import environment

DOCS = Path(__file__).parents[2] / "docs"

ALLOWED = ["-W", "ignore:The ``noload`` loader:DeprecationWarning"]
"""MLflow 3.17's SQL store uses what SQLAlchemy 2.1 calls deprecated."""


def test_every_command_is_on_the_page_and_every_command_on_the_page_is_there() -> None:
    page = (DOCS / "cli.md").read_text()
    root = typer.main.get_command(app)
    commands = set(root.list_commands(root.make_context("ockham", ["--help"], resilient_parsing=True)))  # type: ignore[attr-defined]
    assert set(re.findall(r"^\| `ockham ([a-z]+)", page, flags=re.MULTILINE)) == commands


def test_every_exit_code_is_on_the_page() -> None:
    page = (DOCS / "cli.md").read_text()
    codes = {verbs.FAILED, verbs.USAGE, verbs.UNREACHABLE, verbs.CANCELLED, verbs.REFUSED, verbs.TIMEOUT}
    codes |= {verbs.INTERRUPTED, verbs.UNREAD}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", page, flags=re.MULTILINE)} == {0} | codes


def test_every_code_of_a_failed_run_is_on_the_page() -> None:
    page = (DOCS / "api" / "errors.md").read_text()
    table = page.partition("| code of a run |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([a-z_]+)` \| (yes|no) \|", table, flags=re.MULTILINE)
    kinds: list[type[RunError]] = [RunError, *RunError.__subclasses__()]
    ours = {(kind.code, "yes" if kind.retryable else "no") for kind in kinds}
    assert set(rows) == ours | {("worker_lost", "yes"), ("no_progress", "yes")}


def test_every_code_of_a_failed_job_is_on_the_page() -> None:
    page = (DOCS / "api" / "errors.md").read_text()
    table = page.partition("| code of a job |")[2].partition("\n\n")[0]
    codes = get_args(JobError.model_fields["code"].annotation)
    assert set(re.findall(r"^\| `([a-z_]+)` \|", table, flags=re.MULTILINE)) == set(codes)


@pytest.mark.slow
def test_options_on_the_page_are_there() -> None:
    for section in re.findall(r"^\| `ockham ([a-z]+).*", (DOCS / "cli.md").read_text(), flags=re.MULTILINE):
        row = re.search(rf"^\| `ockham {section}.*$", (DOCS / "cli.md").read_text(), flags=re.MULTILINE)
        assert row
        said = subprocess.run(
            [sys.executable, "-P", "-m", "ockham", section, "--help"], capture_output=True, text=True, check=True,
            env=environment(COLUMNS="200", NO_COLOR="1"),
        ).stdout  # fmt: skip
        for option in re.findall(r"--[a-z-]+", row[0]):
            assert option in said, (section, option)


@pytest.mark.slow
def test_the_client_page_runs_top_to_bottom(live: str, tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / "client.md").read_text(), flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", *ALLOWED, "-c", "\n".join(blocks)], capture_output=True, text=True,
        cwd=tmp_path, env=environment(OCKHAM_URL=live, MLFLOW_DISABLE_TELEMETRY="true"), timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "val_data_loss.png").read_bytes().startswith(b"\x89PNG")
    assert "422 invalid_specification" in done.stdout


@pytest.mark.slow
def test_the_sweep_of_the_guide_runs(live: str, tmp_path: Path) -> None:
    section = (DOCS / "api" / "submitting.md").read_text().partition("**A sweep**")[2].partition("**Check first.**")[0]
    specification, script = re.findall(r"^```(?:json|sh)\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "sweep.json").write_text(specification)
    env = environment(OCKHAM_URL=live)
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("http://127.0.0.1:8000", live)],
        capture_output=True, text=True, cwd=tmp_path, env=env, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"runs":18' in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "differences.png",
        "sweep.json",
        "sweep.png",
        "units.svg",
    ]
