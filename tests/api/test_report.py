"""Reports, bundles, sweeps' and differences' figures, over HTTP on a real server."""

from __future__ import annotations

import csv
import html
import io
import json
import math
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from models.kinds.datasets.synthetic import Synthetic
from models.resolution import resolve
from reporting.bundle import script
from reporting.report import _compact
from tests.api.conftest import Trainer, submit
from tests.servers import Service

HOSTILE = "<script>alert(1)</script> & \"'"


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words += data


def finished(http: httpx.Client, trainer: Trainer, **changes: Any) -> dict[str, Any]:
    job = submit(http, **changes)
    trainer.train(len(job["runs"]))
    return job


def test_the_report_is_one_page_that_needs_nothing_else(http: httpx.Client, trainer: Trainer) -> None:
    variants = ["original", {"name": HOSTILE, "preset": "l2"}]
    job = finished(http, trainer, name=HOSTILE, variants=variants, seeds=[0, 1, 2])
    answer = http.get(f"/v1/jobs/{job['id']}/report.html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = Page(answer.text)
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids)), "no figure takes another's shapes"
    links = {value for name, value in page.attributes if name in ("href", "xlink:href", "src")}
    assert all(link and link.startswith("#") and link[1:] in ids for link in links)
    assert page.tags.count("svg") == 6  # three curves, since these losses have a penalty, their pairs, two differences
    assert HOSTILE in page.words
    (specification,) = re.findall("<pre>(.*?)</pre>", answer.text, re.DOTALL)
    assert json.loads(html.unescape(specification)) == job["spec"]
    assert "Difference" in page.words
    again = http.get(f"/v1/jobs/{job['id']}/report.html", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_the_loss_is_called_what_the_task_calls_it(http: httpx.Client, trainer: Trainer) -> None:
    layers = [{"type": "dense", "units": 4, "activation": "relu"}]
    several = {"name": "synthetic_table", "classes": 3, "validation": {"holdout": 100}}
    variants = [{"name": "small", "layers": layers}, {"name": "other", "layers": [*layers, *layers]}]
    job = submit(http, dataset=several, training={"epochs": 2}, variants=variants)
    for _ in job["runs"]:
        held = trainer.claim()
        for epoch in (1, 2):
            trainer.record(held, epoch)
        trainer.succeed(held, test={"loss": 0.3, "data_loss": 0.25, "acc": 0.9})
    at = f"/v1/jobs/{job['id']}"
    words = " ".join(Page(http.get(f"{at}/report.html").raise_for_status().text).words.split())
    for heading in ("Best validation categorical cross-entropy", "Test categorical cross-entropy", "Test accuracy"):
        assert heading in words
    assert not re.findall(".{60}(?<![Cc]ategorical )cross-entropy.{30}", words)
    titles = {
        "data_losses": "Categorical cross-entropy on a synthetic table",
        "val_data_loss": "Validation categorical cross-entropy on a synthetic table",
        "differences": "Best validation categorical cross-entropy on a synthetic table: difference from small",
    }
    for name, title in titles.items():
        assert title in " ".join(Page(http.get(f"{at}/plots/{name}.svg").raise_for_status().text).words.split())
    two = finished(http, trainer)
    both = {"job": [job["id"], two["id"]]}
    refused = http.get("/v1/plots/val_data_loss.svg", params=both)
    assert (refused.status_code, refused.json()["code"]) == (422, "different_tasks"), (
        "their losses have no name in common"
    )


def test_the_report_draws_what_was_asked_for(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http, variants=["original"], training={"epochs": 1, "metrics": ["auc"]})
    held = trainer.claim()
    trainer.record(held, 1, val_auc=0.75)
    trainer.succeed(held)
    text = http.get(f"/v1/jobs/{job['id']}/report.html").raise_for_status().text
    assert '<figure id="val_auc">' in text
    assert "Validation AUC on" in Page(text).words


def test_a_report_of_a_job_that_has_not_begun(http: httpx.Client) -> None:
    job = submit(http)
    page = Page(http.get(f"/v1/jobs/{job['id']}/report.html").raise_for_status().text)
    assert "svg" not in page.tags
    assert "No run has begun yet" in page.words
    assert http.get(f"/v1/jobs/{job['id']}/bundle.zip").status_code == 200


def test_the_reports_numbers_are_those_of_metrics_and_analysis(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http, seeds=[0, 1])
    for i in range(4):
        held = trainer.claim()
        for epoch in (1, 2, 3):
            trainer.record(held, epoch, val_data_loss=0.5 + 0.01 * i - 0.1 * epoch)
        trainer.succeed(held)
    words = Page(http.get(f"/v1/jobs/{job['id']}/report.html").text).words
    analysis = http.get(f"/v1/jobs/{job['id']}/analysis").json()
    (best,) = [each for each in analysis["comparisons"] if each["metric"] == "best_val_data_loss"]
    assert f"{best['difference']:+.4f}" in words
    assert "0.2100" in words  # the baseline's mean of 0.20 and 0.22
    for warning in analysis["warnings"]:
        assert warning["detail"] in words


def test_the_reports_means_are_of_the_runs_that_are_compared(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http, seeds=[0, 1, 2])
    for loss in (0.1, 0.3, 0.34, 0.5, 0.52, 0.57):
        held = trainer.claim()
        trainer.record(held, 1, val_data_loss=loss)
        if loss == 0.1:
            trainer.record(held, 2, val_data_loss=math.nan)
            trainer.fail(held)
        else:
            trainer.succeed(held)
    words = " ".join(Page(http.get(f"/v1/jobs/{job['id']}/report.html").text).words.split())
    analysis = http.get(f"/v1/jobs/{job['id']}/analysis").json()
    for variant in analysis["variants"]:
        assert f"{variant['across_seeds']['best_val_data_loss']['mean']:.4f}" in words
    assert "1 diverged from 2 of 3 seeds" in words
    assert words.count("of 3 seeds") == 1


def test_the_header_says_what_variants_do_otherwise(http: httpx.Client) -> None:
    training = {"batch_size": 128, "optimizer": {"name": "adam"}}
    longer = {"epochs": 1000, "metrics": ["auc"], "early_stopping": {"patience": 2}, "evaluate_train": True}
    momentum = {"optimizer": {"name": "rmsprop", "momentum": 0.9}}
    variants = [
        "original",
        {"name": "other", "preset": "l2", "training": training, "dataset": {"train_samples": 4000}},
        {"name": "longer", "preset": "l2", "training": longer},
        {"name": "moved", "preset": "l2", "training": momentum},
    ]
    grid = {"units": [2, 4], "train_samples": [100, 200]}
    job = submit(http, variants=variants, sweep={"grid": grid})
    words = " ".join(Page(http.get(f"/v1/jobs/{job['id']}/report.html").text).words.split())
    said = words[words.index("But for: ") :].partition(". ")[0]
    assert said.split("; ") == [
        "But for: what was swept (units per layer, training rows)",
        "other (batch size 128, Adam with learning rate 0.001, trained on 4,000)",
        "longer (epochs 1,000, early stopping with patience 2, evaluate train, metrics auc)",
        "moved (RMSprop with learning rate 0.001 and momentum 0.9)",
    ]
    assert "But for" not in Page(http.get(f"/v1/jobs/{submit(http)['id']}/report.html").text).words


def test_an_interval_ends_where_there_can_be_nothing_more(http: httpx.Client, trainer: Trainer) -> None:
    def words(*accuracies: float) -> str:
        job = submit(http, variants=["original"], seeds=[0, 1])
        for accuracy in accuracies:
            held = trainer.claim()
            trainer.record(held, 1, val_data_loss=0.3 + accuracy / 1000, val_acc=accuracy)
            trainer.succeed(held)
        (variant,) = http.get(f"/v1/jobs/{job['id']}/metrics").json()["variants"]
        assert variant["best_val_acc"]["ci95"][1] <= 1
        return Page(http.get(f"/v1/jobs/{job['id']}/report.html").text).words

    assert "0.8950 0.0000–1.0000" in words(0.8, 0.99)
    assert "0.8550 0.7915–0.9185" in words(0.85, 0.86)


def test_a_specification_is_packed_and_stays_itself() -> None:
    layers = [{"type": "dense", "units": 16, "kernel": "x" * 60, "names": list(range(60))}, {"type": "dropout"}]
    value = {"name": "a" * 120, "variants": [{"name": "b", "layers": layers}] * 2, "seeds": [1, 2], "empty": {}}
    packed = _compact(value)
    assert json.loads(packed) == value
    assert [len(line) > 96 for line in packed.splitlines()].count(True) == 1  # a value longer than any line
    assert '"seeds": [1, 2], "empty": {}' in packed


def test_the_bundle_has_everything(http: httpx.Client, trainer: Trainer) -> None:
    job = finished(http, trainer, seeds=[0, 1])
    answer = http.get(f"/v1/jobs/{job['id']}/bundle.zip")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        held = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
        assert {name.partition("/")[0] for name in archive.namelist()} == {job["id"]}
    assert set(held) >= {
        "README.txt", "specification.json", "job.json", "fingerprints.json", "history.csv", "history.parquet",
        "metrics.json", "analysis.json", "analysis-keras.json", "report.html", "networks.json", "train.py",
    }  # fmt: skip
    for name in ("README.txt", "train.py"):
        assert b"pip install 'keras>=3.8' tensorflow" in held[name]
    specification = json.loads(held["specification.json"])
    assert specification == job["spec"]
    assert http.post("/v1/jobs", params={"validate_only": "true"}, json=specification).status_code == 200
    assert held["history.csv"] == http.get(f"/v1/jobs/{job['id']}/history", params={"format": "csv"}).content
    parquet = pd.read_parquet(io.BytesIO(held["history.parquet"]))
    pd.testing.assert_frame_equal(parquet, pd.read_csv(io.BytesIO(held["history.csv"])), check_dtype=False)
    assert (
        json.loads(held["analysis.json"])["warnings"] == http.get(f"/v1/jobs/{job['id']}/analysis").json()["warnings"]
    )
    for name, content in held.items():
        if name.endswith(".png"):
            assert content.startswith(b"\x89PNG")
        elif name.endswith(".svg"):
            assert b"<svg" in content
    assert {"figures/val_acc.png", "figures/val_acc.svg", "figures/difference_best_val_data_loss.png"} <= set(held)
    with zipfile.ZipFile(io.BytesIO(http.get(f"/v1/jobs/{job['id']}/bundle.zip").content)) as again:
        assert [name for name in again.namelist() if again.read(name) != held[name.partition("/")[2]]] == []


def test_a_sweep_and_differences_are_drawn(http: httpx.Client, trainer: Trainer) -> None:
    job = finished(
        http, trainer, variants=["original"], sweep={"grid": {"units": [2, 4], "l2": [0.0, 0.01]}}, seeds=[0, 1]
    )
    base = f"/v1/jobs/{job['id']}/plots"
    one, two = http.get(f"{base}/sweep.png", params={"over": "units"}), http.get(f"{base}/sweep.svg")
    assert one.content.startswith(b"\x89PNG")
    assert one.headers["etag"] != two.headers["etag"]
    assert "by units" in re.sub(r"\s+", " ", two.text).lower()
    assert http.get(f"{base}/sweep.svg", headers={"If-None-Match": two.headers["etag"]}).status_code == 304
    assert http.get(f"{base}/differences.png", params={"metric": "final_val_loss"}).status_code == 200
    for path in ("sweep.png?over=dropout", "sweep.gif", "sweep.png?metric=none", "differences.png?metric=none",
                 "sweep.png?variants=none", "differences.png?variants=none"):  # fmt: skip
        assert http.get(f"{base}/{path}").status_code == 404, path
    two, one = (
        http.get(f"{base}/differences.svg?variants={names}") for names in ("units=2 l2=0,units=4 l2=0", "units=2 l2=0")
    )
    assert ("units=4" in two.text, "units=4" in one.text) == (True, False)
    ranking = http.get(f"{base}/ranking.svg").text
    assert "which variant is the best" in ranking
    assert "n = 2 seeds; ranks hold for all variants at once" in ranking
    assert "<svg" in http.get(f"/v1/jobs/{job['id']}/report.html").text.partition("which variant is the best")[0]
    assert http.get(f"{base}/tradeoff.png", params={"against": "parameters"}).content.startswith(b"\x89PNG")
    by_units = http.get(f"{base}/tradeoff.svg", params={"against": "units"})
    assert "Best validation cross-entropy on synthetic reviews against units per layer" in by_units.text
    refused = http.get(f"{base}/tradeoff.svg", params={"against": "dropout"})
    assert refused.status_code == 404
    assert refused.json()["detail"].endswith("parameters, seconds, units, l2")
    (pair,) = http.get(job["links"]["analysis"]).json()["combinations"]["interactions"]
    assert (pair["axes"], pair["references"], pair["levels"], pair["n"]) == (["units", "l2"], [2, 0], [4, 0.01], 2)
    report = http.get(job["links"]["report"]).text
    assert "Which two add up" in report
    assert f"{pair['difference']:+.4f}" in report
    plain = finished(http, trainer)
    assert http.get(f"/v1/jobs/{plain['id']}/plots/sweep.png").status_code == 404
    assert http.get(plain["links"]["analysis"]).json()["combinations"] is None


def test_another_keys_job_is_not_there(http: httpx.Client, trainer: Trainer) -> None:
    missing = "job_" + "0" * 32
    for path in ("report.html", "bundle.zip", "plots/sweep.png", "plots/differences.png"):
        assert http.get(f"/v1/jobs/{missing}/{path}").status_code == 404
    assert http.post(f"/v1/jobs/{missing}/seeds", json={"seeds": [1]}).status_code == 404
    assert http.post(f"/v1/runs/run_{'0' * 32}/reproduce").status_code == 404


@pytest.mark.slow
def test_the_bundles_script_tells_the_same_story(make_service: Callable[..., Service], tmp_path: Path) -> None:
    service = make_service()
    service.api()
    service.worker()
    job = service.submit(
        dataset={"name": "synthetic", "reviews": 600, "num_words": 300, "validation": {"holdout": 200}},
        training={"epochs": 3, "batch_size": 32, "evaluate_train": True},
        variants=["l2", {"name": "stops", "preset": "dropout", "training": {
            "early_stopping": {"monitor": "val_data_loss", "patience": 3}}}],
        seeds=[0, 1, 2, 3],
    )  # fmt: skip
    assert service.finished(job["id"])["status"] == "succeeded"
    bundle = service.http.get(f"/v1/jobs/{job['id']}/bundle.zip").raise_for_status().content
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        archive.extractall(tmp_path / "bundle")
    folder = tmp_path / "bundle" / job["id"]
    done = subprocess.run([sys.executable, "-P", folder / "train.py"], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]

    ours, keras = (pd.read_csv(folder / name) for name in ("history.csv", "history-keras.csv"))
    places = ["variant", "seed", "epoch"]
    assert sorted(map(tuple, ours[places].values)) == sorted(map(tuple, keras[places].values))
    means = [table.groupby(["variant", "epoch"]).mean(numeric_only=True) for table in (ours, keras)]
    for variant in ("l2", "stops"):
        # Other weights and batches: a seed's loss has a standard deviation of 0.03, half that in a mean of 4.
        for metric in ("loss", "val_loss", "data_loss", "val_data_loss", "eval_loss", "eval_data_loss"):
            first, again = (mean.loc[(variant, 1), metric] for mean in means)
            assert again == pytest.approx(first, abs=0.07), (variant, metric)
        first, again = (mean.loc[variant, "val_loss"] - mean.loc[variant, "val_data_loss"] for mean in means)
        assert list(again) == pytest.approx(list(first), abs=0.005), "the penalty does not hang on luck"
        assert all(mean.loc[(variant, 3), "data_loss"] < mean.loc[(variant, 1), "data_loss"] for mean in means)
    assert "test set, at the best epoch" in done.stdout


@pytest.mark.parametrize("validation", ["test", {"holdout": 100}])
def test_the_bundles_script_makes_the_same_table(tmp_path: Path, validation: Any) -> None:
    from worker.data import load

    names: dict[str, Any] = {"__name__": "train", "__file__": str(tmp_path / "train.py")}
    dataset = {"name": "synthetic_table", "classes": 5, "samples": 5000, "columns": 3, "seed": 2}
    job = resolve({"dataset": {**dataset, "validation": validation, "train_samples": 4200}, "variants": ["original"]})
    exec(compile(script(job), "train.py", "exec"), names)
    data = load(job.dataset, tmp_path, None)
    for (rows, labels), own in zip(
        names["load"](job.dataset.model_dump(mode="json"), None), (data.train, data.validation, data.test), strict=True
    ):
        assert (labels == own.labels).all()
        assert (rows == own.numbers).all()


@pytest.mark.parametrize("vary", [["split"], ["seed", "sample"], ["split", "sample"]], ids="-".join)
@pytest.mark.parametrize("classes", [5, None])
def test_the_bundles_script_draws_the_same_rows(tmp_path: Path, vary: list[str], classes: int | None) -> None:
    from worker.data import load

    names: dict[str, Any] = {"__name__": "train", "__file__": str(tmp_path / "train.py")}
    dataset = {"name": "synthetic_table", "classes": classes, "samples": 300, "columns": 3, "train_samples": 150}
    job = resolve({"dataset": dataset, "variants": ["original"], "vary": vary, "seeds": [7]})
    exec(compile(script(job), "train.py", "exec"), names)
    run = job.run("original", 7)
    data = load(run.dataset, tmp_path, None, run.draws)
    split, sample = (7 if each in vary else None for each in ("split", "sample"))
    made = names["load"](job.dataset.model_dump(mode="json"), None, split, sample, classes is not None)
    for (rows, labels), own in zip(made, (data.train, data.validation, data.test), strict=True):
        assert (labels == own.labels).all()
        assert (rows == own.numbers).all()


@pytest.mark.slow
def test_the_bundles_script_needs_no_locale(tmp_path: Path) -> None:
    """Where the system's encoding is ASCII, names in other scripts are read, printed and written all the same."""
    job = resolve({"dataset": {"name": "synthetic"}, "variants": [{"name": "正則化", "preset": "l2"}]})
    (tmp_path / "train.py").write_text(script(job), "utf-8")
    (tmp_path / "specification.json").write_text(json.dumps(job.model_dump(mode="json"), ensure_ascii=False), "utf-8")
    (tmp_path / "networks.json").write_text(json.dumps({"正則化": {}}, ensure_ascii=False), "utf-8")
    program = (
        "import sys, runpy; sys.argv = ['train.py']; names = runpy.run_path('train.py');"
        " names['main'].__globals__['train'] = lambda *_: [{'loss': 0.5}]; names['main']()"
    )
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={**os.environ, **ascii_only}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "--- \\u6b63\\u5247\\u5316, seed 0" in done.stdout
    (row,) = csv.DictReader(io.StringIO((tmp_path / "history-keras.csv").read_bytes().decode(), newline=""))
    assert (row["variant"], row["loss"]) == ("正則化", "0.5")


def test_the_bundles_script_makes_the_same_reviews(tmp_path: Path) -> None:
    from worker.data import synthetic

    specification = Synthetic(reviews=5000, num_words=700, seed=3)
    directory = synthetic.prepared(specification, tmp_path)
    from worker.data import csr

    names: dict[str, Any] = {"__name__": "train", "__file__": str(tmp_path / "train.py")}
    job = resolve({"dataset": specification.model_dump(mode="json"), "variants": ["original"]})
    exec(compile(script(job), "train.py", "exec"), names)
    for number, rows in enumerate(csr.read(directory)[:2], 1):
        reviews, labels = names["synthetic"](3, number, 5000, 700)
        assert (labels == rows.labels).all()
        for i in (0, 1, 4095, 4096, 4999):
            assert sorted(set(reviews[i])) == list(rows.indices[rows.indptr[i] : rows.indptr[i + 1]])
