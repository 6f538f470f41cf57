"""The commands that use a service, as processes of their own against a whole one."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest

from tests.ockham.serving import environment
from tests.servers import wait_for

Run = Callable[..., subprocess.CompletedProcess[str]]

SPECIFICATION = """
name: from a file
dataset: {name: synthetic, num_words: 200, reviews: 200}
training: {epochs: 2, batch_size: 64}
variants:
  - original
  - {name: "two [units]", layers: [{type: dense, units: 2, activation: relu}]}
"""
NEVER_ENDS = {
    "dataset": {"name": "synthetic", "num_words": 200, "reviews": 200},
    "training": {"epochs": 1000, "batch_size": 1},
    "variants": ["original"],
}


def command(*words: str) -> list[str]:
    return [sys.executable, "-P", "-m", "ockham", *words]


@pytest.fixture
def ockham(live: str, tmp_path: Path) -> Run:
    """Runs `ockham WORDS` in an empty directory."""

    def run(*words: str, stdin: str = "", url: str = live) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*words), input=stdin, capture_output=True, text=True, cwd=tmp_path, timeout=240,
            env=environment(OCKHAM_URL=url, COLUMNS="200"),
        )  # fmt: skip

    return run


@pytest.fixture(scope="module")
def job(live: str) -> str:
    """The id of a job that has succeeded."""
    done = subprocess.run(
        command("submit", "-", "--wait", "--json", "--keep", "1"), input=SPECIFICATION, capture_output=True, text=True,
        timeout=240, env=environment(OCKHAM_URL=live),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["id"])


def test_submit_prints_the_id_alone(ockham: Run, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPECIFICATION)
    done = ockham("submit", "spec.yaml", "--name", "for scripts")
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(ockham("show", done.stdout.strip(), "--json").stdout)
    assert shown["name"] == "for scripts"


def test_submit_and_wait_shows_progress_and_ends_with_a_table(ockham: Run, tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text(json.dumps({**NEVER_ENDS, "training": {"epochs": 9}, "reuse": "never"}))
    done = ockham("submit", "spec.json", "--epochs", "2", "--wait")
    assert done.returncode == 0, done.stderr
    assert re.search(r"original: epoch 1 of 2: .*data_loss 0\.\d+  val_data_loss 0\.", done.stderr)
    assert "val_acc 0." in done.stderr
    assert "epoch 3" not in done.stderr
    assert "best validation cross-entropy" in done.stdout
    assert "data set synthetic" in done.stdout


def test_a_bad_specification(ockham: Run, tmp_path: Path) -> None:
    done = ockham("submit", "-", stdin='{"variants": ["orignal"], "training": {"epochs": 0}}')
    assert done.returncode == 2
    assert "/variants/0" in done.stderr
    assert "/training/epochs" in done.stderr
    (tmp_path / "sizes.yaml").write_text("variants: [original]")
    for meant, near in (("sizes.yaml", "sises.yaml"), ("sizes.yaml", "sises"), ("notebook", "notebok")):
        missed = ockham("submit", near)
        assert missed.returncode == 2
        assert missed.stderr.rstrip() == f"There is no file and no preset named {near!r}; did you mean `{meant}`?"
    assert ockham("submit", "-", stdin="name: [").returncode == 2
    assert ockham("submit", "-", stdin="[1, 2]").returncode == 2
    dated = ockham("submit", "-", stdin="variants: [original]\nmetadata: {day: !!timestamp 2024-05-01}")
    assert (dated.returncode, dated.stderr.count("\n")) == (2, 1)
    assert "standard input, at /metadata/day: the tag !!timestamp is not read" in dated.stderr
    assert ockham("submit", "nobody").returncode == 2


def test_validate(ockham: Run) -> None:
    done = ockham("submit", "notebook", "--validate", "--epochs", "7")
    assert json.loads(done.stdout)["spec"]["training"]["epochs"] == 7
    done = ockham("submit", "notebook", "--validate", "--vary", "seed", "--vary", "split")
    assert json.loads(done.stdout)["spec"]["vary"] == ["seed", "split"]
    done = ockham("submit", "notebook", "--validate", "--until", "smallest=0.005,max_seeds=9,metric=val_acc")
    until = json.loads(done.stdout)["spec"]["until"]
    assert (until["smallest"], until["max_seeds"], until["metric"]) == (0.005, 9, "val_acc")
    for bad, place in (("smallest=small", "/until/smallest"), ("metric=1", "/until/metric"), ("most=1", "/until/most")):
        refused = ockham("submit", "notebook", "--validate", "--until", bad)
        assert refused.returncode == 2
        assert place in refused.stderr
    assert ockham("submit", "notebook", "--validate", "--until", "smallest").returncode == 2


def test_a_service_that_is_not_there(ockham: Run) -> None:
    done = ockham("jobs", url="http://127.0.0.1:9")
    assert done.returncode == 3
    assert "http://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_the_service_refuses(ockham: Run, job: str) -> None:
    assert ockham("show", "job_none").returncode == 5
    done = ockham("cancel", job)
    assert done.returncode == 5
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_comparison_is_saved_shown_and_deleted(ockham: Run, job: str) -> None:
    other = ockham("submit", "-", "--name", "beside it", "--wait", "--json", stdin=SPECIFICATION)
    done = ockham("compare", job, json.loads(other.stdout)["id"], "--name", "kept", "--notes", "one seed")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("kept: cmp_")
    for words in ("one seed", "original (beside it)", "than original (from a file)", "With one seed"):
        assert words in done.stdout.replace("\n", " "), words
    assert ockham("comparisons", "show", "kept").stdout == done.stdout
    saved = json.loads(ockham("comparisons", "show", "latest", "--json").stdout)
    assert saved["id"] in ockham("comparisons", "list").stdout
    assert ockham("comparisons", "delete", saved["id"][:-2]).returncode == 0
    assert ockham("comparisons", "show", "kept").returncode == 5
    assert ockham("compare", "nobody").returncode == 5
    assert ockham("compare").returncode == 2


@pytest.mark.slow
def test_one_run_is_cancelled(ockham: Run) -> None:
    body = {**NEVER_ENDS, "variants": ["original", "l2"], "reuse": "never", "seeds": [0, uuid.uuid4().int % 2**32]}
    job = ockham("submit", "-", stdin=json.dumps(body)).stdout.strip()
    done = ockham("cancel", f"{job}/l2/0")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"run_[0-9a-f]{32} is cancell(ed|ing)\n", done.stdout)
    assert ockham("cancel", job, "--variant", "original").returncode == 0
    statuses = [(run["variant"], run["status"]) for run in json.loads(ockham("show", job, "--json").stdout)["runs"]]
    assert ("l2", "cancelled") in statuses or ("l2", "cancelling") in statuses
    assert any(status in ("queued", "running") for variant, status in statuses if variant == "l2")
    assert all(status.startswith("cancel") for variant, status in statuses if variant == "original")
    assert ockham("cancel", f"{job}/l2/0", "--variant", "l2").returncode == 2
    assert ockham("cancel", job).returncode == 0


@pytest.mark.slow
def test_watch_ends_with_the_job_s_status(ockham: Run, live: str) -> None:
    specification = json.dumps({**NEVER_ENDS, "seeds": [uuid.uuid4().int % 2**32]})
    job = ockham("submit", "-", stdin=specification).stdout.strip()
    assert ockham("watch", job, "--timeout", "0.5").returncode == 6
    watching = subprocess.Popen(
        command("watch", job), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(OCKHAM_URL=live),
    )  # fmt: skip
    done = ockham("cancel", job)
    assert done.returncode == 0, done.stderr
    assert watching.wait(120) == 4
    assert watching.stdout is not None
    assert watching.stderr is not None
    assert "cancelled" in watching.stdout.read()
    watching.stdout.close()
    watching.stderr.close()
    assert ockham("retry", job).returncode == 0
    assert ockham("cancel", job).returncode == 0
    wait_for("the end", lambda: json.loads(ockham("show", job, "--json").stdout)["status"] == "cancelled")
    assert ockham("delete", job).returncode == 0
    assert ockham("show", job).returncode == 5


def test_a_job_that_failed(ockham: Run) -> None:
    # Each step multiplies the weights by about -2e6.
    layer = {"type": "dense", "units": 2, "kernel_regularizer": {"l2": 1.0}}
    training = {"epochs": 3, "optimizer": {"name": "sgd", "learning_rate": 1e6}}
    diverges = {**NEVER_ENDS, "training": training, "variants": [{"name": "wild", "layers": [layer]}]}
    done = ockham("submit", "-", "--wait", stdin=json.dumps(diverges))
    assert done.returncode == 1
    assert "failed" in done.stdout
    assert "1 of 1 runs failed (runs_failed)" in done.stdout


def test_a_search_is_followed_to_its_end_and_says_why_it_failed(ockham: Run) -> None:
    search = {"space": {"learning_rate": [1e20, 1e25]}, "budget": {"runs": 2}, "final": {"top": 1, "seeds": 1}}
    data = {"name": "synthetic", "num_words": 200, "reviews": 200, "validation": {"holdout": 50}}
    body = {"dataset": data, "training": {"epochs": 2}, "search": search}
    done = ockham("submit", "-", "--wait", stdin=json.dumps(body))
    assert done.returncode == 1
    assert "All 2 trials of the search diverged: there are no finalists to train (search_failed)" in done.stdout
    assert "learning_rate=1e+20, seed 0: failed" in done.stderr
    assert "search: 2 of 2 trials done" in done.stderr


def test_remedies_may_have_a_smaller_budget(ockham: Run) -> None:
    few = ockham("remedies", "--dataset", "synthetic", "--runs", "8")
    assert few.returncode == 2
    assert "/search/budget/runs: Each of the 9 spaces needs a run at least" in few.stderr


def test_jobs_and_show(ockham: Run, job: str) -> None:
    listed = json.loads(ockham("jobs", "--json", "--status", "succeeded", "--limit", "100").stdout)
    assert (listed["object"], listed["has_more"]) == ("list", False)
    assert job in [each["id"] for each in listed["data"]]
    first = json.loads(ockham("jobs", "--json", "--limit", "1").stdout)
    assert (len(first["data"]), first["has_more"]) == (1, ockham("jobs", "--json").stdout.count('"object": "job"') > 1)
    assert job in ockham("jobs", "--name", "from a file").stdout
    shown = ockham("show", job).stdout
    assert "two [units]" in shown  # a name is not markup
    assert "2/2" in shown


def test_history_as_every_format(ockham: Run, job: str, tmp_path: Path) -> None:
    csv = pandas.read_csv(io.StringIO(ockham("history", job, "--format", "csv").stdout))
    assert len(csv) == 4
    raw = json.loads(ockham("history", job, "--json").stdout)
    assert raw["object"] == "history"
    assert ockham("history", job, "--format", "parquet", "-o", "h.parquet").returncode == 0
    parquet = pandas.read_parquet(tmp_path / "h.parquet")
    assert list(parquet["val_loss"]) == list(csv["val_loss"])
    lines = ockham("history", job, "--format", "ndjson").stdout.splitlines()
    assert [json.loads(line) for line in lines]
    assert ockham("history", job, "--format", "abacus").returncode == 2


def test_predictions_as_every_format(ockham: Run, job: str, tmp_path: Path) -> None:
    run = json.loads(ockham("show", job, "--json").stdout)["runs"][0]["id"]
    csv = pandas.read_csv(io.StringIO(ockham("predictions", run).stdout))
    assert list(csv) == ["row", "label", "prediction", "loss"]
    assert json.loads(ockham("predictions", run, "--json").stdout)["data"] == csv.to_dict("records")
    assert ockham("predictions", run, "--split", "test", "--format", "parquet", "-o", "p.parquet").returncode == 0
    assert pandas.read_parquet(tmp_path / "p.parquet").loss.tolist() == csv.loss.tolist()
    assert ockham("predictions", "run_0").returncode == 5


def test_models_of_epochs(ockham: Run, job: str, tmp_path: Path) -> None:
    run = json.loads(ockham("show", job, "--json").stdout)["runs"][0]["id"]
    assert ockham("model", run).stdout.strip() == f"{run}.keras"
    assert ockham("model", run, "--epoch", "1", "-o", "first.keras").returncode == 0
    last, first = ((tmp_path / name).read_bytes() for name in (f"{run}.keras", "first.keras"))
    assert (last[:4], first[:4], last == first) == (b"PK\3\4", b"PK\3\4", False)
    none = ockham("model", run, "--epoch", "3")
    assert (none.returncode, "kept are those of 1, 2" in none.stderr) == (5, True)


def test_why_says_a_sentence_per_variant(ockham: Run, job: str) -> None:
    told = json.loads(ockham("why", job, "--json").stdout)
    assert ockham("why", job).stdout.splitlines() == [
        f"{each['variant']}: {each['sentence']}" for each in told["variants"]
    ]
    assert len(told["variants"]) == 2


def test_wrong_rows_and_ensembles_are_shown(ockham: Run, job: str) -> None:
    found = json.loads(ockham("mistakes", job, "--variant", "two [units]", "--limit", "3", "--json").stdout)
    shown = ockham("mistakes", job, "--variant", "two [units]", "--limit", "3").stdout
    for name in ("always", "overfitted", "label_errors"):
        assert f"two [units]: {found[name]['count']:,} of {found['rows']:,} rows are" in " ".join(shown.split())
    ensembles = json.loads(ockham("ensembles", job, "--json").stdout)
    shown = " ".join(ockham("ensembles", job).stdout.split())
    assert ("two [units], 2 seeds together" in shown) == bool(ensembles["variants"])
    assert ensembles["sentence"] in shown
    recalibrated = json.loads(ockham("recalibration", job, "--at", "last", "--json").stdout)
    shown = " ".join(ockham("recalibration", job, "--at", "last").stdout.split())
    assert "two [units]" in shown
    assert recalibrated["sentence"] in shown


def test_metrics_analysis_presets(ockham: Run, job: str) -> None:
    assert "two [units]" in ockham("metrics", job).stdout
    assert json.loads(ockham("metrics", job, "--json").stdout)["object"] == "metrics"
    assert json.loads(ockham("analysis", job, "--json").stdout)["object"] == "analysis"
    assert "notebook" in ockham("presets").stdout


def test_the_smallest_difference_that_matters_is_asked_for(ockham: Run, job: str) -> None:
    found = json.loads(ockham("analysis", job, "--smallest", "0.25", "--json").stdout)["comparisons"]
    assert {(each["smallest"], each["smallest_from"]) for each in found if each["metric"] != "best_epoch"} == {
        (0.25, "request")
    }
    assert ockham("analysis", job, "--smallest", "0").returncode == 2


def test_seeds_are_added_by_number_or_until_it_is_decided(ockham: Run) -> None:
    first = json.loads(ockham("submit", "-", "--wait", "--json", stdin=SPECIFICATION + "seeds: [3, 4]\n").stdout)
    assert ockham("seeds", first["id"], "5").stdout == f"{first['id']} is queued\n"
    more = json.loads(ockham("watch", first["id"], "--json").stdout)
    assert more["spec"]["seeds"] == [*first["spec"]["seeds"], 5]
    most = len(more["spec"]["seeds"]) + 1
    assert ockham("seeds", first["id"], "--until", f"min_seeds=2,max_seeds={most}").returncode == 0
    last = json.loads(ockham("watch", first["id"], "--json").stdout)
    assert (last["status"], last["spec"]["until"]["max_seeds"], last["look"]["more"]) == ("succeeded", most, 0)
    refused = ockham("seeds", first["id"], "--until", "max_seeds=1")
    assert (refused.returncode, "/until/max_seeds" in refused.stderr) == (2, True)
    for words in ((), ("7", "--until", "max_seeds=9")):
        assert ockham("seeds", first["id"], *words).returncode == 2


def test_metrics_by_another_metric_shows_that_metric(ockham: Run, job: str) -> None:
    by_default = ockham("metrics", job).stdout
    assert "best validation cross-entropy" in by_default
    assert "validation loss" not in by_default
    assert by_default == ockham("metrics", job, "--by", "val_data_loss").stdout
    assert "best validation loss" in ockham("metrics", job, "--by", "val_loss").stdout
    assert "best validation accuracy" in ockham("metrics", job, "--by", "val_acc").stdout
    assert ockham("metrics", job, "--by", "loss").returncode == 2


def test_a_finished_job_is_shown_against_its_baseline(ockham: Run, job: str) -> None:
    shown = ockham("show", job).stdout
    assert "than original" in shown
    for warning in json.loads(ockham("analysis", job, "--json").stdout)["warnings"]:
        assert f"{warning['detail']} ({warning['code']})" in shown


def test_a_reader_that_goes_is_no_error(live: str, job: str) -> None:
    for words in (["metrics", job], ["metrics", job, "--json"], ["history", job], ["show", job]):
        process = subprocess.Popen(
            command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(OCKHAM_URL=live)
        )
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
        process.stderr.close()
        assert (process.wait(60), said) == (141, ""), words


@pytest.mark.slow
def test_figures_of_a_job_as_a_whole_and_of_its_test_scores(ockham: Run, tmp_path: Path) -> None:
    data = {"name": "synthetic", "num_words": 200, "reviews": 200, "validation": {"holdout": 50}}
    sweep = {"dataset": data, "training": {"epochs": 2}, "sweep": {"grid": {"units": [2, 4], "l2": [0.0, 0.1]}}}
    done = ockham("submit", "-", "--wait", "--json", stdin=json.dumps({**sweep, "seeds": [0, 1]}))
    assert done.returncode == 0, done.stderr
    job = json.loads(done.stdout)["id"]
    for words in (
        ["sweep"],
        ["sweep", "--over", "l2"],
        ["tradeoff", "--against", "seconds"],
        ["differences", "-o", "differences.svg"],
    ):
        drawn = ockham("plot", job, *words)
        assert drawn.returncode == 0, drawn.stderr
        assert (tmp_path / drawn.stdout.strip()).stat().st_size > 1000
    told = ockham("metrics", job).stdout
    assert "test accuracy" in told
    assert "means over 2 seeds" in told
    assert "95% interval" in ockham("show", job).stdout


def test_plot(ockham: Run, job: str, tmp_path: Path) -> None:
    assert ockham("plot", job).stdout.strip() == "val_data_loss.png"
    assert (tmp_path / "val_data_loss.png").read_bytes().startswith(b"\x89PNG")
    assert ockham("plot", job, "acc", "-o", "a.svg", "--style", "notebook", "--variants", "original").returncode == 0
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()


def test_progress_on_a_terminal_is_a_bar_a_run(live: str) -> None:
    """Through a real pseudo-terminal."""
    import pty

    leader, follower = pty.openpty()
    specification = json.dumps({**NEVER_ENDS, "training": {"epochs": 3}, "reuse": "never"})
    process = subprocess.Popen(
        command("submit", "-", "--wait"), stdin=subprocess.PIPE, stdout=follower, stderr=follower, text=True,
        env=environment(OCKHAM_URL=live, TERM="xterm", COLUMNS="160"),
    )  # fmt: skip
    os.close(follower)
    assert process.stdin is not None
    process.stdin.write(specification)
    process.stdin.close()
    shown = b""
    try:
        while part := os.read(leader, 65536):
            shown += part
    except OSError:  # Linux's way of saying that the other end is closed
        pass
    os.close(leader)
    assert process.wait(60) == 0
    text = shown.decode()
    assert "3/3" in text
    assert "━" in text
    assert "val_data_loss 0." in text


def test_a_job_is_described_and_found_again(ockham: Run, job: str) -> None:
    assert ockham("describe", job, "--tag", "thesis", "--tag", "sketch", "--notes", "two units").returncode == 0
    found = json.loads(ockham("jobs", "--tag", "thesis", "--tag", "sketch", "--json").stdout)["data"]
    assert [(each["id"], each["tags"], each["notes"]) for each in found] == [(job, ["thesis", "sketch"], "two units")]
    assert json.loads(ockham("describe", job, "--no-tags", "--json").stdout)["tags"] == []
    assert json.loads(ockham("jobs", "--tag", "thesis", "--json").stdout)["data"] == []
    assert json.loads(ockham("jobs", "--metadata", "owner=nobody", "--json").stdout)["data"] == []
    for words in (("jobs", "--metadata", "owner"), ("describe", job, "--tag", "a", "--no-tags")):
        refused = ockham(*words)
        assert (refused.returncode, "Traceback" in refused.stderr) == (2, False), refused.stderr
