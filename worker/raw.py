"""`python -m worker.raw`: a run's model as a Keras model that takes rows as they are written, for the API.

Keras's own layers do what `preprocessing.json` says, so that `keras.models.load_model` and a row are enough. A process
of its own, because it imports TensorFlow.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

from models.apart import answer
from models.preprocessing import CategoryInput, NumberInput, Preprocessing, TextInput
from models.specification import RunSpecification
from worker.data.store import kept, trim
from worker.keras_import import import_keras
from worker.use import NotToBeHad, preprocessing_of

FILE = "model.keras"


def wrapped(model: Any, preprocessing: Preprocessing) -> Any:
    """`model` behind layers that make its inputs of a row: a Keras model of a dict of columns, each (rows,).

    Texts and categories are strings, "" if one is missing; numbers are float32, NaN if one is missing.
    Raises NotToBeHad.
    """
    import keras

    given: dict[str, Any] = {}
    numbers: list[Any] = []
    flags: list[Any] = []
    parts: list[Any] = []
    behind = [*(_begin(each) for each in preprocessing.columns[1:]), preprocessing.inputs]
    for i, (column, end) in enumerate(zip(preprocessing.columns, behind, strict=True)):
        string = not isinstance(column, NumberInput)
        name = f"column_{i}" if "/" in column.column else column.column  # of which Keras makes no name
        row = given[column.column] = keras.Input((), name=name, dtype="string" if string else "float32")
        if isinstance(column, NumberInput):
            number = keras.ops.expand_dims(row, -1)
            variance = column.deviation**2
            scaled = keras.layers.Normalization(mean=column.mean, variance=variance, name=f"ockham_number_{i}")(number)
            lacking = keras.ops.isnan(number)
            numbers.append(keras.ops.where(lacking, keras.ops.zeros_like(scaled), scaled))
            if column.missing is not None:
                flags.append(keras.ops.cast(lacking, "float32"))
        elif isinstance(column, CategoryInput):
            width = end - column.input
            lookup = keras.layers.StringLookup(
                vocabulary=list(column.values) or [_none_of(column.values)],
                oov_token=_none_of((*column.values, _none_of(column.values))),
                output_mode="one_hot",
                max_tokens=width + 1,
                pad_to_max_tokens=True,
                name=f"ockham_values_{i}",
            )
            parts.append(lookup(row)[:, 1:])  # the first is that of all other values
        else:
            parts.append(_words(column, end, f"ockham_words_{i}")(row))
    together = [*numbers, *flags, *parts]
    inputs = keras.layers.Concatenate(name="ockham_inputs")(together) if len(together) > 1 else together[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a column whose name Keras does not take
        return keras.Model(given, model(inputs), name="ockham_raw")


def _words(column: TextInput, end: int, name: str) -> Any:
    import keras

    if column.always is not None or column.separators:
        raise NotToBeHad(
            "These texts were cut into words in a way that Keras has no layer for: download `model.keras` and "
            "`preprocessing.json`, which says how"
        )
    words = list(column.words) or ["."]  # none that a text could have, since punctuation is removed
    weights = list(column.weights) if column.weights else [1.0]
    return keras.layers.TextVectorization(
        max_tokens=end - column.unknown,
        pad_to_max_tokens=True,
        output_mode=column.encoding,
        ngrams=column.ngrams,
        vocabulary=words,
        idf_weights=weights if column.encoding == "tf_idf" else None,
        name=name,
    )


def _begin(column: NumberInput | CategoryInput | TextInput) -> int:
    return column.unknown if isinstance(column, TextInput) else column.input


def _none_of(values: tuple[str, ...]) -> str:
    """A text that is none of these."""
    return "_" * (1 + max(map(len, values), default=0))


def main(asked: dict[str, Any]) -> dict[str, Any]:
    """Makes the model in the directory `asked["into"]`: `{"result"}` its path, or `{"refused": why}`."""
    run = RunSpecification.model_validate_json(json.dumps(asked["run"]))
    try:
        with zipfile.ZipFile(asked["model"]) as archive:
            preprocessing = preprocessing_of(run, archive, asked)

        def build(partial: Path) -> None:
            import_keras()
            import keras

            wrapped(keras.models.load_model(asked["model"], compile=False), preprocessing).save(partial / FILE)

        into = Path(asked["into"])
        path = kept(into, build) / FILE
        trim(into.parent, asked["cache_bytes"])
        return {"result": str(path)}
    except NotToBeHad as error:
        return {"refused": str(error)}
    except ImportError:
        return {
            "refused": "This host has no Keras with TensorFlow to make such a model with: ask an API on a host "
            "that has them, or download `model.keras` and `preprocessing.json`, which says how rows are encoded"
        }


if __name__ == "__main__":
    answer(main)
