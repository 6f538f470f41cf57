"""Looks at jobs with `until` whose runs have all ended: they get further seeds, or they end.

Every API process does; the first to write is heard, and the others find that something has happened since.
"""

from __future__ import annotations

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from models import states
from models.database import Database
from models.specification import stored
from models.tables import Job, Run
from reporting.looks import look
from reporting.reading import read_histories, read_runs
from worker.queue import Waker

log = structlog.get_logger(__name__)

SECONDS = 0.5
"""Between two rounds: the longest wait for further seeds. A round without such jobs is one query, by an index."""


def look_at_all(database: Database, waker: Waker) -> None:
    """One round. Raises SQLAlchemy's errors.

    A job that cannot be looked at, since another version accepted it, say, ends as its runs did: it must not keep the
    others waiting.
    """
    with database.read() as session:
        waiting = states.undecided(session)
    for job_id, last_event in waiting:
        try:
            _look_at(database, waker, job_id, last_event)
        except SQLAlchemyError:
            raise
        except Exception:
            log.exception("look_failed", job_id=job_id)
            with database.write() as session:
                states.end_undecided(session, job_id)


def _look_at(database: Database, waker: Waker, job_id: str, last_event: int) -> None:
    with database.read() as session:
        spec = session.scalar(select(Job.spec).where(Job.id == job_id))
        runs = read_runs(session, Run.job_id == job_id)
    if spec is None:
        return  # deleted meanwhile
    specification = stored(spec)
    seen = look(read_histories(database, runs), specification)
    variants = {specification.baseline, *seen.open}
    with database.write() as session:
        heard = states.go_on(session, job_id, last_event, seen.model_dump(), seen.more, variants)
    if heard:
        log.info("job_looked_at", job_id=job_id, **seen.model_dump())
        if seen.more:
            waker.soon()
