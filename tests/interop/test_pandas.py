"""pandas reads tables straight from their addresses, by the lines that the pages give, whatever a variant's name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib
import pandas
import pytest

from ockham_client import Client, Job

DOCS = Path(__file__).parents[2] / "docs"

LINES = [
    (page.name, line)
    for page in (DOCS / "interoperability.md", DOCS / "api" / "results.md")
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    if "import pandas" in block
    for line in re.findall(r"^frame = .*$", block, flags=re.MULTILINE)
]
"""Each line that reads a frame, by its page."""

NAMES = ["None", "NA", "nan", "016", "16", "1e3", "true", "2026-01-01"]
"""Names that a reader might take for something else."""

History = dict[tuple[str, int], dict[str, Any]]


@pytest.fixture(scope="session")
def odd(live: str) -> Job:
    """A job whose variants have the names that a reader might take for something else."""
    layers = [{"type": "dense", "units": 2, "activation": "relu"}]
    with Client(live) as client:
        return client.wait(
            client.submit(
                {
                    "dataset": {"name": "synthetic", "num_words": 200, "reviews": 100},
                    "training": {"epochs": 2},
                    "variants": [{"name": name, "layers": layers} for name in NAMES],
                    "seeds": [0, 4294967295],
                }
            ),
            timeout=240,
        )


def read(live: str, line: str, job: Job) -> Any:
    """The frame that a page's line reads."""
    names: dict[str, Any] = {"pandas": pandas, "job": job.id, "base": f"{live}/v1/jobs/{job.id}/history"}
    exec(line.replace("http://127.0.0.1:8000", live), names)
    return names["frame"]


def test_the_pages_say_how_to_read_each_table() -> None:
    assert {line.partition("(")[0] for page, line in LINES if page == "interoperability.md"} == {
        "frame = pandas.read_parquet",
        "frame = pandas.read_json",
        "frame = pandas.read_csv",
    }
    assert "results.md" in {page for page, _ in LINES}


@pytest.mark.once
@pytest.mark.parametrize(("page", "line"), LINES)
def test_every_epoch_is_a_row(live: str, job: Job, history: History, page: str, line: str) -> None:
    frame = read(live, line, job)
    assert set(frame["job_id"]) == {job.id}
    assert len(frame) == sum(len(run["epochs"]) for run in history.values())
    for (variant, seed), run in history.items():
        rows = frame[(frame["variant"] == variant) & (frame["seed"] == seed)]
        assert list(rows["epoch"]) == run["epochs"]
        for metric, values in run["metrics"].items():
            told = pandas.Series(values, rows.index, dtype="float64", name=metric)
            if "ndjson" in line:  # null in JSON, whatever they were
                told = told.replace([float("inf"), float("-inf")], float("nan"))
            pandas.testing.assert_series_equal(rows[metric], told, check_exact=True)


@pytest.mark.once
@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_name_stays_as_it_is(live: str, odd: Job, page: str, line: str) -> None:
    frame = read(live, line, odd)
    if "read_csv" in line:  # NaN and this name are the same text, as the page says
        assert list(frame["variant"].isna()).count(True) == 4
        frame["variant"] = frame["variant"].fillna("nan")
    assert frame.groupby("variant").size().to_dict() == dict.fromkeys(NAMES, 4)
    assert set(frame["seed"]) == {0, 4294967295}
    assert {frame[column].dtype.kind for column in ("seed", "epoch")} <= {"i", "u"}
    assert {frame[column].dtype.kind for column in frame.columns[5:]} == {"f"}


def test_the_programs_of_the_page_on_results(live: str, job: Job) -> None:
    page = (DOCS / "api" / "results.md").read_text()
    programs = [b for b in re.findall(r"^```python\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL) if "pandas" in b]
    assert len(programs) == 2
    matplotlib.use("Agg")
    known: dict[str, Any] = {"job": job.id, "run": job.runs[0].id}
    for program in programs:
        exec(program.replace("http://127.0.0.1:8000", live), known)
    assert len(known["wrong"]) < len(known["rows"])
