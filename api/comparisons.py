"""Saved comparisons: a selection of jobs and runs under a name, with the results of all of them below it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from api import idempotency
from api.access import Access, Reader, Submitter
from api.body import documented_body, read_json
from api.conditional import cached, is_known
from api.problems import documented
from api.root_path import public_path
from api.routing import Route
from api.selection import MAX_JOBS, Selection, among, jobs_of_runs
from models.database import comparable, now
from models.errors import ComparisonError, DifferentTasks, NotFound
from models.faults import fault, faults_of, told
from models.ids import new_id
from models.kinds.kind import Model
from models.kinds.metrics import VAL_DATA_LOSS
from models.names import Name
from models.specification import Notes
from models.tables import Comparison
from reporting.across import Chosen, common_task

M = TypeVar("M", bound=Model)

router = APIRouter(tags=["comparisons"], route_class=Route)

MAX_SINGLE_RUNS = 1000
OF_A_JOB = re.compile(r"(job_[0-9a-f]{32})(?:/(.*))?", re.DOTALL)
"""A baseline that says of which job it is."""

BaselineName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="The variant that the others are compared with: its name, meaning that of the first job that has "
        "it; or a job's id for that job's own baseline; or the id, `/` and a name",
        examples=["original"],
    ),
]


class ComparisonRequest(Model):
    """Jobs, all of whose runs are meant, and single runs; the baseline is that of the first job unless named."""

    name: Name = "untitled"
    jobs: tuple[str, ...] = Field((), max_length=MAX_JOBS, description="Ids; all runs of these jobs")
    runs: tuple[str, ...] = Field((), max_length=MAX_SINGLE_RUNS, description="Ids of single runs, beside the jobs")
    baseline: BaselineName | None = None
    notes: Notes = ""


class ComparisonChanges(Model):
    """What is to change of a comparison; what is left out stays."""

    name: Name | None = None
    baseline: BaselineName | None = None
    notes: Notes | None = None


class ComparisonObject(BaseModel):
    """A stored selection of jobs and runs."""

    id: str
    object: Literal["comparison"] = "comparison"
    name: str
    jobs: list[str]
    runs: list[str]
    baseline: str = Field(description="The variant that the others are compared with")
    baseline_job_id: str = Field(description="The job that this variant is of")
    notes: str
    created_at: datetime
    missing: list[str] = Field(description="Ids of jobs and runs of it that have been deleted since")
    links: dict[str, str]


class ComparisonList(BaseModel):
    """A page of comparisons, newest first."""

    object: Literal["list"] = "list"
    data: list[ComparisonObject]
    has_more: bool


@router.post(
    "/comparisons",
    status_code=201,
    response_model=ComparisonObject,
    summary="Save a comparison",
    responses={
        201: {
            "description": "Saved",
            "headers": {
                "Location": {"description": "The comparison", "schema": {"type": "string"}},
                **idempotency.DOCUMENTED,
            },
        },
        **documented(408, 413, 422),
    },
    openapi_extra={
        "requestBody": documented_body(
            ComparisonRequest, example={"name": "l2, old and new", "jobs": ["job_" + "0" * 32, "job_" + "1" * 32]}
        )
    },
)
def create_comparison(
    access: Submitter,
    body: Annotated[Any, Depends(read_json)],
    idempotency_key: idempotency.IdempotencyKey = None,
) -> Response:
    """Stores which jobs and runs are compared, and with what; results are made of them anew each time."""
    asked = _validated(ComparisonRequest, body)
    request = {"comparison": body}  # a job's request under the same key is another one
    with access.database.write() as session:
        if (first := idempotency.claim(session, access.owner, idempotency_key, request)) is not None:
            stored = ComparisonObject.model_validate_json(first)
            return _answer(stored, 201, {"Location": stored.links["self"], **idempotency.REPLAYED})
        whole = list(dict.fromkeys(asked.jobs))
        of_runs = jobs_of_runs(session, asked.runs)
        found = among(access, session, whole, of_runs)
        _check_found(asked, found)
        baseline_job_id, baseline = _baseline(found.read(session), asked.baseline)
        clock = session.scalars(select(now())).one()
        comparison = Comparison(
            id=new_id("cmp", clock),
            owner=access.owner,
            name=asked.name,
            notes=asked.notes,
            jobs=whole,
            runs=of_runs,
            baseline_job_id=baseline_job_id,
            baseline=baseline,
            created_at=clock,
        )
        session.add(comparison)
        session.flush()
        (shown,) = _shown(access, session, [comparison])
        idempotency.keep(session, access.owner, idempotency_key, shown.model_dump_json())
    return _answer(shown, 201, {"Location": shown.links["self"]})


@router.get("/comparisons", response_model=ComparisonList, summary="List comparisons", responses=documented(422))
def list_comparisons(
    access: Reader,
    name: Annotated[str | None, Query(max_length=200, description="Only comparisons of this name")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[
        str | None, Query(pattern="^cmp_[0-9a-f]{32}$", description="The last id of the page before")
    ] = None,
) -> Any:
    """Newest first."""
    query = access.own(select(Comparison).order_by(Comparison.id.desc()).limit(limit + 1), Comparison.owner)
    if name is not None:
        query = query.where(Comparison.name == comparable(name))
    if after is not None:
        query = query.where(Comparison.id < after)
    with access.database.read() as session:
        found = session.scalars(query).all()
        return ComparisonList(data=_shown(access, session, found[:limit]), has_more=len(found) > limit)


@router.get(
    "/comparisons/{comparison_id}",
    response_model=ComparisonObject,
    summary="Read a comparison",
    responses={304: {"description": "The comparison is as the client has it"}, **documented(404, 422)},
)
def get_comparison(request: Request, access: Reader, comparison_id: str) -> Response:
    """The selection; `missing` says what of it has been deleted since."""
    with access.database.read() as session:
        (shown,) = _shown(access, session, [find(access, session, comparison_id)])
    answer = _answer(shown)
    etag = answer.headers["ETag"]
    return Response(status_code=304, headers=cached(etag)) if is_known(request, etag) else answer


@router.patch(
    "/comparisons/{comparison_id}",
    response_model=ComparisonObject,
    summary="Change a comparison",
    responses=documented(404, 408, 409, 413, 422),
    openapi_extra={
        "requestBody": documented_body(
            ComparisonChanges, example={"name": "chapter 4", "notes": "Both with five seeds."}
        )
    },
)
def change_comparison(access: Submitter, comparison_id: str, body: Annotated[Any, Depends(read_json)]) -> Response:
    """Its name, its notes, its baseline; which jobs and runs are in it stays."""
    asked = _validated(ComparisonChanges, body)
    with access.database.write() as session:
        comparison = find(access, session, comparison_id)
        comparison.name = comparison.name if asked.name is None else asked.name
        comparison.notes = comparison.notes if asked.notes is None else asked.notes
        if asked.baseline is not None:
            chosen = selected(access, session, comparison).read(session)
            comparison.baseline_job_id, comparison.baseline = _baseline(chosen, asked.baseline)
        session.flush()
        (shown,) = _shown(access, session, [comparison])
    return _answer(shown)


@router.delete(
    "/comparisons/{comparison_id}", status_code=204, summary="Delete a comparison", responses=documented(404, 422)
)
def delete_comparison(access: Submitter, comparison_id: str) -> Response:
    """Deletes the selection alone: its jobs and runs stay."""
    with access.database.write() as session:
        session.delete(find(access, session, comparison_id))
    return Response(status_code=204)


def _validated(kind: type[M], body: Any) -> M:
    try:
        return TypeAdapter(kind).validate_json(json.dumps(body))
    except ValidationError as invalid:
        raise ComparisonError(list(faults_of(told(invalid), body, body, kind))) from None


def _check_found(asked: ComparisonRequest, found: Selection) -> None:
    """Raises ComparisonError with each id that there is not."""
    faults = [
        fault((field, i), f"unknown_{kind}", f"There is no {kind} with this id")
        for field, kind, ids, there in (
            ("jobs", "job", asked.jobs, found.whole),
            ("runs", "run", asked.runs, found.single),
        )
        for i, each in enumerate(ids)
        if each not in there
    ]
    if not (asked.jobs or asked.runs):
        faults.append(fault(("jobs",), "missing", "Name at least one job or run"))
    if faults:
        raise ComparisonError(faults)


def _baseline(chosen: Sequence[Chosen], asked: str | None) -> tuple[str, str]:
    """Job and name of the baseline. Raises ComparisonError if no such variant is among these, or they do not fit."""
    try:
        common_task(chosen)
    except DifferentTasks as different:
        raise ComparisonError([fault(("jobs",), different.code, different.detail)]) from None
    if asked is None:
        first = chosen[0]
        own = first.spec["baseline"]
        return first.job_id, own if own in first.variants else first.variants[0]
    named = OF_A_JOB.fullmatch(asked)
    for each in chosen:
        name = asked if named is None else each.spec["baseline"] if named[2] is None else named[2]
        if name in each.variants and (named is None or named[1] == each.job_id):
            return each.job_id, name
    names = ", ".join(dict.fromkeys(name for each in chosen for name in each.variants))
    raise ComparisonError([fault(("baseline",), "unknown_baseline", f"It is none of the variants: {names}"[:500])])


def find(access: Access, session: Session, comparison_id: str) -> Comparison:
    """The comparison. Raises NotFound for one that is not there, and for another's."""
    return access.find(session, Comparison, comparison_id, "cmp", "comparison")


def selected(access: Access, session: Session, comparison: Comparison) -> Selection:
    """What there is of the comparison. Raises NotFound if nothing is left."""
    found = among(access, session, comparison.jobs, comparison.runs)
    if not found.versions:
        raise NotFound("All jobs of this comparison have been deleted")
    return found


def _shown(access: Access, session: Session, comparisons: Iterable[Comparison]) -> list[ComparisonObject]:
    shown = []
    for each in comparisons:
        there = among(access, session, each.jobs, each.runs)
        base = public_path(f"/v1/comparisons/{each.id}")
        shown.append(
            ComparisonObject(
                id=each.id,
                name=each.name,
                jobs=each.jobs,
                runs=list(each.runs),
                baseline=each.baseline,
                baseline_job_id=each.baseline_job_id,
                notes=each.notes,
                created_at=each.created_at,
                missing=sorted({*each.jobs, *each.runs} - {*there.whole, *there.single}),
                links={
                    "self": base,
                    "history": f"{base}/history",
                    "metrics": f"{base}/metrics",
                    "analysis": f"{base}/analysis",
                    "plot": f"{base}/plots/{VAL_DATA_LOSS}.png",
                    "report": f"{base}/report.html",
                },
            )
        )
    return shown


def _answer(shown: ComparisonObject, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = shown.model_dump_json()
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    return Response(body, status, {**(headers or {}), **cached(etag)}, "application/json")
