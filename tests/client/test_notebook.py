"""What a notebook shows of the client's objects."""

from __future__ import annotations

import io
from typing import Any

import pytest

from ockham_client import Job, OckhamAPIError
from ockham_client.frames import frame_of_analysis, frame_of_metrics
from ockham_client.notebook import Figure, ProgressLine
from ockham_client.objects import Comparison, Event

HOSTILE = "<script>alert(1)</script>"


def job(runs: int = 2, **changes: Any) -> Job:
    each = {"status": "queued", "epoch": 0, "epochs": 4, "parameters": 1234, "error": None, "seed": 0}
    made = [{**each, "id": f"run_{i}", "variant": HOSTILE} for i in range(runs)]
    raw = {"id": "job_1", "name": HOSTILE, "status": "running", "progress": {"percent": 12.5}, "runs": made}
    return Job.of({**raw, **changes})


def test_objects_are_tables_in_which_names_are_text() -> None:
    for shown in (job(), job().runs[0], Comparison("cmp_1", HOSTILE, ("job_1",), (), HOSTILE, HOSTILE, ("job_2",), {})):
        page = shown._repr_html_()
        assert "<table>" in page
        assert "<script>" not in page
        assert "&lt;script&gt;" in page
    assert "5 more" in job(runs=25)._repr_html_()


def test_a_figure_is_its_bytes_and_a_picture() -> None:
    png, svg = Figure(b"\x89PNG", "png"), Figure("<svg>ä</svg>".encode(), "svg")
    assert (png, repr(png)) == (b"\x89PNG", "<png of 4 bytes>")
    assert png._repr_mimebundle_()["image/png"] == b"\x89PNG"
    assert svg._repr_mimebundle_()["image/svg+xml"] == "<svg>ä</svg>"


def test_a_job_that_no_client_read_says_so() -> None:
    with pytest.raises(ValueError, match="not read by a client"):
        job().plot()


def test_an_error_is_its_message_and_no_traceback() -> None:
    faults = [{"pointer": "/training/epochs", "code": "x", "detail": "too few"}]
    error = OckhamAPIError(422, {"title": "Not valid", "detail": "1 error", "errors": faults})
    assert error._render_traceback_() == ["OckhamAPIError: Not valid: 1 error\n  /training/epochs: too few"]


def test_progress_is_a_line_that_ends_with_the_job() -> None:
    to = io.StringIO()
    line = ProgressLine(job(), to)
    for number, (kind, run, data) in enumerate(
        [
            ("run.epoch", "run_0", {"epoch": 2}),
            ("run.restarted", "run_0", {}),
            ("run.epoch", "run_0", {"epoch": 4}),
            ("run.succeeded", "run_0", {}),
            ("run.cancelled", "run_1", {}),
            ("job.cancelled", None, {}),
        ]
    ):
        line.on_event(Event(number, kind, "", run, data))
    said = to.getvalue().split("\r")[1:]
    assert ["2 of 8" in said[0], "0 of 8" in said[1], "4 of 8 epochs, 0 of 2" in said[2]] == [True] * 3
    assert said[-1].rstrip(" ") == f"[{'#' * 30}] 100%  4 of 4 epochs, 2 of 2 runs\n"


def test_progress_counts_the_runs_that_a_search_adds() -> None:
    to = io.StringIO()
    search = {"trials": 0, "coming": 3, "finalists": []}
    spec = {"seeds": [1], "training": {"epochs": 4}}
    line = ProgressLine(job(runs=1, search=search, spec=spec), to)
    searched: dict[str, Any] = {"trials": 2, "ended": 2, "coming": 0, "finalists": ["a"]}
    told: list[tuple[str, str | None, dict[str, Any]]] = [
        ("run.epoch", "run_0", {"epoch": 4}),
        ("run.started", "run_1", {"variant": "a", "seed": 0, "epochs": 4}),
        ("run.epoch", "run_1", {"epoch": 2}),
        ("job.searched", None, searched),
        ("job.succeeded", None, {}),
    ]
    for number, (kind, run, data) in enumerate(told):
        line.on_event(Event(number, kind, "", run, data))
    said = to.getvalue().split("\r")[1:]
    assert "4 of 16 epochs, 0 of 4 runs" in said[0]
    assert "6 of 16 epochs, 0 of 4 runs" in said[1]
    assert "6 of 8 epochs, 0 of 2 runs" in said[-1]


def test_a_job_that_failed_says_why() -> None:
    failed = job(error={"code": "search_failed", "message": "All 2 trials diverged", "retryable": False})
    assert "All 2 trials diverged" in failed._repr_html_()


def test_frames() -> None:
    mean = {"mean": 0.5, "sd": 0.1, "ci95": [0.4, 0.6], "n": 3}
    frame = frame_of_metrics({"variants": [{"variant": "l2", "n": 3, "best_val_data_loss": mean, "test_loss": None}]})
    assert frame.iloc[0].to_dict() == {
        "variant": "l2", "n": 3, "best_val_data_loss": 0.5, "best_val_data_loss_sd": 0.1,
        "best_val_data_loss_low": 0.4, "best_val_data_loss_high": 0.6, "test_loss": None,
    }  # fmt: skip
    compared = {"variant": "l2", "difference": 0.1, "ci95": None, "intervals": {}}
    found = frame_of_analysis({"comparisons": [compared, {**compared, "ci95": [0.0, 0.2]}]})
    assert list(found.columns) == ["variant", "difference", "low", "high"]
    assert found["high"].tolist()[1] == 0.2
