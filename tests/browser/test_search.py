"""A search on its job's page: as it goes, what was pruned, and a pruned trial that is trained on."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import Visit
from tests.browser.conftest import finished, get, submit

pytestmark = pytest.mark.browser


def test_a_search_is_seen_as_it_goes_and_a_pruned_trial_is_trained_on(visit: Callable[..., Visit], live: str) -> None:
    search = {"space": {"learning_rate": {"low": 1e-6, "high": 1e-2, "log": True}}, "budget": {"runs": 8},
              "pruner": "median", "final": {"top": 1, "seeds": 1}}  # fmt: skip
    job = submit(live, search=search, training={"epochs": 4})
    page = visit().open(f"/jobs/{job['id']}")
    card = page.locator("#search-card")
    expect(card.locator("#search-words")).to_contain_text("8 of 8 trials done")
    expect(card.locator("#search-words")).to_contain_text("Trained anew with fresh seeds")
    done = finished(live, job["id"])
    judged = "by their test cross-entropy"
    expect(page.get_by_text(re.compile(f"may be best {judged}|is the best by its test"))).to_be_visible()
    expect(page.locator("#comparison caption").first).to_contain_text("Test cross-entropy")
    expect(page.locator("#variants thead")).to_contain_text("Against original, test set")
    early = [run for run in done["runs"] if run["error"]]
    assert early
    expect(card.locator("#search-words")).to_contain_text(f"{len(early)} pruned after epoch")
    expect(card.locator("#trials tbody tr")).to_have_count(8)
    expect(card.locator("#trials")).to_contain_text(f"pruned after epoch {early[0]['epoch']}")
    expect(page.locator("#search")).to_have_attribute("src", re.compile("^blob:"))
    expect(page.locator("#job-actions")).not_to_contain_text("Retry")
    expect(page.locator("#job-progress")).to_contain_text("succeeded")
    card.get_by_role("button", name="Train on").first.click()
    expect(card.get_by_role("button", name="Train on")).to_have_count(len(early) - 1)
    again = finished(live, job["id"])
    assert again["status"] == "succeeded"
    assert len([run for run in get(live, f"/v1/jobs/{job['id']}")["runs"] if run["error"]]) == len(early) - 1
