"""Jobs: submit, list, read, cancel, retry, delete."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from api.body import read_json
from api.problems import documented
from api.requests import JobRequest
from api.schemas import JobList, JobObject, Preview, job_object
from models import states
from models.database import now
from models.errors import NotFound
from models.resolution import resolve
from models.specification import Specification, count_parameters
from models.tables import Job, Status

router = APIRouter(tags=["jobs"])

MAX_PAGE = 100
POLL_SECONDS = 1
"""The least that `Retry-After` asks for, while a job trains."""


@router.post(
    "/jobs",
    status_code=202,
    response_model=JobObject | Preview,
    summary="Submit an experiment",
    responses={200: {"model": Preview, "description": "With `validate_only`"}, **documented(400, 413, 422, 503)},
    openapi_extra={"requestBody": JobRequest.documented()},
)
def create_job(
    request: Request,
    response: Response,
    body: Annotated[Any, Depends(read_json)],
    validate_only: Annotated[bool, Query(description="Only resolve the specification; nothing is stored")] = False,
) -> Any:
    """Accepts a specification, or says everything that is wrong with it.

    The job is in the database when this answers, and will end whatever happens to workers or broker.
    """
    specification = resolve(body)
    if validate_only:
        response.status_code = 200
        return _preview(specification)
    with request.app.state.database.write() as session:
        job = states.submit(session, specification)
        shown = job_object(job, job.created_at)
    request.app.state.recovery.ring(len(shown.runs))
    response.headers["Location"] = shown.links["self"]
    response.headers["Retry-After"] = str(POLL_SECONDS)
    return shown


@router.get("/jobs", response_model=JobList, summary="List jobs, newest first", responses=documented(422, 503))
def list_jobs(
    request: Request,
    status: Annotated[list[Status] | None, Query(description="Only jobs of these statuses")] = None,
    name: Annotated[str | None, Query(max_length=200, description="Only jobs of this name")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20,
    after: Annotated[str | None, Query(max_length=40, description="The last id of the page before")] = None,
) -> Any:
    """A page; the next begins `after` this one's last id. New jobs do not shift pages."""
    query = select(Job).order_by(Job.id.desc()).limit(limit + 1).options(selectinload(Job.runs))
    if status:
        query = query.where(Job.status.in_(status))
    if name is not None:
        query = query.where(Job.name == name)
    if after is not None:
        query = query.where(Job.id < after)
    with request.app.state.database.read() as session:
        jobs = session.scalars(query).all()
        clock = session.scalar(select(now()))
        return JobList(data=[job_object(job, clock) for job in jobs[:limit]], has_more=len(jobs) > limit)


@router.get("/jobs/{job_id}", response_model=JobObject, summary="Read a job", responses=documented(404, 503))
def get_job(request: Request, response: Response, job_id: str) -> Any:
    """The job, its progress and its runs."""
    with request.app.state.database.read() as session:
        return _shown(session, job_id, response)


@router.post(
    "/jobs/{job_id}/cancel",
    status_code=202,
    response_model=JobObject,
    summary="Cancel a job",
    responses=documented(404, 409, 503),
)
def cancel_job(request: Request, response: Response, job_id: str) -> Any:
    """Queued runs end at once, training ones within a second; what they recorded stays."""
    with request.app.state.database.write() as session:
        find_job(session, job_id)
        states.cancel(session, job_id)
        return _shown(session, job_id, response)


@router.post(
    "/jobs/{job_id}/retry",
    status_code=202,
    response_model=JobObject,
    summary="Train what failed again",
    responses=documented(404, 409, 503),
)
def retry_job(request: Request, response: Response, job_id: str) -> Any:
    """Queues the failed and the cancelled runs of a finished job again; what succeeded stays."""
    with request.app.state.database.write() as session:
        find_job(session, job_id)
        again = states.retry(session, job_id)
        shown = _shown(session, job_id, response)
    request.app.state.recovery.ring(again)
    return shown


@router.delete("/jobs/{job_id}", status_code=204, summary="Delete a finished job", responses=documented(404, 409, 503))
def delete_job(request: Request, job_id: str) -> Response:
    """Deletes the job with its runs, histories, models and events."""
    with request.app.state.database.write() as session:
        find_job(session, job_id)
        states.remove(session, job_id)
    return Response(status_code=204)


def find_job(session: Session, job_id: str) -> Job:
    """The job of a request. Raises NotFound."""
    job = session.scalar(select(Job).where(Job.id == job_id).options(selectinload(Job.runs)))
    if job is None:
        raise NotFound("There is no job with this id")
    return job


def _shown(session: Session, job_id: str, response: Response) -> JobObject:
    session.flush()
    session.expire_all()
    shown = job_object(find_job(session, job_id), session.scalar(select(now())))  # type: ignore[arg-type]
    if shown.finished_at is None:
        eta = shown.progress.eta_seconds or POLL_SECONDS
        response.headers["Retry-After"] = str(max(POLL_SECONDS, min(60, int(eta))))
    return shown


def _preview(specification: Specification) -> Preview:
    words = specification.dataset.num_words
    variants = [{"name": v.name, "parameters": count_parameters(v.layers, words)} for v in specification.variants]
    warnings = []
    if len(specification.seeds) == 1 and len(specification.variants) > 1:
        warnings.append("With one seed a difference between variants cannot be told from luck; five or more seeds can")
    return Preview(
        spec=specification.model_dump(mode="json"),
        runs=len(specification.seeds) * len(specification.variants),
        variants=variants,
        warnings=warnings,
    )
