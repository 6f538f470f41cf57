"""What a shell completes, by a service that answers, and by none."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from models.tables import Status
from ockham import completion
from ockham.cli import app
from reporting.plots import JOB_PLOTS
from tests.ockham.serving import environment

NOWHERE = "http://127.0.0.1:9"
VARIANTS = ["original", {"name": "wide one", "preset": "bigger"}]


@pytest.fixture(scope="module")
def job(live: str) -> str:
    """The id of a job; it need not train."""
    data = {"name": "synthetic", "num_words": 100, "reviews": 60}
    body = {"name": "complete me", "dataset": data, "training": {"epochs": 1}, "variants": VARIANTS, "seeds": [3]}
    return str(httpx.post(f"{live}/v1/jobs", json=body).json()["id"])


def context(url: str, **params: Any) -> typer.Context:
    made = typer.Context(typer.main.get_command(app))
    made.params = {"url": url, **params}
    return made


def words(found: list[tuple[str, str]]) -> list[str]:
    return [word for word, _ in found]


@pytest.mark.slow
def test_jobs_runs_and_variants_of_the_service(live: str, job: str) -> None:
    there = context(live)
    assert words(completion.jobs(there, "la")) == ["latest"]
    (found,) = completion.jobs(there, job)
    assert found[1].startswith("complete me, ")
    assert f"{job}/" in words(completion.runs(there, "job_"))
    assert words(completion.runs(there, f"{job}/")) == [f"{job}/original/3", f"{job}/wide one/3"]
    assert words(completion.runs(there, f"{job}/w")) == [f"{job}/wide one/3"]
    assert words(completion.jobs_and_runs(there, job)) == [job]
    assert words(completion.variants(context(live, job=job), "wi")) == ["wide one"]
    assert words(completion.variants(context(live, job=job), "original,w")) == ["original,wide one"]
    assert completion.variants(there, "") == []
    assert completion.variants(context(live, job="no such job"), "") == []
    assert "latest" in words(completion.comparisons(there, ""))
    assert {"imdb", "synthetic"} <= set(words(completion.datasets(there, "")))


def test_fields_of_until_one_after_the_other() -> None:
    assert completion.until("m") == ["metric=", "min_seeds=", "max_seeds="]
    assert completion.until("metric=val_d") == ["metric=val_data_loss"]
    assert completion.until("smallest=0.01,max_seeds=30,m") == [
        "smallest=0.01,max_seeds=30,metric=", "smallest=0.01,max_seeds=30,min_seeds=",
    ]  # fmt: skip
    assert completion.until("smallest=0.01,metric=val_l") == ["smallest=0.01,metric=val_loss"]
    assert completion.until("smallest=0") == []


def test_a_service_that_does_not_answer_completes_nothing_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    for find in (completion.jobs, completion.runs, completion.comparisons, completion.datasets):
        assert find(context(NOWHERE), "") == []
    assert completion.jobs(context("no address"), "") == []
    assert time.monotonic() - began < 5 * completion.PATIENCE
    assert capfd.readouterr() == ("", "")


def test_presets_and_files_of_specifications(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "notebook-small.yaml").touch()
    (tmp_path / "nested").mkdir()
    (tmp_path / "nested" / "one.json").touch()
    assert words(completion.specifications("no")) == ["notebook", "notebook-small.yaml"]
    assert words(completion.specifications("ne")) == ["nested/"]
    assert words(completion.specifications("./nested/")) == ["./nested/one.json"]
    assert completion.specifications("nowhere/") == []


def test_fixed_words_are_those_of_the_service() -> None:
    assert set(completion.statuses("")) == set(Status)
    assert set(completion.FIGURES) == set(JOB_PLOTS)
    assert completion.figures("val_data") == ["val_data_loss"]


@pytest.mark.slow
def test_a_shell_is_answered(live: str, job: str) -> None:
    asked = {"_OCKHAM_COMPLETE": "complete_bash", "COMP_WORDS": f"ockham cancel {job[:20]}", "COMP_CWORD": "2"}
    # As the installed command: `python -m ockham` has another name.
    run = [sys.executable, "-c", "from ockham.cli import app; app(prog_name='ockham')"]
    done = subprocess.run(
        run, capture_output=True, text=True, timeout=60, env={**environment(OCKHAM_URL=live), **asked}, check=False
    )
    assert job in done.stdout.split()
    assert done.stderr == ""
