"""A stage a module, on each kind of database, and the history of a run that nothing disturbed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.servers import PostgreSQL
from tests.stage import LONG, Stage

MakeStage = Callable[..., Stage]


@pytest.fixture(scope="module")
def make_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStage]:
    """Makes stages that end with the module."""
    stages: list[Stage] = []

    def make(database_url: str | None = None, **env: str) -> Stage:
        stages.append(Stage(tmp_path_factory.mktemp("stage"), database_url, env))
        return stages[-1]

    yield make
    for stage in stages:
        stage.__exit__()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """A database of the module's own, on each kind in turn."""
    if request.param == "sqlite":
        return None
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.create(f"f{uuid.uuid4().hex}")


@pytest.fixture
def own_url(request: pytest.FixtureRequest, database_url: str | None) -> str | None:
    """A database of the same kind for one test's stage: the module's workers must not see its runs."""
    if database_url is None:
        return None
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.create(f"o{uuid.uuid4().hex}")


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage, database_url: str | None) -> Stage:
    """The module's stage on that database."""
    return make_stage(database_url)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`LONG`'s history from a service in which nothing went wrong: what every other must equal, bit for bit."""
    with Stage(tmp_path_factory.mktemp("undisturbed"), None) as stage:
        stage.whole()
        job = stage.submit(**LONG)
        assert stage.intact(job["id"])["runs"][0]["attempt"] == 1
        return stage.history(job["id"])
