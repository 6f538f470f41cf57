"""The page of a run's model: from the table of runs to a sentence whose words are coloured by their effects."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from ockham_client import Client
from tests.browser.browsing import Visit
from tests.test_own_data import table

pytestmark = pytest.mark.browser

Visiting = Callable[..., Visit]


@pytest.fixture(scope="module")
def job(live: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A job on a table of a text, numbers and a category."""
    file: Path = tmp_path_factory.mktemp("table") / "asked.csv"
    file.write_text(table(300, 3))
    with Client(live) as client:
        dataset = client.add_dataset(file, label="verdict")
        training = {"epochs": 6, "batch_size": 32, "optimizer": {"name": "adam", "learning_rate": 0.02}}
        body = {"dataset": {"id": dataset["id"], "num_words": 11}, "training": training, "variants": ["original"]}
        done = client.wait(client.submit(body), timeout=300)
    assert done.status == "succeeded"
    return done.id


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_sentence_is_predicted_and_coloured(visit: Visiting, job: str, scheme: str) -> None:
    page = visit(color_scheme=scheme, reduced_motion="reduce", viewport={"width": 400, "height": 900}).open(
        f"/jobs/{job}"
    )
    page.get_by_role("link", name="Ask the model of original, seed 0").click()
    expect(page.get_by_role("heading", name="original, seed 0")).to_be_visible()
    page.get_by_label("text").fill("Awful! It was GOOD, truly")
    page.get_by_label("colour").select_option("red")
    page.get_by_label("price").fill("")  # a missing one
    page.get_by_role("button", name="Predict").click()
    answer = page.locator("#answer")
    expect(answer).to_contain_text(re.compile(r"yes \d+\.\d%"))
    expect(answer.locator(".effects")).to_have_text("Awful! It was GOOD, truly")
    expect(answer.locator(".effects mark.raises", has_text="GOOD")).to_have_count(1)
    expect(answer.locator(".effects mark.lowers", has_text="Awful")).to_have_count(1)
    expect(answer.locator(".effects .unknown")).to_have_text("truly")
    expect(answer.locator("tbody tr")).to_have_count(4 + 1 + 3)
    found = [each for each in Axe().run(page).response["violations"] if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
