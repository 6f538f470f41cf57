"""The IMDB reviews."""

from __future__ import annotations

from typing import Literal

from models.kinds.texts import ENCODING, Texts

SCRIPT = (
    ENCODING
    + '''\
def read(dataset, path):
    """As `keras.datasets.imdb.load_data` gives them, from Keras itself or from a copy of its imdb.npz.

    The file is unpickled: name only one that you trust.
    """
    num_words = dataset["num_words"]
    if path is None:
        (x, y), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=num_words)
        return (x, np.asarray(y, np.float32)), (x_test, np.asarray(y_test, np.float32))
    shuffle, splits = np.random.RandomState(113), []
    with np.load(path, allow_pickle=True) as arrays:
        for split in ("train", "test"):
            reviews, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
            order = np.arange(len(reviews))
            shuffle.shuffle(order)
            known = encoded([reviews[i] for i in order], num_words)
            splits.append((known, np.asarray(labels, np.float32)[order]))
    return splits
'''
)


class Imdb(Texts):
    """The IMDB reviews as Keras encodes them, multi-hot over the `num_words` most frequent words.

    `train_samples`: train on that many reviews only (null: on all). `validation`: `"test"` validates
    on the test set, as the notebook does; `{"holdout": n}` on n training reviews.
    """

    title, place = "IMDB reviews", 0
    unnamed = True
    script = SCRIPT
    files = {"npz": "imdb.npz", "word_index": "imdb_word_index.json"}

    name: Literal["imdb"] = "imdb"

    @property
    def available(self) -> int:
        return 25_000

    @property
    def tested(self) -> int:
        return 25_000
