"""Rows that a job's variants get wrong, what a variant's seeds score together, and its losses recalibrated."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.access import Access, Reader
from api.conditional import answered, cached
from api.job_versions import etag_of
from api.metrics import computed
from api.problems import documented
from api.routing import Route
from api.row_values import with_values
from api.selection import look_up, of_job
from models.errors import NotFound
from models.kinds.dataset import Dataset
from models.settings import Settings, in_keras_cache
from models.specification import dataset_of
from models.tables import StoredDataset
from reporting.ensembles import Ensembles
from reporting.mistakes import Mistakes, mistakes
from reporting.recalibration import Recalibration
from reporting.results import ensembles_of, kept_of, recalibration_of
from reporting.why import check_has_sides

router = APIRouter(tags=["results"], route_class=Route)

MAX_LISTED = 100


class JobMistakes(Mistakes):
    """Which rows a variant of a job gets wrong."""

    object: Literal["mistakes"] = "mistakes"
    job_id: str


class JobEnsembles(Ensembles):
    """What the seeds of each of a job's variants score together."""

    object: Literal["ensembles"] = "ensembles"
    job_id: str


class JobRecalibration(Recalibration):
    """What recalibration makes of the losses of a job's variants."""

    object: Literal["recalibration"] = "recalibration"
    job_id: str
    at: Literal["chosen", "last"] = Field(description="The epoch of each run")


_RESPONSES: dict[int | str, dict[str, Any]] = {304: {"description": "Nothing has changed"}, **documented(404, 409, 422)}


@router.get(
    "/jobs/{job_id}/mistakes",
    response_model=JobMistakes,
    summary="Get the rows that a variant gets wrong",
    responses=_RESPONSES,
)
def get_mistakes(
    request: Request,
    access: Reader,
    job_id: str,
    variant: Annotated[str | None, Query(description="Its name; the baseline unless given")] = None,
    limit: Annotated[int, Query(ge=0, le=MAX_LISTED, description="Rows that are listed of each kind")] = 20,
) -> Response:
    """Rows that every seed gets wrong, that only overfitted epochs get wrong, and whose labels are likely wrong.

    Of the runs that have succeeded and whose predictions are kept. 422 `not_for_task` of a regression.
    """
    with access.database.read() as session:
        selection = of_job(access, session, job_id)
        (chosen,) = selection.read(session)
        dataset = dataset_of(chosen.spec)
        stored = _stored(access, session, dataset)
        settings: Settings = request.app.state.settings
        headers = cached(etag_of(request, selection.versions, stored, *_files(settings, dataset)))
        if same := answered(request, headers):
            return same
    check_has_sides(dataset.task)
    name = chosen.spec["baseline"] if variant is None else variant
    if not any(each["name"] == name for each in chosen.spec["variants"]):
        raise NotFound(f"There is no variant named {name!r}")

    def compute() -> JobMistakes:
        runs = kept_of(access.database, chosen.runs, name, dataset.task)
        names = dataset.labels if dataset.uploaded else None
        found = mistakes(name, runs, names, "train" if dataset.held_out else "test", limit)
        answer = JobMistakes(job_id=job_id, **dict(found))
        return with_values(access.database, settings, dataset, stored, answer)

    return computed(compute, headers)


@router.get(
    "/jobs/{job_id}/ensembles",
    response_model=JobEnsembles,
    summary="Get what a variant's seeds score together",
    responses=_RESPONSES,
)
def get_ensembles(
    request: Request,
    access: Reader,
    job_id: str,
    split: Annotated[
        Literal["validation", "test"],
        Query(description="The rows that were validated on, or those that a run with a holdout was tested on"),
    ] = "validation",
) -> Response:
    """The score of a variant's averaged predictions, beside that of its runs by themselves; nothing is trained.

    Of each variant with at least two succeeded runs whose predictions at the chosen epoch are kept, of the same rows.
    """
    known, found, headers = look_up(request, access, partial(of_job, access, job_id=job_id))
    if known:
        return known
    (chosen,) = found

    def compute() -> JobEnsembles:
        return JobEnsembles(job_id=job_id, **dict(ensembles_of(access.database, chosen.spec, chosen.runs, split)))

    return computed(compute, headers)


@router.get(
    "/jobs/{job_id}/recalibration",
    response_model=JobRecalibration,
    summary="Get the losses with recalibrated probabilities",
    responses=_RESPONSES,
)
def get_recalibration(
    request: Request,
    access: Reader,
    job_id: str,
    at: Annotated[
        Literal["chosen", "last"], Query(description="The epoch of each run: the chosen one, or its last")
    ] = "chosen",
) -> Response:
    """What is left of each variant's gain once the probabilities of all are recalibrated, by a temperature per run.

    Of the runs that have succeeded and whose predictions are kept. 422 `not_for_task` of a regression.
    """
    known, found, headers = look_up(request, access, partial(of_job, access, job_id=job_id))
    if known:
        return known
    (chosen,) = found
    check_has_sides(dataset_of(chosen.spec).task)

    def compute() -> JobRecalibration:
        answer = recalibration_of(access.database, chosen.spec, chosen.runs, at)
        return JobRecalibration(job_id=job_id, at=at, **dict(answer))

    return computed(compute, headers)


def _stored(access: Access, session: Any, dataset: Dataset) -> str | None:
    """The id of the data set if its rows can be read."""
    if not dataset.uploaded:
        return None
    try:
        return access.find(session, StoredDataset, str(getattr(dataset, "id", "")), "ds", "data set").id
    except NotFound:
        return None


def _files(settings: Settings, dataset: Dataset) -> list[object]:
    """Which files say what the rows of a data set that Keras publishes are, as they are now."""
    named = (settings.npz(dataset.name), settings.word_index(dataset.name)) if dataset.files else ()
    files = [path or in_keras_cache(name) for path, name in zip(named, dataset.files.values(), strict=False)]
    return [path.stat().st_mtime_ns if path.is_file() else None for path in files]
