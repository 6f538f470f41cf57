"""Asks a process of its own about a run's model, which the process is given as a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio.from_thread import check_cancelled
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from api.access import Access
from models.apart import TakesTooMuch, run_apart
from models.claims import PART_BYTES, kept_epochs
from models.errors import MOST_ERRORS, Conflict, EpochNotKept, NotFound, OckhamError
from models.faults import fault
from models.settings import Settings
from models.specification import RunSpecification, stored
from models.tables import Job, KeptModel, KeptPart, ModelPart, Run

FOLDERS = "ockham-model-"
"""How the names of the temporary folders begin."""
SECONDS, MEMORY = 60, 4 << 30
"""Of processor time, and bytes, that an answer may take."""


class InvalidRows(OckhamError):
    """Rows of which there can be no prediction: `extra` has every fault, with its place."""

    status, code, title = 422, "invalid_rows", "The rows are not such as the run was trained on"

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("See errors for each", errors=errors[:MOST_ERRORS], error_count=len(errors))


@dataclass(frozen=True)
class StoredModel:
    """A model's file as it is stored: its parts, where they are, and its size in bytes."""

    parts: ColumnElement[bool]
    number: InstrumentedAttribute[int]
    data: InstrumentedAttribute[bytes]
    size: int


def find_model(session: Session, run: Run, epoch: int | None = None) -> StoredModel:
    """The run's model, or that of an epoch. Raises NotFound if the run has none, EpochNotKept."""
    if epoch is None or epoch == run.chosen_epoch:
        if run.model_size is None:
            raise NotFound("The run has no model: it has not succeeded")
        return StoredModel(ModelPart.run_id == run.id, ModelPart.part, ModelPart.data, run.model_size)
    found = session.get(KeptModel, (run.id, epoch))
    if found is None or found.size is None:
        kept = all_kept(session, run)
        said = f"kept are those of {', '.join(map(str, kept))}" if kept else "none is kept"
        raise EpochNotKept(f"The model of epoch {epoch} is not kept; {said}", kept_epochs=kept)
    return StoredModel(KeptPart.content == found.content, KeptPart.part, KeptPart.data, found.size)


def all_kept(session: Session, run: Run) -> list[int]:
    """The epochs whose models the run has, rising: the chosen one's, and those that it keeps beside it."""
    return sorted({*kept_epochs(session, run.id), *([run.chosen_epoch] if run.model_size and run.chosen_epoch else [])})


def find_run(access: Access, run_id: str, epoch: int | None = None) -> tuple[Run, RunSpecification, StoredModel]:
    """The run with its specification, and its model or that of an epoch.

    Raises NotFound if it has none, EpochNotKept, Conflict if its rows cannot be written.
    """
    with access.database.read() as session:
        run = access.run(session, run_id)
        specification = stored(session.get_one(Job, run.job_id).spec).run(run.variant, run.seed)
        model = find_model(session, run, epoch)
    if not specification.dataset.given:
        raise Conflict("Rows of this data set cannot be written: there are no predictions of new ones")
    return run, specification, model


def ask(
    module: str, access: Access, settings: Settings, specification: RunSpecification, model: StoredModel, **asked: Any
) -> Any:
    """What `python -m module` answers about a run's model, called in a lane's thread. Raises Conflict, InvalidRows."""
    word_index = settings.word_index(specification.dataset.name)
    with _file(access, model) as path:
        asked |= {
            "run": specification.model_dump(mode="json"),
            "model": str(path),
            "data_dir": str(settings.data_dir.absolute()),
            "word_index": None if word_index is None else str(word_index.absolute()),
        }
        try:
            answer = run_apart(module, asked, SECONDS, MEMORY, check_cancelled)
        except TakesTooMuch as error:
            detail = f"It takes more {error.what} than it may: send fewer rows, or no `contributions`"
            raise InvalidRows([fault((), f"too_much_{error.what}", detail)]) from None
    if "refused" in answer:
        raise Conflict(answer["refused"])
    if "too_many" in answer:
        raise InvalidRows([fault(("contributions",), "too_many_contributions", answer["too_many"])])
    return answer["result"]


@contextmanager
def _file(access: Access, model: StoredModel) -> Iterator[Path]:
    """The model as a file, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix=FOLDERS) as folder:
        path = Path(folder) / "model.keras"
        with path.open("wb") as file:
            file.writelines(model_bytes(access, model, 0, model.size))
        yield path


def model_bytes(access: Access, model: StoredModel, start: int, end: int) -> Iterator[bytes]:
    """The model's bytes from `start` to before `end`. Raises NotFound if the run is deleted meanwhile."""
    for number in range(start // PART_BYTES, -(-end // PART_BYTES)):
        offset = number * PART_BYTES
        with access.database.read() as session:
            data = session.scalar(select(model.data).where(model.parts, model.number == number))
        if data is None:
            raise NotFound("The run was deleted while its model was sent")
        yield data[max(0, start - offset) : end - offset]
