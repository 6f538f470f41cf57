"""What one should know before training: the warnings of a card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from models.tabular.card import Classes, Quantity, Warning
from models.tabular.columns import FEW_ROWS, Found, numbers, present
from models.tabular.faults import File, quoted
from models.tabular.labels import Label
from models.tabular.options import Options
from models.tabular.spool import Spool

FAR = 100
"""A label that is further from 0, or spread further, takes a network very long to learn."""
IMBALANCE = 10
"""Between the most and the least frequent class."""
DOMINANT = 0.8
"""A class with this share of the rows."""
EXACT = 1 - 1e-9
"""A correlation above which one number is the other in another unit."""
_SHOWN = 5

_OF_FILES = {
    "blank_rows": "Rows without any value were left out of the {} file",
    "trailing_delimiters": "Rows of the {} file end with more delimiters than the header; empty fields were left out",
    "renamed_columns": "Columns of the {} file without a name, or with the name of another, were given one",
    "extra_columns": "Columns of the {} file that the training file has not were left out",
}
_OF_COLUMNS = {
    "constant_input": "{} {has} the same value in every row, and {is_} ignored",
    "empty_input": "{} {has} no value in any row, and {is_} ignored",
    "identifier_input": "{} {looks} like an identifier, another value in each row, and {is_} ignored",
    "date_input": "{} {has} dates, which are ignored",
    "nested_input": "{} {has} objects or arrays, which are ignored",
    "inexact_numbers": (
        "{} {has} whole numbers beyond 2^53, of which neighbours are not told apart; if they are codes, "
        "say in `inputs` that they are a category"
    ),
    "decimal_comma": "{} {has} decimal commas; if a comma separates thousands, leave it out",
    "ambiguous_points": (
        "{} {has} points before three digits, in a file with decimal commas, and they were read as decimal points; if "
        "they separate thousands, leave them out"
    ),
}

_VERBS = {
    False: {"has": "has", "looks": "looks", "is_": "is"},
    True: {"has": "have", "looks": "look", "is_": "are"},
}
"""Behind the name of one column, and of several."""


def of_files(files: Mapping[File, tuple[Mapping[str, int], str]]) -> Iterable[Warning]:
    """What was put right while the files were read: by file the rows by a warning's code, and a guessed charset."""
    names = {"train": "training", "test": "test"}
    for which, (notes, guessed) in files.items():
        if guessed:
            detail = f"The {names[which]} file is not UTF-8; by its characters it was taken for {guessed}"
            yield Warning(code="guessed_charset", detail=detail, rows=None)
        for code, rows in notes.items():
            yield Warning(code=code, detail=_OF_FILES[code].format(names[which]), rows=rows or None)


def of_columns(columns: Mapping[str, Found], options: Options) -> Iterable[Warning]:
    """Why columns are what they were found to be."""
    for code, words in _OF_COLUMNS.items():
        concerned = [
            name for name, each in columns.items() if each.why == code or (code == "decimal_comma" and each.comma)
        ]
        if concerned:
            usable = code.endswith("_input") and code != "empty_input"
            hint = "; say so in `inputs` if it is to be used" if usable else ""
            shown = words.format(_listed(concerned), **_VERBS[len(concerned) > 1])
            yield Warning(code=code, detail=shown + hint, rows=None)
    for name, found in columns.items():
        if found.odd and name not in options.inputs:
            taken = "is ignored" if found.kind == "ignore" else f"was taken for {found.kind}"
            detail = f"Column {quoted(name)} has numbers, but for a few cells such as {quoted(found.odd)}, and {taken}"
            yield Warning(code="mixed_input", detail=detail, rows=None)


def of_groups(train: Spool, test: Spool | None, group: str | None) -> Iterable[Warning]:
    """That groups stand in both files, so that a score on the test file is one on groups that were trained on."""
    if test is None or group is None:
        return
    known = pc.unique(present(train.column(group), "ignore")).drop_null()
    cells = present(test.column(group), "ignore")
    both = pc.and_(pc.is_valid(cells), pc.is_in(cells, known))
    if rows := pc.sum(both).as_py():
        example = quoted(pc.filter(cells, both)[0].as_py())
        detail = f"Test rows are of a group, such as {example}, that training rows are of too"
        yield Warning(code="group_in_both_files", detail=detail, rows=rows)


def of_label(label: Classes | Quantity) -> Iterable[Warning]:
    """Whether a number to predict is far from what a network begins with."""
    if isinstance(label, Quantity) and max(abs(label.mean), label.sd) > FAR:
        detail = (
            f"A network begins by predicting about 0, and the label is {label.mean:.4g} on average: "
            "measured in a larger unit, or standardised, it is learned much sooner"
        )
        yield Warning(code="label_scale", detail=detail, rows=None)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return "Column" + "s" * (len(names) > 1) + " " + ", ".join(map(quoted, names[:_SHOWN])) + more


Hashes = npt.NDArray[np.int64]


class Seen:
    """Looks at the typed rows as they pass, and says afterwards what was seen."""

    def __init__(self, label: Label, columns: Mapping[str, Found], options: Options) -> None:
        self._label, self._options = label, options
        self._columns = {name: found for name, found in columns.items() if found.kind != "ignore"}
        self._inputs: dict[File, list[Hashes]] = {"train": [], "test": []}
        self._rows: list[Hashes] = []
        self._missing = 0
        self._known: dict[str, pa.Array] = {}
        self._unseen = 0
        self._unseen_columns: dict[str, None] = {}

    def add(self, which: File, typed: Mapping[str, pa.Array]) -> None:
        """Some rows; all training rows come before the first test row."""
        labels = typed[self._options.label]
        if self._label.task != "regression":
            counts = self._label.counts.setdefault(which, {})
            for each in pc.value_counts(labels).to_pylist():
                counts[each["values"]] = counts.get(each["values"], 0) + each["counts"]
        hashes = _hashes([typed[name] for name in self._columns])
        self._inputs[which].append(np.array(hashes, np.int64))
        if which == "train":
            self._rows.append(np.array([hash(pair) for pair in zip(hashes, labels.to_pylist(), strict=True)], np.int64))
            missing = np.zeros(len(labels), bool)
            for name in self._columns:
                if typed[name].null_count:
                    missing |= pc.is_null(typed[name]).to_numpy(zero_copy_only=False)
            self._missing += int(missing.sum())
        unseen = np.zeros(len(labels), bool)
        for name, found in self._columns.items():
            if found.kind != "category":
                continue
            values = pc.unique(typed[name])
            if which == "train":
                known = self._known.get(name)
                self._known[name] = values if known is None else pc.unique(pa.concat_arrays([known, values]))
            else:
                new = pc.and_(pc.invert(pc.is_in(typed[name], self._known[name])), pc.is_valid(typed[name]))
                if pc.any(new).as_py():
                    unseen |= new.to_numpy(zero_copy_only=False)
                    self._unseen_columns[name] = None
        self._unseen += int(unseen.sum())

    def remarks(self, train: Spool) -> Iterable[Warning]:
        """Warnings about rows, classes, and inputs that tell the label."""
        inputs, rows = np.concatenate(self._inputs["train"]), np.concatenate(self._rows)
        values, counts = np.unique(inputs, return_counts=True)
        if repeated := int(len(inputs) - len(values)):
            detail = "Training rows have the inputs of an earlier one"
            yield Warning(code="duplicate_rows", detail=detail, rows=repeated)
            of_more = np.isin(inputs, values[counts > 1])
            pairs = np.unique(np.stack([inputs[of_more], rows[of_more]]), axis=1)
            several, labels = np.unique(pairs[0], return_counts=True)
            if conflicting := int(np.isin(inputs, several[labels > 1]).sum()):
                detail = "Training rows have the same inputs as others with another label"
                yield Warning(code="conflicting_labels", detail=detail, rows=conflicting)
        if self._inputs["test"] and (shared := int(np.isin(np.concatenate(self._inputs["test"]), values).sum())):
            detail = "Test rows have the inputs of a training row: a score on them tells what was learned by heart"
            yield Warning(code="train_test_overlap", detail=detail, rows=shared)
        if self._missing:
            lacking = [name for name, found in self._columns.items() if found.missing]
            yield Warning(code="missing_values", detail=f"{_listed(lacking)}: values are missing", rows=self._missing)
        if self._unseen:
            detail = f"{_listed(list(self._unseen_columns))}: test rows have a category that no training row has"
            yield Warning(code="unseen_category", detail=detail, rows=self._unseen)
        yield from self._classes()
        yield from self._disguised(train)

    def _classes(self) -> Iterable[Warning]:
        if self._label.task == "regression":
            return
        counts = self._label.counts["train"]
        least, most = min(counts, key=lambda c: counts[c]), max(counts, key=lambda c: counts[c])
        total = sum(counts.values())
        if counts[most] >= IMBALANCE * counts[least] or counts[most] >= DOMINANT * total:
            detail = f"The class {quoted(most)} has {counts[most]:,} rows, {quoted(least)} has {counts[least]:,}"
            yield Warning(code="imbalanced_classes", detail=detail, rows=counts[least])
        if single := [name for name in self._label.classes if counts[name] == 1]:
            shown = ", ".join(map(quoted, single[:_SHOWN])) + (", …" if len(single) > _SHOWN else "")
            detail = f"Classes with one training row: {shown}; none is left for validation if rows are held out"
            yield Warning(code="rare_class", detail=detail, rows=len(single))
        if self._label.found and self._label.whole and len(self._label.classes) > 2:
            detail = "The label's numbers were taken for classes; if they are a quantity, say the task `regression`"
            yield Warning(code="numeric_classes", detail=detail, rows=None)

    def _disguised(self, train: Spool) -> Iterable[Warning]:
        if train.rows < FEW_ROWS:
            return
        labels = self._label.typed(train.column(self._options.label)).combine_chunks()
        found = [name for name, each in self._columns.items() if self._tells(labels, train, name, each)]
        if found:
            detail = f"{_listed(found)}: the label follows from it alone; would it be known beforehand?"
            yield Warning(code="label_in_disguise", detail=detail, rows=None)

    def _tells(self, labels: pa.Array, train: Spool, name: str, found: Found) -> bool:
        if found.kind == "text" or found.missing:
            return False
        if self._label.task == "regression":
            if found.kind != "number" or found.distinct < 3:
                return False
            values = numbers(present(train.column(name), "number"), found.comma).to_numpy()
            return bool(abs(np.corrcoef(values, labels.to_numpy())[0, 1]) > EXACT)
        if found.distinct != len(self._label.classes):
            return False
        cells = present(train.column(name), "category").combine_chunks()
        codes = [pc.dictionary_encode(each).indices.to_numpy().astype(np.int64) for each in (cells, labels)]
        return len(np.unique(codes[0] * len(self._label.classes) + codes[1])) == found.distinct


def _hashes(columns: list[pa.Array]) -> list[int]:
    """Of each row one of its values: the same for the same values, in this process."""
    texts = [column.to_pylist() for column in columns if not pa.types.is_floating(column.type)]
    values = [column.to_numpy(zero_copy_only=False) + 0.0 for column in columns if pa.types.is_floating(column.type)]
    if values:
        stacked = np.ascontiguousarray(np.stack(values, axis=1))
        texts.append([row.tobytes() for row in stacked])
    return [hash(row) for row in zip(*texts, strict=True)]
