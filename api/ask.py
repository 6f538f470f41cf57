"""Asks a process of its own about a run's model, which the process is given as a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anyio.from_thread import check_cancelled
from sqlalchemy import select

from api.access import Access
from models.apart import TakesTooMuch, run_apart
from models.claims import PART_BYTES
from models.errors import MOST_ERRORS, Conflict, NotFound, OckhamError
from models.faults import fault
from models.settings import Settings
from models.specification import RunSpecification, stored
from models.tables import Job, ModelPart, Run

FOLDERS = "ockham-model-"
"""How the names of the temporary folders begin."""
SECONDS, MEMORY = 60, 4 << 30
"""Of processor time, and bytes, that an answer may take."""


class InvalidRows(OckhamError):
    """Rows of which there can be no prediction: `extra` has every fault, with its place."""

    status, code, title = 422, "invalid_rows", "The rows are not such as the run was trained on"

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("See errors for each", errors=errors[:MOST_ERRORS], error_count=len(errors))


def find_run(access: Access, run_id: str) -> tuple[Run, RunSpecification]:
    """The run with its specification. Raises NotFound if it has no model, Conflict if its rows cannot be written."""
    with access.database.read() as session:
        run = access.run(session, run_id)
        specification = stored(session.get_one(Job, run.job_id).spec).run(run.variant, run.seed)
    if run.model_size is None:
        raise NotFound("The run has no model: it has not succeeded")
    if not specification.dataset.given:
        raise Conflict("Rows of this data set cannot be written: there are no predictions of new ones")
    return run, specification


def ask(
    module: str, access: Access, settings: Settings, run: Run, specification: RunSpecification, **asked: Any
) -> Any:
    """What `python -m module` answers about the run, called in a lane's thread. Raises Conflict and InvalidRows."""
    word_index = settings.word_index(specification.dataset.name)
    with _model(access, run) as path:
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
def _model(access: Access, run: Run) -> Iterator[Path]:
    """The run's model as a file, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix=FOLDERS) as folder:
        path = Path(folder) / "model.keras"
        with path.open("wb") as file:
            assert run.model_size is not None
            file.writelines(model_bytes(access, run.id, 0, run.model_size))
        yield path


def model_bytes(access: Access, run_id: str, start: int, end: int) -> Iterator[bytes]:
    """The model's bytes from `start` to before `end`. Raises NotFound if the run is deleted meanwhile."""
    for number in range(start // PART_BYTES, -(-end // PART_BYTES)):
        offset = number * PART_BYTES
        with access.database.read() as session:
            data = session.scalar(select(ModelPart.data).where(ModelPart.run_id == run_id, ModelPart.part == number))
        if data is None:
            raise NotFound("The run was deleted while its model was sent")
        yield data[max(0, start - offset) : end - offset]
