"""What pydantic finds, told in the words and places of the document that was sent."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from models.faults import faults_of, told


class Listing(BaseModel):
    values: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], [("/values", "too_short")]),
        ([1], [("/values", "too_short")]),
        ([-1], [("/values/0", "greater_than_equal")]),  # pydantic counts the valid members: 0 of them
        ([-1, 1], [("/values/0", "greater_than_equal")]),
    ],
)
def test_a_list_that_is_too_short_is_told_unless_its_members_are(values: list[int], expected: list[Any]) -> None:
    raw = {"values": values}
    with pytest.raises(ValidationError) as caught:
        Listing.model_validate(raw)
    assert [(each["pointer"], each["code"]) for each in faults_of(told(caught.value), raw, raw, Listing)] == expected
