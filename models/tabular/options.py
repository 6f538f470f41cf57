"""What a user says of a table: which column is the label, and what else is not to be found out."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator

from models.documents import read_json
from models.faults import in_words
from models.kinds.datasets import DATASETS
from models.kinds.kind import Model
from models.names import Name
from models.tabular.faults import Faults

MAX_COLUMNS = 2000
MAX_COLUMN_NAME = 200

Kind = Literal["text", "number", "category", "ignore"]
TaskName = Literal["binary", "multiclass", "regression"]
Column = Annotated[str, StringConstraints(min_length=1, max_length=MAX_COLUMN_NAME)]


class Options(Model):
    """How a table is to be read. Only `label` is required; the rest is found, and the answer says what was found."""

    name: Name | None = Field(None, description="The data set's; without it the training file's")
    label: Column = Field(description="The column to predict")
    task: TaskName | None = Field(None, description="Found from the label's values if it is not given")
    inputs: dict[Column, Kind] = Field(
        default={}, max_length=MAX_COLUMNS, description="What columns are; found for those that are not named"
    )
    group: Column | None = Field(None, description="A column whose equal values never stand on both sides of a split")
    positive: str | None = Field(
        None, description="Of two classes the one whose probability is predicted; the second one by default"
    )

    @field_validator("name")
    @classmethod
    def _free(cls, value: str | None) -> str | None:
        if value in DATASETS:
            raise ValueError(f"`{value}` is the name of a built-in data set")
        return value


def read_options(data: bytes, file_name: str) -> Options:
    """The options of a JSON text, complete with a name. Raises InvalidDataset with every fault."""
    faults = Faults()
    try:
        value: Any = read_json(data, "The options")
    except ValueError as error:
        raise faults.stop("options", None, None, "not_json", str(error)) from None
    try:
        options = Options.model_validate(value)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False, include_input=False):
            place = ".".join(str(part) for part in each["loc"] if part != "[key]") or None
            faults.add("options", None, place, each["type"], in_words(each))
        raise faults.error() from None
    if options.label in options.inputs:
        faults.add("options", None, f"inputs.{options.label}", "label_as_input", "The label cannot be an input as well")
    if options.label == options.group:
        faults.add("options", None, "group", "label_as_group", "The label cannot be the group as well")
    faults.check()
    return options.model_copy(update={"name": options.name or _name_of(file_name)})


def _name_of(file_name: str) -> str:
    """A name made of a file's: what a name may not have is left out."""
    stem = re.split(r"[/\\]", file_name)[-1]
    while (shorter := re.sub(r"\.(csv|tsv|tab|txt|jsonl|ndjson|json|parquet|pq|gz)$", "", stem, flags=re.I)) != stem:
        stem = shorter
    name = re.sub(r"[^\w .()-]+", "_", stem).strip()[:200].strip()
    return "untitled" if not name or name in DATASETS else name
