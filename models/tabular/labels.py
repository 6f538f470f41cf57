"""The label: the task it sets, its classes, and the rows in which it is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from models.kinds.dataset import MAX_CLASSES
from models.names import REFUSED
from models.tabular.columns import LARGEST, has_decimal_commas, numbers, present
from models.tabular.faults import Faults, File, quoted
from models.tabular.options import Options, TaskName
from models.tabular.spool import Spool

MAX_CLASS_NAME = 200
EXACT = 2**53
"""Below it a double holds every whole number."""


@dataclass
class Label:
    """What the training file's label is."""

    task: TaskName
    classes: list[str]
    """In the order of a network's outputs; empty for a regression."""
    comma: bool = False
    whole: bool = False
    """Whether the classes are numbers: `1` and `1.0` are the same one, and integers of any length are not merged."""
    found: bool = True
    """Whether the task was found, and not told."""
    counts: dict[File, dict[str, int]] = field(default_factory=dict)

    def typed(self, cells: pa.Array) -> pa.Array:
        """The labels of some rows, null for those that are missing or no label at all."""
        filled = present(cells, "category")
        if self.task == "regression":
            return numbers(filled, self.comma)
        if self.whole:
            filled = _class_names(filled, numbers(filled, self.comma))
        return pc.if_else(pc.is_in(filled, pa.array(self.classes, pa.large_string())), filled, None)

    def check(
        self, cells: pa.Array, typed: pa.Array, lines: Sequence[int], which: File, column: str, faults: Faults
    ) -> None:
        """Tells every row whose label is none.

        Which rows have no label at all is told by `check_labels`; which training rows have no class, by `find_label`.
        """
        if not typed.null_count or (which == "train" and self.task != "regression"):
            return
        filled = present(cells, "category")
        for i in pc.indices_nonzero(pc.and_(pc.is_null(typed), pc.is_valid(filled))).to_pylist():
            cell = filled[i].as_py()
            if self.task == "regression":
                faults.add(which, lines[i], column, "not_a_number", f"The label {quoted(cell)} is not a number")
            else:
                detail = f"The label {quoted(cell)} is not a class of the training file"
                faults.add(which, lines[i], column, "unknown_class", detail)


def check_labels(spool: Spool, which: File, column: str, faults: Faults) -> None:
    """Tells every row without a label."""
    for lines, cells in spool.batches([column]):
        filled = present(cells[column], "category")
        if filled.null_count:
            for i in pc.indices_nonzero(pc.is_null(filled)).to_pylist():
                faults.add(which, lines[i], column, "no_label", "The row has no label")


def find_label(spool: Spool, options: Options, delimiter: str, faults: Faults) -> Label:
    """The task and the classes of a training file, each of whose rows with a number that is no class is told.

    Raises InvalidDataset if nothing can be learned from the label.
    """
    column = options.label
    filled = present(spool.column(column), "category").drop_null()
    if not len(filled):
        raise faults.error()  # each row has been told
    comma = has_decimal_commas(filled, delimiter)
    values = numbers(filled, comma)
    numeric = values.null_count == 0 and not pc.any(pc.match_substring_regex(filled, r"^[-+]?0\d")).as_py()
    names = _class_names(filled, values) if numeric else filled
    task = options.task or _task(names, values if numeric else None)
    label = Label(task, [], comma, found=options.task is None)
    if task == "regression":
        one = pc.count_distinct(values, mode="only_valid").as_py() == 1 and values.null_count == 0
        if one and abs(values[0].as_py()) <= LARGEST:  # else each row is told
            faults.check()
            written = pc.count_distinct(filled).as_py()
            detail = "The label is the same number in every row" + ", to a double's precision" * (written > 1)
            raise faults.stop("train", None, column, "one_value", detail)
        return label
    label.whole = numeric
    if names.null_count:
        _tell_inexact(spool, column, comma, faults)
    classes = sorted(pc.unique(names.drop_null()).to_pylist(), key=Decimal if numeric else None)
    if len(classes) < 2:
        faults.check()  # the other classes may be those of the bad rows
        raise faults.stop("train", None, column, "one_class", f"Every row has the label {quoted(classes[0])}")
    if len(classes) > MAX_CLASSES:
        detail = f"The label has {len(classes):,} different values, and may have {MAX_CLASSES:,} classes" + (
            "; if it is a quantity, say the task `regression`" if numeric else "; is it an identifier, or a text?"
        )
        raise faults.stop("train", None, column, "too_many_classes", detail)
    if long := next((name for name in classes if len(name) > MAX_CLASS_NAME), None):
        detail = f"A class's name has at most {MAX_CLASS_NAME} characters: {quoted(long)}"
        raise faults.stop("train", None, column, "class_too_long", detail)
    if odd := next((name for name in classes if REFUSED.search(name)), None):
        detail = f"A class's name has a character that no name may have: {quoted(odd)}"
        raise faults.stop("train", None, column, "invalid_class", detail)
    if task == "binary" and len(classes) > 2:
        detail = f"The label has {len(classes)} classes, and the task `binary` has two"
        raise faults.stop("train", None, column, "too_many_classes", detail)
    if task == "multiclass" and options.positive is not None:
        raise faults.stop("options", None, "positive", "not_binary", "Only one of two classes can be the positive one")
    if options.positive is not None:
        if options.positive not in classes:
            detail = f"{quoted(options.positive)} is not a class: there are {', '.join(map(quoted, classes))}"
            raise faults.stop("options", None, "positive", "unknown_class", detail)
        classes.sort(key=lambda name: name == options.positive)
    label.classes = classes
    return label


def _task(names: pa.ChunkedArray, values: pa.ChunkedArray | None) -> TaskName:
    """Two values are two classes; numbers are a quantity, unless they are whole, few, and repeat."""
    distinct = pc.count_distinct(names, mode="only_valid").as_py()
    if values is not None and names.null_count:
        distinct = max(distinct, pc.count_distinct(values).as_py())
    if distinct <= 2:
        return "binary"
    if values is None:
        return "multiclass"
    whole = pc.all(pc.equal(pc.floor(values), values)).as_py()
    few = (distinct <= 10 and len(values) >= 2 * distinct) or (distinct <= 50 and len(values) >= 10 * distinct)
    return "multiclass" if whole and few else "regression"


def _class_names(cells: pa.ChunkedArray, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers as names of classes: 1 and 1.0 are `1`, and an integer that a double does not hold is as it was written.

    Null for what is written with a fraction or an exponent and too large: a double does not tell it from others.
    """
    exact = pc.less(pc.abs(values), EXACT)
    whole = pc.and_(pc.equal(pc.floor(values), values), exact)
    integers = pc.cast(pc.cast(pc.if_else(whole, values, 0.0), pa.int64()), pa.large_string())
    long = pc.if_else(pc.match_substring_regex(cells, r"^[-+]?\d+$"), pc.utf8_ltrim(cells, "+"), None)
    return pc.if_else(whole, integers, pc.if_else(exact, pc.cast(values, pa.large_string()), long))


def _tell_inexact(spool: Spool, column: str, comma: bool, faults: Faults) -> None:
    for lines, cells in spool.batches([column]):
        filled = present(cells[column], "category")
        names = _class_names(filled, numbers(filled, comma))
        for i in pc.indices_nonzero(pc.and_(pc.is_null(names), pc.is_valid(filled))).to_pylist():
            detail = (
                f"The label {quoted(filled[i].as_py())} is beyond {EXACT:,}, where numbers are rounded: "
                "written as a whole number or as a word it is a class"
            )
            faults.add("train", lines[i], column, "too_large", detail)
