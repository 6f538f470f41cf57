"""The runs a request is about: all of one job, or chosen ones across jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Request
from pydantic import WithJsonSchema
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from api.access import Access, is_id
from models.errors import NotFound, OckhamError
from models.tables import Job, Run

MAX_JOBS, MAX_RUNS = 100, 5000

# Told, not demanded: what is no id is an unknown one, 404. A thousand of them fit into a request's line.
Id = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_]{1,40}$"})]
JobIds = Annotated[
    list[Id] | None, Query(alias="job", max_length=MAX_JOBS, description="All runs of this job; repeatable")
]
RunIds = Annotated[list[Id] | None, Query(alias="run", max_length=1000, description="This run; repeatable")]


class NothingChosen(OckhamError):
    """Neither a job nor a run is named, or too much."""

    status, code, title = 422, "invalid_parameters", "The parameters are not valid"


@dataclass(frozen=True)
class Chosen:
    """Runs of one job, in the job's order."""

    job: Job
    runs: list[Run]


def choose(
    access: Access, session: Session, job_ids: Sequence[str] | None, run_ids: Sequence[str] | None
) -> list[Chosen]:
    """The named jobs, then the jobs of the named runs, each with its runs. Raises NotFound and NothingChosen."""
    if not (job_ids or run_ids):
        raise NothingChosen("Name at least one job or run: ?job=...&run=...")
    whole = list(dict.fromkeys(job_ids or ()))
    single = list(dict.fromkeys(run_ids or ()))
    if not all(is_id(each, "job") for each in whole) or not all(is_id(each, "run") for each in single):
        raise NotFound("There is no job or run with one of these ids")
    rows = session.execute(select(Run.id, Run.job_id).where(Run.id.in_(single)))
    of_runs = {row.id: row.job_id for row in rows}
    ids = list(dict.fromkeys([*whole, *of_runs.values()]))
    found = session.scalars(access.own(select(Job).where(Job.id.in_(ids)).options(selectinload(Job.runs))))
    jobs = {job.id: job for job in found}
    if len(of_runs) < len(single) or len(jobs) < len(ids):
        raise NotFound("There is no job or run with one of these ids")
    chosen = [
        Chosen(jobs[job_id], [run for run in jobs[job_id].runs if job_id in whole or run.id in of_runs])
        for job_id in ids
    ]
    if (count := sum(len(each.runs) for each in chosen)) > MAX_RUNS:
        raise NothingChosen(f"These are {count} runs; at most {MAX_RUNS} may be asked for at once")
    return chosen


def etag_of(request: Request, chosen: Iterable[Chosen]) -> str:
    """Weak, and another with each event of the jobs and each other way of asking."""
    marks = [(each.job.id, each.job.last_event, each.job.status) for each in chosen]
    asked = (marks, request.url.path, request.url.query, request.headers.get("Accept"))
    return f'W/"{hashlib.sha256(repr(asked).encode()).hexdigest()[:32]}"'
