"""The pages of a regression: its own measure in the figure, the tables and the form, and never among other tasks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.browsing import Visit
from tests.browser.conftest import finished, submit

pytestmark = pytest.mark.browser

TABLE = {"name": "synthetic_table", "classes": None, "samples": 200, "columns": 5}


@pytest.fixture(scope="module")
def prices(live: str) -> dict[str, Any]:
    layers = [{"type": "dense", "units": 8, "activation": "relu"}]
    variants = [{"name": "plain", "layers": layers}, {"name": "linear", "layers": []}]
    training = {"epochs": 6, "batch_size": 20, "metrics": ["r2"]}
    job = submit(live, name="prices", dataset=TABLE, variants=variants, training=training, seeds=[0, 1])
    job = finished(live, job["id"])
    assert job["status"] == "succeeded"
    return job


def test_a_regressions_page_has_its_errors_instead_of_accuracies(
    visit: Callable[..., Visit], prices: dict[str, Any]
) -> None:
    page = visit().open(f"/jobs/{prices['id']}")
    expect(page.locator(".chart .curve")).to_have_count(2)
    choice = page.locator("#choices [name=metric]")
    offered = choice.locator("option:not([hidden])")
    expect(offered.filter(has_text="Validation mean absolute error")).to_have_count(1)
    expect(offered.filter(has_text="Mean absolute error, training and validation")).to_have_count(1)
    expect(offered.filter(has_text="Validation R²")).to_have_count(1)
    expect(offered.filter(has_text="ccuracy")).to_have_count(0)
    choice.select_option("maes")
    expect(page.locator("#figure-title")).to_have_text("Mean absolute error")
    expect(page.locator(".chart .curve")).to_have_count(4)
    choice.select_option("val_r2")
    expect(page.locator(".chart .curve")).to_have_count(2)
    heading = page.locator("#runs").get_by_role("columnheader", name="Validation mean absolute error at the best epoch")
    expect(heading).to_be_visible()
    expect(page.locator("caption", has_text="Validation mean absolute error at the best epoch")).to_have_count(1)
    expect(page.locator("body")).not_to_contain_text("cross-entropy")


def test_a_regression_is_started_from_as_it_was(visit: Callable[..., Visit], prices: dict[str, Any], live: str) -> None:
    tab = visit()
    page = tab.open(f"/jobs/{prices['id']}")
    page.get_by_role("link", name="Start from this").click()
    expect(page.locator("[data-variant]")).to_have_count(2)

    def document() -> Any:
        return json.loads(page.locator("#json").input_value())

    def resolved() -> Any:
        answer = httpx.post(f"{live}/v1/jobs?validate_only=true", json=document(), trust_env=False)
        return answer.raise_for_status().json()["spec"]

    assert resolved() == prices["spec"]
    classes = page.locator('[data-pointer="/dataset/classes"]')
    expect(classes).to_have_value("")
    classes.fill("4")
    assert document()["dataset"]["classes"] == 4
    expect(page.locator("body")).to_contain_text("It has no meaning for classification")  # R², which the job asked for
    classes.fill("3")
    assert "classes" not in document()["dataset"]
    classes.fill("")
    assert resolved() == prices["spec"]
    expect(page.get_by_role("button", name="Train 4 runs")).to_be_enabled()
    assert all("422" in fault for fault in tab.faults)
    tab.faults.clear()


def test_jobs_of_two_tasks_do_not_stand_in_one_figure(
    visit: Callable[..., Visit], prices: dict[str, Any], done: dict[str, Any]
) -> None:
    page = visit().open(f"/compare?job={prices['id']}&job={done['id']}")
    expect(page.locator("#different-tasks")).to_be_visible()
    expect(page.locator("#comparison-page")).to_be_hidden()
    page.get_by_role("button", name="Remove three remedies").click()
    expect(page.locator("#different-tasks")).to_be_hidden()
    expect(page.locator(".chart .curve")).to_have_count(2)
