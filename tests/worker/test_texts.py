"""What rows say in words, or why that is not to be had; nothing is downloaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.apart import run_apart
from tests.worker.test_data_imdb import ragged, save
from worker.data import reuters
from worker.texts import NotToBeHad, texts

SAID = [[1, 2], [3], [2, 1], [1, 2], [9]]


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, Any]:
    """The test rows of five reviews, by Keras's order, and their labels."""
    arrays: dict[str, Any] = {
        "x_train": ragged([[1, 2], [3]]),
        "y_train": [0, 1],
        "x_test": ragged(SAID),
        "y_test": [1, 0, 1, 0, 0],
    }
    words = tmp_path / "words.json"
    words.write_text(json.dumps({"good": 1, "film": 2, "bad": 3}))
    shuffle, order = np.random.RandomState(113), np.arange(5)
    shuffle.shuffle(np.arange(2))
    shuffle.shuffle(order)
    rows = {row: arrays["y_test"][i] for row, i in enumerate(order, 1)}
    npz = save(tmp_path / "imdb.npz", arrays)
    return {"name": "imdb", "split": "test", "npz": str(npz), "word_index": str(words), "rows": rows}


def test_rows_in_words_and_who_says_the_same(asked: dict[str, Any]) -> None:
    found = run_apart("worker.texts", asked, 60, 4 << 30)["result"]
    assert sorted((each["text"], each["training"], each["labels"]) for each in found.values()) == [
        ("[UNK]", 0, {"0": 1}),
        ("bad", 1, {"0": 1, "1": 1}),
        ("film good", 0, {"1": 1}),
        ("good film", 1, {"0": 2, "1": 1}),
        ("good film", 1, {"0": 2, "1": 1}),
    ]
    label = {"bad": 1, "good film": 0}
    training = {**asked, "split": "train", "rows": {}}
    for row in (1, 2):
        for said in label.values():
            try:
                training["rows"] = {row: said}
                (of,) = texts(training).values()
            except NotToBeHad:
                continue
            assert of["training"] == 0, "it does not count itself"
            assert label[of["text"]] == said


def test_newswires_are_of_one_array(tmp_path: Path) -> None:
    both = save(tmp_path / "reuters.npz", {"x": ragged([[i] for i in range(1, 11)]), "y": np.arange(10)})
    with both.open("rb") as file:
        said = reuters.texts(file, np.random.RandomState(113))
    with both.open("rb") as file:
        rows = reuters.splits(file, np.random.RandomState(113))
    for split, (reports, labels) in said.items():
        assert labels == rows[split].labels.tolist()
        assert [report[0] for report in reports] == [label + 1 for label in labels]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"word_index": None}, "set OCKHAM_IMDB_WORD_INDEX to a copy of Keras's imdb_word_index.json"),
        ({"npz": None}, "set OCKHAM_IMDB_NPZ to a copy of Keras's imdb.npz"),
        ({"word_index": "imdb.npz"}, "The file is not Keras's imdb_word_index.json"),
        ({"npz": "words.json"}, "is not Keras's imdb.npz"),
        ({"word_index": "none"}, "OCKHAM_IMDB_WORD_INDEX names cannot be read"),
        ({"rows": {6: 0}}, "other rows than the runs were trained on"),
        ({"rows": {1: 2}}, "other rows than the runs were trained on"),
    ],
)
def test_why_there_is_nothing(
    asked: dict[str, Any], changes: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # no cache of Keras's
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotToBeHad, match=words):
        texts({**asked, **changes})
