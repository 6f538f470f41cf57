"""Jobs: submit, list, read, cancel, retry, delete."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from api import idempotency, limits
from api.access import Access, Reader, Submitter
from api.body import read_json
from api.conditional import cached, is_known
from api.job_versions import JobVersion, find_owner, find_version
from api.objects import read_job, read_list
from api.problems import documented
from api.requests import ChangesRequest, JobRequest, SeedsRequest
from api.routing import Route
from api.schemas import JobList, JobObject, Preview, VariantPreview
from api.watch import Watch
from models import datasets, deletion, states
from models.database import comparable
from models.errors import NotFound
from models.estimates import cost_of
from models.labels import MOST_CHARACTERS, having
from models.names import folded
from models.resolution import resolve, resolve_description
from models.specification import MAX_METADATA, MAX_TAGS, MAX_VARIANTS, Specification
from models.suggestions import did_you_mean
from models.tables import FINISHED, Job, Run, Status, StoredDataset
from reporting.caveats import one_seed

router = APIRouter(tags=["jobs"], route_class=Route)

MAX_PAGE = 100
POLL_SECONDS, MAX_POLL_SECONDS = 1, 60
"""Between these `Retry-After` asks for, while a job trains."""
MAX_WAIT_SECONDS = 60
IN_BRACKETS = re.compile(r"metadata\[(.*)\]", re.DOTALL)

_resolving = threading.Lock()
"""To resolve is to compute: several at once would be no faster, and all else would wait for each of them."""


@router.post(
    "/jobs",
    status_code=202,
    response_model=JobObject,
    summary="Submit a job",
    responses={
        200: {"model": Preview, "description": "With `validate_only`: what it would train"},
        202: {
            "description": "Accepted",
            "headers": {
                "Location": {"description": "The job", "schema": {"type": "string"}},
                "Retry-After": {"description": "Seconds until asking makes sense", "schema": {"type": "integer"}},
                **idempotency.DOCUMENTED,
            },
        },
        **documented(408, 413, 422),
    },
    openapi_extra={"requestBody": JobRequest.documented()},
)
def create_job(
    request: Request,
    access: Submitter,
    body: Annotated[Any, Depends(read_json)],
    validate_only: Annotated[bool, Query(description="Only resolve the specification; nothing is stored")] = False,
    idempotency_key: idempotency.IdempotencyKey = None,
) -> Response:
    """Accepts a specification, or says everything that is wrong with it.

    The job is in the database when this answers, and will end whatever happens to workers or broker.
    """
    settings = request.app.state.settings
    with access.database.read() as session:
        body = datasets.complete(session, access.owns(StoredDataset.owner), body)
    with _resolving:
        specification = resolve(body)
    limits.check_size(specification, settings)
    if validate_only:
        return Response(_preview(specification).model_dump_json(), 200, media_type="application/json")
    with access.database.write() as session:
        if (first := idempotency.claim(session, access.owner, idempotency_key, body)) is not None:
            return _accepted(first, json.loads(first)["links"]["self"], idempotency.REPLAYED)
        runs = len(specification.seeds) * len(specification.variants)
        limits.check_queue(session, access.owner, runs, settings)
        job = states.submit(session, specification, access.owner)
        session.flush()
        shown = read_job(session, job.id)
        answer = shown.model_dump_json()
        idempotency.keep(session, access.owner, idempotency_key, answer)
    request.app.state.waker.soon()
    return _accepted(answer, shown.links["self"], {})


def _accepted(answer: str, location: str, headers: dict[str, str]) -> Response:
    headers = {"Location": location, "Retry-After": str(POLL_SECONDS), **headers}
    return Response(answer, 202, headers, "application/json")


def _metadata(request: Request) -> list[tuple[str, str]]:
    """Name and value of each `metadata[name]=value`."""
    found = [(IN_BRACKETS.fullmatch(name), value) for name, value in request.query_params.multi_items()]
    members = [(name[1], value) for name, value in found if name]
    if len(members) > MAX_METADATA:
        raise RequestValidationError([{"type": "too_long", "loc": ("query", "metadata"), "msg": "Too many members"}])
    return members


@router.get(
    "/jobs",
    response_model=JobList,
    summary="List jobs",
    responses=documented(422),
    openapi_extra={
        "parameters": [
            {
                "name": "metadata",
                "in": "query",
                "style": "deepObject",
                "explode": True,
                "description": "Only jobs with this in their metadata, for example `metadata[owner]=team-a`: a text as "
                f"it is, any other value as JSON; values of up to {MOST_CHARACTERS} characters can be searched by",
                "schema": {"type": "object", "additionalProperties": {"type": "string"}},
            }
        ]
    },
)
def list_jobs(
    access: Reader,
    metadata: Annotated[list[tuple[str, str]], Depends(_metadata)],
    status: Annotated[list[Status] | None, Query(description="Only jobs of these statuses")] = None,
    name: Annotated[str | None, Query(max_length=200, description="Only jobs of this name")] = None,
    search: Annotated[
        str | None, Query(max_length=200, description="Only jobs with this in their names, in any case")
    ] = None,
    tag: Annotated[
        list[str] | None,
        Query(max_length=MAX_TAGS, description="Only jobs with this tag; repeatable: with all of them"),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20,
    after: Annotated[
        str | None, Query(pattern="^job_[0-9a-f]{32}$", description="The last id of the page before")
    ] = None,
) -> Any:
    """A page; the next begins `after` this one's last id. New jobs do not shift pages."""
    query = access.own(select(Job.id).order_by(Job.id.desc()).limit(limit + 1))
    if status:
        query = query.where(Job.status.in_(status))
    if name is not None:
        query = query.where(Job.name == comparable(name))
    if search is not None:
        query = query.where(Job.folded_name.contains(folded(comparable(search)), autoescape=True))
    query = query.where(*having(tag or (), metadata))
    if after is not None:
        query = query.where(Job.id < after)
    with access.database.read() as session:
        found: Sequence[str] = session.scalars(query).all()
        page = JobList(data=read_list(session, found[:limit]), has_more=len(found) > limit)
    return Response(page.model_dump_json(), media_type="application/json")


@router.get(
    "/jobs/{job_id}",
    response_model=JobObject,
    summary="Read a job",
    responses={304: {"description": "The job is as the client has it"}, **documented(404, 422)},
)
async def get_job(
    request: Request,
    access: Reader,
    job_id: str,
    prefer: Annotated[
        str | None,
        Header(
            description="`wait=30` (RFC 7240): answer when the job has finished, or after that many seconds; "
            "with `If-None-Match`, as soon as the job has changed"
        ),
    ] = None,
) -> Response:
    """The job, its progress and its runs. Cheap to poll with `If-None-Match`, and cheaper to wait for with `Prefer`."""

    def version() -> JobVersion:
        with access.database.read() as session:
            return find_version(access, session, job_id)

    headers = {"Vary": "Prefer"}
    seen: JobVersion | None = await run_in_threadpool(version)
    if seconds := _wait(prefer or ""):
        headers["Preference-Applied"] = f"wait={seconds}"
        watch: Watch = request.app.state.watch
        if "If-None-Match" in request.headers:
            if seen and not seen.finished and is_known(request, seen.etag):
                seen = await watch.change(job_id, seen, seconds, access.key)
        else:
            seen = await watch.finish(job_id, seen, seconds, access.key)
        await run_in_threadpool(access.check_key)
    if seen and is_known(request, seen.etag):
        return Response(status_code=304, headers={**headers, **cached(seen.etag)})
    return await run_in_threadpool(_read, access, job_id, 200, headers)


def _wait(prefer: str) -> int:
    """The seconds of `wait` among the preferences, as far as they are granted; 0 where there is none."""
    found = re.search(r'(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})"?\s*(?:$|[,;])', prefer, re.ASCII | re.IGNORECASE)
    return min(MAX_WAIT_SECONDS, int(found[1])) if found else 0


@router.patch(
    "/jobs/{job_id}",
    response_model=JobObject,
    summary="Change a job's description",
    responses=documented(404, 408, 413, 422),
    openapi_extra={"requestBody": ChangesRequest.documented()},
)
def describe_job(access: Submitter, job_id: str, body: Annotated[Any, Depends(read_json)]) -> Response:
    """Its name, tags and notes, in whatever state it is; what is left out stays. Numbers depend on none of them."""
    changes = resolve_description(body)
    with access.database.write() as session:
        find_version(access, session, job_id)
        states.describe(session, job_id, changes)
    return _read(access, job_id, 200)


@router.post(
    "/jobs/{job_id}/cancel",
    status_code=202,
    response_model=JobObject,
    summary="Cancel a job",
    responses=documented(404, 409, 422),
)
def cancel_job(
    access: Submitter,
    job_id: str,
    variant: Annotated[
        list[str] | None, Query(max_length=MAX_VARIANTS, description="Only the runs of this variant; repeatable")
    ] = None,
) -> Response:
    """Queued runs end at once, training ones within a second; recorded epochs stay."""
    with access.database.write() as session:
        find_version(access, session, job_id)
        if variant is None:
            states.cancel(session, job_id)
        else:
            known = set(session.scalars(select(Run.variant).where(Run.job_id == job_id).distinct()))
            for name in variant:
                if comparable(name) not in known:
                    raise NotFound(f"There is no variant named {name!r}{did_you_mean(name, known)}")
            states.cancel_runs(session, job_id, Run.variant.in_([comparable(name) for name in variant]))
    return _read(access, job_id, 202)


@router.post(
    "/jobs/{job_id}/retry",
    status_code=202,
    response_model=JobObject,
    summary="Retry a job",
    responses=documented(404, 409, 422),
)
def retry_job(request: Request, access: Submitter, job_id: str) -> Response:
    """Queues the failed and cancelled runs of a finished job again; runs that succeeded stay as they are."""
    done = False
    while not done:
        with access.database.write() as session:
            owner = find_owner(access, session, job_id)
            again, done = states.retry(session, job_id)
            limits.check_queue(session, owner, 0 if done else again, request.app.state.settings)
    request.app.state.waker.soon()
    return _read(access, job_id, 202)


@router.post(
    "/jobs/{job_id}/seeds",
    status_code=202,
    response_model=JobObject,
    summary="Add seeds to a job",
    responses=documented(404, 408, 409, 413, 422),
    openapi_extra={"requestBody": SeedsRequest.documented()},
)
def add_seeds(request: Request, access: Submitter, job_id: str, body: Annotated[Any, Depends(read_json)]) -> Response:
    """Trains each variant of a finished job with further seeds: intervals get narrower, and existing runs stay.

    With `until` instead of `seeds`: until the comparisons are decided.
    """
    with access.database.write() as session:
        owner = find_owner(access, session, job_id)
        states.add_seeds(session, job_id, body)
        limits.check_queue(session, owner, 0, request.app.state.settings)
    request.app.state.waker.soon()
    return _read(access, job_id, 202)


@router.delete("/jobs/{job_id}", status_code=204, summary="Delete a finished job", responses=documented(404, 409, 422))
def delete_job(access: Submitter, job_id: str) -> Response:
    """Deletes the job with its runs, histories, models and events."""
    with access.database.write() as session:
        find_version(access, session, job_id)
        deletion.delete_job(session, job_id)
    return Response(status_code=204)


def _read(access: Access, job_id: str, status: int, headers: dict[str, str] | None = None) -> Response:
    """The job as it is now, which the caller may see, read outside of the transaction that changed it."""
    with access.database.read() as session:
        shown = read_job(session, job_id)
    headers = {**(headers or {}), **cached(JobVersion(shown.last_event, shown.status).etag)}
    if shown.status not in FINISHED:
        eta = shown.progress.eta_seconds or POLL_SECONDS
        headers["Retry-After"] = str(max(POLL_SECONDS, min(MAX_POLL_SECONDS, int(eta))))
    return Response(shown.model_dump_json(), status, headers, "application/json")


def _preview(specification: Specification) -> Preview:
    return Preview(
        spec=specification.model_dump(mode="json"),
        runs=len(specification.seeds) * len(specification.variants),
        max_runs=specification.runs,
        variants=[
            VariantPreview(name=v.name, parameters=cost.parameters, models_bytes=cost.models)
            for v in specification.variants
            for cost in [cost_of(specification.run(v.name, 0))]
        ],
        warnings=[one_seed()] if len(specification.seeds) == 1 and len(specification.variants) > 1 else [],
    )
