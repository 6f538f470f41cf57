"""Tests as a person uses the pages: a real service with workers, a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.browsing import CHROMIUM, Visit, browsing
from tests.servers import wait_for

expect.set_options(timeout=60_000)

SYNTHETIC = {"name": "synthetic", "reviews": 600, "num_words": 500}


def submit(url: str, **specification: Any) -> dict[str, Any]:
    """A job on small data, accepted."""
    body = {"dataset": SYNTHETIC, "reuse": "never", **specification}
    answer = httpx.post(f"{url}/v1/jobs", json=body, trust_env=False)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def get(url: str, path: str) -> Any:
    """What the service answers."""
    return httpx.get(url + path, trust_env=False, timeout=30).raise_for_status().json()


def finished(url: str, job_id: str) -> dict[str, Any]:
    """The job, once it has finished."""

    def done() -> Any:
        headers = {"Prefer": "wait=10"}
        job = (
            httpx.get(f"{url}/v1/jobs/{job_id}", headers=headers, trust_env=False, timeout=30).raise_for_status().json()
        )
        return job if job["status"] in ("succeeded", "failed", "cancelled") else None

    return dict(wait_for("the end of the job", done, 600))


# Playwright keeps an event loop running in this thread, in which no other test could run one of its own. By the
# module: a folder that is no package has its fixtures of scope "package" until the session ends.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: install it by the system's package manager")
    with browsing() as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, live: str) -> Iterator[Callable[..., Visit]]:
    """Opens tabs. A test whose tab said anything on its console fails, unless it took the words off `faults`."""
    visits: list[Visit] = []

    def make(url: str = live, **options: Any) -> Visit:
        visits.append(Visit(browser, url, **options))
        return visits[-1]

    yield make
    for each in visits:
        each.close()
    for each in visits:
        assert each.faults == []
        assert each.hosts <= {each.url.split("/")[2]}


@pytest.fixture(scope="session")
def done(live: str) -> dict[str, Any]:
    """A job that has succeeded: three variants, three seeds."""
    job = submit(
        live, name="three remedies", variants=["original", "smaller", "l2"], seeds=[0, 1, 2], training={"epochs": 12}
    )
    job = finished(live, job["id"])
    assert job["status"] == "succeeded"
    return job
