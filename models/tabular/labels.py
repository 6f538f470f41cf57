"""The label: the task it sets, its classes, and the rows in which it is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from models.kinds.dataset import MAX_CLASSES
from models.names import REFUSED
from models.tabular.columns import has_decimal_commas, numbers, present
from models.tabular.faults import Faults, File, quoted
from models.tabular.options import Options, TaskName
from models.tabular.spool import Spool

MAX_CLASS_NAME = 200


@dataclass
class Label:
    """What the training file's label is."""

    task: TaskName
    classes: list[str]
    """In the order of a network's outputs; empty for a regression."""
    comma: bool = False
    whole: bool = False
    """Whether the classes are numbers: `1` and `1.0` are the same one."""
    found: bool = True
    """Whether the task was found, and not told."""
    counts: dict[File, dict[str, int]] = field(default_factory=dict)

    def typed(self, cells: pa.Array) -> pa.Array:
        """The labels of some rows, null for those that are missing or no label at all."""
        filled = present(cells, "category")
        if self.task == "regression":
            return numbers(filled, self.comma)
        if self.whole:
            filled = _class_names(numbers(filled, self.comma))
        return pc.if_else(pc.is_in(filled, pa.array(self.classes, pa.large_string())), filled, None)

    def check(
        self, cells: pa.Array, typed: pa.Array, lines: Sequence[int], which: File, column: str, faults: Faults
    ) -> None:
        """Tells every row whose label is none: which rows have no label at all is told by `check_labels`."""
        if not typed.null_count:
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


def find_label(cells: pa.ChunkedArray, options: Options, delimiter: str, faults: Faults) -> Label:
    """The task and the classes. Raises InvalidDataset if nothing can be learned from the label."""
    filled = present(cells, "category").drop_null()
    column = options.label
    if not len(filled):
        raise faults.error()  # each row has been told
    comma = has_decimal_commas(filled, delimiter)
    values = numbers(filled, comma)
    numeric = values.null_count == 0 and not pc.any(pc.match_substring_regex(filled, r"^[-+]?0\d")).as_py()
    task = options.task or _task(filled, values if numeric else None)
    label = Label(task, [], comma, found=options.task is None)
    if task == "regression":
        if pc.count_distinct(values, mode="only_valid").as_py() == 1 and values.null_count == 0:
            faults.check()
            raise faults.stop("train", None, column, "one_value", "The label is the same number in every row")
        return label
    label.whole = numeric
    if numeric:
        filled = _class_names(values)
    classes = sorted(pc.unique(filled).to_pylist(), key=(lambda name: (float(name), name)) if numeric else None)
    if len(classes) == 1:
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


def _task(filled: pa.ChunkedArray, values: pa.ChunkedArray | None) -> TaskName:
    """Two values are two classes; numbers are a quantity, unless they are whole, few, and repeat."""
    distinct = pc.count_distinct(filled if values is None else values).as_py()
    if distinct <= 2:
        return "binary"
    if values is None:
        return "multiclass"
    whole = pc.all(pc.equal(pc.floor(values), values)).as_py()
    few = (distinct <= 10 and len(values) >= 2 * distinct) or (distinct <= 50 and len(values) >= 10 * distinct)
    return "multiclass" if whole and few else "regression"


def _class_names(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers as names of classes: 1 and 1.0 are `1`."""
    whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), 2.0**53))
    integers = pc.cast(pc.cast(pc.if_else(whole, values, 0.0), pa.int64()), pa.large_string())
    return pc.if_else(whole, integers, pc.cast(values, pa.large_string()))
