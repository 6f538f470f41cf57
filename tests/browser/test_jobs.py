"""The list of jobs and the page of one, as jobs are trained."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import Visit
from tests.browser.conftest import finished, get, submit

pytestmark = pytest.mark.browser

Visiting = Callable[..., Visit]


def points(visit: Visit, variant: str) -> int:
    """Epochs of a variant's curve as it is drawn."""
    path = visit.page.locator(f'.curve[data-group="{variant}"] .line').get_attribute("d") or ""
    return path.count("M") + path.count("L")


def test_the_list_shows_jobs_newest_first_with_their_state_and_curves(
    visit: Visiting, done: dict[str, Any], live: str
) -> None:
    later = finished(live, submit(live, name="a later one", variants=["smaller"], training={"epochs": 2})["id"])
    page = visit().open("/")
    rows = page.locator(".job-row")
    expect(rows.first).to_contain_text("a later one")
    order = rows.evaluate_all("rows => rows.map(row => row.dataset.job)")
    assert order.index(later["id"]) < order.index(done["id"])
    row = page.locator(f'[data-job="{done["id"]}"]')
    expect(row).to_contain_text("3 variants × 3 seeds on synthetic")
    expect(row.locator(".badge")).to_have_text(re.compile("succeeded"))
    expect(row.locator(".sparkline path")).to_have_count(3)
    metrics = get(live, f"/v1/jobs/{done['id']}/metrics?by=val_data_loss")
    least = min(variant["best_val_data_loss"]["mean"] for variant in metrics["variants"])
    ranking = get(live, f"/v1/jobs/{done['id']}/analysis")["ranking"]
    best = [each["variant"] for each in ranking if each["best"]]
    whose = best[0] if len(best) == 1 else f"{len(best)} variants may be best"
    expect(row.locator(".job-best")).to_have_text(f"Best validation loss without penalties{whose}{least:.4f}")


def test_the_list_is_filtered_by_its_address(visit: Visiting, done: dict[str, Any]) -> None:
    page = visit().open("/?search=Remedies&status=succeeded")
    expect(page.locator(".job-row")).to_have_count(1)
    expect(page.locator("[name=search]")).to_have_value("Remedies")
    page.locator("[name=status]").select_option("cancelled")
    expect(page.get_by_role("heading", name="No job fits")).to_be_visible()
    assert "status=cancelled" in page.url


def test_jobs_are_paged(visit: Visiting, live: str) -> None:
    ids = [submit(live, name="paged", variants=["smaller"], training={"epochs": 1})["id"] for _ in range(22)]
    page = visit().open("/?search=paged")
    expect(page.locator(".job-row")).to_have_count(20)
    page.get_by_role("button", name="Older").click()
    expect(page.locator(".job-row")).to_have_count(2)
    expect(page.locator(f'[data-job="{ids[0]}"]')).to_be_visible()
    older = visit().open(page.url)
    expect(older.locator(".job-row")).to_have_count(2)
    older.get_by_role("button", name="Newer").click()
    expect(older.locator(".job-row")).to_have_count(20)
    page.get_by_role("button", name="Newer").click()
    expect(page.locator(".job-row")).to_have_count(20)
    for each in ids:
        finished(live, each)


def test_a_running_jobs_curves_grow_and_its_end_is_shown(visit: Visiting, live: str) -> None:
    job = submit(live, name="growing", variants=["original", "smaller"], training={"epochs": 150})
    watched = visit()
    page = watched.open(f"/jobs/{job['id']}")
    expect(page.locator('.curve[data-group="original"] .line')).to_have_attribute("d", re.compile("L.*L"))
    before = points(watched, "original")
    page.wait_for_function(
        """before => document.querySelector('.curve[data-group="original"] .line')
           .getAttribute('d').split('L').length > before + 20""",
        arg=before,
    )
    expect(page.locator("#job-progress progress")).to_be_visible()
    finished(live, job["id"])
    expect(page.locator("#job-progress .badge")).to_have_text(re.compile("succeeded"))
    expect(page.locator("#runs .badge.succeeded")).to_have_count(2)
    expect(page.locator("#spec .facts")).to_contain_text("keras")
    assert points(watched, "original") == points(watched, "smaller") == 150


def test_the_page_shows_what_the_api_answers(visit: Visiting, done: dict[str, Any], live: str) -> None:
    page = visit().open(f"/jobs/{done['id']}?curves=runs")
    history = get(live, f"/v1/jobs/{done['id']}/history")
    expect(page.locator("#chart")).to_have_attribute("aria-valuemax", "12")
    page.locator("#chart").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    words = page.locator("#chart").get_attribute("aria-valuetext") or ""
    assert words.startswith("Epoch 11: ")
    for run in history["runs"]:
        value = run["metrics"]["val_data_loss"][run["epochs"].index(11)]
        assert f"{run['variant']}, seed {run['seed']} {value:.4f}" in words
    page.keyboard.press("Escape")
    expect(page.locator(".tip")).to_be_hidden()
    summary = get(live, f"/v1/jobs/{done['id']}/metrics?by=val_data_loss")
    for run in summary["runs"]:
        row = page.locator(f'[data-key="{run["run_id"]}"]')
        expect(row).to_contain_text(f"{run['best']['val_data_loss']:.4f}")
        expect(row).to_contain_text(f"{run['final']['val_data_loss']:.4f}")
    analysis = get(live, f"/v1/jobs/{done['id']}/analysis")
    first = analysis["comparisons"][0]
    expect(page.locator("#comparison")).to_contain_text(f"{abs(first['difference']):.4f}")
    expect(page.locator("#answer")).to_have_text(analysis["paragraph"])
    ranks = {each["variant"]: each["rank"] for each in analysis["ranking"]}
    for variant in analysis["variants"]:
        row = page.locator(f'#variants [data-key="{variant["variant"]}"]')
        low, high = ranks[variant["variant"]]
        expect(row).to_contain_text(f"{variant['verdict']}{low}–{high}" if low < high else f"{variant['verdict']}{low}")
        for name in ("best_val_data_loss", "final_val_data_loss"):
            over = variant["across_seeds"][name]
            low, high = over["ci95"]
            expect(row).to_contain_text(f"{over['mean']:.4f}{low:.4f} to {high:.4f}")
        expect(row).to_contain_text(f"{abs(variant['across_seeds']['rise']['mean']):.4f}")
    for each in analysis["comparisons"]:
        if each["metric"] == "best_val_data_loss":
            expect(page.locator(f'#variants [data-key="{each["variant"]}"]')).to_contain_text(each["in_words"])
    expect(page.locator("#notes li")).to_have_count(len(analysis["warnings"]))
    expect(page.locator("#sweep-card")).to_be_hidden()
    expect(page.locator("#runs").get_by_role("link", name=".keras epoch 12")).to_have_count(9)


def test_the_table_sorts_and_highlights_its_curve(visit: Visiting, done: dict[str, Any]) -> None:
    page = visit().open(f"/jobs/{done['id']}")
    page.locator("#runs").get_by_role("button", name="Best validation cross-entropy").click()
    column = page.locator("#runs tbody td:nth-child(7)")
    ascending = [float(text) for text in column.all_inner_texts()]
    assert ascending == sorted(ascending)
    page.locator("#runs").get_by_role("button", name="Best validation cross-entropy").click()
    assert [float(text) for text in column.all_inner_texts()] == ascending[::-1]
    expect(page.locator("#runs th[aria-sort=descending]")).to_have_text("Best validation cross-entropy")
    row = page.locator("#runs tbody tr").first
    row.hover()
    variant = row.locator("th").inner_text()
    expect(page.locator(f'.curve.front[data-group="{variant}"]')).to_have_count(1)


def test_choices_change_the_figure_and_the_address_holds_them(visit: Visiting, done: dict[str, Any]) -> None:
    page = visit().open(f"/jobs/{done['id']}")
    expect(page.locator("#figure-title")).to_have_text("Validation cross-entropy")
    expect(page.locator(".chart .band")).to_have_count(3)
    page.locator("#choices [name=band]").select_option("none")
    expect(page.locator(".chart .band")).to_have_count(0)
    page.locator("#choices [name=view]").select_option("keras")
    page.locator("#choices [name=metric]").select_option("losses")
    page.locator("#choices [name=smooth]").select_option("5")
    page.locator("#choices [name=scale]").select_option("log")
    page.locator("#choices [name=seed]").select_option("1")
    page.locator(".chip", has_text="smaller").click()
    expect(page.locator("#figure-title")).to_have_text("Loss, weight penalty included")
    expect(page.locator(".chart .curve")).to_have_count(4)
    expect(page.locator(".chart .curve .raw")).to_have_count(4)
    expect(page.locator("#figure-subtitle")).to_contain_text("smoothed over 5 epochs")
    drawn = page.locator(".chart svg").inner_html()
    shared = visit().open(page.url)
    expect(shared.locator("#figure-title")).to_have_text("Loss, weight penalty included")
    expect(shared.locator(".chart .curve")).to_have_count(4)
    assert shared.locator(".chart svg").inner_html() == drawn


def test_the_loss_is_called_what_the_task_calls_it(visit: Visiting, done: dict[str, Any], live: str) -> None:
    layers = [{"type": "dense", "units": 4, "activation": "relu"}]
    variants = [{"name": "small", "layers": layers}, {"name": "large", "layers": [*layers, *layers]}]
    several = {"name": "synthetic_table", "classes": 3, "samples": 200}
    job = submit(live, name="classes", dataset=several, variants=variants, seeds=[0, 1], training={"epochs": 3})
    assert finished(live, job["id"])["task"] == "multiclass"
    page = visit().open(f"/jobs/{job['id']}")
    expect(page.locator("#figure-title")).to_have_text("Validation categorical cross-entropy")
    expect(page.locator("#comparison caption").first).to_have_text("Best validation categorical cross-entropy")
    expect(page.locator("#runs thead")).to_contain_text("Final validation categorical cross-entropy")
    expect(page.locator("#runs thead")).to_contain_text("Validation accuracy at the best epoch")
    page.locator("#choices [name=view]").select_option("keras")
    expect(page.locator("#figure-title")).to_have_text("Validation loss")
    expect(page.locator("#runs thead")).to_contain_text("Final validation loss")
    page = visit().open(f"/compare?job={job['id']}&job={done['id']}")
    expect(page.locator("#different-tasks")).to_contain_text("they cannot stand in one figure")


def test_a_figure_with_penalties_in_its_values_says_so(visit: Visiting, done: dict[str, Any]) -> None:
    page = visit().open(f"/jobs/{done['id']}?view=keras")
    expect(page.locator("#figure-title")).to_have_text("Validation loss, weight penalty included")
    expect(page.locator("#figure-notes")).to_contain_text("A weight penalty is in the values of l2.")
    page.locator(".chip", has_text="l2").click()
    expect(page.locator("#figure-title")).to_have_text("Validation loss")
    page.locator(".chip", has_text="l2").click()
    page.locator("#choices [name=view]").select_option("data")
    expect(page.locator("#figure-title")).not_to_contain_text("weight penalty included")


def test_cancel_and_retry(visit: Visiting, live: str) -> None:
    job = submit(live, name="to be cancelled", variants=["original"], training={"epochs": 200})
    page = visit().open(f"/jobs/{job['id']}")
    expect(page.locator(".curve .line")).to_have_attribute("d", re.compile("L"))
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    page.once("dialog", lambda dialog: dialog.dismiss())
    cancel.click()
    assert get(live, f"/v1/jobs/{job['id']}")["status"] == "running"
    page.once("dialog", lambda dialog: dialog.accept())
    cancel.click()
    expect(page.locator("#job-progress .badge")).to_have_text(re.compile("cancelled"))
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    page.get_by_role("button", name="Retry unfinished runs").click()
    expect(page.locator("#job-progress .badge")).to_have_text(re.compile("running"))
    expect(page.locator("#job-progress .badge")).to_have_text(re.compile("succeeded"), timeout=120_000)
    assert get(live, f"/v1/jobs/{job['id']}")["status"] == "succeeded"


def test_one_run_is_cancelled(visit: Visiting, live: str) -> None:
    job = submit(live, name="one too many", variants=["original", "l2"], training={"epochs": 200})
    page = visit().open(f"/jobs/{job['id']}")
    asked: list[str] = []

    def accept(dialog: Any) -> None:
        asked.append(dialog.message)
        dialog.accept()

    page.once("dialog", accept)
    page.get_by_role("button", name="Cancel l2, seed 0").click()
    assert asked == ["Cancel l2, seed 0? The other runs go on."]
    expect(page.locator("#runs tr", has_text="l2").locator(".badge")).to_have_text(re.compile("cancelled"))
    assert get(live, f"/v1/jobs/{job['id']}")["status"] in ("queued", "running")
    page.once("dialog", accept)
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator("#job-progress .badge")).to_have_text(re.compile("cancelled"))


def test_a_comparison_is_saved_and_found_again(visit: Visiting, live: str, done: dict[str, Any]) -> None:
    run = done["runs"][0]
    page = visit().open(f"/compare?job={done['id']}&run={run['id']}")
    page.get_by_label("Name").fill("kept <b>")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#saved")).to_contain_text("Saved as kept <b>.")
    (saved,) = get(live, "/v1/comparisons?name=kept%20%3Cb%3E")["data"]
    assert (saved["jobs"], saved["runs"], saved["baseline"]) == ([done["id"]], [run["id"]], "original")
    with page.expect_download() as download:
        page.get_by_role("link", name="Report").click()
    assert "kept &lt;b&gt;" in download.value.path().read_text()
    page = visit().open("/compare")
    page.get_by_role("link", name="kept <b>").click()
    expect(page.locator("#chosen .chip")).to_have_count(2)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete kept <b>").click()
    expect(page.get_by_role("link", name="kept <b>")).to_have_count(0)


def test_seeds_are_added_to_a_finished_job(visit: Visiting, live: str) -> None:
    job = submit(live, name="more seeds", variants=["original", "smaller"], training={"epochs": 3})
    finished(live, job["id"])
    tab = visit()
    page = tab.open(f"/jobs/{job['id']}")
    page.get_by_role("button", name="Add seeds").click()
    seeds = page.get_by_label("Seeds beside 0")
    expect(seeds).to_have_value("1, 2, 3, 4, 5")
    seeds.fill("0, 1")
    page.get_by_role("button", name="Train 4 more runs").click()
    expect(page.locator("#more-seeds .error-text")).to_contain_text("The job has this seed")
    assert all("422" in fault for fault in tab.faults)
    tab.faults.clear()
    seeds.fill("1")
    page.get_by_role("button", name="Train 2 more runs").click()
    expect(page.locator("#runs tbody tr")).to_have_count(4)
    expect(page.locator("#job-progress .badge")).to_have_text(re.compile("succeeded"), timeout=120_000)
    expect(page.locator("#figure-subtitle")).to_contain_text("mean of n = 2 seeds")
    assert get(live, f"/v1/jobs/{job['id']}")["spec"]["seeds"] == [0, 1]


def test_single_runs_are_chosen_to_be_compared(visit: Visiting, done: dict[str, Any]) -> None:
    page = visit().open(f"/jobs/{done['id']}")
    page.get_by_label("Compare original, seed 1").check()
    page.get_by_label("Compare l2, seed 2").check()
    expect(page.locator("#compare-bar")).to_contain_text("2 runs chosen")
    page.get_by_role("link", name="Compare them").click()
    expect(page.locator(".chart .curve")).to_have_count(2)
    expect(page.locator("#chosen")).to_contain_text("l2, seed 2")


def test_downloads_are_the_apis_own(visit: Visiting, done: dict[str, Any], live: str) -> None:
    page = visit().open(f"/jobs/{done['id']}")
    with page.expect_download() as saving:
        page.locator("#downloads").get_by_text("CSV", exact=True).click()
    assert saving.value.suggested_filename == "three-remedies.csv"
    assert saving.value.path().read_text().count("\n") == 1 + 9 * 12
    with page.expect_download() as saving:
        page.locator("#downloads").get_by_text("PNG", exact=True).click()
    assert saving.value.path().read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as saving:
        page.locator("#runs").get_by_text(".keras").first.click()
    assert saving.value.path().read_bytes().startswith(b"PK")
    for label, start in (("Report", b"<!DOCTYPE html>"), ("Bundle", b"PK")):
        with page.expect_download() as saving:
            page.locator("#downloads").get_by_text(label, exact=True).click()
        assert saving.value.path().read_bytes().startswith(start)
    page.locator(".chip", has_text="smaller").click()
    expect(page.locator(".code", has_text="In a shell")).to_contain_text("variants=original%2Cl2")
    page.locator(".code", has_text="In Python").get_by_role("button").click()
    assert done["id"] in page.evaluate("navigator.clipboard.readText()")


def test_no_such_job(visit: Visiting) -> None:
    tab = visit()
    page = tab.open("/jobs/job_there_is_none")
    expect(page.get_by_role("alert")).to_contain_text("There is no job with this id")
    assert all("404" in fault for fault in tab.faults)  # the browser's own word about the answer
    tab.faults.clear()


def test_where_seeds_are_added_until_it_is_decided_the_page_tells_the_decision(visit: Visiting, live: str) -> None:
    until = {"smallest": 0.9, "min_seeds": 3, "max_seeds": 12}
    job = submit(live, variants=["original", "bigger"], until=until, training={"epochs": 4})
    job = finished(live, job["id"])
    assert job["look"]["decided"] == {"bigger": "equivalent"}
    page = visit().open(f"/jobs/{job['id']}")
    verdicts = page.locator("#variants")
    expect(verdicts).to_contain_text("within 0.9")
    expect(verdicts).not_to_contain_text("more than luck")


def test_a_sweep_with_a_holdout_shows_its_map_and_its_test_scores(visit: Visiting, live: str) -> None:
    data = {"name": "synthetic", "reviews": 300, "num_words": 200, "validation": {"holdout": 60}}
    job = submit(live, dataset=data, sweep={"grid": {"units": [2, 4], "l2": [0.0, 0.1]}}, training={"epochs": 2})
    job = finished(live, job["id"])
    page = visit().open(f"/jobs/{job['id']}")
    page.wait_for_function("() => document.getElementById('sweep').naturalWidth > 0")
    page.wait_for_function("() => document.getElementById('tradeoff').naturalWidth > 0")
    with page.expect_response("**/plots/tradeoff.svg?*against=units*") as drawn:
        page.locator("#tradeoff-choices select").select_option("units")
    assert drawn.value.ok
    wanted = re.compile("cross-entropy of each variant against units")
    expect(page.locator("#tradeoff")).to_have_attribute("alt", wanted)
    assert "against=units" in page.url
    for variant in get(live, f"/v1/jobs/{job['id']}/metrics")["variants"]:
        row = page.locator(f'#variants [data-key="{variant["variant"]}"]')
        expect(row).to_contain_text(f"{variant['test_data_loss']['mean']:.4f}{variant['test_acc']['mean']:.4f}")
    page.locator("#variants").get_by_role("button", name="Test cross-entropy").click()
    names = [name.strip() for name in page.locator("#variants thead th").all_inner_texts()]
    place = next(i for i, name in enumerate(names, 1) if name.startswith("Test cross-entropy"))
    column = page.locator(f"#variants tbody tr > :nth-child({place})").all_inner_texts()
    assert len(column) == 4
    assert column == sorted(column)
