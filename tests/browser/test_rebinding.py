"""A web page whose name was made to point to this machine gets nothing from a service without keys."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from tests.browser.browsing import CHROMIUM, browsing
from tests.browser.conftest import get

pytestmark = pytest.mark.browser

READ = "async () => (await fetch('/v1/jobs')).status"
SUBMIT = """async () => (await fetch('/v1/jobs', {
  method: 'POST', body: '{"variants": ["original"], "dataset": {"name": "synthetic"}}',
})).status"""


# In a module of its own: two browsers of one Playwright cannot be in one thread.
@pytest.fixture(scope="module")
def rebound() -> Iterator[Browser]:
    """A browser for which every name below evil.example is this machine's, as a rebinding name server makes it."""
    assert CHROMIUM is not None, "there is no Chromium: install it by the system's package manager"
    with browsing("--host-resolver-rules=MAP *.evil.example 127.0.0.1") as browser:
        yield browser


@pytest.mark.parametrize("name", ["plain", "a{b", "a`b", "a}b", "a_b"])
def test_a_rebound_name_gets_nothing(rebound: Browser, live: str, name: str) -> None:
    before = len(get(live, "/v1/jobs?limit=100")["data"])
    page = rebound.new_page()
    page.goto(f"http://{name}.evil.example:{urlsplit(live).port}/healthz")
    assert [page.evaluate(READ), page.evaluate(SUBMIT)] == [401, 401]
    page.goto(live + "/healthz")
    assert page.evaluate(READ) == 200
    page.close()
    assert len(get(live, "/v1/jobs?limit=100")["data"]) == before
