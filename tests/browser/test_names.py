"""Long names on the pages: those that differ look different."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import Visit
from tests.browser.conftest import finished, submit

pytestmark = pytest.mark.browser

Visiting = Callable[..., Visit]

AXES = {"units": [16], "depth": [2], "l1": [1e-05], "l2": [1e-4, 1e-3, 1e-2], "dropout": [0.25], "train_samples": [200]}

CUT_OFF = """() => [...document.querySelectorAll('.chip > *, .variant > span, .tip th, .job-best > *, .labels text')]
    .filter((each) => each.scrollWidth > each.clientWidth + 1 || each.textContent.endsWith('…'))
    .map((each) => each.textContent)"""


@pytest.fixture(scope="module")
def swept(live: str) -> list[dict[str, Any]]:
    """Two jobs of one name, whose variants have long names that differ in their middle."""
    jobs = [submit(live, name="the same", sweep={"grid": AXES}, training={"epochs": 3}) for _ in range(2)]
    return [finished(live, job["id"]) for job in jobs]


@pytest.mark.parametrize("width", [380, 800, 1280])
def test_names_are_never_cut_off(visit: Visiting, swept: list[dict[str, Any]], width: int) -> None:
    first, second = (job["id"] for job in swept)
    for path in ("/?search=the+same", f"/jobs/{first}", f"/compare?job={first}&job={second}"):
        page = visit(viewport={"width": width, "height": 900}).open(path)
        if path.startswith("/?"):
            expect(page.locator(".job-best")).to_have_count(2)
        else:
            expect(page.locator(".curve").first).to_be_visible()
            page.locator("#chart").hover()
            expect(page.locator(".tip")).to_be_visible()
        assert page.evaluate(CUT_OFF) == []
        wide = page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide


def test_jobs_of_one_name_are_told_apart(visit: Visiting, swept: list[dict[str, Any]]) -> None:
    page = visit().open("/compare?" + "&".join(f"job={job['id']}" for job in swept))
    expect(page.locator("#legend .chip")).to_have_count(6)
    names = page.locator("#legend .chip").all_inner_texts()
    assert len(set(names)) == 6
    chosen = page.locator("#chosen .chip").all_inner_texts()
    assert all(job["id"][-6:] in chip for job, chip in zip(swept, chosen, strict=True))
    assert sum(swept[0]["id"][-6:] in name for name in names) == 3
