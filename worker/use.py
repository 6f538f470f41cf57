"""`python -m worker.use`: what a run's model says of new rows, and what its inputs are made by.

A process of its own, within limits, for the API: NumPy computes the kept weights' answer, so that it needs no
TensorFlow, and is there in the time in which that would be imported.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from models.apart import answer
from models.errors import DatasetInvalid, DatasetUnavailable
from models.kinds.layer import Layer
from models.kinds.layers.dense import Dense
from models.kinds.texts import Texts
from models.preprocessing import MEMBER, NumberInput, Preprocessing, TextInput
from models.specification import RunSpecification
from worker.data import csr, standardised
from worker.data.encoding import Encoder

BLOCK_BYTES = 64 << 20
"""Of the values of a layer that are computed at once."""

Values = NDArray[np.float64]


class NotToBeHad(Exception):
    """The run's rows cannot be made from what somebody writes."""


class TooManyInputs(Exception):
    """The rows have so many inputs that saying what each contributes takes too long."""


# --- the network


class Network:
    """A run's network, from its model file: float64, in inference. Its first dense layer is the first with weights."""

    def __init__(self, archive: zipfile.ZipFile, layers: Sequence[Layer]) -> None:
        # Beside the archive: within it, reading back and forth is slow.
        path = archive.extract("model.weights.h5", Path(str(archive.filename)).parent)
        with h5py.File(path, "r") as file:
            self._layers = list(zip(layers, _weights(file["layers"], layers), strict=True))
        while not self._layers[0][1]:
            del self._layers[0]  # without weights, and so without effect
        first, weights = self._layers[0]
        assert isinstance(first, Dense)
        self._first, self.kernel = first, weights[0]

    def product(self, rows: Any) -> Values:
        """The first layer's product of sparse rows (rows, inputs) with its kernel: (rows, units)."""
        used = np.unique(rows.indices)
        return np.asarray(rows[:, used] @ self.kernel[used].astype(np.float64))

    def outputs(self, products: Values) -> Values:
        """What the network makes of the first layer's products: (rows, outputs)."""
        widest = max(weights[0].shape[-1] for _, weights in self._layers if weights)
        size = max(1, BLOCK_BYTES // (8 * widest))
        return np.concatenate([self._outputs(products[i : i + size]) for i in range(0, len(products), size)])

    def _outputs(self, products: Values) -> Values:
        values = self._first.finish(products, self._layers[0][1])
        for layer, weights in self._layers[1:]:
            values = layer.infer(values, weights)
        return values


def _weights(groups: Any, layers: Sequence[Layer]) -> Iterator[list[NDArray[np.float32]]]:
    """Of each layer the weights, in Keras's order, as Keras's file has them: by the names of the layers' classes."""
    seen: dict[str, int] = {}
    for layer in layers:
        name = re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", _class(layer))).lower()
        number = seen[name] = seen.get(name, -1) + 1
        variables = groups[f"{name}_{number}" if number else name]["vars"]
        yield [variables[str(i)][()] for i in range(len(variables))]


def _class(layer: Layer) -> str:
    return layer.keras.rpartition(".")[2]


# --- its inputs


def preprocessing_of(run: RunSpecification, archive: zipfile.ZipFile, asked: dict[str, Any]) -> Preprocessing:
    """What makes the network's inputs. Raises NotToBeHad."""
    if MEMBER in archive.namelist():
        return Preprocessing.model_validate_json(archive.read(MEMBER))
    if not isinstance(run.dataset, Texts):
        raise NotToBeHad("The model does not say how its inputs are made: train it anew")
    loader = import_module(f"worker.data.{run.dataset.name}")
    file = Path(asked["word_index"]) if asked["word_index"] else None
    try:
        made: Preprocessing = loader.preprocessing(run.dataset, Path(asked["data_dir"]) / "datasets", file)
    except (DatasetUnavailable, DatasetInvalid) as error:
        raise NotToBeHad(str(error)) from error
    return made


# --- what it says of rows


class Without(NamedTuple):
    """A part of a row, and the inputs by which it acts."""

    column: str
    input: str
    inputs: tuple[int, ...]


def predict(run: RunSpecification, archive: zipfile.ZipFile, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """A prediction for each row of `asked["rows"]`, columns of as many values. Raises NotToBeHad, TooManyInputs."""
    preprocessing = preprocessing_of(run, archive, asked)
    encoder = Encoder(preprocessing)
    rows = encoder.encode(asked["rows"], np.zeros(asked["count"], np.float32))
    sparse = matrix(rows, preprocessing)
    network = Network(archive, (*run.layers, run.dataset.task.output))
    products = network.product(sparse)
    outputs = network.outputs(products)
    classes = preprocessing.classes
    predictions = [_prediction(each, classes) for each in outputs]
    if not asked["contributions"]:
        return predictions
    parts = [list(_parts(encoder, asked["rows"], i, sparse)) for i in range(len(predictions))]
    if (count := sum(map(len, parts))) > asked["most"]:
        raise TooManyInputs(f"The rows have {count:,} inputs together, and may have {asked['most']:,}")
    for i, own in enumerate(parts):
        if own:
            row = sparse[[i]]
            values = dict(zip(row.indices.tolist(), row.data.tolist(), strict=True))
            changed = np.stack([products[i] - _taken(values, part.inputs, network.kernel) for part in own])
            place = 0 if outputs.shape[1] == 1 else int(outputs[i].argmax())
            effects = outputs[i, place] - network.outputs(changed)[:, place]
        else:
            effects = np.zeros(0)
        told = [
            {"column": part.column, "input": part.input, "effect": float(effect)}
            for part, effect in zip(own, effects, strict=True)
        ]
        predictions[i]["contributions"] = sorted(told, key=lambda each: -abs(each["effect"]))
    return predictions


def matrix(rows: csr.Rows, preprocessing: Preprocessing) -> Any:
    """The rows as a sparse matrix: float64 (rows, inputs)."""
    shape = (len(rows), preprocessing.inputs)
    values = np.ones(len(rows.indices)) if rows.values is None else rows.values.astype(np.float64)
    words = scipy.sparse.csr_array((values, rows.indices, rows.indptr), shape=shape)
    if rows.numbers is None:
        return words
    scales = [(each.mean, each.deviation) for each in preprocessing.columns if isinstance(each, NumberInput)]
    numbers = standardised(rows, scales).numbers
    assert numbers is not None
    padded = scipy.sparse.csr_array((numbers.ravel().astype(np.float64), _dense(numbers.shape)), shape=shape)
    return (words + padded).tocsr()


def _dense(shape: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    count, width = shape
    return np.repeat(np.arange(count), width), np.tile(np.arange(width), count)


def _parts(encoder: Encoder, rows: dict[str, list[Any]], row: int, matrix: Any) -> Iterator[Without]:
    """What a row is made of: each number, each category's value, each different word of each text."""
    present = set(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].tolist())
    for column in encoder.preprocessing.columns:
        if isinstance(column, NumberInput):
            flag = () if column.missing is None else (column.missing,)
            yield Without(column.column, column.column, (column.input, *flag))
        elif isinstance(column, TextInput):
            words = {input: word for word, input in encoder.words(column, rows[column.column][row] or "")}
            for input, word in words.items():
                unknown = input == column.unknown
                yield Without(column.column, "[UNK]" if unknown else word.decode(), (input,))
        else:
            for input in present & set(range(column.input, column.input + len(column.values))):
                yield Without(column.column, column.values[input - column.input], (input,))


def _taken(row: dict[int, float], inputs: tuple[int, ...], kernel: NDArray[np.float32]) -> Values:
    """What these inputs add to the first layer's product; `row`: the values that are not 0."""
    values = np.array([row.get(input, 0.0) for input in inputs])
    return np.asarray(values @ kernel[list(inputs)].astype(np.float64))


def _prediction(output: Values, classes: tuple[str, ...] | None) -> dict[str, Any]:
    if classes is None:
        return {"label": None, "probabilities": None, "value": float(output[0]), "contributions": None}
    both = [1 - float(output[0]), float(output[0])] if len(output) == 1 else [float(each) for each in output]
    chosen = int(np.argmax(both))
    return {
        "label": classes[chosen],
        "probabilities": dict(zip(classes, both, strict=True)),
        "value": both[1] if len(output) == 1 else both[chosen],
        "contributions": None,
    }


def main(asked: dict[str, Any]) -> dict[str, Any]:
    """Does what is asked: `{"result"}`, or `{"refused": why}`, or `{"too_many": why}`."""
    run = RunSpecification.model_validate_json(json.dumps(asked["run"]))
    with zipfile.ZipFile(asked["model"]) as archive:
        try:
            if asked["do"] == "predict":
                return {"result": predict(run, archive, asked)}
            return {"result": preprocessing_of(run, archive, asked).model_dump(mode="json")}
        except NotToBeHad as error:
            return {"refused": str(error)}
        except TooManyInputs as error:
            return {"too_many": str(error)}


if __name__ == "__main__":
    answer(main)
