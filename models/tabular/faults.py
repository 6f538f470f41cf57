"""What is wrong with a file: every bad row is told, with its place."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from models.errors import MOST_ERRORS, OckhamError

File = Literal["train", "test", "options"]
_ORDER: list[str] = ["options", "train", "test"]


class BadRow(BaseModel):
    """A fault of a data set's file, and where it is."""

    file: File = Field(description="The part of the request: `train`, `test` or `options`")
    line: int | None = Field(
        description="From 1, the line on which the row begins; of Parquet the row; null if it is about the whole file"
    )
    column: str | None = Field(description="The column's name; of the options the field's; null for the whole row")
    code: str = Field(examples=["not_a_number"])
    detail: str


class InvalidDataset(OckhamError):
    """A data set that cannot be taken: `extra` has the first bad rows as `errors`, and of all the `error_count`."""

    status, code, title = 422, "invalid_dataset", "The data set cannot be read"

    def __init__(self, errors: list[BadRow], count: int) -> None:
        detail = f"{count:,} error{'s' if count != 1 else ''} in the data set"
        if count > len(errors):
            detail += f": the first {len(errors)}, and {count - len(errors):,} more"
        super().__init__(detail, errors=[each.model_dump() for each in errors], error_count=count)


class Faults:
    """Collects bad rows: counts all of them, keeps the first of each file."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: dict[str, list[BadRow]] = {file: [] for file in _ORDER}

    def add(self, file: File, line: int | None, column: str | None, code: str, detail: str) -> None:
        """One more. What is kept does not grow with the file."""
        self.count += 1
        kept = self._kept[file]
        kept.append(BadRow(file=file, line=line, column=column, code=code, detail=detail))
        if len(kept) >= 2 * MOST_ERRORS:
            self._kept[file] = _first(kept)

    def stop(self, file: File, line: int | None, column: str | None, code: str, detail: str) -> InvalidDataset:
        """The error to raise if nothing more can be read after this one."""
        self.add(file, line, column, code, detail)
        return self.error()

    def error(self) -> InvalidDataset:
        """All of them."""
        kept = [row for file in _ORDER for row in _first(self._kept[file])]
        return InvalidDataset(kept[:MOST_ERRORS], self.count)

    def check(self) -> None:
        """Raises InvalidDataset if there is any."""
        if self.count:
            raise self.error()


def _first(rows: list[BadRow]) -> list[BadRow]:
    return sorted(rows, key=lambda row: row.line or 0)[:MOST_ERRORS]


def quoted(text: str) -> str:
    """A cell in a message: short, on one line."""
    return repr(text if len(text) <= 40 else text[:40] + "…")
