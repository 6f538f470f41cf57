"""Files as people have them: each a data set with its warnings, or every bad row with its place."""

from __future__ import annotations

import io
import json

import pytest

from models.tabular import read
from models.tabular.faults import InvalidDataset
from models.tabular.options import read_options
from tests.tables import FILES


@pytest.mark.parametrize("name", FILES)
def test_what_people_have_is_read_or_every_bad_row_is_told(name: str) -> None:
    sent = FILES[name]
    options = read_options(json.dumps({"label": "y", "name": "people", **sent.options}).encode(), "table")
    train, test = (None if data is None else read.Sent(io.BytesIO(data)) for data in (sent.data, sent.test))
    assert train is not None
    if sent.errors:
        with pytest.raises(InvalidDataset) as invalid:
            read.read(train, test, options, 1 << 28, lambda *_: None)
        errors = [(each["line"], each["column"], each["code"]) for each in invalid.value.extra["errors"]]
        assert errors == sent.errors
        return
    card = read.read(train, test, options, 1 << 28, lambda *_: None)
    assert sent.warned <= {each.code for each in card.warnings}
    assert sent.kinds.items() <= {each.column: each.kind for each in card.inputs}.items()
