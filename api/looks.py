"""Looks at jobs with `until` whose runs have all ended, or with `search` whose trials have: they get further runs.

Every API process does; the first to write is heard, and the others find that something has happened since.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from models import states
from models.database import Database
from models.specification import Specification, stored
from models.tables import Epoch, Job, Run
from reporting.looks import look
from reporting.reading import RunRow, read_histories, read_runs
from reporting.searching import counting, step
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
        job = session.execute(select(Job.spec, Job.searching).where(Job.id == job_id)).one_or_none()
        runs = read_runs(session, Run.job_id == job_id)
    if job is None:
        return  # deleted meanwhile
    specification = stored(job.spec)
    if job.searching:
        _search(database, waker, job_id, specification, [run for run in runs if run.trial is not None])
        return
    runs = [run for run in runs if run.trial is None]
    seen = look(read_histories(database, runs), specification)
    variants = {specification.baseline, *seen.open}
    with database.write() as session:
        heard = states.go_on(session, job_id, last_event, seen.model_dump(), seen.more, variants)
    if heard:
        log.info("job_looked_at", job_id=job_id, **seen.model_dump())
        if seen.more:
            waker.soon()


def _search(
    database: Database, waker: Waker, job_id: str, specification: Specification, trials: Sequence[RunRow]
) -> None:
    well = counting(trials)
    metrics = [specification.search.metric] if specification.search else None
    with database.read() as session:
        seconds = select(func.sum(Epoch.seconds)).join(Run).where(Run.job_id == job_id, Run.trial.is_not(None))
        trained = session.scalar(seconds) or 0.0
    histories = {history.variant: history for history in read_histories(database, well, metrics)}
    state, asked = step(specification, histories, trained)
    with database.write() as session:
        heard = states.search_on(session, job_id, state, asked)
    if heard:
        log.info("job_searched", job_id=job_id, **state.model_dump())
        waker.soon()
