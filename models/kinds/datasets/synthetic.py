"""Reviews made from a seed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from models.kinds.dataset import MAX_ROWS
from models.kinds.kind import Seed
from models.kinds.reviews import Reviews


class Synthetic(Reviews):
    """Reviews made from `seed`: `reviews` to train on, and as many to test."""

    title, place = "synthetic reviews", 1

    name: Literal["synthetic"] = "synthetic"
    reviews: int = Field(default=8000, ge=2, le=MAX_ROWS)
    seed: Seed = 0

    @property
    def available(self) -> int:
        return self.reviews

    @property
    def tested(self) -> int:
        return self.reviews

    def in_words(self) -> str:
        made = f"{self.reviews:,} {self.title} (seed {self.seed})"
        return super().in_words().replace(self.title, made, 1)
