"""The Reuters newswires."""

from __future__ import annotations

from typing import Literal

from models.kinds.networks import hidden, with_dropout
from models.kinds.task import Task
from models.kinds.tasks.multiclass import Multiclass
from models.kinds.texts import ENCODING, Texts

TOPICS = 46

SCRIPT = (
    ENCODING
    + '''\
def read(dataset, path):
    """As `keras.datasets.reuters.load_data` gives them, from Keras itself or from a copy of its reuters.npz.

    The file is unpickled: name only one that you trust.
    """
    num_words = dataset["num_words"]
    if path is None:
        (x, y), (x_test, y_test) = keras.datasets.reuters.load_data(num_words=num_words)
        return (list(x), np.asarray(y, np.float32)), (list(x_test), np.asarray(y_test, np.float32))
    with np.load(path, allow_pickle=True) as arrays:
        texts, labels = arrays["x"], np.asarray(arrays["y"], np.float32)
    order = np.arange(len(texts))
    np.random.RandomState(113).shuffle(order)
    known = encoded([texts[i] for i in order], num_words)
    end = int(len(known) * (1 - 0.2))
    return (known[:end], labels[order][:end]), (known[end:], labels[order][end:])
'''
)


JOB = {
    "dataset": {"validation": {"holdout": 1000}},
    "variants": [
        {"name": "original", "layers": hidden(64)},
        {"name": "bottleneck", "layers": [*hidden(64)[:1], *hidden(4)[:1]]},
        {"name": "dropout", "layers": with_dropout(hidden(64), 0.5)},
    ],
    "baseline": "original",
}
"""The networks of *Deep Learning with Python*, chapter 3.5: a narrow second layer loses information; and dropout."""


class Reuters(Texts):
    """The Reuters newswires as Keras encodes them, multi-hot over the `num_words` most frequent words: 46 topics."""

    title, place = "Reuters newswires", 3
    rows = "newswires"
    script = SCRIPT
    files = {"npz": "reuters.npz", "word_index": "reuters_word_index.json"}
    job = JOB

    name: Literal["reuters"] = "reuters"

    @property
    def task(self) -> Task:
        return Multiclass(TOPICS)

    @property
    def available(self) -> int:
        return 8_982

    @property
    def tested(self) -> int:
        return 2_246
