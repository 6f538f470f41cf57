"""What every part of an answer about histories is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Interval = tuple[float, float]
"""Its low and its high end."""


class Answer(BaseModel):
    """A part of an answer; never changed once made."""

    model_config = ConfigDict(frozen=True)
