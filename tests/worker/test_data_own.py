"""Tables of one's own, encoded: as Keras reads texts, by what the rows trained on alone teach, split by chance."""

from __future__ import annotations

import io
import json
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import true

from models.database import Database
from models.datasets import complete, content_of, store
from models.errors import DatasetInvalid, DatasetUnavailable
from models.kinds.datasets.table import Table
from models.preprocessing import TextInput
from models.settings import Settings
from models.specification import Draws
from models.tables import StoredDataset
from models.tabular.options import Options
from models.tabular.read import Sent, read
from tests.worker.conftest import dense
from worker.data import csr, load
from worker.data.encoding import Words
from worker.stored import fetch


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    made = Database(settings)
    yield made
    made.dispose()


@pytest.fixture
def stored(database: Database) -> Any:
    """Stores CSV files as a data set, and gives what a job says of it."""

    def make(train: str, test: str | None = None, **options: Any) -> Any:
        parts: list[tuple[str, int, bytes]] = []
        rows = {"train": 0, "test": 0}

        def write(split: str, count: int, data: bytes) -> None:
            parts.append((split, rows[split], data))
            rows[split] += count

        sent = [None if text is None else Sent(io.BytesIO(text.encode()), "csv") for text in (train, test)]
        assert sent[0] is not None
        card = read(sent[0], sent[1], Options(name="made", **options), 1 << 24, write)
        digest = f"{abs(hash((train, test, str(options)))):064x}"[-64:]
        dataset_id = store(database, "", "made", digest, card, parts, sum(len(data) for *_, data in parts), 1 << 30)

        def table(**fields: Any) -> Table:
            with database.read() as session:
                body = complete(session, true(), {"dataset": {"id": dataset_id, **fields}})
            return Table.model_validate_json(json.dumps(body["dataset"]))

        return table

    return make


def encoded(dataset: Table, tmp_path: Path, database: Database) -> Any:
    return load(dataset, tmp_path, fetch(dataset, tmp_path, database))


TEXTS = [
    "The cat sat on the mat.", "the DOG, the dog!", "a Cat's tail; don't", "ÄPFEL äpfel und 3.5 Birnen", "the the the",
    "dog on cat", "\u00a0no-break\u00a0space", "", "tail (of the) dog", "words-with-hyphens are one",
]  # fmt: skip


@pytest.mark.parametrize("ngrams", [1, 2, 3])
@pytest.mark.parametrize("num_words", [2, 8, 500])
def test_texts_are_read_as_keras_reads_them(
    engine: None, stored: Any, database: Database, tmp_path: Path, num_words: int, ngrams: int
) -> None:
    import keras

    rows = [text for text in TEXTS if text] * 3
    csv = "text,label\n" + "".join(f'"{text}",{"ab"[i % 2]}\n' for i, text in enumerate(rows))
    table = stored(csv, csv, label="label", inputs={"text": "text"})
    data = encoded(table(num_words=num_words, ngrams=ngrams), tmp_path, database)
    layer = keras.layers.TextVectorization(
        max_tokens=num_words, output_mode="multi_hot", pad_to_max_tokens=True, ngrams=ngrams
    )
    layer.adapt(rows)
    np.testing.assert_array_equal(dense(data.test, num_words), layer(rows).numpy())


@pytest.mark.parametrize("encoding", ["count", "tf_idf"])
@pytest.mark.parametrize("ngrams", [1, 2])
def test_words_are_counted_and_weighted_as_scikit_learn_and_keras_do(
    engine: None, stored: Any, database: Database, tmp_path: Path, encoding: str, ngrams: int
) -> None:
    """By the same words, cut in the same way. What is learned is learned from the rows trained on."""
    import keras
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    texts = [text for text in TEXTS if text] * 4
    csv = "text,c,label\n" + "".join(f'"{text}",{"xy"[i % 2]},{"ab"[i % 2]}\n' for i, text in enumerate(texts))
    table = stored(csv, csv, label="label", inputs={"text": "text", "c": "category"})
    dataset = table(num_words=12, ngrams=ngrams, encoding=encoding)
    data = encoded(dataset, tmp_path, database)
    ours = dense(data.test, dataset.inputs)
    np.testing.assert_array_equal(ours[:, :2], np.eye(2)[np.arange(len(texts)) % 2])
    assert data.preprocessing is not None
    column = data.preprocessing.columns[1]
    assert isinstance(column, TextInput)
    rules: dict[str, Any] = {
        "analyzer": lambda text: [word.decode() for word in Words(string.punctuation, "", ngrams).of(text)],
        "vocabulary": column.words,
        "lowercase": False,  # which the analyzer has done
    }
    theirs = CountVectorizer(**rules) if encoding == "count" else TfidfVectorizer(**rules, norm=None)
    np.testing.assert_allclose(ours[:, 3:], theirs.fit_transform(texts).toarray(), rtol=1e-6)
    keras_ = keras.layers.TextVectorization(
        output_mode=encoding, vocabulary=list(column.words), idf_weights=column.weights, ngrams=ngrams
    )
    np.testing.assert_allclose(ours[:, 2:], keras_(np.array(texts)).numpy(), rtol=1e-6)
    held = encoded(table(num_words=12, encoding=encoding, validation={"holdout": 10}), tmp_path, database)
    assert held.preprocessing != data.preprocessing
    assert held.train.values is not None
    assert len(held.train.values) == len(held.train.indices)


@pytest.mark.parametrize("vary", [["split"], ["sample"], ["split", "sample"]], ids="-".join)
@pytest.mark.parametrize("group", [None, "g"])
def test_split_and_sample_are_drawn_with_whole_groups_and_teach_alone(
    stored: Any, database: Database, tmp_path: Path, vary: list[str], group: str | None
) -> None:
    """Each row has a category of its own, which stands in the inputs if and only if the row is trained on."""
    lines = [f"value{i},g{i // 4},{'ab'[i % 2]}" for i in range(80)]
    inputs = {"c": "category"} if group else {"c": "category", "g": "ignore"}
    table = stored("\n".join(["c,g,label", *lines]), label="label", inputs=inputs, group=group)
    dataset = table(validation={"holdout": 20})
    sets = []
    for draws in (None, Draws(), *(Draws(**dict.fromkeys(vary, seed)) for seed in (0, 1))):
        file = fetch(dataset, tmp_path, database)
        data = load(dataset, tmp_path, file, draws)
        assert load(dataset, tmp_path, file, draws).sha256 == data.sha256
        trained = dense(data.train, data.inputs)
        assert (trained.sum(axis=1) == 1).all()
        assert dense(data.validation, data.inputs).sum() == 0
        assert len(data.validation) == 20
        assert (len(data.train) == 60) or group
        sets.append((data, trained))
    plain, first, second = sets[0], *sets[2:]
    assert len({data.sha256 for data, _ in (plain, first, second)}) == 3
    counts = [trained.sum(axis=0) for _, trained in (first, second)]
    if "sample" not in vary:
        assert all(count.max() == 1 for count in counts)
    else:
        assert all(count.max() > 1 for count in counts)
        assert all(0.5 < (count > 0).sum() / 60 < 0.75 for count in counts)
        if group:  # each row of a group as often as the others
            assert all((count > 0).sum() % 4 == 0 and count.sum() % 4 == 0 for count in counts)


def test_numbers_and_categories(stored: Any, database: Database, tmp_path: Path) -> None:
    train = "n,m,c,label\n1,5,red,a\n2,,blue,b\n6,7,,a\n3,9,red,b\n"
    test = "n,m,c,label\n4,,green,a\n1,5,blue,b\n"
    table = stored(train, test, label="label", inputs={"n": "number", "m": "number", "c": "category"})()
    assert (table.inputs, table.numbers, table.density) == (2 + 1 + 2, 2, 2)
    data = encoded(table, tmp_path, database)
    n, m = np.array([1, 2, 6, 3]), np.array([5, 7, 9])
    expected = np.array(
        [[(4 - n.mean()) / n.std(), 0, 1, 0, 0], [(1 - n.mean()) / n.std(), (5 - m.mean()) / m.std(), 0, 1, 0]]
    )  # missing; the categories in their order, blue and red; green was never seen
    np.testing.assert_allclose(dense(data.test, 5), expected, rtol=1e-6)
    assert data.test.labels.tolist() == [0, 1]


def test_what_is_held_out_teaches_nothing(stored: Any, database: Database, tmp_path: Path) -> None:
    """The words, categories and extremes of the held-out rows stand in no other row."""
    lines = [f"word{i} common,{i},value{i},{'ab'[i % 2]}" for i in range(100)]
    table = stored(
        "\n".join(["t,n,c,label", *lines]), label="label", inputs={"t": "text", "n": "number", "c": "category"}
    )
    data = encoded(table(num_words=200, validation={"holdout": 30}), tmp_path, database)
    held, trained = dense(data.validation, data.inputs), dense(data.train, data.inputs)
    assert (len(held), len(trained)) == (30, 70)
    words, values = held[:, 101:], held[:, 1:101]
    assert values.sum() == 0
    assert set(np.flatnonzero(words.any(axis=0))) == {0, 1}  # other words, and the common one
    assert trained[:, 0].mean() == pytest.approx(0, abs=1e-6)
    assert trained[:, 0].std() == pytest.approx(1, abs=1e-6)
    assert trained[:, 1:101].sum(axis=0).max() == 1


def test_held_out_rows_are_drawn_by_chance_and_by_class(stored: Any, database: Database, tmp_path: Path) -> None:
    lines = [f"{i}.5,{'rare' if i < 20 else 'often'}" for i in range(200)]  # the file is in the order of the classes
    table = stored("\n".join(["n,label", *lines]), label="label")
    draws = []
    for seed in (0, 0, 1):
        data = encoded(table(validation={"holdout": 50}, split_seed=seed), tmp_path, database)
        assert sorted(np.bincount(data.validation.labels.astype(int))) == [5, 45]
        assert sorted(np.bincount(data.train.labels.astype(int))) == [15, 135]
        draws.append(data.validation.numbers.ravel().tolist())
    assert draws[0] == draws[1]
    assert sorted(draws[0]) != sorted(draws[2])


def test_a_group_stands_on_one_side(stored: Any, database: Database, tmp_path: Path) -> None:
    lines = [f"{i % 17},{i % 17},{'ab'[i % 2]}" for i in range(170)]
    table = stored("\n".join(["n,patient,label", *lines]), label="label", group="patient", inputs={"n": "category"})
    data = encoded(table(validation={"holdout": 35}), tmp_path, database)
    assert len(data.validation) == 40  # four groups of ten: three are not enough
    groups = [
        set(dense(rows, data.inputs).argmax(axis=1)[rows.indptr[1:] > rows.indptr[:-1]]) for rows in (data.train,)
    ]
    assert len(groups[0]) == 13
    with pytest.raises(DatasetInvalid, match="none is left"):
        encoded(table(validation={"holdout": 169}), tmp_path, database)


def test_a_number_as_label(stored: Any, database: Database, tmp_path: Path) -> None:
    lines = [f"{i}.5,{i * 1.5}" for i in range(40)]
    table = stored("\n".join(["n,price", *lines]), label="price", task="regression")
    data = encoded(table(validation={"holdout": 10}), tmp_path, database)
    assert sorted([*data.train.labels, *data.validation.labels]) == [i * 1.5 for i in range(40)]
    assert table().task.name == "regression"


def test_one_that_is_gone(stored: Any, database: Database, tmp_path: Path, settings: Settings) -> None:
    table = stored("n,label\n1.5,a\n2,b\n3,a\n4,b\n", "n,label\n1,a\n", label="label")()
    with pytest.raises(DatasetUnavailable, match="service alone"):
        load(table, tmp_path, None)
    with database.write() as session:
        row = session.get_one(StoredDataset, table.id)
        assert content_of(row) == table.content
        session.delete(row)
    with pytest.raises(DatasetUnavailable, match="deleted"):
        fetch(table, tmp_path, database)
    assert not list((tmp_path / "datasets").glob("table-*[0-9a-f]"))


def test_rows_in_any_order() -> None:
    rows = csr.Rows(np.array([0, 2, 2, 5]), np.array([1, 4, 0, 2, 3], np.int32), np.array([0, 1, 2], np.float32))
    taken = csr.joined([rows, rows]).take(np.array([5, 0, 1]))
    assert [taken.indices[a:b].tolist() for a, b in zip(taken.indptr, taken.indptr[1:], strict=False)] == [
        [0, 2, 3],
        [1, 4],
        [],
    ]
    assert taken.labels.tolist() == [2, 0, 1]
