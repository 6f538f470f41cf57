"""Rows that are wrong, and ensembles of seeds, over HTTP: of what runs keep, with the rows' own values."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from models.kinds.tasks.binary import Binary
from models.predictions import pack
from models.why import Rises
from tests.api.conftest import Trainer, submit
from tests.api.test_contract import is_problem
from tests.api.test_predictions import TABLES
from tests.api.test_report import Page
from tests.worker.test_data_imdb import keras_reading, ragged, save

LABELS = np.array([[1], [0], [1], [0]], np.float32)
RIGHT = 2 * LABELS - 1
AT_LEAST = RIGHT * np.array([[1], [1], [1], [-1]], np.float32)
AT_LAST = RIGHT * np.array([[3], [-2], [3], [-3]], np.float32)


def kept(outputs: np.ndarray) -> tuple[bytes, int]:
    return pack(Binary(), None, LABELS, outputs.astype(np.float32)), 0


def trained(trainer: Trainer, runs: int) -> None:
    """Runs whose second row is wrong only at the last epoch, and whose fourth always is."""
    for i in range(runs):
        held = trainer.claim()
        scaled = (1 + i) * AT_LAST
        rises = Rises(Binary(), LABELS.astype(np.float64))
        for epoch, outputs in enumerate((AT_LEAST, scaled), 1):
            rises.see(outputs.astype(np.float32))
            trainer.record(held, epoch)
        told = json.dumps(rises.rows).encode()
        trainer.succeed(held, predictions={"validation": kept(scaled), "least": kept(AT_LEAST), "why": (told, 0)})


def sent(http: httpx.Client, more: str = "") -> dict[str, Any]:
    """A table of four test rows; `more`: lines of the training file."""
    train = "text,y\n" + "".join(f"word{i % 3} other,{'yes' if i % 2 else 'no'}\n" for i in range(20)) + more
    test = "text,y\n" + "".join(f"row {i},{label}\n" for i, label in enumerate(["yes", "no", "yes", "no"], 1))
    files: dict[str, Any] = {
        "train": ("train.csv", io.BytesIO(train.encode())),
        "test": ("test.csv", io.BytesIO(test.encode())),
        "options": (None, json.dumps({"label": "y", "inputs": {"text": "text"}}).encode()),
    }
    answer = http.post("/v1/datasets", files=files)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_rows_have_their_values_as_long_as_the_data_set_is_there(http: httpx.Client, trainer: Trainer) -> None:
    dataset = sent(http)
    layers = [{"type": "dense", "units": 2}]
    job = submit(
        http,
        variants=[{"name": "a", "layers": layers}, {"name": "b", "layers": []}],
        seeds=[0, 1],
        dataset={"id": dataset["id"]},
        training={"epochs": 2},
    )
    at = f"/v1/jobs/{job['id']}"
    nothing = http.get(f"{at}/mistakes").json()
    assert (nothing["object"], nothing["variant"], nothing["n"], nothing["always"]) == (
        "mistakes", "a", 0, {"count": 0, "data": []},
    )  # fmt: skip
    trained(trainer, 4)
    answer = http.get(f"{at}/mistakes?variant=b")
    found = answer.json()
    assert (found["variant"], found["n"], found["rows"], found["split"]) == ("b", 2, 4, "test")
    (row,) = found["always"]["data"]
    assert (row["row"], row["label"], row["answer"], row["values"]) == (4, "no", "yes", {"text": "row 4", "y": "no"})
    assert row["same_inputs"] == {"training": 0, "labels": {"no": 1}}
    assert found["no_values"] is None
    assert [each["values"]["text"] for each in found["overfitted"]["data"]] == ["row 2"]
    assert found["overfitted"]["count"] == 1
    assert {each["row"] for each in found["label_errors"]["data"]} <= {1, 2, 3, 4}
    few = http.get(f"{at}/mistakes?limit=0").json()
    assert (few["always"]["count"], few["always"]["data"]) == (1, [])
    again = http.get(f"{at}/mistakes?variant=b", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert http.delete(f"/v1/datasets/{dataset['id']}").status_code == 204
    gone = http.get(f"{at}/mistakes?variant=b", headers={"If-None-Match": answer.headers["ETag"]})
    assert gone.status_code == 200, "what was deleted is not shown from a memory"
    assert gone.json()["always"]["data"][0]["values"] is None
    assert gone.json()["no_values"] == "The data set was deleted"
    is_problem(http.get(f"{at}/mistakes?variant=nobody"), 404, "not_found")
    is_problem(http.get(f"{at}/mistakes?limit=101"), 422, "invalid_parameters")


def test_rows_with_the_inputs_of_others_are_told(http: httpx.Client, trainer: Trainer) -> None:
    """The fourth test row stands in the training file too, with both labels: no network can have all of them right."""
    dataset = sent(http, more="row 4,yes\nrow 4,yes\nrow 4,no\n")
    layers = [{"type": "dense", "units": 2}]
    job = submit(
        http,
        variants=[{"name": "a", "layers": layers}],
        seeds=[0],
        dataset={"id": dataset["id"]},
        training={"epochs": 2},
    )
    trained(trainer, 1)
    found = http.get(f"/v1/jobs/{job['id']}/mistakes").json()
    assert found["always"]["data"][0]["same_inputs"] == {"training": 3, "labels": {"no": 2, "yes": 2}}
    assert found["overfitted"]["data"][0]["same_inputs"] == {"training": 0, "labels": {"no": 1}}


def test_words_of_keras_reviews(
    serve: Callable[..., httpx.Client], trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text of a row is that of the review which Keras's own loader gives as this row."""
    monkeypatch.setenv("HOME", str(tmp_path))  # no cache of Keras's
    said = [[1, 2], [3, 3, 9], [2, 1], [4], [1], [4, 1, 2], [3, 4], [1, 2]]
    labels = [1, 0, 1, 0, 0, 1, 0, 1]
    npz = save(
        tmp_path / "imdb.npz",
        {
            "x_train": ragged([[1, 2], [5], [4]]),
            "y_train": np.array([0, 1, 0]),
            "x_test": ragged(said),
            "y_test": labels,
        },
    )
    words = {"the": 1, "film": 2, "don't": 3, "bad": 4}
    (tmp_path / "index.json").write_text(json.dumps(words))
    by_rank = {rank: word for word, rank in words.items()}
    with keras_reading(npz) as load_data:
        _, (reviews, shown) = load_data()
    both = serve(imdb_npz=npz, imdb_word_index=tmp_path / "index.json")
    job = submit(both, variants=["original"], dataset={"name": "imdb"}, training={"epochs": 2})
    held = trainer.claim()
    told = json.dumps([{"epoch": 1, "since": 1}, {"epoch": 2, "since": 1}]).encode()
    for epoch in (1, 2):
        trainer.record(held, epoch)
    outputs = pack(Binary(), None, np.array(shown, np.float32)[:, None], (1 - 2 * np.array(shown, np.float32))[:, None])
    trainer.succeed(held, predictions={"validation": (outputs, 0), "least": (outputs, 0), "why": (told, 0)})
    at = f"/v1/jobs/{job['id']}/mistakes?limit=100"
    answer = both.get(at).json()
    assert answer["no_values"] is None
    assert answer["always"]["count"] == 8
    for row in answer["always"]["data"]:
        ids = reviews[row["row"] - 1][1:]  # behind the start, each rank and 3
        assert row["values"] == {"text": " ".join(by_rank.get(id - 3, "[UNK]") for id in ids)}
        counts = {"the film": (1, {"0": 1, "1": 2}), "bad": (1, {"0": 2})}
        training, by_label = counts.get(row["values"]["text"], (0, {str(row["label"]): 1}))
        assert row["same_inputs"] == {"training": training, "labels": by_label}

    without = serve(imdb_npz=npz, imdb_word_index=None).get(at).json()
    assert "set OCKHAM_IMDB_WORD_INDEX to a copy of Keras's imdb_word_index.json" in without["no_values"]
    assert without["always"]["data"][0]["values"] is None


def test_seeds_together_and_predictions_at_both_ends(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http, variants=["original"], seeds=[0, 1], training={"epochs": 2})
    trained(trainer, 2)
    at = f"/v1/jobs/{job['id']}"
    answer = http.get(f"{at}/ensembles").json()
    (found,) = answer["variants"]
    assert (answer["object"], found["variant"], found["n"], found["rows"]) == ("ensembles", "original", 2, 4)
    probable = np.mean([1 / (1 + np.exp(-scale * AT_LAST)) for scale in (1, 2)], axis=0)
    own = np.where(LABELS > 0.5, probable, 1 - probable)
    assert found["together"]["data_loss"] == pytest.approx(-np.log(own).mean())
    assert found["together"]["acc"] == found["single"]["acc"] == 0.5
    assert found["single"]["data_loss"] > found["together"]["data_loss"]
    assert http.get(f"{at}/ensembles?split=test").json()["variants"] == answer["variants"], "the same rows"
    run = f"/v1/runs/{job['runs'][0]['id']}/predictions"
    for end, epoch, outputs in (("chosen", 2, AT_LAST), ("least", 1, AT_LEAST), ("last", 2, AT_LAST)):
        listed = http.get(run, params={"at": end}).json()
        assert listed["epoch"] == epoch
        predicted = [row["prediction"] for row in listed["data"]]
        assert predicted == pytest.approx(list(1 / (1 + np.exp(-outputs[:, 0]))), rel=1e-3)
    comparison = http.post("/v1/comparisons", json={"jobs": [job["id"]]}).json()
    is_problem(http.get(f"/v1/comparisons/{comparison['id']}/mistakes"), 404, "not_found")


def test_what_is_left_of_a_gain_once_probabilities_are_recalibrated(http: httpx.Client, trainer: Trainer) -> None:
    layers = [{"type": "dense", "units": 2}]
    job = submit(
        http,
        variants=[{"name": "a", "layers": layers}, {"name": "b", "layers": []}],
        seeds=[0, 1],
        training={"epochs": 2},
    )
    at = f"/v1/jobs/{job['id']}/recalibration"
    assert http.get(at).json()["variants"] == []
    trained(trainer, 4)
    answer = http.get(at)
    found = answer.json()
    assert (found["object"], found["at"]) == ("recalibration", "chosen")
    assert [(each["variant"], each["n"], each["rows"]) for each in found["variants"]] == [("a", 2, 4), ("b", 2, 4)]
    assert found["variants"][0]["temperature"] != 1
    (compared,) = found["comparisons"]
    assert (compared["variant"], compared["baseline"], compared["n"]) == ("b", "a", 2)
    means = [each["recalibrated"] for each in found["variants"]]
    assert compared["difference"] == pytest.approx(means[1] - means[0], abs=1e-12)
    assert http.get(at, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    last = http.get(at, params={"at": "last"}).json()
    assert (last["at"], last["variants"]) == ("last", found["variants"]), "the last epoch was the chosen one"
    is_problem(http.get(at, params={"at": "least"}), 422, "invalid_parameters")


def test_the_report_has_seeds_together_and_recalibrated_losses(http: httpx.Client, trainer: Trainer) -> None:
    layers = [{"type": "dense", "units": 2}]
    variants = [{"name": "a", "layers": layers}, {"name": "b", "layers": []}]
    job = submit(http, variants=variants, seeds=[0, 1], training={"epochs": 2})
    at = f"/v1/jobs/{job['id']}"
    assert "Without more training" not in http.get(f"{at}/report.html").text
    trained(trainer, 4)
    page = Page(http.get(f"{at}/report.html").text)
    words = " ".join(page.words.split())
    for name in ("ensembles", "recalibration"):
        answer = http.get(f"{at}/{name}").json()
        assert answer["sentence"] in words
    assert "VariantByValidation cross-entropyValidation accuracyAgainst one seed of a" in words
    for variant in http.get(f"{at}/ensembles").json()["variants"]:
        for who, of in (("one seed", "single"), ("2 seeds together", "together")):
            assert f"{variant['variant']}{who}{variant[of]['data_loss']:.4f}{variant[of]['acc']:.4f}" in words
    for each in answer["comparisons"]:
        assert f"{each['difference']:+.4f}" in words
        assert each["in_words"] in words


def test_who_has_none(http: httpx.Client, trainer: Trainer) -> None:
    """A regression has no wrong rows; and of a run of an earlier version the ends are not kept."""
    regression = submit(http, variants=["original"], dataset=TABLES["regression"])
    is_problem(http.get(f"/v1/jobs/{regression['id']}/mistakes"), 422, "not_for_task")
    is_problem(http.get(f"/v1/jobs/{regression['id']}/recalibration"), 422, "not_for_task")
    assert http.get(f"/v1/jobs/{regression['id']}/ensembles").json()["variants"] == []
    trainer.succeed(trainer.claim())
    job = submit(http, variants=["original"], training={"epochs": 2})
    trainer.succeed(trainer.claim(), predictions={"validation": kept(AT_LAST)})
    assert "`synthetic`" in http.get(f"/v1/jobs/{job['id']}/mistakes").json()["no_values"]
    assert http.get(f"/v1/jobs/{job['id']}/mistakes").json()["n"] == 0
    for end in ("least", "last"):
        problem = http.get(f"/v1/runs/{job['runs'][0]['id']}/predictions", params={"at": end})
        is_problem(problem, 404, "predictions_not_kept")
