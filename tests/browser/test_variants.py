"""The table of variants of a job with a holdout: its width, its columns on request, and its marks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.browsing import Visit
from tests.browser.conftest import finished, get, submit

pytestmark = pytest.mark.browser

Visiting = Callable[..., Visit]
ON_REQUEST = ["Final validation cross-entropy", "Gap", "Validation accuracy at the best epoch"]


@pytest.fixture(scope="module")
def held(live: str) -> dict[str, Any]:
    """Three variants of which two overfit, and test scores."""
    data = {"name": "synthetic", "reviews": 300, "num_words": 200, "validation": {"holdout": 60}}
    layers = [{"type": "dense", "units": 4, "activation": "relu"}]
    slow = {"name": "slow", "layers": layers, "training": {"optimizer": {"learning_rate": 1e-5}}}
    nets = ["original", "bigger", slow]
    job = submit(live, name="held out", dataset=data, variants=nets, seeds=[0, 1, 2], training={"epochs": 60})
    return finished(live, job["id"])


def shown(visit: Visiting, job: dict[str, Any], width: int = 1280) -> Page:
    page = visit(viewport={"width": width, "height": 900}).open(f"/jobs/{job['id']}")
    expect(page.locator(".skeleton")).to_have_count(0)
    return page


def headers(page: Page) -> list[str]:
    return page.locator("#variants thead th").all_text_contents()


def signs(within: Locator) -> set[str]:
    """The signs as they are drawn."""
    return set(within.locator(".sign").evaluate_all("signs => signs.map(sign => sign.outerHTML)"))


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_scrolls_sideways(visit: Visiting, held: dict[str, Any], width: int) -> None:
    page = shown(visit, held, width)
    fits = "frame => frame.scrollWidth <= frame.clientWidth"
    assert page.locator("#variants .scroll").evaluate(fits) == (width == 1280)
    for _ in range(2):
        assert page.locator("html").evaluate(fits)
        page.get_by_label("More columns").check()


def test_more_columns_are_shown_on_request(visit: Visiting, held: dict[str, Any], live: str) -> None:
    page = shown(visit, held)
    rows, table = page.locator("#variants tbody tr"), page.locator("#variants")
    few = headers(page)
    assert {"Against original, validation set", "Test cross-entropy", "Test accuracy"} <= set(few)
    assert set(few).isdisjoint(ON_REQUEST)
    table.get_by_role("button", name="Parameters").click()
    sizes = rows.evaluate_all("rows => rows.map(row => row.dataset.key)")
    page.get_by_label("More columns").check()
    assert set(headers(page)) == {*few, *ON_REQUEST}
    # By what the rows were sorted they still are, and each value is below its own heading.
    expect(table.locator("[aria-sort=ascending]")).to_have_text("Parameters")
    assert rows.evaluate_all("rows => rows.map(row => row.dataset.key)") == sizes
    place = headers(page).index(ON_REQUEST[0]) + 1
    analysis = get(live, f"/v1/jobs/{held['id']}/analysis")
    last = {v["variant"]: v["across_seeds"]["final_val_data_loss"]["mean"] for v in analysis["variants"]}
    for name, value in last.items():
        cell = table.locator(f'[data-key="{name}"] > :nth-child({place})')
        expect(cell).to_contain_text(f"{value:.4f}")
    # A column that is no longer there sorts no longer.
    table.get_by_role("button", name=ON_REQUEST[0]).click()
    assert rows.evaluate_all("rows => rows.map(row => row.dataset.key)") == sorted(last, key=lambda name: last[name])
    page.get_by_label("More columns").uncheck()
    assert headers(page) == few
    expect(table.locator("[aria-sort]")).to_have_count(0)
    assert rows.evaluate_all("rows => rows.map(row => row.dataset.key)") == list(last)


def test_without_test_scores_there_are_no_columns_on_request(visit: Visiting, done: dict[str, Any]) -> None:
    page = shown(visit, done)
    assert set(ON_REQUEST) <= set(headers(page))
    expect(page.get_by_label("More columns")).to_have_count(0)


def test_table_and_figure_have_the_same_marks(visit: Visiting, held: dict[str, Any], live: str) -> None:
    page, analysis = shown(visit, held), get(live, f"/v1/jobs/{held['id']}/analysis")
    onsets = {each["variant"]: each["onset_epoch"] for each in analysis["variants"]}
    assert onsets["bigger"] is not None
    assert onsets["slow"] is None
    for name, onset in onsets.items():
        row = page.locator(f'#variants [data-key="{name}"]')
        expect(row.locator(".sign .best")).to_have_count(1)
        expect(row.locator(".sign .onset")).to_have_count(int(onset is not None))
    expect(page.locator("#figure-key")).to_have_text(
        "best epoch and onset of overfitting of each curve; in the table of variants, the median of the seeds"
    )
    key = signs(page.locator("#figure-key"))
    assert len(key) == 2
    assert key == signs(page.locator("#variants"))
    # Elsewhere there is no table of variants.
    page = visit().open(f"/compare?job={held['id']}")
    expect(page.locator("#figure-key")).to_have_text("best epoch and onset of overfitting of each curve")
    assert signs(page.locator("#figure-key")) == key
