"""The page of data sets: from a file to a job that trains on it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import Visit
from tests.browser.conftest import get
from tests.test_own_data import ANSWER, foods, table

pytestmark = pytest.mark.browser

Visiting = Callable[..., Visit]


def test_from_a_file_to_a_job(visit: Visiting, live: str, tmp_path: Path) -> None:
    (tmp_path / "told.csv").write_text(table(400, 1))
    page = visit().open("/")
    page.get_by_role("link", name="Data").click()
    expect(page.locator("#list")).to_contain_text("imdb")
    page.locator('[name="train"]').set_input_files(tmp_path / "told.csv")
    suggested = page.locator("#columns option")
    expect(suggested).to_have_count(5)
    assert suggested.last.get_attribute("value") == "verdict"
    page.locator('[name="label"]').fill("verdict")
    page.get_by_role("button", name="Read it").click()
    card = page.locator("#card")
    expect(card).to_contain_text("400 to train on")
    expect(card).to_contain_text(re.compile(r"verdict: no \d+, yes \d+"))
    rows = card.get_by_role("table", name="Rows").locator("tbody tr")
    expect(rows).to_have_count(5)
    first = table(400, 1).splitlines()[1].split(",")
    expect(rows.first).to_contain_text(first[0])
    kind = card.get_by_label("What stars is")
    expect(kind).to_have_value("number")
    kind.select_option("ignore")
    expect(card.get_by_label("What stars is")).to_have_value("ignore")
    page.get_by_role("button", name="Keep it").click()
    page.wait_for_url(re.compile("/new"))
    expect(page.locator("#dataset select").first).to_have_value(re.compile("ds_"))
    page.locator('[data-pointer="/dataset/num_words"]').fill("50")
    page.locator('[data-pointer="/training/epochs"]').fill("3")
    page.get_by_role("button", name="Train 20 runs").click()
    page.wait_for_url(re.compile("/jobs/job_"))
    expect(page.locator("#job-progress .badge")).to_have_text(re.compile("succeeded"), timeout=120_000)
    job = get(live, f"/v1/jobs/{page.url.rsplit('/', 1)[1]}")
    assert [each["name"] for each in job["spec"]["dataset"]["content"]["columns"]] == ["text", "price", "colour"]
    page.goto(f"{live}/new?from={job['id']}")
    expect(page.locator("#json")).to_have_value(re.compile("ds_"))
    assert json.loads(page.locator("#json").input_value())["dataset"] == {
        "id": job["spec"]["dataset"]["id"], "num_words": 50, "validation": {"holdout": 80},
    }  # fmt: skip
    page.goto(f"{live}/datasets")
    page.get_by_role("link", name="told", exact=True).click()
    expect(page.get_by_role("heading", name="told")).to_be_visible()
    expect(page.locator("#card")).to_contain_text("400 to train on")
    rows = page.get_by_role("table", name="Rows").locator("tbody tr")
    expect(rows).to_have_count(20)
    page.get_by_role("button", name="More rows").click()
    expect(rows).to_have_count(40)
    expect(rows.last).to_contain_text(table(400, 1).splitlines()[40].split(",")[0])
    page.get_by_role("link", name="New job").last.click()
    expect(page.locator("#dataset select").first).to_have_value(job["spec"]["dataset"]["id"])
    page.goto(f"{live}/datasets")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_label("Delete told").click()
    expect(page.locator("#list")).not_to_contain_text("told")


@pytest.mark.timeout(600)  # 20 runs: 20 seconds alone, and minutes where other tests train too
def test_a_newcomer_learns_whether_a_remedy_helps(visit: Visiting, live: str, tmp_path: Path) -> None:
    """From a file of reviews to the answer, by what the pages themselves offer."""
    (tmp_path / "fine_foods_train.csv").write_text(foods(800))
    page = visit().open("/")
    page.get_by_role("link", name="Data").click()
    page.get_by_label("Rows to train on").set_input_files(tmp_path / "fine_foods_train.csv")
    page.get_by_label("Column to predict").fill("score")
    page.get_by_role("button", name="Read it").click()
    page.get_by_role("button", name="Keep it, and make a job").click()
    page.get_by_role("button", name="Train 20 runs").click()
    expect(page.get_by_role("heading", name="fine_foods_train: which remedy helps?")).to_be_visible()
    expect(page.locator("#job-progress .badge")).to_have_text(re.compile("succeeded"), timeout=500_000)
    expect(page.locator("#answer")).to_contain_text(re.compile(ANSWER))
    row = page.locator("#variants tbody tr").filter(has=page.get_by_role("rowheader", name="dropout"))
    expect(row).to_contain_text(re.compile(r"[+−]0\.\d+"))


def test_files_are_dropped_and_test_rows_are_shown(visit: Visiting, live: str) -> None:
    page = visit().open("/datasets")
    for target, rows, seed in (("train", 60, 5), ("test", 30, 6)):
        dropped = page.evaluate_handle(
            "([name, text]) => { const of = new DataTransfer(); of.items.add(new File([text], name)); return of; }",
            [f"{target}ed.csv", table(rows, seed)],
        )
        page.locator(f'[name="{target}"]').dispatch_event("drop", {"dataTransfer": dropped})
    page.locator('[name="label"]').fill("verdict")
    page.get_by_role("button", name="Read it").click()
    expect(page.locator("#card")).to_contain_text("60 to train on, 30 to test on")
    page.get_by_role("button", name="Keep it").click()
    page.wait_for_url(re.compile("/new"))
    page.goto(f"{live}/datasets/{page.url.partition('dataset=')[2]}")
    page.get_by_label("to test on").check()
    shown = page.get_by_role("table", name="Rows").locator("tbody tr")
    expect(shown.first).to_contain_text(table(30, 6).splitlines()[1].split(",")[0])
    expect(page.get_by_role("heading", name="trained")).to_be_visible()


def test_bad_rows_are_shown(visit: Visiting, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(table(20, 1) + "a,b\n")
    tab = visit()
    page = tab.open("/datasets")
    page.locator('[name="train"]').set_input_files(tmp_path / "bad.csv")
    page.locator('[name="label"]').fill("verdict")
    page.get_by_role("button", name="Read it").click()
    expect(page.locator("#problem")).to_contain_text("train, line 22")
    tab.faults = [fault for fault in tab.faults if "422" not in fault]
