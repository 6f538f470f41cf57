"""New rows, predicted over HTTP by what runs learned: the same as Keras says of the model and of the rows' inputs."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from models.errors import DatasetInvalid, DatasetUnavailable
from models.kinds.datasets.imdb import Imdb
from ockham_client import Client, OckhamAPIError
from tests.test_own_data import send, table
from worker.data import imdb
from worker.data.encoding import Encoder

pytestmark = pytest.mark.slow

KERAS = """
import json, sys, zipfile
import numpy as np
import keras

for name, inputs in json.load(sys.stdin).items():
    model = keras.models.load_model(name)
    if isinstance(inputs, dict):  # columns of a model that takes rows as they are written
        kinds = {column: object if type(values[0]) is str else np.float32 for column, values in inputs.items()}
        inputs = {column: np.array(values, kinds[column]) for column, values in inputs.items()}
    else:
        inputs = np.array(inputs, np.float32)
    print("OUT" + json.dumps(model.predict(inputs, verbose=0).tolist()))
"""


def by_keras(folder: Path, inputs: dict[str, Any]) -> list[Any]:
    """What Keras, without our code, makes of inputs: of each model file in `folder`."""
    done = subprocess.run(
        [sys.executable, "-c", KERAS], input=json.dumps(inputs), capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line[3:]) for line in done.stdout.splitlines() if line.startswith("OUT")]


def inputs_of(row: dict[str, Any], told: dict[str, Any]) -> list[float]:
    """A row's inputs by the words of `preprocessing.json` alone."""
    inputs = [0.0] * told["inputs"]
    for column in told["columns"]:
        value = row[column["column"]]
        if column["kind"] == "number":
            if value is None:
                inputs[column["missing"]] = 1.0
            else:
                inputs[column["input"]] = (value - column["mean"]) / column["deviation"]
        elif column["kind"] == "category":
            if value in column["values"]:
                inputs[column["input"] + column["values"].index(value)] = 1.0
        else:
            known, weights = column["words"], column["weights"]
            for word in value.lower().translate(str.maketrans("", "", column["removed"])).split():
                place = known.index(word) if word in known else None
                input = column["unknown"] if place is None else column["input"] + place
                weight = 1.0 if weights is None else column["unknown_weight"] if place is None else weights[place]
                inputs[input] = weight if column["encoding"] == "multi_hot" else inputs[input] + weight
    return inputs


@pytest.fixture(scope="module")
def client(live: str) -> Iterator[Client]:
    with Client(live) as made:
        yield made


@pytest.fixture(scope="module")
def http(live: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live, timeout=60) as made:
        yield made


def trained(client: Client, **dataset: Any) -> str:
    """A run's id, of a small network."""
    small = {"name": "small", "layers": [{"type": "dense", "units": 6, "activation": "relu"}]}
    training = {"epochs": 3, "batch_size": 32, "optimizer": {"name": "adam", "learning_rate": 0.02}}
    job = client.wait(client.submit({"dataset": dataset, "training": training, "variants": [small]}), timeout=120)
    assert job.status == "succeeded", job.raw
    return job.runs[0].id


def test_predictions_are_kerass_and_contributions_what_is_lost_without_an_input(
    client: Client, http: httpx.Client, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {}
    answered = []
    for label, task in (("verdict", "binary"), ("stars", "multiclass"), ("price", "regression")):
        csv = "\n".join(line for line in table(300, 1).splitlines() if label != "price" or ",," not in line)
        made = send(http, csv, label=label, task=task).json()
        encoding = {"binary": "multi_hot", "multiclass": "count", "regression": "tf_idf"}[task]
        run = trained(client, id=made["id"], num_words=11, encoding=encoding)
        columns = [each["column"] for each in made["inputs"]]
        given = {"text": "Good, it was AWFUL! unheard", "price": 11.5, "colour": "red", "stars": 4, "verdict": "yes"}
        row = {name: given[name] for name in columns}
        lacking = {**row, "text": "", "colour": "violet", "price": None} if label != "price" else {**row, "text": ""}
        predictions = client.predict(run, [row, lacking])
        answered.append((task, row, predictions, told := http.get(f"/v1/runs/{run}/preprocessing.json").json()))
        client.model(run, tmp_path / f"{task}.keras")
        with zipfile.ZipFile(tmp_path / f"{task}.keras") as archive:
            assert json.loads(archive.read("preprocessing.json")) == told
        without = [{**row, "text": "it was AWFUL! unheard"}, {**row, "text": "Good, it was unheard"}]
        if label != "price":  # as the mean, and without the sign that it is missing
            mean = next(each["mean"] for each in told["columns"] if each["column"] == "price")
            without.append({**row, "price": mean})
        asked[f"{task}.keras"] = [inputs_of(each, told) for each in (row, lacking, *without)]
        if task != "multiclass":
            client.model(run, tmp_path / f"{task}-raw.keras", raw=True)
            columns_ = {name: [row[name], lacking[name]] for name in row}
            asked[f"{task}-raw.keras"] = {n: [math.nan if v is None else v for v in vs] for n, vs in columns_.items()}

    found_by_keras = dict(zip(asked, by_keras(tmp_path, asked), strict=True))
    for task, row, predictions, told in answered:
        outputs = found_by_keras[f"{task}.keras"]
        if raw := found_by_keras.get(f"{task}-raw.keras"):
            assert raw == [pytest.approx(output, rel=1e-4, abs=1e-6) for output in outputs[:2]]
        place = 0
        for prediction, output in zip(predictions, outputs[:2], strict=True):
            if task == "regression":
                assert (prediction["label"], prediction["probabilities"]) == (None, None)
                assert prediction["value"] == pytest.approx(output[0], rel=1e-4)
            else:
                shares = [1 - output[0], output[0]] if task == "binary" else output
                assert list(prediction["probabilities"].values()) == pytest.approx(shares, abs=1e-5)
                assert prediction["label"] == told["classes"][max(range(len(shares)), key=shares.__getitem__)]
        if task == "multiclass":
            place = told["classes"].index(predictions[0]["label"])
        found = {(each["column"], each["input"]): each["effect"] for each in predictions[0]["contributions"]}
        effects = [outputs[0][place] - each[place] for each in outputs[2:]]
        parts = [("text", "good"), ("text", "awful"), ("price", "price")][: len(effects)]
        assert [found[part] for part in parts] == pytest.approx(effects, abs=1e-5)
        assert found.keys() == {("text", word) for word in ("good", "it", "was", "awful", "[UNK]")} | {
            (name, name if name in ("price", "stars") else row[name]) for name in row if name != "text"
        }


def test_rows_that_cannot_be_predicted_are_told_with_their_places(client: Client, http: httpx.Client) -> None:
    made = send(http, table(200, 1), label="verdict").json()
    run = trained(client, id=made["id"], num_words=11)
    good = {"text": "good", "price": 1, "colour": "red", "stars": 3}

    def refused(body: Any, status: int = 422) -> list[tuple[str, str]]:
        answer = http.post(f"/v1/runs/{run}/predict", json=body)
        assert answer.status_code == status, answer.text
        assert answer.json()["code"] == "invalid_rows"
        return [(each["pointer"], each["code"]) for each in answer.json()["errors"]]

    bad = [{**good, "colour/~": 1}, {"text": 3, "price": "x", "colour": "red"}]
    assert refused({"rows": bad}) == [
        ("/rows/0/colour~1~0", "unknown_column"),
        ("/rows/1/text", "not_a_text"),
        ("/rows/1/price", "not_a_number"),
        ("/rows/1/stars", "missing_column"),
    ]
    assert refused({"texts": ["good"]}) == [("/texts", "not_texts")]
    assert refused({"rows": [good] * 1001}) == [("/rows", "too_long")]
    assert refused({"rows": []}) == [("/rows", "too_short")]
    assert refused({}) == [("", "rows_or_texts")]
    assert refused([]) == [("", "model_type")]
    assert refused({"rows": [good], "more": 1}) == [("/more", "extra_forbidden")]
    long = " ".join(f"w{i}" for i in range(10))
    assert http.post(f"/v1/runs/{run}/predict", json={"rows": [{**good, "text": long}] * 1000}).status_code == 200
    plain = http.post(f"/v1/runs/{run}/predict", json={"rows": [good] * 3, "contributions": False}).json()
    assert [each["contributions"] for each in plain["predictions"]] == [None] * 3
    assert http.delete(made["links"]["self"]).status_code == 204  # the model needs its rows no longer
    assert http.post(f"/v1/runs/{run}/predict", json={"rows": [good]}).status_code == 200
    assert http.post("/v1/runs/run_nothing/predict", json={"rows": [good]}).status_code == 404


def test_the_client_and_the_command_line_predict_texts(client: Client, tmp_path: Path) -> None:
    run = trained(client, name="synthetic", reviews=200, num_words=100)
    with pytest.raises(OckhamAPIError, match=r"preprocessing\.json"):
        client.model(run, tmp_path / "raw.keras", raw=True)
    one, other = client.predict(run, texts=["17 5 17 99999", "5"])
    assert set(one["probabilities"]) == {"0", "1"}
    assert {each["input"] for each in one["contributions"]} == {"17", "5", "[UNK]"}
    assert [each["input"] for each in other["contributions"]] == ["5"]
    assert client.predict(run, rows=[{"text": "5"}]) == [other]
    for given in ("17 5", '{"text": "17 5"}'):
        command = [sys.executable, "-m", "ockham", "predict", run, given, "--url", client.url]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
        assert "17" in told.stdout
        assert "effect on the probability of 1" in told.stdout
    refused = subprocess.run([*command[:-3], "{}", *command[-2:]], capture_output=True, text=True, check=False)
    assert (refused.returncode, "missing_column" in refused.stderr or "null" in refused.stderr) == (2, True)


def test_words_of_keras_reviews_are_those_of_its_word_index(tmp_path: Path) -> None:
    """The ids are those that `keras.datasets.imdb.load_data` gives: a word's rank and 3, 1 in front, 2 if unknown."""
    index = tmp_path / "index.json"
    index.write_text(json.dumps({"the": 1, "and": 2, "don't": 3, "film": 4}))
    dataset = Imdb(num_words=10)
    told = imdb.preprocessing(dataset, tmp_path, index)
    rows = Encoder(told).encode({"text": ["The film, and don't!THE", "of"]}, np.zeros(2, np.float32))
    assert [rows.indices[a:b].tolist() for a, b in itertools.pairwise(rows.indptr)] == [[1, 4, 5, 6, 7], [1, 2]]
    assert told.classes == ("0", "1")
    for content in ("[]", "{}", '{"a": "b"}', "{", '{"a": -3}', '{"a": 9999999999}'):
        index.write_text(content)
        with pytest.raises(DatasetInvalid):
            imdb.preprocessing(dataset, tmp_path, index)
    with pytest.raises(DatasetUnavailable, match="OCKHAM_IMDB_WORD_INDEX"):
        imdb.preprocessing(dataset, tmp_path, tmp_path / "none")
