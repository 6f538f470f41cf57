"""The recipes of docs/extending.md, followed to the letter in a copy of the program: each kind that they add is taken
from the request through training, the model file, the form, the figures and the archive, and back.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.errors import SpecificationError
from models.resolution import resolve
from ockham_client import Client
from tests.servers import Service, Valkey

ROOT = Path(__file__).parent.parent
RECIPES = dict(
    re.findall(r"^`([\w/]+\.py)`:\n\n```python\n(.*?)^```$", (ROOT / "docs" / "extending.md").read_text(), re.M | re.S)
)
"""The files that the recipes add, and what is in them."""

DENSE = {"type": "dense", "units": 8, "activation": "relu"}
ADDED = {
    "dataset": {"name": "majority", "validation": {"holdout": 100}},
    "training": {
        "epochs": 3,
        "batch_size": 50,
        "metrics": ["max_error"],
        "optimizer": {"name": "adamax", "learning_rate": 0.01},
    },
    "variants": [
        {"name": "plain", "layers": [DENSE]},
        {
            "name": "noisy",
            "layers": [
                {
                    **DENSE,
                    "kernel_regularizer": {"orthogonal": 0.1},
                    "kernel_constraint": {"name": "min_max_norm", "min_value": 0.5, "max_value": 0.6},
                },
                {"type": "gaussian_dropout", "rate": 0.2},
            ],
        },
    ],
    "sweep": {"grid": {"epochs": [1, 2]}},
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program with what the recipes add, and its documentation's lists written anew."""
    copy = tmp_path_factory.mktemp("extended")
    for folder in ("api", "docs", "migrations", "models", "ockham", "reporting", "worker"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in RECIPES.items():
        assert not (copy / path).exists()
        (copy / path).write_text(text)
    run(copy, "-m", "api.reference")
    return copy


def run(tree: Path, *words: str, cwd: Path | None = None) -> str:
    """What Python prints with `tree` as the program."""
    command = [sys.executable, *words]
    done = subprocess.run(command, cwd=cwd or tree, env={"PYTHONPATH": str(tree)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def service(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    with (
        Valkey(folder / "valkey") as broker,
        Service(folder, database_url=None, redis_url=broker.url, env={"PYTHONPATH": str(tree)}) as made,
    ):
        made.migrate()
        made.api()
        made.worker()
        yield made


@pytest.fixture(scope="module")
def job(service: Service) -> dict[str, Any]:
    return service.finished(service.submit(**ADDED)["id"])


def test_there_is_a_recipe_for_each_family() -> None:
    families = {Path(path).parent.name for path in RECIPES}
    assert families == {
        "layers", "optimizers", "regularizers", "constraints", "metrics", "axes", "tasks", "datasets", "data",
        "formats", "plots",
    }  # fmt: skip
    assert len(RECIPES) == len(families)


def test_the_table_counts_the_files_of_each_recipe() -> None:
    text = (ROOT / "docs" / "extending.md").read_text()
    counted = {name: int(count) for name, count in re.findall(r"^\| ([a-z ]+) \| (\d+) \|", text, re.M)}
    sections = re.findall(r"^## An? ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert counted == {name: len(re.findall(r"^`[\w/]+\.py`:$", recipe, re.M)) for name, recipe in sections}
    assert sum(counted.values()) == len(RECIPES)


def test_without_the_files_the_request_is_refused() -> None:
    with pytest.raises(SpecificationError) as refused:
        resolve(ADDED)
    assert {(error["pointer"], error["code"]) for error in refused.value.errors} >= {
        ("/dataset", "union_tag_invalid"),
        ("/training/optimizer", "union_tag_invalid"),
        ("/training/metrics/0", "value_error"),
        ("/sweep/grid/epochs", "extra_forbidden"),
        ("/variants/1/layers/0/kernel_constraint", "union_tag_invalid"),
    }


@pytest.mark.slow
def test_a_request_is_validated_by_the_new_kinds(service: Service) -> None:
    def errors(**changes: Any) -> list[tuple[str, str]]:
        answer = service.http.post("/v1/jobs?validate_only=true", json={**ADDED, **changes})
        return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]

    preview = service.http.post("/v1/jobs?validate_only=true", json=ADDED).raise_for_status().json()
    assert [v["parameters"] for v in preview["variants"]] == [177, 177, 625, 625]
    adamax = {"name": "adamax", "beta_1": 1}
    assert errors(training={"optimizer": adamax}) == [("/training/optimizer/beta_1", "less_than")]
    assert errors(sweep={"grid": {"epochs": [0]}}) == [("/sweep/grid/epochs/0", "greater_than_equal")]
    assert errors(dataset={"name": "majority", "train_samples": 501}) == [("/dataset/train_samples", "too_large")]
    presets = {each["name"]: each["spec"] for each in service.http.get("/v1/presets").json()["jobs"]}
    assert presets["majority"]["dataset"]["name"] == "majority"
    bad = [{"name": "bad", "layers": [{**DENSE, "kernel_regularizer": {"orthogonal": -1}}]}]
    assert errors(variants=bad) == [("/variants/0/layers/0/kernel_regularizer/orthogonal", "greater_than_equal")]
    first = [{"name": "first", "layers": [{"type": "gaussian_dropout", "rate": 0.2}]}]
    assert errors(variants=first) == [("/variants/0/layers/0", "first_layer_not_dense")]


@pytest.mark.slow
def test_the_job_is_trained(service: Service, job: dict[str, Any]) -> None:
    assert job["status"] == "succeeded", [run["error"] for run in job["runs"]]
    assert {run["variant"]: run["epoch"] for run in job["runs"]} == {
        "plain": 3, "noisy": 3, "epochs=1": 1, "epochs=2": 2,
    }  # fmt: skip
    history = service.http.get(f"/v1/jobs/{job['id']}/history").json()["runs"]
    of = {run["variant"]: run["metrics"] for run in history}
    assert of["plain"]["data_loss"][-1] < of["plain"]["data_loss"][0] < 1.2  # the hinge loss of chance is 1
    assert of["plain"]["loss"] == of["plain"]["data_loss"]
    assert all(0 < value <= 2 for metrics in of.values() for value in metrics["val_max_error"])
    assert all(a > b for a, b in zip(of["noisy"]["loss"], of["noisy"]["data_loss"], strict=True))


@pytest.mark.slow  # the same
def test_its_models_load_with_keras_alone(service: Service, job: dict[str, Any], tmp_path: Path) -> None:
    noisy = next(run for run in job["runs"] if run["variant"] == "noisy")
    (tmp_path / "model.keras").write_bytes(service.http.get(f"/v1/runs/{noisy['id']}/model.keras").content)
    program = (
        "import keras; m = keras.models.load_model('model.keras'); k = m.layers[0].kernel;"
        "print([type(l).__name__ for l in m.layers], m.loss, round(float(m.layers[0].kernel_regularizer.factor), 3));"
        "n = keras.ops.norm(k, axis=0); print(bool((0.5 - 1e-4 < n).numpy().all() and (n < 0.6 + 1e-4).numpy().all()))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "['Dense', 'GaussianDropout', 'Dense'] hinge 0.1\nTrue", done.stderr


@pytest.mark.slow
def test_the_form_and_the_document_have_them(service: Service, tree: Path) -> None:
    page = service.http.get("/new").text
    for words in (
        "gaussian_dropout",
        "Gaussian dropout",
        "adamax",
        "Adamax",
        "majority",
        "coin tosses",
        "How many epochs",
    ):
        assert words in page
    document = service.http.get("/openapi.json").text
    for schema in ("GaussianDropout", "Adamax", "Majority", "Orthogonal", "MinMaxNorm"):
        assert f'"{schema}"' in document
    listed = (tree / "docs" / "kinds.md").read_text()
    for name in ("gaussian_dropout", "adamax", "min_max_norm", "max_error", "majority", "margin", "epochs"):
        assert f"| `{name}` |" in listed


@pytest.mark.slow
def test_figures_and_the_report_name_them(service: Service, job: dict[str, Any]) -> None:
    at = f"/v1/jobs/{job['id']}"
    assert "coin tosses" in service.http.get(f"{at}/report.html").raise_for_status().text
    sweep = service.http.get(f"{at}/plots/sweep.svg").raise_for_status().text
    assert "coin tosses by epochs" in sweep
    assert "Validation largest error" in service.http.get(f"{at}/plots/val_max_error.svg").raise_for_status().text
    assert "Validation largest error" in service.http.get(at.removeprefix("/v1")).raise_for_status().text
    table = list(csv.DictReader(service.http.get(f"{at}/history?format=csv").text.splitlines()))
    assert all(float(row["val_max_error"]) > 0 for row in table)
    best = service.http.get(f"{at}/metrics?by=val_max_error").raise_for_status().json()["variants"][0]
    assert best["best_val_max_error"]["mean"] <= best["final_val_max_error"]["mean"]
    assert {v["verdict"] for v in service.http.get(f"{at}/analysis").json()["variants"]} == {"too few epochs"}


@pytest.mark.slow  # a process with Keras for each of its programs
def test_the_archive_trains_without_ockham_and_is_submitted_again(
    service: Service, job: dict[str, Any], tmp_path: Path
) -> None:
    content = service.http.get(f"/v1/jobs/{job['id']}/bundle.zip").raise_for_status().content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / job["id"]
    done = subprocess.run([sys.executable, "-P", "train.py"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((folder / "history-keras.csv").read_text().splitlines()))
    assert len(rows) == 3 + 3 + 1 + 2
    assert all(0 < float(row["val_max_error"]) <= 2 for row in rows)
    again = service.submit(**json.loads((folder / "specification.json").read_text()))
    assert again["spec"] == job["spec"]
    assert service.finished(again["id"])["status"] == "succeeded"


@pytest.mark.slow
def test_a_new_format_is_there_for_http_the_page_the_client_and_the_command_line(
    service: Service, job: dict[str, Any], tree: Path
) -> None:
    url = f"/v1/jobs/{job['id']}/history"
    answer = service.http.get(url, params={"format": "tsv"}).raise_for_status()
    header, *rows = [line.split("\t") for line in answer.text.splitlines()]
    assert header[:5] == ["job_id", "run_id", "variant", "seed", "epoch"]
    assert [row[2] for row in rows] == ["plain"] * 3 + ["noisy"] * 3 + ["epochs=1"] + ["epochs=2"] * 2
    assert answer.headers["Content-Type"].startswith("text/tab-separated-values")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{job["id"]}.tsv"'
    assert service.http.get(url, headers={"Accept": "text/tab-separated-values"}).text == answer.text
    (parameter,) = [
        each
        for each in service.http.get("/openapi.json").json()["paths"]["/v1/jobs/{job_id}/history"]["get"]["parameters"]
        if each["name"] == "format"
    ]
    assert "tsv" in parameter["schema"]["enum"]
    assert " tsv:tsv" in service.http.get(f"/jobs/{job['id']}").text
    address = str(service.http.base_url)
    with Client(address) as client:
        assert client.history(job["id"], "tsv") == answer.text
    assert run(tree, "-m", "ockham", "history", job["id"], "--format", "tsv", "--url", address) == answer.text


@pytest.mark.slow
def test_a_new_plot_is_there_for_http_the_client_and_the_command_line(
    service: Service, job: dict[str, Any], tree: Path, tmp_path: Path
) -> None:
    at = f"/v1/jobs/{job['id']}/plots/seeds"
    final = service.http.get(f"{at}.svg").raise_for_status()
    assert "Final validation hinge loss of each seed on coin tosses" in final.text
    assert all(name in final.text for name in ("plain", "noisy", "epochs=1"))
    best = service.http.get(f"{at}.svg", params={"best": True, "variants": "plain", "theme": "dark"}).text
    assert "Best validation hinge loss of each seed" in best
    assert "noisy" not in best
    assert service.http.get(f"{at}.svg", params={"variants": "none"}).status_code == 404
    described = service.http.get("/openapi.json").json()["paths"]["/v1/jobs/{job_id}/plots/seeds.{format}"]["get"]
    assert described["summary"] == "Draw each seed"
    assert "best" in {each["name"] for each in described["parameters"]}
    address = str(service.http.base_url)
    with Client(address) as client:
        assert client.plot(job["id"], "seeds", format="svg") == final.content
    file = tmp_path / "seeds.svg"
    run(tree, "-m", "ockham", "plot", job["id"], "seeds", "--out", str(file), "--url", address)
    assert file.read_bytes() == final.content
    assert "Best validation hinge loss of each seed" in service.http.get(f"/v1/jobs/{job['id']}/report.html").text


@pytest.mark.slow
def test_the_checks_of_every_kind_pass(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests", tree / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    shutil.copytree(ROOT / "client", tree / "client", ignore=shutil.ignore_patterns("__pycache__"))
    new = "gaussian_dropout or GaussianDropout or adamax or Orthogonal or MinMaxNorm or min_max_norm or majority"
    files = ["tests/models/test_kinds.py", "tests/worker/test_kinds.py"]
    said = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", f"{new} or epochs or task", *files)
    assert "passed" in said
