"""Shared by all tests: in which order they run, what a skip means, and the real servers they run against.

`make test` and `make test-all` run the tests in several processes of pytest-xdist. A process takes one
file of tests after the other, and runs each from its first to its last test. So fixtures of scope
"module" are set up once, and those of scope "session" once per process: each process has a PostgreSQL,
a Valkey and a service of its own, and meets no other's.
"""

from __future__ import annotations

import os
import signal
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadFileScheduling

from migrations.run import upgrade
from models.settings import Settings
from tests.ockham.serving import Served
from tests.servers import PostgreSQL, Service, Valkey

# How long an example takes depends on what else the machine does, and shows nothing of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

NEEDS = {"imdb": "OCKHAM_IMDB_NPZ", "tables": "OCKHAM_TEST_TABLES"}
"""Markers of tests on real data, each with the variable that says where the data are."""


def pytest_configure() -> None:
    # A shell's `&` has SIGINT ignored, and whatever the tests start would inherit that.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips",
        action="store_true",
        default=os.environ.get("CI") == "true",
        help="a skipped test is a failed one, except those whose data are not there (default where CI=true)",
    )


LONGEST_FIRST = [
    "api/test_schemathesis", "chaos", "test_deployment", "test_readme", "faults", "browser", "ockham", "interop",
    "client", "test_", "worker/test_training", "worker", "api", "reporting",
]  # fmt: skip
"""Beginnings of paths by how long their files take: were a long one begun last, the others would wait for it."""

APART = ("api/test_schemathesis", "test_deployment", "test_readme", "ockham/test_demo")
"""Files whose tests are long and share nothing: each test goes to whichever process is free."""

TOGETHER = ("test_own_data", "test_search", "test_service", "test_trust", "test_until")
"""Files that the same process runs: to start what `working` gives takes longer than most of their tests."""


def path_of(nodeid: str) -> str:
    """A test's file, from the folder `tests` on."""
    return nodeid.partition("::")[0].removeprefix("tests/")


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """`--dist=loadfile`, but for the files `APART` and `TOGETHER`."""

    def _split_scope(self, nodeid: str) -> str:
        path = path_of(nodeid)
        if path.startswith(TOGETHER):
            return "together"
        return nodeid if path.startswith(APART) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        path = path_of(item.nodeid)
        return next((i for i, start in enumerate(LONGEST_FIRST) if path.startswith(start)), len(LONGEST_FIRST))

    items.sort(key=place)
    begun: set[str] = set()
    for item in items:
        if item.get_closest_marker("once"):
            test = item.nodeid.partition("[")[0]
            if test in begun:
                item.add_marker("again")
            begun.add(test)
        if missing := _missing(item):
            item.add_marker(pytest.mark.skip(reason=f"{missing} is not set"))


def _missing(item: pytest.Item) -> str | None:
    """The variable that says where the test's data are, if it is not set."""
    return next(
        (name for mark, name in NEEDS.items() if item.get_closest_marker(mark) and name not in os.environ), None
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected = hasattr(report, "wasxfail") or _missing(item)
    if report.skipped and item.config.getoption("--no-skips") and not expected:
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and collector.config.getoption("--no-skips"):
        _fail(report)
    return report


def _fail(report: Any) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"Skipped where every test must run: {reason}"


AGAIN = ["sqlite", pytest.param("postgresql", marks=pytest.mark.again)]
"""For tests that go through the whole API, which take as long a second time: `make test` runs them on SQLite."""

# --- real servers, one of each per process of tests, one database per test ----------------------


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """A PostgreSQL with the database `migrated`, from which tests copy theirs."""
    # In a folder of its own: from pytest's folder every other session of this user takes back the right of
    # passage that the server needs, and the server dies at its next checkpoint.
    with tempfile.TemporaryDirectory(prefix="ockham-") as directory, PostgreSQL(Path(directory)) as server:
        upgrade(Settings(data_dir=tmp_path_factory.mktemp("unused"), database_url=server.create("migrated")))
        yield server


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with Valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A migrated database of the test's own, on each kind in turn."""
    if request.param == "sqlite":
        settings = Settings(data_dir=tmp_path)
        upgrade(settings)
        return settings
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return Settings(data_dir=tmp_path, database_url=server.create(f"t{uuid.uuid4().hex}", "migrated"))


@pytest.fixture
def make_service(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Makes a service on `settings`' database and a broker of its own; `env` are further settings."""
    with Valkey(tmp_path / "valkey") as broker:
        services: list[Service] = []

        def make(**env: str) -> Service:
            directory = tmp_path if settings.database_url is None else tmp_path / "data"
            services.append(Service(directory, database_url=settings.database_url, redis_url=broker.url, env=env))
            return services[-1]

        try:
            yield make
        finally:
            for service in services:
                service.__exit__()


def _training(folder: Path, database_url: str | None) -> Iterator[Service]:
    with Valkey(folder / "valkey") as broker, Service(folder, database_url=database_url, redis_url=broker.url) as made:
        made.api()
        made.worker(2)
        yield made


@pytest.fixture(scope="session")
def training_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("training")
    upgrade(Settings(data_dir=folder))
    yield from _training(folder, None)


@pytest.fixture(scope="session")
def training_on_postgresql(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL) -> Iterator[Service]:
    yield from _training(tmp_path_factory.mktemp("training"), postgresql.create(f"t{uuid.uuid4().hex}", "migrated"))


@pytest.fixture(params=AGAIN)
def working(request: pytest.FixtureRequest) -> Iterator[Service]:
    """A service that trains, on each kind of database in turn, for tests that end none of its processes.

    To start one takes longer than such a test: they share it. Before and after a test it has no jobs and no data sets.
    """
    service: Service = request.getfixturevalue(f"training_on_{request.param}")
    yield service
    service.empty()


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a whole service that tests share: they use it, and do not disturb it."""
    with Served(tmp_path_factory.mktemp("live") / "data", "--workers", "2") as service:
        yield service.ready()
