"""Which cells of a column are numbers, and what a column is by them."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from models.tabular.columns import numbers


@given(st.lists(st.text("0123456789.,+-eEinfatyNA_x \t", max_size=12), min_size=1))
@example(["1", "-2.50", ".5", "7.", "1e3", "1E-400", "1e400", "-inf", "Infinity"])
@example(["nan", "-nan", "NAN", "nan(1)", "0x1p3", "1_000", "1d", " 1", "1 ", "+1", "+-1", ".", "", "-"])
@example(["1,234", "1,234.5", "12,34", "٣", "\uff19"])
def test_what_a_cell_reads_as_does_not_depend_on_the_others(cells: list[str]) -> None:
    alone = [numbers(pa.chunked_array([[cell]], pa.large_string()), comma=False)[0].as_py() for cell in cells]
    together = numbers(pa.chunked_array([[*cells, "a word", None]], pa.large_string()), comma=False).to_pylist()
    assert together == [*alone, None, None]
