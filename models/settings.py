"""Settings: the one place that reads the environment, as `OCKHAM_*` variables (docs/settings.md lists them)."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self
from urllib.parse import quote, urlsplit

from pydantic import Field, ValidationError, create_model, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.broker import BrokerAddress, read_address
from models.kinds.datasets import DATASETS

SOCKET_PATH_LIMIT = 100
"""A Unix socket's path may have 107 bytes on Linux and 103 on macOS."""


HEARTBEATS = 3
"""A lease lasts at least so many of them: one may be late, and one may fail."""
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
"""A scheme, a host and perhaps a port, in lower case (RFC 6454, 6.2)."""
LONGEST_SECONDS = 366 * 86400
"""No time that is set is longer: databases cannot add any number of seconds to a moment."""


if TYPE_CHECKING:
    Files = BaseSettings
else:
    Files = create_model(
        "Files",
        __base__=BaseSettings,
        **{
            f"{name}_{which}": (
                Path | None,
                Field(None, description=f"A local copy of Keras's {file}; without it Keras's cache, then its download"),
            )
            for name, kind in DATASETS.items()
            for which, file in kind.files.items()
        },
    )
    """A setting for each file of a data set."""


def in_keras_cache(file: str) -> Path:
    """Where Keras keeps a file that it has downloaded."""
    return Path.home() / ".keras" / "datasets" / file


class Settings(Files):
    """What a deployment can set. Times are in seconds, sizes as named."""

    model_config = SettingsConfigDict(env_prefix="OCKHAM_", frozen=True, allow_inf_nan=False)

    data_dir: Path = Field(Path(".ockham"), description="Database, broker's data, prepared data sets and checkpoints")
    database_url: str | None = Field(None, description="PostgreSQL; without it SQLite in the data directory")
    database_connections: int = Field(
        10, ge=2, le=1000, description="Connections to PostgreSQL that a process may have; requests wait for a free one"
    )
    redis_url: str | None = Field(
        None, description="Redis or Valkey; without it the embedded Valkey in the data directory"
    )
    valkey_server: Path | None = Field(
        None,
        description="The valkey-server or redis-server (6.2 or later) to embed; else the bundled one, else PATH's",
    )

    url: str = Field("http://127.0.0.1:8000", description="The service's address, for the client and the command line")
    api_key: str | None = Field(None, description="The client's key")

    lease_seconds: float = Field(
        30, gt=0, description="How long a worker may be silent before its run is given to another"
    )
    heartbeat_seconds: float = Field(5, gt=0, description="How often a worker renews its lease")
    sweep_seconds: float = Field(2, gt=0, description="How often lost runs are looked for")
    progress_seconds: float = Field(
        1800, gt=0, description="How long an epoch may take before its worker counts as hung"
    )
    run_seconds: float = Field(6 * 3600, gt=0, description="How long a run may train, its attempts together")
    max_attempts: int = Field(
        3, ge=1, description="How often in a row, without a new epoch, a run's worker may be lost before it is given up"
    )
    retention_days: float | None = Field(
        None,
        gt=0,
        le=36_500,
        description="Days after which finished jobs are deleted with results; without it never",
    )
    reuse_across_keys: bool = Field(
        False, description="Whether a run may take over the stored result of another key's same run"
    )
    drain_seconds: float = Field(20, ge=0, description="How long a worker that is told to end goes on with its runs")
    worker_memory_mb: int = Field(
        4096, ge=1024, description="Memory a worker's child may use; one that keeps too much of it is replaced"
    )
    threads: int = Field(2, ge=1, description="How many operations of a network a worker's child computes at once")

    max_body_bytes: int = Field(1_000_000, ge=1000, description="Largest request body")
    max_dataset_bytes: int = Field(256 << 20, ge=1000, description="Largest file of a data set, unpacked")
    dataset_cache_mb: int = Field(
        10_240, ge=1, description="Megabytes of prepared data sets that a host keeps; those longest unused are removed"
    )
    max_datasets_bytes: int = Field(4 << 30, ge=1000, description="Bytes that the data sets of a key may have together")
    max_predictions_bytes: int = Field(
        16 << 20,
        ge=0,
        le=1 << 30,
        description="Bytes of a run's predictions, 2 per row and class: more of them are not kept; with 0, none are",
    )
    max_kept_bytes: int = Field(
        4 << 30,
        ge=0,
        description="Bytes that the models of a job may take whose `keep` names more than the chosen epochs",
    )
    max_run_work: float = Field(
        1e15,
        gt=0,
        description="Largest work of a run: its parameters times its training rows times its epochs",
    )
    max_queued_runs: int = Field(10_000, ge=1, description="Runs that a key may have queued")
    requests_per_minute: int = Field(
        60_000,
        ge=1,
        description="Requests per minute for each key, or without keys for each address, in an API process",
    )
    root_path: str = Field(
        "",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="The path below which a proxy serves the service, for example `/ockham`",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins of web pages that may call the API, separated by commas; `*` for any"
    )
    webhook_private: bool = Field(False, description="Whether webhooks may have private addresses and plain http")
    webhook_retry_seconds: float = Field(
        5, gt=0, description="Pause after a webhook's first failed delivery; each further pause is four times as long"
    )
    log_format: str = Field("console", pattern="^(console|json)$", description="Logs for people or for programs")

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if origin != "*" and not ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is not an origin as browsers send it, such as https://example.org")
        return value

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        """Refuses at the start what would otherwise be found out by runs that are lost."""
        seconds = {name: value for name, value in self if name.endswith("_seconds")}
        for name, value in seconds.items():
            if value > LONGEST_SECONDS:
                raise ValueError(f"OCKHAM_{name.upper()} ({value:g}) must be at most {LONGEST_SECONDS}, a year")
        if self.lease_seconds < HEARTBEATS * self.heartbeat_seconds:
            raise ValueError(
                f"OCKHAM_LEASE_SECONDS ({self.lease_seconds:g}) must be at least {HEARTBEATS} times "
                f"OCKHAM_HEARTBEAT_SECONDS ({self.heartbeat_seconds:g}), or a heartbeat that is late loses its run"
            )
        if self.progress_seconds < self.lease_seconds:
            raise ValueError(
                f"OCKHAM_PROGRESS_SECONDS ({self.progress_seconds:g}) must not be below "
                f"OCKHAM_LEASE_SECONDS ({self.lease_seconds:g}), or a worker counts as hung before it counts as silent"
            )
        return self

    @field_validator("url")
    @classmethod
    def _http(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            named = parts.scheme in ("http", "https") and parts.hostname
        except ValueError:
            named = None
        if not named:
            raise ValueError(f"{value!r} is not a service's address, such as http://127.0.0.1:8000")
        return value

    @field_validator("redis_url")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            read_address(value)
        return value

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if value.partition("://")[0] not in ("postgresql", "postgres", "postgresql+psycopg"):
            raise ValueError("must begin with postgresql://; without it SQLite is used, in the data directory")
        from sqlalchemy.engine.url import make_url  # takes long to import, and most commands need no database
        from sqlalchemy.exc import ArgumentError

        try:
            make_url(value)
        except (ValueError, ArgumentError):
            detail = "has no valid host or port, or its password holds a character that must be percent-encoded"
            raise ValueError(detail) from None
        return value

    def npz(self, dataset: str) -> Path | None:
        """The file that is named for the data set of this name; None if none is, or if it needs no file."""
        named: Path | None = getattr(self, f"{dataset}_npz", None)
        return named

    def word_index(self, dataset: str) -> Path | None:
        """The word index that is named for the data set of this name; None if none is, or if it has none."""
        named: Path | None = getattr(self, f"{dataset}_word_index", None)
        return named

    @property
    def database_path(self) -> Path:
        """SQLite's file."""
        return self.data_dir.absolute() / "ockham.db"

    @property
    def sqlalchemy_url(self) -> str:
        """The database as SQLAlchemy names it; PostgreSQL is always reached through psycopg."""
        if self.database_url is None:
            # As a URI with its mode: only a migration makes the file. SQLAlchemy decodes it once, SQLite again.
            return f"sqlite:///file:{quote(quote(str(self.database_path)))}?mode=rw&uri=true"
        scheme, separator, rest = self.database_url.partition("://")
        return f"postgresql+psycopg{separator}{rest}" if scheme in ("postgres", "postgresql") else self.database_url

    @property
    def socket_path(self) -> Path:
        """The embedded Valkey's Unix socket: in the data directory, or elsewhere where its path would be too long."""
        path = self.data_dir.absolute() / "valkey.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
            return path
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"ockham-{os.getuid()}-{digest}" / "valkey.sock"

    @property
    def broker(self) -> BrokerAddress:
        """The broker's address, which knows how each library names it."""
        return read_address(self.redis_url) if self.redis_url else BrokerAddress(path=str(self.socket_path))


def faults(error: ValidationError) -> list[str]:
    """What is wrong with the settings, a sentence for each, by the variables' names."""
    return [
        (f"OCKHAM_{'_'.join(map(str, fault['loc'])).upper()}: " if fault["loc"] else "")
        + fault["msg"].removeprefix("Value error, ")
        for fault in error.errors()
    ]
