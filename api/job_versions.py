"""Where a job stands, in one row: what ownership, polls and 304 need, without reading the job."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from fastapi import Request
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from api.access import Access, is_id
from models.errors import NotFound
from models.tables import FINISHED, Job


class JobVersion(NamedTuple):
    """Where a job stands: each change of a job changes its version."""

    last_event: int
    status: str

    @property
    def finished(self) -> bool:
        """Whether no event follows, unless the job is retried."""
        return self.status in FINISHED

    @property
    def etag(self) -> str:
        """Weak: the same version may be shown with another estimate of the time left."""
        return f'W/"{self.last_event}-{self.status}"'


def find_version(access: Access, session: Session, job_id: str) -> JobVersion:
    """The job's version. Raises NotFound for a job that is not there, and for another's."""
    query: Select[Any] = access.own(select(Job.last_event, Job.status).where(Job.id == job_id))
    row = session.execute(query).one_or_none() if is_id(job_id, "job") else None
    if row is None:
        raise NotFound("There is no job with this id")
    return JobVersion(*row)


def find_owner(access: Access, session: Session, job_id: str) -> str:
    """Whose job it is. Raises NotFound like `find_version`."""
    query: Select[Any] = access.own(select(Job.owner).where(Job.id == job_id))
    owner: str | None = session.scalar(query) if is_id(job_id, "job") else None
    if owner is None:
        raise NotFound("There is no job with this id")
    return owner


def read_versions(session: Session, job_ids: Iterable[str]) -> dict[str, JobVersion]:
    """The versions of those of the jobs that there are, whoever owns them."""
    rows = session.execute(select(Job.id, Job.last_event, Job.status).where(Job.id.in_(list(job_ids))))
    return {job_id: JobVersion(last_event, status) for job_id, last_event, status in rows}


def etag_of(request: Request, versions: Mapping[str, JobVersion], *beside: object) -> str:
    """Of what is made of these jobs: weak, and another with each event of them and each other way of asking.

    `beside`: what else it is made of.
    """
    asked = (list(versions.items()), *beside, request.url.path, request.url.query, request.headers.get("Accept"))
    return f'W/"{hashlib.sha256(repr(asked).encode()).hexdigest()[:32]}"'
