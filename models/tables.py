"""The tables. A job's or run's status is changed in `models.states` and `models.claims` only."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    and_,
    event,
    false,
    func,
    text,
    true,
)
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    ORMExecuteState,
    Session,
    mapped_column,
    relationship,
    validates,
    with_loader_criteria,
)

from models.database import UTCDateTime, Values
from models.names import folded


class Status(StrEnum):
    """Of a job and of a run."""

    QUEUED = "queued"  # accepted; no worker has it
    RUNNING = "running"  # a run: a worker holds its lease; a job: at least one run has begun
    SUCCEEDED = "succeeded"  # finished, with results
    FAILED = "failed"  # finished, with an error; a job: at least one run failed
    CANCELLING = "cancelling"  # to be cancelled, but a worker still holds it
    CANCELLED = "cancelled"  # finished because a user asked for it, or a search's pruner (PRUNED)


FINISHED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
HELD = (Status.RUNNING, Status.CANCELLING)
"""A worker holds the run's lease."""


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


SHOW_DELETED = {"show_deleted": True}
"""Execution options of a query that shall find what is marked as deleted, too."""


class Deletable:
    """Rows that are marked as deleted, and removed with all that belongs to them afterwards (`models.deletion`)."""

    deleted_at: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)


@event.listens_for(Session, "do_orm_execute")
def _without_deleted(state: ORMExecuteState) -> None:
    """Adds to every SELECT, subqueries and joins included, that what it finds is not marked as deleted."""
    if state.is_select and not state.is_column_load and "show_deleted" not in state.execution_options:
        state.statement = state.statement.options(
            with_loader_criteria(Deletable, lambda table: table.deleted_at.is_(None), include_aliases=True)
        )


Id = String(40)
_STATUSES = "status IN ({})".format(", ".join(f"'{s}'" for s in Status))


class Job(Deletable, Base):
    """An accepted specification."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(_STATUSES, name="status"),
        Index(None, "status", "id"),
        Index(None, "owner", "id"),
        Index(None, "owner", "served_at"),
        Index(None, "deciding", postgresql_where=text("deciding"), sqlite_where=text("deciding")),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(String(40), default="")
    """The team, or the key without one, that submitted it; empty if no keys were in use."""
    name: Mapped[str] = mapped_column(Text, index=True)
    folded_name: Mapped[str] = mapped_column(Text, server_default=text("''"))
    """What is searched in: set together with `name`."""
    status: Mapped[str] = mapped_column(String(16))
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)
    queued_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    """When its present round began: it was submitted, retried or given more seeds."""
    served_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    """When a worker last took a run of it: the longest unserved is next."""
    last_event: Mapped[int] = mapped_column(Integer, default=0)
    deciding: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it waits for a look once all its runs have ended, or all its trials: then it may get further runs."""
    searching: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether its search goes on: a look then waits for its trials alone."""
    dataset_id: Mapped[str | None] = mapped_column(Id, index=True)
    """The stored data set that its runs are trained on; it may have been deleted since the job finished."""
    look: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What was seen when all its runs had ended, the last time (`reporting.looks.Look`); null without `until`."""
    search: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """How far its search is (`models.search.State`); null without one."""

    runs: Mapped[list[Run]] = relationship(back_populates="job", order_by="Run.position")

    @validates("name")
    def _fold(self, _field: str, name: str) -> str:
        self.folded_name = folded(name)
        return name


class Label(Base):
    """What a job is found by (`models.labels`): a tag, or a member of its metadata."""

    __tablename__ = "labels"
    __table_args__ = (Index(None, "key", "value", "job_id"),)

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    value: Mapped[str] = mapped_column(String(200), primary_key=True)


class Run(Base):
    """One variant with one seed."""

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint(_STATUSES, name="status"),
        UniqueConstraint("job_id", "variant", "seed"),
        Index(None, "job_id", "position"),
        Index(None, "status", "job_id"),
        Index(None, "key", "status"),
        Index(None, "result_key"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    position: Mapped[int]
    variant: Mapped[str] = mapped_column(Text)
    seed: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(16))
    parameters: Mapped[int]
    epochs: Mapped[int]
    """To be trained."""
    epoch: Mapped[int] = mapped_column(default=0)
    """Recorded so far."""
    attempt: Mapped[int] = mapped_column(default=0)
    """Counts the claims; every write of a worker names its own."""
    trial: Mapped[int | None]
    """Its number, from 0 on, among the trials of the job's search; null if it is none."""
    losses: Mapped[int] = mapped_column(default=0)
    """Attempts since the last new epoch whose worker was lost: killed, hung or cut off."""
    worker_id: Mapped[str | None] = mapped_column(Id)
    worker_pid: Mapped[int | None]
    lease_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    progress_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    """When it was claimed or last recorded an epoch."""
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    queued_at: Mapped[datetime] = mapped_column(UTCDateTime)
    """When it was last queued: again after a retry, or when a worker was lost."""
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    fingerprint: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    chosen_epoch: Mapped[int | None]
    """The epoch whose weights the run's model has."""
    test: Mapped[dict[str, float] | None] = mapped_column(Values)
    """With a holdout: the test set's score at the chosen epoch."""
    model_size: Mapped[int | None]
    reuse: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Whether a stored result may be taken over instead of training."""
    key: Mapped[str | None] = mapped_column(String(64))
    """The same for runs that are to be trained the same (`models.reuse`)."""
    result_key: Mapped[str | None] = mapped_column(String(64))
    """The same for runs whose results are the same: the key and the fingerprint. Null until a worker has begun it."""
    reused_from: Mapped[str | None] = mapped_column(Id)
    """The run whose result it carries; that one may have been deleted since."""

    job: Mapped[Job] = relationship(back_populates="runs")


TRIED_IN_VAIN = and_(Run.trial.is_not(None), func.coalesce(Run.error["retryable"].as_boolean(), true()).is_(False))
"""Whether a run is a trial whose values make it fail each time, or that was pruned: a result of the search, and no
fault of the job."""

PRUNED = func.coalesce(Run.error["code"].as_string(), "") == "pruned"
"""Whether a run is a trial that was ended early (`models.pruning`); its status is `cancelled`."""


class Epoch(Base):
    """One epoch of a run."""

    __tablename__ = "epochs"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    metrics: Mapped[dict[str, float]] = mapped_column(Values)
    """By name."""
    seconds: Mapped[float] = mapped_column(Float(53))
    recorded_at: Mapped[datetime] = mapped_column(UTCDateTime)


class Event(Base):
    """What happened to a job, numbered from 1 without a gap: the job's row is locked while one is added."""

    __tablename__ = "events"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    type: Mapped[str] = mapped_column(String(32))
    run_id: Mapped[str | None] = mapped_column(Id)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)


class ModelPart(Base):
    """A finished run's `model.keras`, in parts of a megabyte: any API process can serve any range of it."""

    __tablename__ = "model_parts"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class KeptModel(Base):
    """The model of an epoch that a run keeps beside its chosen one (`models.kept`)."""

    __tablename__ = "kept_models"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(String(64), index=True)
    """The same for models of the same layers and weights."""
    content: Mapped[str] = mapped_column(Id, index=True)
    """The file that it is; other runs' models may be the same one."""
    size: Mapped[int | None]
    """Its bytes; null while its parts are being stored."""


class KeptPart(Base):
    """A file that kept models are, in parts of a megabyte; what is no model's any more is removed."""

    __tablename__ = "kept_parts"

    content: Mapped[str] = mapped_column(Id, primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)


PREDICTED = ("validation", "test")
"""The rows whose predictions are kept: the second if rows of the training set validate."""


ENDS = ("least", "last")
"""What is kept beside them of a run that tells classes apart: the same of the validation rows at the epoch of the least
validation loss and at the last one, each if it is another epoch than the chosen one."""


WHY = "why"
"""What is kept beside them: of each epoch, by which rows the loss of the validation set has risen (`models.why`)."""


class PredictionPart(Base):
    """What a finished run predicts at its chosen epoch (`models.predictions`), in parts of a megabyte."""

    __tablename__ = "prediction_parts"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    split: Mapped[str] = mapped_column(String(10), primary_key=True)
    """One of `PREDICTED` or `ENDS`, or `WHY`."""
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Reproduction(Base):
    """A run that was asked for to see whether another's numbers come again, and what came of it."""

    __tablename__ = "reproductions"

    run_id: Mapped[str] = mapped_column(Id, primary_key=True)
    """The run that trains again; the verdict stays when that is deleted."""
    job_id: Mapped[str] = mapped_column(Id)
    original_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    requested_at: Mapped[datetime] = mapped_column(UTCDateTime)
    verdict: Mapped[str | None] = mapped_column(String(16))
    """`bitwise`, `within_tolerance` or `diverged`; null until it has succeeded."""
    first_difference: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The first epoch that differs: `{epoch, metric, original, again}`."""


class Worker(Base):
    """A worker process that is up: it renews its row, the sweep removes silent ones."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    host: Mapped[str] = mapped_column(Text)
    pid: Mapped[int]
    concurrency: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ready: Mapped[bool] = mapped_column(default=False)
    """Whether a process of it lives that can train."""


class ApiKey(Base):
    """A key of the API. The token itself is nowhere: its hash is enough to know it again."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(String(16), unique=True)
    """The token's beginning: it is shown, and finds the row."""
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the whole token."""
    scopes: Mapped[list[str]] = mapped_column(JSON)
    team: Mapped[str | None] = mapped_column(Id)
    """The owner that it shares with other keys; null: it is one of its own."""
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def owner(self) -> str:
        """Whose jobs and webhooks it makes and sees."""
        return self.team or self.id


class Idempotency(Base):
    """The first answer to an `Idempotency-Key`, committed with what it answers."""

    __tablename__ = "idempotency"

    owner: Mapped[str] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the request's body."""
    answer: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


class Webhook(Deletable, Base):
    """An address that is told of events: of one job, or of all of an owner's."""

    __tablename__ = "webhooks"
    __table_args__ = (Index(None, "owner", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(Id)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    url: Mapped[str] = mapped_column(Text)
    events: Mapped[list[str]] = mapped_column(JSON)
    secret: Mapped[str] = mapped_column(Text)
    """Signing needs the secret itself."""
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    leased_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    """One process at a time delivers to an address: in order, and not all at once."""
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    """Attempts that failed since one arrived."""
    paused_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    """Until then nothing is sent, whatever waits: the last attempt failed."""


class StoredDataset(Deletable, Base):
    """A table that a user sent. While its parts are being stored it is marked as deleted, in an hour."""

    __tablename__ = "datasets"
    __table_args__ = (Index(None, "owner", "id"), UniqueConstraint("owner", "digest"))

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(Id)
    name: Mapped[str] = mapped_column(Text, index=True)
    task: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str | None] = mapped_column(String(64))
    """SHA-256 of the files as they were sent, and of the options; null once it is deleted."""
    bytes: Mapped[int] = mapped_column(BigInteger)
    """Of its parts."""
    card: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What is in it (`models.tabular.card.Card`)."""
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class DatasetPart(Base):
    """Some rows of a data set's file, as Parquet with typed columns."""

    __tablename__ = "dataset_parts"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True)
    split: Mapped[str] = mapped_column(String(5), primary_key=True)
    """`train` or `test`."""
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first: Mapped[int]
    """The number of its first row within the file, from 0."""
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Comparison(Base):
    """Jobs and runs that a user wants to see side by side again. It outlives them."""

    __tablename__ = "comparisons"
    __table_args__ = (Index(None, "owner", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(Id)
    name: Mapped[str] = mapped_column(Text, index=True)
    notes: Mapped[str] = mapped_column(Text)
    jobs: Mapped[list[str]] = mapped_column(JSON)
    """All runs of these are in it."""
    runs: Mapped[dict[str, str]] = mapped_column(JSON)
    """Single runs, each with its job."""
    baseline_job_id: Mapped[str] = mapped_column(Id)
    baseline: Mapped[str] = mapped_column(Text)
    """The variant of that job which the others are compared with."""
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class Delivery(Base):
    """One event on its way to one webhook, added with the event itself."""

    __tablename__ = "deliveries"
    __table_args__ = (Index(None, "webhook_id", "due_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    job_id: Mapped[str] = mapped_column(Id, default="", server_default=text("''"))
    event_id: Mapped[int] = mapped_column(default=0, server_default="0")
    """The event that it tells, in whose order a job's are sent; of a test neither."""
    type: Mapped[str] = mapped_column(String(32))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)
    """When it is sent next; null when it has been delivered or given up."""
    delivered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    error: Mapped[str | None] = mapped_column(Text)
    """Why the last attempt failed."""
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
