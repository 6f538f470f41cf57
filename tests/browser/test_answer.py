"""What a person asks of a job: the page's sentence or number for each question, within two clicks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from tests.browser.browsing import Visit
from tests.browser.conftest import finished, get, submit

pytestmark = pytest.mark.browser

Visiting = Callable[..., Visit]
NETS = [{"name": f"net {n}", "layers": [{"type": "dense", "units": n, "activation": "relu"}]} for n in range(2, 17)]


@pytest.fixture(scope="module")
def many(live: str) -> dict[str, Any]:
    """Fifteen variants with one seed."""
    data = {"name": "synthetic", "reviews": 200, "num_words": 100}
    return finished(live, submit(live, name="many nets", dataset=data, variants=NETS, training={"epochs": 3})["id"])


def analysed(live: str, job: dict[str, Any]) -> dict[str, Any]:
    return dict(get(live, f"/v1/jobs/{job['id']}/analysis"))


def test_is_it_better_by_how_much_and_may_it_be_luck(visit: Visiting, done: dict[str, Any], live: str) -> None:
    page, analysis = visit().open(f"/jobs/{done['id']}"), analysed(live, done)
    expect(page.locator("#headline")).to_have_text(analysis["headline"])
    expect(page.locator("#answer")).to_have_text(analysis["paragraph"])
    page.set_viewport_size({"width": 1280, "height": 900})
    assert page.locator("#variants .scroll").evaluate("frame => frame.scrollWidth <= frame.clientWidth")
    for each in analysis["comparisons"]:
        if each["metric"] == "best_val_data_loss":
            expect(page.locator(f'#variants [data-key="{each["variant"]}"]')).to_contain_text(each["in_words"])
            expect(page.locator("#comparison")).to_contain_text(f"{abs(each['difference']):.4f}")


def test_how_many_seeds_it_needs(visit: Visiting, done: dict[str, Any], live: str) -> None:
    page = visit().open(f"/jobs/{done['id']}")
    losses = [each for each in analysed(live, done)["comparisons"] if each["metric"] == "best_val_data_loss"]
    known = [each for each in losses if each["finding"] == "undecided" and each["seeds_needed"]]
    if known:
        expect(page.locator("#answer")).to_contain_text("seeds in all would decide whether")
    for each in known:
        expect(page.locator("#answer")).to_contain_text(f"{each['seeds_needed']:,}")
    page.get_by_role("button", name="Add seeds").click()
    expect(page.get_by_role("button", name=re.compile("^Train 15 more runs"))).to_be_visible()


def test_which_of_many_variants(visit: Visiting, many: dict[str, Any], live: str) -> None:
    """Ranked, filtered and drawn: each variant's loss and curve in a row, and what a lower loss costs."""
    page, analysis = visit().open(f"/jobs/{many['id']}"), analysed(live, many)
    rows = page.locator("#variants tbody tr")
    expect(rows).to_have_count(15)
    expect(rows.first.locator(".sparkline")).to_have_attribute(
        "aria-label", re.compile(r"^Validation cross-entropy, mean of the seeds: 0\.\d+ at epoch 1, lowest ")
    )
    page.locator("#variants").get_by_role("button", name="Best validation cross-entropy").click()
    means = {v["variant"]: v["across_seeds"]["best_val_data_loss"]["mean"] for v in analysis["variants"]}
    assert rows.evaluate_all("rows => rows.map(row => row.dataset.key)") == sorted(means, key=lambda name: means[name])
    page.get_by_label("Show variants with").fill("NET 1")
    expect(rows).to_have_count(7)
    expect(page.locator("#variants .table-filter [role=status]")).to_have_text("7 of 15")
    page.wait_for_function("() => document.getElementById('tradeoff').naturalWidth > 0")
    page.wait_for_function("() => document.getElementById('ranking').naturalWidth > 0")
    # Of so many curves the baseline and the best six have colours; a row brings out its own.
    expect(page.locator(".chart .curve:not(.faded)")).to_have_count(
        len({"net 2", *sorted(means, key=means.__getitem__)[:6]})
    )
    expect(page.locator("#figure-notes")).to_contain_text("In colour: the baseline and the best 6")
    page.locator("#choices [name=best]").select_option("all")
    expect(page.locator(".chart .curve.faded")).to_have_count(0)
    # No winner is told of where there is none: one seed does not tell.
    expect(page.locator("#variants .ahead")).to_have_text(
        "15 variants may be best by their best validation cross-entropy: the seeds do not tell them apart. A rank "
        "takes more seeds than a difference from net 2: it is by all pairs at once."
    )
    expect(page.locator("#answer")).to_contain_text("One seed cannot tell a difference from luck")
    listed = visit().open("/").locator(f'[data-job="{many["id"]}"] .job-best')
    expect(listed).to_contain_text("15 variants may be best")


def test_which_two_changes_of_a_sweep_add_up(visit: Visiting, live: str) -> None:
    data, grid = {"name": "synthetic", "reviews": 200, "num_words": 100}, {"dropout": [0, 0.5], "l2": [0, 0.01]}
    job = submit(live, name="two", dataset=data, sweep={"grid": grid}, seeds=[0, 1], training={"epochs": 2})
    finished(live, job["id"])
    (pair,) = analysed(live, job)["combinations"]["interactions"]
    page = visit().open(f"/jobs/{job['id']}")
    row = page.locator("#combinations-words tbody tr")
    expect(row).to_have_count(1)
    for words in ("l2=0.01 and dropout=0.5", pair["in_words"], f"{abs(pair['difference']):.4f}"):
        expect(row).to_contain_text(words)
    page.wait_for_function("() => document.getElementById('combinations').naturalWidth > 0")


def test_a_figure_has_its_place_before_it_is_there(visit: Visiting, done: dict[str, Any]) -> None:
    held: list[Route] = []
    page = visit().page
    page.route("**/plots/ranking.svg*", lambda route: held.append(route))
    with page.expect_request("**/plots/ranking.svg*"):
        page.goto(f"/jobs/{done['id']}")
    image = page.locator("#ranking")
    expect(image).to_have_class("picture waiting")
    expect(image).to_have_css("color", "rgba(0, 0, 0, 0)")
    before = image.bounding_box()
    for route in held:
        route.continue_()
    expect(image).to_have_class("picture")
    after = image.bounding_box()
    assert before is not None
    assert after is not None
    assert before["height"] == pytest.approx(after["height"], rel=0.1)


def test_what_its_model_says_of_a_sentence_is_two_clicks_away(visit: Visiting, done: dict[str, Any]) -> None:
    page = visit().open(f"/jobs/{done['id']}")
    page.locator("#runs").get_by_role("link", name="Ask the model of l2, seed 0").click()
    page.wait_for_url(re.compile("/runs/run_"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_why_the_loss_rises_is_told_by_verdict_rise_and_gap(visit: Visiting, done: dict[str, Any], live: str) -> None:
    page = visit().open(f"/jobs/{done['id']}")
    for variant in analysed(live, done)["variants"]:
        row = page.locator(f'#variants [data-key="{variant["variant"]}"]')
        expect(row).to_contain_text(variant["verdict"])
        for name in ("rise", "gap_at_end"):
            expect(row).to_contain_text(f"{abs(variant['across_seeds'][name]['mean']):.4f}")
    page.locator("#choices [name=metric]").select_option("losses")
    expect(page.locator("#figure-subtitle")).to_contain_text("dashed: training, solid: validation")


def test_rows_that_are_wrong_are_below_why_the_loss_rises(visit: Visiting, done: dict[str, Any], live: str) -> None:
    found = get(live, f"/v1/jobs/{done['id']}/mistakes")
    assert found["n"] > 0
    page = visit().open(f"/jobs/{done['id']}")
    expect(page.locator("#mistakes")).to_contain_text(f"Rows that {found['variant']} gets wrong.")
    rows = sum(len(found[kind]["data"][:5]) for kind in ("always", "overfitted", "label_errors"))
    expect(page.locator("#mistakes tbody tr")).to_have_count(rows)


def test_what_is_had_without_more_training(visit: Visiting, done: dict[str, Any], live: str) -> None:
    """Seeds together in rows beside one seed, and what is left of each gain with recalibrated probabilities."""
    together, recalibrated = (get(live, f"/v1/jobs/{done['id']}/{name}") for name in ("ensembles", "recalibration"))
    page = visit().open(f"/jobs/{done['id']}")
    card = page.locator("#untrained-card")
    expect(card).to_contain_text(together["sentence"])
    expect(card).to_contain_text(recalibrated["sentence"])
    rows = card.get_by_role("region", name="Table: Seeds together").locator("tbody tr")
    expect(rows).to_have_count(2 * len(done["spec"]["variants"]))
    expect(rows.nth(1)).to_contain_text(f"{together['variants'][0]['together']['data_loss']:.4f}")
    rows = card.get_by_role("region", name="Table: Recalibrated").locator("tbody tr")
    for each in recalibrated["comparisons"]:
        expect(rows.filter(has_text=each["variant"])).to_contain_text(each["in_words"])
    assert not Axe().run(page, context="#untrained-card").response["violations"]
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_last_weeks_job_of_a_team_is_found_by_its_description(visit: Visiting, live: str) -> None:
    described = {"tags": ["paper"], "metadata": {"owner": "team a"}}
    job = submit(live, name="theirs", variants=["smaller"], training={"epochs": 1}, **described)
    finished(live, job["id"])
    page = visit().open("/")
    page.get_by_label("Tags and metadata").fill("paper, owner=team a")
    expect(page.locator(".job-row")).to_have_count(1)
    expect(page.locator(".job-row")).to_contain_text("paper, owner=team a")
    assert "about=paper" in page.url
    page.get_by_label("Tags and metadata").fill("owner=team b")
    expect(page.get_by_role("heading", name="No job fits")).to_be_visible()


def test_own_rows_are_one_click_away(visit: Visiting, done: dict[str, Any]) -> None:
    page = visit().open(f"/jobs/{done['id']}")
    page.get_by_role("link", name="Data", exact=True).click()
    expect(page.locator("input[type=file]").first).to_be_visible()


def drawn(page: Page) -> list[str]:
    return page.locator(".chart .tick.x").all_text_contents()


def test_a_part_of_the_epochs_is_drawn_by_fields_by_pointer_and_from_the_address(
    visit: Visiting, done: dict[str, Any]
) -> None:
    page = visit().open(f"/jobs/{done['id']}?first=4&last=9")
    expect(page.locator("#chart")).to_have_attribute("aria-valuemin", "4")
    expect(page.locator("#chart")).to_have_attribute("aria-valuemax", "9")
    assert drawn(page)[0] == "4"
    page.get_by_label("To epoch").fill("6")
    expect(page.locator("#chart")).to_have_attribute("aria-valuemax", "6")
    page.get_by_role("button", name="All epochs").click()
    expect(page.locator("#chart")).to_have_attribute("aria-valuemax", "12")
    assert "first=" not in page.url
    page.locator("#chart").scroll_into_view_if_needed()
    box = page.locator("#chart").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 60)
    page.mouse.up()
    expect(page.get_by_role("button", name="All epochs")).to_be_visible()
    first, last = (int(page.get_by_label(f"{end} epoch").input_value()) for end in ("From", "To"))
    assert 1 < first < last < 12


def test_curves_by_updates_by_seconds_and_in_panels(visit: Visiting, done: dict[str, Any], live: str) -> None:
    page = visit().open(f"/jobs/{done['id']}")
    updates = {v["updates_per_epoch"] for v in analysed(live, done)["variants"]}
    page.locator("#choices [name=unit]").select_option("update")
    expect(page.locator("#chart")).to_have_attribute("aria-valuemax", str(12 * max(updates)))
    page.locator("#chart").focus()
    page.keyboard.press("End")
    expect(page.locator("#chart")).to_have_attribute(
        "aria-valuetext", re.compile(f"^Update {12 * max(updates)}: .*original")
    )
    page.locator("#choices [name=unit]").select_option("second")
    expect(page.locator("#chart .name")).to_have_text(re.compile("^Seconds of training"))
    page.locator("#choices [name=curves]").select_option("panels")
    expect(page.locator("#panels svg")).to_have_count(3)
    expect(page.locator("#panels svg").first).to_have_attribute(
        "aria-label", re.compile("^Validation cross-entropy of ")
    )
    expect(page.locator("#chart")).to_be_hidden()


@pytest.mark.parametrize("shown", ["", "?curves=panels"])
def test_axe_finds_no_barrier_among_many_variants(visit: Visiting, many: dict[str, Any], shown: str) -> None:
    page = visit(reduced_motion="reduce").open(f"/jobs/{many['id']}{shown}")
    expect(page.locator(".skeleton")).to_have_count(0)
    expect(page.locator("#variants tbody tr")).to_have_count(15)
    found = Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in serious] == []
