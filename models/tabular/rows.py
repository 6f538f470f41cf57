"""Files as rows of text: CSV by Python's own reader, JSON lines, and Parquet by pyarrow's.

Python's reader of CSV knows on which line each row begins, however many lines a quoted cell has; a row that it cannot
read does not stop it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.names import REFUSED
from models.tabular.faults import Faults, File, quoted
from models.tabular.options import MAX_COLUMN_NAME, MAX_COLUMNS
from models.tabular.source import MAX_LINE, Source

BATCH_ROWS = 16_384
BATCH_CHARACTERS = 4 << 20
MAX_CELL = 1_000_000
"""Characters of a cell."""
SNIFFED_LINES = 100
DELIMITERS = (",", ";", "\t", "|")

Cell = str | None


@dataclass
class Batch:
    """Some rows, by columns, and the line on which each begins."""

    lines: list[int]
    columns: list[list[Cell]]


@dataclass
class Table:
    """A file that is being read: its columns' names, then its rows, batch by batch."""

    names: list[str]
    batches: Iterator[Batch]
    delimiter: str = ""
    nested: set[str] = field(default_factory=set)
    """Columns whose values are objects or arrays."""
    notes: dict[str, int] = field(default_factory=dict)
    """What was put right on the way, by a warning's code, and in how many rows."""

    def note(self, code: str, rows: int = 1) -> None:
        """Counts rows that were put right."""
        self.notes[code] = self.notes.get(code, 0) + rows


def read_table(source: Source, which: File, label: str, limit: int, faults: Faults, opened: ExitStack) -> Table:
    """The table in a file, read as its batches are asked for. Raises InvalidDataset if it has no columns."""
    source.file.seek(0)
    if source.format == "parquet":
        return _parquet(source.file, which, limit, faults)
    errors = "surrogateescape" if source.encoding.startswith("utf-8") else "replace"
    text = io.TextIOWrapper(source.file, source.encoding, errors, newline="")
    opened.callback(text.detach)  # it would close the file
    if source.format == "jsonl":
        return _json_lines(text, which, faults)
    return _csv(text, source, which, label, faults)


class _Rows:
    """Gathers rows into batches."""

    def __init__(self, width: int) -> None:
        self.width, self.lines, self.rows, self.characters = width, list[int](), list[list[Cell]](), 0

    def add(self, line: int, row: list[Cell], characters: int) -> bool:
        """One more row; whether the batch is full."""
        self.lines.append(line)
        self.rows.append(row)
        self.characters += characters
        return len(self.rows) >= BATCH_ROWS or self.characters >= BATCH_CHARACTERS

    def take(self) -> Batch:
        """What was gathered, and nothing is."""
        columns = (
            [list(column) for column in zip(*self.rows, strict=True)] if self.rows else [[] for _ in range(self.width)]
        )
        batch = Batch(self.lines, columns)
        self.lines, self.rows, self.characters = [], [], 0
        return batch


# --- CSV


class _LongLine(Exception):
    pass


def _lines(text: IO[str]) -> Iterator[str]:
    while line := text.readline(MAX_LINE):
        if len(line) >= MAX_LINE:
            raise _LongLine
        yield line


def _records(text: IO[str], delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Each row, or why it cannot be read, and its line."""
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            words = str(error)
            yield line, words
            if "limit" in words:
                return  # a quote is open, and where rows begin after it is not known
        except _LongLine:
            yield line, f"field larger than field limit ({MAX_LINE})"
            return


def _csv(text: IO[str], source: Source, which: File, label: str, faults: Faults) -> Table:
    start: list[str] = []
    try:
        for line in _lines(text):
            start.append(line)
            if len(start) == SNIFFED_LINES or sum(map(len, start)) > BATCH_CHARACTERS:
                break
    except _LongLine:
        raise faults.stop(which, 1, None, "line_too_long", f"A line has more than {MAX_LINE:,} characters") from None
    said = re.match(r'\ufeff?sep=([^\w\s"]|\t)\s*$', start[0])  # a line that spreadsheets write and read
    delimiter = said[1] if said else "\t" if source.format == "tsv" else _delimiter(start, label)
    text.seek(0)
    records = _records(text, delimiter)
    if said:
        next(records)
    header: list[str] = []
    header_line = 1
    for header_line, row in records:
        if isinstance(row, str):
            raise faults.stop(which, header_line, None, "malformed_row", f"The header cannot be read: {_why(row)}")
        if any(cell.strip() for cell in row):
            header = [row[0].lstrip("\ufeff"), *row[1:]]  # a mark that an editor has written twice
            break
    if not header:
        raise faults.stop(which, None, None, "empty_file", "The file has no header")
    table = Table([], iter(()), delimiter)
    table.names = _names(header, which, header_line, table, faults)
    table.batches = _csv_batches(records, table, source.suspicious, which, faults)
    return table


def _csv_batches(
    records: Iterator[tuple[int, list[str] | str]], table: Table, suspicious: bool, which: File, faults: Faults
) -> Iterator[Batch]:
    width = len(table.names)
    rows = _Rows(width)
    for line, row in records:
        if isinstance(row, str):
            faults.add(which, line, None, "malformed_row", _why(row))
            continue
        characters = sum(map(len, row))
        if len(row) != width or not characters:
            if not "".join(row).strip():
                if row:
                    table.note("blank_rows")
                continue
            if len(row) > width and not any(row[width:]):
                table.note("trailing_delimiters")
                del row[width:]
            elif len(row) != width:
                detail = f"This row has {len(row)} field{'s' * (len(row) != 1)}, and the header has {width}"
                faults.add(which, line, None, "wrong_number_of_fields", detail)
                continue
        if suspicious and _is_bad(row, table.names, which, line, faults):
            continue
        if rows.add(line, row, characters):  # type: ignore[arg-type]
            yield rows.take()
    yield rows.take()


def _is_bad(row: list[str] | list[Cell], names: list[str], which: File, line: int, faults: Faults) -> bool:
    """Whether a cell is not text, which is told."""
    bad = False
    for name, cell in zip(names, row, strict=True):
        if cell is None or cell.isascii():
            if cell and "\0" in cell:
                faults.add(which, line, name, "not_text", "The cell has a NUL character")
                bad = True
        elif "\ufffd" in cell or re.search("[\ud800-\udfff]", cell):
            shown = re.sub("[\ud800-\udfff]", "\ufffd", cell)
            faults.add(which, line, name, "not_utf8", f"The cell is not UTF-8: {quoted(shown)}")
            bad = True
    return bad


def _why(words: str) -> str:
    if "limit" in words:
        return f"A cell has more than {MAX_CELL:,} characters; is a quote left open here? What follows was not read"
    if "unexpected end" in words:
        return "A quote is opened in this row and never closed"
    if "expected after" in words:
        return "A quote ends before its cell does; a quote within a quoted cell is written twice"
    return f"The row cannot be read: {words}"


def _delimiter(start: list[str], label: str) -> str:
    """The delimiter by which the first lines have the label in their header and most often the header's width."""

    def fit(delimiter: str) -> tuple[bool, float, int]:
        widths, names = list[int](), list[str]()
        for _, row in _records(io.StringIO("".join(start), newline=""), delimiter):
            if isinstance(row, list) and any(row):
                names = names or [name.strip() for name in row]
                widths.append(len(row))
        width = len(names)
        same = sum(each == width for each in widths[1:]) / max(1, len(widths) - 1)
        return label in names, same if width > 1 else 0.0, width

    return max(DELIMITERS, key=fit)


def _names(header: list[str], which: File, line: int, table: Table, faults: Faults) -> list[str]:
    """Names of one line, each once. What was changed is noted."""
    if len(header) > MAX_COLUMNS:
        detail = f"The file has {len(header):,} columns, and may have {MAX_COLUMNS:,}"
        raise faults.stop(which, line, None, "too_many_columns", detail)
    names: list[str] = []
    taken = {" ".join(name.split()) for name in header}
    for place, raw in enumerate(header, 1):
        name = " ".join(raw.split())
        if REFUSED.search(name) or len(name) > MAX_COLUMN_NAME:
            what = (
                "a character that no name may have"
                if REFUSED.search(name)
                else f"more than {MAX_COLUMN_NAME} characters"
            )
            faults.add(which, line, None, "invalid_name", f"The name of column {place} has {what}")
            name = f"column_{place}"
        unique, number = name or f"column_{place}", 2
        while unique in names or (unique != name and unique in taken):
            unique, number = f"{name or 'column'}_{number}", number + 1
        if unique != name:
            table.note("renamed_columns", 0)
        names.append(unique)
    return names


# --- JSON lines


def _json_lines(text: IO[str], which: File, faults: Faults) -> Table:
    table = Table([], iter(()))
    objects = _objects(text, which, faults)
    first, characters = list[tuple[int, dict[str, Any], int]](), 0
    for each in objects:
        first.append(each)
        characters += each[2]
        if len(first) == BATCH_ROWS or characters > BATCH_CHARACTERS:
            break
    names = list(dict.fromkeys(name for _, each, _ in first for name in each))
    if not names:
        faults.check()
        raise faults.stop(which, None, None, "empty_file", "The file has no rows")
    table.names = _names(names, which, 1, table, faults)
    table.batches = _json_batches(names, chain(first, objects), table, which, faults)
    return table


class _KeyTwice(Exception):
    """An object has this key more than once."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _KeyTwice(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return members


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_float=str,
    parse_int=str,
    parse_constant=lambda word: None if word == "NaN" else word,
)
"""Numbers stay as they are written; a NaN is no value."""


def _objects(text: IO[str], which: File, faults: Faults) -> Iterator[tuple[int, dict[str, Any], int]]:
    number = 0
    try:
        for number, line in enumerate(_lines(text), 1):
            if not line.strip():
                continue
            try:
                line.encode()
            except UnicodeEncodeError:
                faults.add(which, number, None, "not_utf8", "The line is not UTF-8")
                continue
            try:
                value = _DECODER.decode(line)
            except _KeyTwice as error:
                key = str(error).encode(errors="replace").decode()
                faults.add(which, number, None, "key_twice", f"The key {quoted(key)} stands twice in its object")
                continue
            except (ValueError, RecursionError) as error:
                why = (
                    f"{error.msg} (column {error.colno})"
                    if isinstance(error, json.JSONDecodeError)
                    else "nested too deep"
                )
                hint = "; JSON lines has one object on each line" if number == 1 and line.lstrip()[:1] in "[{" else ""
                faults.add(which, number, None, "not_json", f"The line is not JSON: {why}{hint}")
                continue
            if isinstance(value, dict):
                yield number, value, len(line)
            else:
                faults.add(which, number, None, "not_an_object", "The line is not a JSON object")
    except _LongLine:
        detail = f"A line has more than {MAX_LINE:,} characters; what follows was not read"
        faults.add(which, number + 1, None, "line_too_long", detail)


def _json_batches(
    keys: list[str],
    objects: Iterator[tuple[int, dict[str, Any], int]],
    table: Table,
    which: File,
    faults: Faults,
) -> Iterator[Batch]:
    rows, known = _Rows(len(keys)), set(keys)

    for line, value, size in objects:
        if unknown := next((key for key in value if key not in known), None):
            detail = f"The column {quoted(unknown)} is in none of the first rows"
            faults.add(which, line, None, "unknown_column", detail)
            continue
        row = [_cell(value.get(key), name, table) for key, name in zip(keys, table.names, strict=True)]
        long = next((name for name, cell in zip(table.names, row, strict=True) if cell and len(cell) > MAX_CELL), None)
        if long is not None:
            faults.add(which, line, long, "cell_too_long", f"The cell has more than {MAX_CELL:,} characters")
        elif not _is_bad(row, table.names, which, line, faults) and rows.add(line, row, size):
            yield rows.take()
    yield rows.take()


def _cell(value: Any, name: str, table: Table) -> Cell:
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
    table.nested.add(name)
    return json.dumps(value, ensure_ascii=False)


# --- Parquet


def _parquet(file: IO[bytes], which: File, limit: int, faults: Faults) -> Table:
    table = Table([], iter(()))
    try:
        parquet = pq.ParquetFile(file)
        schema = parquet.schema_arrow
    except (pa.ArrowException, OSError, ValueError):
        raise faults.stop(
            which, None, None, "not_parquet", "The file is damaged: it cannot be read as Parquet"
        ) from None
    if not schema.names:
        raise faults.stop(which, None, None, "empty_file", "The file has no columns")
    table.names = _names(list(schema.names), which, 1, table, faults)
    table.nested = {name for name, of in zip(table.names, schema.types, strict=True) if pa.types.is_nested(of)}
    table.batches = _parquet_batches(parquet, table, which, limit, faults)
    return table


def _parquet_batches(parquet: pq.ParquetFile, table: Table, which: File, limit: int, faults: Faults) -> Iterator[Batch]:
    number, size = 1, 0
    try:
        for batch in parquet.iter_batches(batch_size=1024, use_threads=False):
            size += batch.nbytes
            if size > limit:
                raise faults.stop(which, None, None, "too_large", f"Unpacked, the file has more than {limit:,} bytes")
            columns = [_texts(column) for column in batch.columns]
            lines = list(range(number, number + len(batch)))
            number += len(batch)
            bad = [
                _is_bad([column[i] for column in columns], table.names, which, line, faults)
                for i, line in enumerate(lines)
            ]
            if any(bad):
                columns = [[cell for cell, is_bad in zip(column, bad, strict=True) if not is_bad] for column in columns]
                lines = [line for line, is_bad in zip(lines, bad, strict=True) if not is_bad]
            yield Batch(lines, columns)
    except (pa.ArrowException, OSError, ValueError):
        detail = f"The file is damaged: rows from {number:,} on cannot be read"
        raise faults.stop(which, number, None, "not_parquet", detail) from None


def _texts(column: pa.Array) -> list[Cell]:
    """Values as text: what a CSV file would have in their place."""
    of = column.type
    if pa.types.is_dictionary(of):
        column = column.dictionary_decode()
        of = column.type
    if pa.types.is_nested(of):
        return [None if value is None else json.dumps(value, default=str) for value in column.to_pylist()]
    if pa.types.is_floating(of):
        column = pc.if_else(pc.is_nan(column), None, column)
    if pa.types.is_string(of) or pa.types.is_large_string(of):
        column = column.cast(pa.large_binary())  # a stranger's string need not be UTF-8
    elif not (pa.types.is_binary(of) or pa.types.is_large_binary(of) or pa.types.is_fixed_size_binary(of)):
        try:
            return list(column.cast(pa.large_string()).to_pylist())
        except pa.ArrowException:
            return [None if value is None else str(value) for value in column.to_pylist()]
    return [None if value is None else value.decode("utf-8", "surrogateescape") for value in column.to_pylist()]
