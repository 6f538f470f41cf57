"""Tables as people have them, each with what must come of it."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Sent:
    """A file, what is said of it, and what must come: codes of warnings, or of errors with their lines."""

    data: bytes
    options: dict[str, Any] = field(default_factory=dict)
    warned: set[str] = field(default_factory=set)
    errors: list[tuple[int | None, str | None, str]] = field(default_factory=list)
    test: bytes | None = None
    kinds: dict[str, str] = field(default_factory=dict)


def lines(*rows: str, header: str = "a,b,y", end: str = "\n") -> str:
    return end.join([header, *rows]) + end


ROWS = [f"{i % 7}.5,w{i % 3} q,{'uv'[i % 2]}" for i in range(24)]
PLAIN = lines(*ROWS)


def parquet() -> bytes:
    file = io.BytesIO()
    times = pa.array([1, 2, None, 4], pa.timestamp("s"))
    pq.write_table(pa.table({"a": [1, 2, None, 4], "d": times, "y": [True, False, True, False]}), file)
    return file.getvalue()


FILES = {
    # every bad row at once
    "a wrong number of fields": Sent(lines(*ROWS, "1,2", "1,2,3,4").encode(), errors=[
        (26, None, "wrong_number_of_fields"), (27, None, "wrong_number_of_fields")]),
    "no label": Sent(lines(*ROWS, "1,q,").encode(), errors=[(26, "y", "no_label")]),
    "a class that the training file has not": Sent(
        PLAIN.encode(), test=lines("1,q,w").encode(), errors=[(2, "y", "unknown_class")]),
    "a number that is none": Sent(
        lines(*ROWS, "x,q,u").encode(), {"inputs": {"a": "number"}}, errors=[(26, "a", "not_a_number")]),
    "text that is not UTF-8": Sent(PLAIN.encode() + b"1,\xff,u\n", errors=[(26, "b", "not_utf8")]),
    # what people have
    "a byte-order mark": Sent(PLAIN.encode("utf-8-sig"), kinds={"a": "number", "b": "category"}),
    "UTF-16": Sent(PLAIN.encode("utf-16"), kinds={"a": "number", "b": "category"}),
    "UTF-16 of Windows, packed": Sent(gzip.compress(PLAIN.replace("\n", "\r\n").encode("utf-16"))),
    "semicolons": Sent(PLAIN.replace(",", ";").encode(), kinds={"a": "number"}),
    "tabs": Sent(PLAIN.replace(",", "\t").encode(), kinds={"a": "number"}),
    "decimal commas": Sent(
        PLAIN.replace(",", ";").replace(".", ",").encode(), warned={"decimal_comma"}, kinds={"a": "number"}),
    "thousands": Sent(lines(*(f"1.{i:03},5;{'uv'[i % 2]}" for i in range(9)), header="a;y").encode(),
                      warned={"decimal_comma"}, kinds={"a": "number"}),
    "quoted newlines": Sent(lines(*ROWS, '1,"two\nlines, and ""quotes""",u').encode()),
    "CRLF": Sent(lines(*ROWS, end="\r\n").encode(), kinds={"a": "number"}),
    "CR alone": Sent(lines(*ROWS, end="\r").encode(), kinds={"a": "number"}),
    "doubled column names": Sent(lines(*ROWS, header="a,a,y").encode(), warned={"renamed_columns"}),
    "a header that is missing": Sent("\n".join(ROWS).encode(), errors=[(1, "y", "no_label_column")]),
    "trailing delimiters": Sent(lines(*(f"{row},," for row in ROWS)).encode(), warned={"trailing_delimiters"}),
    "NA, empty and NaN cells": Sent(
        lines(*ROWS, "NA,q r,u", ",q r,u", "NaN,q r,v", "null,,v").encode(), warned={"missing_values"},
        kinds={"a": "number"}),
    "booleans": Sent(lines(*(f"{'TF'[i % 2]},{i % 4 == 0},{i % 3 == 0}" for i in range(24))).encode(),
                     kinds={"a": "category", "b": "category"}),
    "booleans as JSON": Sent("".join(json.dumps({"a": i % 2 == 0, "b": i % 3, "y": i % 5 == 0}) + "\n"
                                     for i in range(24)).encode(), kinds={"a": "category"}),
    "dates": Sent(lines(*(f"2024-01-{i + 1:02},{i % 5},{'uv'[i % 2]}" for i in range(24))).encode(),
                  warned={"date_input"}, kinds={"a": "ignore"}),
    "ids": Sent(lines(*(f"{i},{i % 5},{'uv'[i % 2]}" for i in range(24)), header="id,b,y").encode(),
                warned={"identifier_input"}, kinds={"id": "ignore"}),
    "a class of one row": Sent(lines(*ROWS, "1,q w,z").encode(), warned={"rare_class"}),
    "one class only": Sent(lines("1,q,u", "2,r,u").encode(), errors=[(None, "y", "one_class")]),
    "10,000 classes": Sent(lines(*(f"{i % 9}.5,q,c{i}" for i in range(10_000))).encode(),
                           errors=[(None, "y", "too_many_classes")]),
    "an input that is the label in disguise": Sent(
        lines(*(f"{i % 7}.5,{['no', 'yes'][i % 2]},{'uv'[i % 2]}" for i in range(24))).encode(),
        warned={"label_in_disguise"}),
    "leading zeros": Sent(lines(*(f"0{i % 4}123,{i % 5},{'uv'[i % 2]}" for i in range(24))).encode(),
                          kinds={"a": "category"}),
    "Parquet with dates, booleans and gaps": Sent(parquet(), warned={"missing_values"}),
    "a NUL": Sent(PLAIN.encode() + b"1,q\0r,u\n", errors=[(26, "b", "not_text")]),
    "a quote that is never closed": Sent(PLAIN.encode() + b'1,"q,u\n2,r,v\n', errors=[(26, None, "malformed_row")]),
    "nothing": Sent(b"", errors=[(None, None, "empty_file")]),
    "a header alone": Sent(b"a,b,y\n", errors=[(None, None, "empty_file")]),
    "blank lines": Sent(PLAIN.replace("\n", "\n\n").encode(), warned=set()),
    "one column": Sent(b"y\nu\nv\n", errors=[(None, None, "no_inputs")]),
}  # fmt: skip
