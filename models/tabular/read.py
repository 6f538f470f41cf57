"""Reads a data set's files: what is in them, and their rows with typed columns, as Parquet.

A file is read three times, each time in pieces: its rows as text, then each column by itself, to find what it is, then
the rows again, with types. Memory holds a piece of rows, or one column.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.kinds.dataset import MAX_ROWS
from models.tabular import remarks
from models.tabular.card import Card, ClassCount, Classes, Input, Quantity, Rows
from models.tabular.columns import LARGEST, Found, are_thousands, find, numbers, present
from models.tabular.faults import Faults, File, quoted
from models.tabular.labels import Label, check_labels, find_label
from models.tabular.options import Options
from models.tabular.remarks import Seen
from models.tabular.rows import Table, read_table
from models.tabular.source import Format, open_source
from models.tabular.spool import Spool

Write = Callable[[File, int, bytes], None]
"""Is given each part of the result: of which file, how many rows, and a Parquet file of them."""


@dataclass(frozen=True)
class Sent:
    """A file as it was sent, and its format if its name or its media type says it."""

    file: IO[bytes]
    format: Format | None = None


@dataclass
class _File:
    """A file whose rows are text so far."""

    which: File
    table: Table
    spool: Spool
    guessed: str = ""
    """The charset, if it was guessed."""


def read(train: Sent, test: Sent | None, options: Options, limit: int, write: Write) -> Card:
    """The card of a data set, whose rows are given to `write`, part by part.

    The parts of a file have the same columns: the label first, as text or as a double, then all others in their order;
    numbers are doubles, all else is text, and null is what is missing. `limit`: a file's bytes,
    unpacked. Raises InvalidDataset with every bad row; what was written until then is worth nothing.
    """
    with ExitStack() as opened:
        return _read(train, test, options, limit, write, opened)


def _read(train: Sent, test: Sent | None, options: Options, limit: int, write: Write, opened: ExitStack) -> Card:
    faults = Faults()
    first = _text(train, "train", options.label, limit, faults, opened)
    _check_names(first.spool.names, options, faults)
    second = None if test is None else _text(test, "test", options.label, limit, faults, opened, first.guessed)
    for each in (first, second):
        if each is not None and options.label in each.spool.names:
            check_labels(each.spool, each.which, options.label, faults)
    label = find_label(first.spool, options, first.table.delimiter, faults)
    columns = _find_columns(first, options)
    if options.group in columns and columns[options.group].distinct < 2:
        raise faults.stop("train", None, options.group, "one_group", "Every row is of one group: none can be held out")
    if all(found.kind == "ignore" for found in columns.values()):
        faults.check()  # the bad rows may be why
        why = "; ".join(each.detail.partition(";")[0] for each in remarks.of_columns(columns, options))
        name = next(iter(columns), None)
        hint = f'Say what a column is in `inputs`, such as {{"{name}": "number"}}' if name else ""
        detail = ". ".join(filter(None, ("No column is left to learn from: all are ignored", why, hint)))
        raise faults.stop("train", None, None, "no_inputs", detail)
    if second is not None:
        _check_test(second, columns, options, faults)
    seen = Seen(label, columns, options)
    for each in (first, second):
        if each is not None:
            _type(each, label, columns, options, faults, seen, write)
    faults.check()
    described = _label(label, first.spool, options.label)
    return Card(
        task=label.task,
        rows=Rows(train=first.spool.rows, test=second.spool.rows if second else 0),
        label=described,
        inputs=[
            Input(column=name, kind=found.kind, missing=found.missing, distinct=found.distinct)
            for name, found in columns.items()
        ],
        group=options.group,
        warnings=[
            *remarks.of_files({each.which: (each.table.notes, each.guessed) for each in (first, second) if each}),
            *remarks.of_columns(columns, options),
            *remarks.of_label(described),
            *remarks.of_groups(first.spool, second.spool if second else None, options.group),
            *seen.remarks(first.spool),
        ],
    )


def _text(sent: Sent, which: File, label: str, limit: int, faults: Faults, opened: ExitStack, like: str = "") -> _File:
    source = open_source(sent.file, which, sent.format, limit, faults, opened, like)
    table = read_table(source, which, label, limit, faults, opened)
    spool = Spool(table, MAX_ROWS, opened)
    if not spool.rows:
        raise faults.error() if faults.count else faults.stop(which, None, None, "empty_file", "The file has no rows")
    if spool.rows > MAX_ROWS:
        detail = f"The file has more than {MAX_ROWS:,} rows"
        raise faults.stop(which, None, None, "too_many_rows", detail)
    return _File(which, table, spool, source.encoding if source.guessed else "")


def _check_names(names: list[str], options: Options, faults: Faults) -> None:
    shown = ", ".join(quoted(name) for name in names[:10]) + (", …" if len(names) > 10 else "")
    if options.label not in names:
        hint = "" if any(name.isidentifier() for name in names) else ". Is the header missing?"
        detail = f"There is no column {quoted(options.label)}; there are {shown}{hint}"
        faults.add("train", 1, options.label, "no_label_column", detail)
    for place, name in [*((f"inputs.{name}", name) for name in options.inputs), ("group", options.group)]:
        if name is not None and name not in names:
            faults.add(
                "options", None, place, "unknown_column", f"There is no column {quoted(name)}; there are {shown}"
            )
    if options.label not in names:
        raise faults.error()


def _find_columns(read: _File, options: Options) -> dict[str, Found]:
    found = {}
    for name in read.spool.names:
        if name != options.label:
            told = options.inputs.get(name, "ignore" if name == options.group else None)
            cells = read.spool.column(name)
            found[name] = find(cells, name, told, read.table.delimiter, name in read.table.nested)
    if any(each.comma for each in found.values()):
        for name, each in found.items():
            if each.kind == "number" and not each.comma and are_thousands(present(read.spool.column(name), "number")):
                found[name] = replace(each, why="ambiguous_points")
    return found


def _check_test(read: _File, columns: dict[str, Found], options: Options, faults: Faults) -> None:
    """Raises InvalidDataset if the test file lacks a column that is needed."""
    needed = [options.label, *(name for name, found in columns.items() if found.kind != "ignore")]
    needed += [options.group] if options.group in columns else []
    for name in needed:
        if name not in read.spool.names:
            detail = f"The training file has a column {quoted(name)}, and this file has none"
            faults.add("test", 1, name, "missing_column", detail)
    if options.label not in read.spool.names:
        raise faults.error()
    if any(name != options.label and name not in columns for name in read.spool.names):
        read.table.note("extra_columns", 0)


def _type(
    read: _File, label: Label, columns: dict[str, Found], options: Options, faults: Faults, seen: Seen, write: Write
) -> None:
    """Types the rows, tells what cannot be typed, and writes the rest."""
    for lines, cells in read.spool.batches():
        labels = label.typed(cells[options.label])
        label.check(cells[options.label], labels, lines, read.which, options.label, faults)
        if label.task == "regression":
            _check_size(cells[options.label], labels, options.label, lines, read.which, faults)
        typed = {options.label: labels}
        for name, found in columns.items():
            typed[name] = _typed(cells.get(name), len(lines), found, name, lines, read.which, faults)
        if not faults.count:
            seen.add(read.which, typed)
            write(read.which, len(lines), _parquet(typed))


def _typed(
    cells: pa.Array | None, rows: int, found: Found, name: str, lines: list[int], which: File, faults: Faults
) -> pa.Array:
    if cells is None:
        return pa.nulls(rows, pa.float64() if found.kind == "number" else pa.large_string())
    filled = present(cells, found.kind)
    if found.kind != "number":
        return filled
    values = numbers(filled, found.comma)
    if values.null_count > filled.null_count:
        for i in pc.indices_nonzero(pc.and_(pc.is_null(values), pc.is_valid(filled))).to_pylist():
            detail = f"The cell {quoted(filled[i].as_py())} is not a number"
            faults.add(which, lines[i], name, "not_a_number", detail)
    _check_size(filled, values, name, lines, which, faults)
    return values


def _check_size(cells: pa.Array, values: pa.Array, name: str, lines: list[int], which: File, faults: Faults) -> None:
    """Tells every number that is too large to compute with."""
    for i in pc.indices_nonzero(pc.fill_null(pc.greater(pc.abs(values), LARGEST), False)).to_pylist():
        detail = (
            f"The number {quoted(cells[i].as_py())} is beyond {LARGEST:g}: measure it in a larger unit, "
            "or leave the cell empty if there is no value"
        )
        faults.add(which, lines[i], name, "too_large", detail)


def _parquet(columns: dict[str, pa.Array]) -> bytes:
    part = io.BytesIO()
    pq.write_table(pa.table(columns), part, compression="zstd", write_statistics=False)
    return part.getvalue()


def _label(label: Label, train: Spool, column: str) -> Classes | Quantity:
    if label.task != "regression":
        train_counts, test_counts = label.counts.get("train", {}), label.counts.get("test", {})
        classes = [
            ClassCount(label=name, train=train_counts.get(name, 0), test=test_counts.get(name, 0))
            for name in label.classes
        ]
        return Classes(column=column, classes=classes)
    values = label.typed(train.column(column)).to_numpy()
    return Quantity(
        column=column,
        min=values.min(),
        max=values.max(),
        mean=values.mean(),
        sd=values.std(ddof=1) if len(values) > 1 else 0,
    )
