"""The IMDB reviews."""

from __future__ import annotations

from typing import Literal

from models.kinds.reviews import Reviews


class Imdb(Reviews):
    """The IMDB reviews as Keras encodes them, multi-hot over the `num_words` most frequent words.

    `train_samples`: train on that many reviews only (null: on all). `validation`: `"test"` validates
    on the test set, as the notebook does; `{"holdout": n}` on n training reviews.
    """

    title, place = "IMDB reviews", 0

    name: Literal["imdb"] = "imdb"

    @property
    def available(self) -> int:
        return 25_000

    @property
    def tested(self) -> int:
        return 25_000
