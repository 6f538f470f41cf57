"""What a run predicts at its chosen epoch, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import select

from api.access import Access, Reader
from api.conditional import answered, cached
from api.lanes import EXPORTING, Streamed
from api.negotiation import preferred
from api.problems import documented
from api.routing import Route
from models.errors import NotFound, NotSucceeded, PredictionsNotKept
from models.kinds.dataset import Dataset
from models.specification import dataset_of
from models.tables import ENDS, Job, Run, Status
from reporting.predictions import DEFAULT, FORMATS, Page
from reporting.reading import read_end, read_predictions, read_why

router = APIRouter(tags=["runs"], route_class=Route)

MAX_ROWS = 100_000


class PredictedRow(BaseModel):
    """A row, and what the run's network makes of it."""

    row: int = Field(description="Its number in its file, from 1")
    label: str | int | float = Field(description="Its class by name, or by number if it has none; or its number")
    prediction: float | list[float] = Field(
        description="The probability of the second class; of more than two one of each; the value of a regression"
    )
    loss: float = Field(description="The data's loss of this row alone, without penalties")


class PredictionList(BaseModel):
    """Rows in the order of their file, with what the run predicts at its chosen epoch."""

    object: Literal["list"] = "list"
    run_id: str
    epoch: int = Field(description="The chosen one, whose weights the run's model has, unless `at` names another")
    data: list[PredictedRow]
    has_more: bool


_OFFERS = {format.media_type: name for name, format in FORMATS.items()}
_OTHERS: dict[str, Any] = {format.media_type: {} for name, format in FORMATS.items() if name != DEFAULT}


@router.get(
    "/runs/{run_id}/predictions",
    response_model=PredictionList,
    summary="Get a run's predictions",
    responses={
        200: {"description": "The rows", "content": _OTHERS},
        304: {"description": "The client has them already"},
        **documented(404, 409, 422),
    },
)
def get_predictions(
    request: Request,
    access: Reader,
    run_id: str,
    split: Annotated[
        Literal["validation", "test"],
        Query(description="The rows that were validated on, or those that a run with a holdout was tested on"),
    ] = "validation",
    at: Annotated[
        Literal["chosen", "least", "last"],
        Query(
            description="Of validation rows: at the chosen epoch, at that of the least validation loss, at the last; "
            "the last two of classes alone"
        ),
    ] = "chosen",
    format: Annotated[Literal["json", "csv", "parquet"] | None, Query(description="Before `Accept`")] = None,
    limit: Annotated[int | None, Query(ge=1, le=MAX_ROWS, description="All unless given")] = None,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="The number of the last row seen")] = 0,
) -> Response:
    """What the network of the chosen epoch, or of another end, predicts of each row, and the row's loss.

    Without a holdout the validation set is the test set. 409 `not_succeeded` of a run that has not succeeded, 404
    `predictions_not_kept` of one whose predictions were too many to keep, or that an earlier version trained.
    """
    with access.database.read() as session:
        run = access.run(session, run_id)
        document = session.scalar(select(Job.spec).where(Job.id == run.job_id))
    if document is None:
        raise NotFound("There is no run with this id")
    if run.status != Status.SUCCEEDED:
        raise NotSucceeded(f"The run is {run.status}: a run's predictions are kept when it succeeds")
    name = format or preferred(request, _OFFERS, DEFAULT)
    headers = cached(f'"{run.id}-{run.attempt}-{name}"', Vary="Accept")
    if (known := answered(request, headers)) is not None:
        return known
    if name != DEFAULT:
        headers["Content-Disposition"] = f'attachment; filename="{run_id}-{split}.{name}"'
    dataset = dataset_of(document)
    if split == "test" and dataset.held_out:
        if at != "chosen":
            raise PredictionsNotKept("Of the test rows the predictions of the chosen epoch alone are kept")
        kept = "test"
    else:
        kept = at
    parts = _written(access, run, kept, dataset, name, limit, after)
    return Streamed(EXPORTING, parts, headers, FORMATS[name].media_type)


def _written(
    access: Access, run: Run, kept: str, dataset: Dataset, name: str, limit: int | None, after: int
) -> Iterator[bytes]:
    """The file, of the test rows or of an end's validation rows. Raises PredictionsNotKept before its first part."""
    epoch = run.chosen_epoch
    told = read_why(access.database, [run]).get(run.id) if kept in ENDS else None
    with access.database.read() as session:
        if kept == "test":
            found = read_predictions(session, run.id, kept, dataset.task)
        elif kept in ENDS and not told:
            found = None
        else:
            since = told[-1]["since"] if told else 0
            epoch = {"least": since, "last": run.epoch}.get(kept, run.chosen_epoch)
            found = read_end(session, run, kept, since, dataset.task)
    if found is None:
        which = {"test": "test rows", "chosen": "validation rows"}.get(kept, f"validation rows at the {kept} epoch")
        raise PredictionsNotKept(f"The run's predictions of the {which} are not kept")
    start, stop = int(np.searchsorted(found.rows, after, side="right")), len(found.rows)
    if limit is not None:
        stop = min(stop, start + limit)
    head = {"object": "list", "run_id": run.id, "epoch": epoch}
    names = dataset.labels if dataset.uploaded else None
    yield from FORMATS[name].write(Page(found, names, start, stop, head))
