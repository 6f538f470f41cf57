"""What a job is found by again: its tags, and the members of its metadata."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, insert
from sqlalchemy.orm import Session

from models.database import comparable
from models.tables import Job, Label

TAG = "tag"
MEMBER = "metadata."
MOST_IN_A_NAME, MOST_CHARACTERS = 100, 200
"""A longer value is kept with the job, and is not searched by."""


def label(session: Session, job: Job) -> None:
    """Makes the job's labels those of its specification."""
    session.execute(delete(Label).where(Label.job_id == job.id))
    rows = [{"job_id": job.id, "key": key, "value": value} for key, value in labels_of(job.spec)]
    if rows:
        session.execute(insert(Label), rows)


def labels_of(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Key and value of each label that a specification, as it is stored, gives its job.

    A tag's key is `tag`; that of a member of the metadata is `metadata.` and the member's name. A value that is no text
    is written as JSON; objects and arrays give none.
    """
    yield from ((TAG, tag) for tag in document.get("tags", ()))
    for name, value in document.get("metadata", {}).items():
        written = value if isinstance(value, str) else json.dumps(value)
        if not isinstance(value, dict | list) and len(name) <= MOST_IN_A_NAME and len(written) <= MOST_CHARACTERS:
            yield comparable(MEMBER + name), comparable(written)


def having(tags: Iterable[str], metadata: Iterable[tuple[str, str]]) -> list[ColumnElement[bool]]:
    """Conditions on `Job`: it has all of these tags, and all of these members of metadata."""
    wanted = [*((TAG, tag) for tag in tags), *((MEMBER + name, value) for name, value in metadata)]
    return [
        exists().where(Label.job_id == Job.id, Label.key == comparable(key), Label.value == comparable(value))
        for key, value in wanted
    ]
