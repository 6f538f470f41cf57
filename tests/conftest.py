"""Shared by all tests: what a skip means, and where the real data set is."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

IMDB_NPZ = os.environ.get("OCKHAM_IMDB_NPZ")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips",
        action="store_true",
        default=os.environ.get("CI") == "true",
        help="a skipped test is a failed one, except those marked `imdb` (default where CI=true)",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if IMDB_NPZ is None:
        for item in items:
            if item.get_closest_marker("imdb"):
                item.add_marker(pytest.mark.skip(reason="OCKHAM_IMDB_NPZ is not set"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected = hasattr(report, "wasxfail") or (IMDB_NPZ is None and item.get_closest_marker("imdb"))
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
