"""More windows on running jobs than a browser has connections: each loads, and each is told of every epoch."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import Visit
from tests.browser.conftest import finished, submit

pytestmark = pytest.mark.browser

WINDOWS = 8


def test_eight_windows_of_one_job(visit: Callable[..., Visit], live: str) -> None:
    job = submit(live, name="watched by many", variants=["original"], training={"epochs": 300, "batch_size": 8})
    tab = visit()
    pages: list[Page] = [tab.page]
    pages += [tab.context.new_page() for _ in range(WINDOWS - 1)]
    for page in pages:
        page.goto(f"/jobs/{job['id']}", timeout=20_000)
        expect(page.locator(".curve .line")).to_have_attribute("d", re.compile("L"), timeout=20_000)
        expect(page.locator("#link-state")).to_be_hidden()
    assert {page.evaluate("document.visibilityState") for page in pages} == {"visible"}
    held = pages[-1].evaluate("async () => (await navigator.locks.query()).held.map((lock) => lock.name)")
    assert len(held) == 3, "and three connections are left for all else"
    finished(live, job["id"])
    for page in pages:
        expect(page.locator("#job-progress .badge")).to_have_text(re.compile("succeeded"))
        assert (page.locator(".curve .line").get_attribute("d") or "").count("L") == 299
