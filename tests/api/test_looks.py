"""Looks at jobs with `until`, in a real service; what workers do is done to the database."""

from __future__ import annotations

from typing import Any

import httpx

from models.database import Database
from models.tables import Job
from tests.api.conftest import Trainer, submit
from tests.servers import wait_for

UNTIL = {"smallest": 0.5, "min_seeds": 2, "max_seeds": 2}


def test_a_job_that_cannot_be_looked_at_ends_and_holds_up_no_other(
    http: httpx.Client, database: Database, trainer: Trainer
) -> None:
    """One that another version accepted, say: the service of this one does not know all that it names."""
    broken, other = submit(http, until=UNTIL), submit(http, until=UNTIL)
    held = [trainer.claim() for _ in range(8)]
    for each in held:
        for epoch in range(1, 4):
            trainer.record(each, epoch)
    with database.write() as session:
        job = session.get_one(Job, broken["id"])
        job.spec = {**job.spec, "of the future": True}
    for each in held:
        trainer.succeed(each)

    def finished(job: dict[str, Any]) -> Any:
        shown = http.get(job["links"]["self"]).json()
        return shown if shown["finished_at"] else None

    assert wait_for("the other job's end", lambda: finished(other), 20)["look"]["seeds"] == 2
    ended = wait_for("its own end", lambda: finished(broken), 20)
    assert (ended["status"], ended["look"]) == ("succeeded", None)
    assert http.get(f"{broken['links']['self']}/events").json()["data"][-1]["type"] == "job.succeeded"
