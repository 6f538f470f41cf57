"""The runs a request is about: all of one job, or chosen ones across jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import WithJsonSchema
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from api.access import Access, is_id
from api.conditional import answered, cached
from api.job_versions import JobVersion, etag_of, find_version
from models.errors import NotFound, OckhamError
from models.tables import Job, Run
from reporting.across import Chosen
from reporting.reading import read_runs

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
class Selection:
    """The jobs that a request is about, by id in the order of the answer, and where they stand.

    Of the jobs in `whole` all runs are chosen, of the others those in `single`.
    """

    versions: dict[str, JobVersion]
    whole: Collection[str]
    single: Collection[str] = ()

    def read(self, session: Session) -> list[Chosen]:
        """The jobs with their runs. Raises NothingChosen if there are too many."""
        which = or_(Run.job_id.in_(self.whole), Run.id.in_(self.single))
        if (count := session.scalar(select(func.count()).select_from(Run).where(which)) or 0) > MAX_RUNS:
            raise NothingChosen(f"These are {count} runs; at most {MAX_RUNS} may be asked for at once")
        rows = session.execute(select(Job.id, Job.name, Job.spec).where(Job.id.in_(self.versions)))
        jobs = {row.id: Chosen(row.id, row.name, row.spec, []) for row in rows}
        for run in read_runs(session, which):
            if run.job_id in jobs:
                chosen = jobs[run.job_id]
                if run.trial is None:
                    chosen.runs.append(run)
                elif run.id in self.single:
                    # Of another name: it was chosen by its value, and must not be counted among fresh seeds.
                    chosen.runs.append(replace(run, variant=f"{run.variant} (trial)"))
                else:
                    chosen.trials.append(run)
        return [jobs[job_id] for job_id in self.versions if job_id in jobs]


Select = Callable[[Session], Selection]
"""What a request is about, looked up in the session that answers it."""


def look_up(
    request: Request, access: Access, select: Select, **headers: str
) -> tuple[Response | None, list[Chosen], dict[str, str]]:
    """What a request is about: the answer itself if it is known, or else the jobs with their runs; and its headers.

    It is known if the client has it or it was made before: then no run is read. No session is open afterwards.
    """
    with access.database.read() as session:
        selection = select(session)
        headers = cached(etag_of(request, selection.versions), **headers)
        known = answered(request, headers)
        return known, [] if known else selection.read(session), headers


def of_job(access: Access, session: Session, job_id: str) -> Selection:
    """All of one job. Raises NotFound."""
    return Selection({job_id: find_version(access, session, job_id)}, whole=[job_id])


def choose(access: Access, session: Session, job_ids: Sequence[str] | None, run_ids: Sequence[str] | None) -> Selection:
    """The named jobs, then the jobs of the named runs. Raises NotFound and NothingChosen."""
    if not (job_ids or run_ids):
        raise NothingChosen("Name at least one job or run: ?job=...&run=...")
    whole, of_runs = list(dict.fromkeys(job_ids or ())), jobs_of_runs(session, run_ids or ())
    found = among(access, session, whole, of_runs)
    if len(of_runs) < len(set(run_ids or ())) or not {*whole, *of_runs.values()} <= found.versions.keys():
        raise NotFound("There is no job or run with one of these ids")
    return found


def jobs_of_runs(session: Session, run_ids: Iterable[str]) -> dict[str, str]:
    """The job of each run that there is, in this order, whoever owns it."""
    asked = [run_id for run_id in dict.fromkeys(run_ids) if is_id(run_id, "run")]
    rows = {row.id: row.job_id for row in session.execute(select(Run.id, Run.job_id).where(Run.id.in_(asked)))}
    return {run_id: rows[run_id] for run_id in asked if run_id in rows}


def among(access: Access, session: Session, job_ids: Sequence[str], runs: Mapping[str, str]) -> Selection:
    """Those of these jobs, and of these runs with their jobs, that there are and that the caller may see."""
    ids = [job_id for job_id in dict.fromkeys([*job_ids, *runs.values()]) if is_id(job_id, "job")]
    query = access.own(select(Job.id, Job.last_event, Job.status).where(Job.id.in_(ids)))
    rows = {job_id: JobVersion(*version) for job_id, *version in session.execute(query)}
    versions = {job_id: rows[job_id] for job_id in ids if job_id in rows}
    return Selection(
        versions,
        [job_id for job_id in job_ids if job_id in versions],
        [run_id for run_id, job_id in runs.items() if job_id in versions],
    )
