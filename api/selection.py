"""The runs a request is about: all of one job, or chosen ones across jobs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query
from pydantic import WithJsonSchema
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from api.access import Access, is_id
from api.job_versions import JobVersion, find_version
from models.errors import DifferentTasks, NotFound, OckhamError
from models.kinds.task import Task
from models.specification import dataset_of
from models.tables import Job, Run
from reporting.reading import RunRow, read_runs

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
                jobs[run.job_id].runs.append(run)
        return [jobs[job_id] for job_id in self.versions if job_id in jobs]


@dataclass(frozen=True)
class Chosen:
    """Runs of one job, in the job's order."""

    job_id: str
    name: str
    spec: dict[str, Any]
    runs: list[RunRow]


def common_task(chosen: Sequence[Chosen]) -> Task:
    """The task of all these jobs. Raises DifferentTasks if it is not one."""
    tasks = [dataset_of(each.spec).task for each in chosen]
    if len({task.name for task in tasks}) > 1:
        found = ", ".join(f"{each.job_id} is {task.title}" for each, task in zip(chosen, tasks, strict=True))
        raise DifferentTasks(f"Jobs of different tasks have losses of different kinds: {found}"[:1000])
    return tasks[0]


def of_job(access: Access, session: Session, job_id: str) -> Selection:
    """All of one job. Raises NotFound."""
    return Selection({job_id: find_version(access, session, job_id)}, whole=[job_id])


def choose(access: Access, session: Session, job_ids: Sequence[str] | None, run_ids: Sequence[str] | None) -> Selection:
    """The named jobs, then the jobs of the named runs. Raises NotFound and NothingChosen."""
    if not (job_ids or run_ids):
        raise NothingChosen("Name at least one job or run: ?job=...&run=...")
    whole = list(dict.fromkeys(job_ids or ()))
    single = list(dict.fromkeys(run_ids or ()))
    if not all(is_id(each, "job") for each in whole) or not all(is_id(each, "run") for each in single):
        raise NotFound("There is no job or run with one of these ids")
    rows = session.execute(select(Run.id, Run.job_id).where(Run.id.in_(single)))
    of_runs = {row.id: row.job_id for row in rows}
    ids = list(dict.fromkeys([*whole, *of_runs.values()]))
    found = access.own(select(Job.id, Job.last_event, Job.status).where(Job.id.in_(ids)))
    versions = {job_id: JobVersion(*version) for job_id, *version in session.execute(found)}
    if len(of_runs) < len(single) or len(versions) < len(ids):
        raise NotFound("There is no job or run with one of these ids")
    return Selection({job_id: versions[job_id] for job_id in ids}, whole, single)
