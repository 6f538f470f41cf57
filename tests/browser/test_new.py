"""The form that makes a job, and the page that compares them: from the first click to the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import Visit
from tests.browser.conftest import SYNTHETIC, finished, get, submit

pytestmark = pytest.mark.browser

Visiting = Callable[..., Visit]


def document(page: Page) -> Any:
    """The specification as the page has it."""
    return json.loads(page.locator("#json").input_value())


def resolved(url: str, body: Any) -> Any:
    """The specification the service makes of it."""
    answer = httpx.post(f"{url}/v1/jobs?validate_only=true", json=body, trust_env=False)
    return answer.raise_for_status().json()["spec"]


def small(page: Page) -> None:
    """Chooses little data, by the form."""
    page.locator("#dataset select").select_option("synthetic")
    page.locator('[data-pointer="/dataset/reviews"]').fill("600")
    page.locator('[data-pointer="/dataset/num_words"]').fill("500")
    page.locator('[data-pointer="/training/epochs"]').fill("12")


def test_from_the_form_to_a_finished_comparison(visit: Visiting, live: str) -> None:
    page = visit().open("/")
    page.get_by_role("link", name="New job").click()
    small(page)
    page.locator('[data-pointer="/name"]').fill("by hand")
    expect(page.locator("#preview")).to_contain_text("6 runs")
    expect(page.locator('[data-parameters="mine"]')).to_have_text("8,161 parameters")
    page.get_by_role("button", name="Train 6 runs").click()
    page.wait_for_url(re.compile("/jobs/job_"))
    expect(page.get_by_role("heading", name="by hand")).to_be_visible()
    expect(page.locator('.curve[data-group="original"] .line')).to_have_attribute("d", re.compile("L"))
    expect(page.locator("#job-progress .badge")).to_have_text(re.compile("succeeded"), timeout=120_000)
    job_id = page.url.rsplit("/", 1)[1]
    analysis = get(live, f"/v1/jobs/{job_id}/analysis")
    assert {each["variant"] for each in analysis["comparisons"]} == {"mine"}
    expect(page.locator("#comparison .forest").first).to_contain_text(
        f"{abs(analysis['comparisons'][0]['difference']):.4f}"
    )
    expect(page.locator("#variants")).to_contain_text(analysis["comparisons"][0]["in_words"])
    expect(page.locator("#headline")).to_have_text(analysis["headline"])
    expect(page.locator("#answer")).to_have_text(analysis["paragraph"])
    spec = get(live, f"/v1/jobs/{job_id}")["spec"]
    assert spec["dataset"] == {**spec["dataset"], **SYNTHETIC}
    assert [layer["type"] for layer in spec["variants"][1]["layers"]] == ["dense", "dropout", "dense"]


def test_layers_are_added_moved_changed_and_taken_out(visit: Visiting) -> None:
    page = visit().open("/new")
    mine = page.locator('[data-variant="mine"]')
    mine.get_by_label("Kind of layer").select_option("layer_normalization")
    mine.get_by_role("button", name="Add layer").click()
    mine.get_by_role("button", name="Move up: layer 4").click()
    mine.get_by_role("button", name="Remove: layer 2").click()
    page.locator('[data-pointer="/variants/1/layers/0/units"]').fill("24")
    page.locator('[data-pointer="/variants/1/layers/0/kernel_regularizer/l2"]').fill("0.01")
    assert document(page)["variants"][1]["layers"] == [
        {"type": "dense", "units": 24, "activation": "relu", "kernel_regularizer": {"l2": 0.01}},
        {"type": "layer_normalization"},
        {"type": "dense", "units": 8, "activation": "relu"},
    ]
    expect(mine.locator(".layers > summary")).to_have_text("24 relu (L2 0.01) → layer norm → 8 relu")
    page.get_by_role("button", name="dropout", exact=True).click()
    page.locator('[data-pointer="/variants/2/name"]').fill("half dropped")
    assert document(page)["variants"][2] == {"name": "half dropped", "preset": "dropout"}
    page.locator('[data-variant="half dropped"], [data-variant="dropout"]').get_by_role("radio").check()
    assert document(page)["baseline"] == "half dropped"
    page.get_by_role("button", name="Remove original").click()
    expect(page.get_by_role("button", name="Train 6 runs")).to_be_enabled()


def test_a_constraint_is_chosen(visit: Visiting, live: str) -> None:
    tab = visit()
    page = tab.open("/new")
    pointer = "/variants/1/layers/0/kernel_constraint"
    page.locator("[data-variant]").nth(1).locator(".layer").first.get_by_text("more").click()
    page.locator(f'[data-pointer="{pointer}"]').select_option("max_norm")
    expect(page.locator("#variants")).to_contain_text("16 relu (max norm)")
    limit = page.locator(f'[data-pointer="{pointer}/max_value"]')
    limit.fill("3")
    layer = {"type": "dense", "units": 16, "activation": "relu"}
    assert document(page)["variants"][1]["layers"][0] == {
        **layer, "kernel_constraint": {"name": "max_norm", "max_value": 3},
    }  # fmt: skip
    expect(page.locator("#variants")).to_contain_text("16 relu (max norm 3)")
    body = document(page)
    assert resolved(live, body)["variants"][1]["layers"][0]["kernel_constraint"]["max_value"] == 3
    limit.fill("0")
    expect(limit).to_have_attribute("aria-invalid", "true")
    page.locator(f'[data-pointer="{pointer}"]').select_option("")
    expect(limit).to_have_count(0)
    assert document(page)["variants"][1]["layers"][0] == layer
    page.locator("#json").fill(json.dumps(body))
    expect(page.locator(f'[data-pointer="{pointer}"]')).to_have_value("max_norm")
    assert all("422" in fault for fault in tab.faults)
    tab.faults.clear()


def test_a_presets_layers_become_the_variants_own_when_they_are_changed(visit: Visiting, live: str) -> None:
    page = visit().open("/new")
    page.locator('[data-variant="original"] .layers > summary').click()
    page.locator('[data-pointer="/variants/0/layers/1/units"]').fill("7")
    original = document(page)["variants"][0]
    assert [layer["units"] for layer in original["layers"]] == [16, 7]
    expect(page.locator('[data-parameters="original"]')).to_have_text(f"{160016 + 17 * 7 + 8:,} parameters")


def test_errors_stand_beside_their_fields(visit: Visiting) -> None:
    tab = visit()
    page = tab.open("/new")
    train = page.locator("#submit")
    expect(train).to_be_enabled()
    units = page.locator('[data-pointer="/variants/1/layers/0/units"]')
    units.fill("many")
    page.locator('[data-pointer="/training/epochs"]').fill("0")
    page.locator('[data-pointer="/seeds"]').fill("1, 2, 1")
    expect(units).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".field", has=units).locator(".error-text")).to_contain_text("valid integer")
    expect(page.locator('[data-pointer="/training/epochs"]')).to_have_attribute("aria-invalid", "true")
    seeds = page.locator(".field", has=page.locator('[data-pointer="/seeds"]'))
    expect(seeds.locator(".error-text")).to_contain_text("This seed is listed before")
    expect(page.locator("#preview")).to_contain_text("3 things to put right")
    expect(train).to_be_disabled()
    # The error is a description; the field keeps its name.
    expect(page.get_by_role("textbox", name="Epochs", exact=True)).to_have_attribute("aria-invalid", "true")
    units.fill("9")
    page.locator('[data-pointer="/training/epochs"]').fill("2")
    page.locator('[data-pointer="/seeds"]').fill("1, 2")
    expect(page.locator("[aria-invalid]")).to_have_count(0)
    expect(train).to_be_enabled()
    assert all("422" in fault for fault in tab.faults)
    tab.faults.clear()


def test_stopping_early_stays_on_with_no_patience(visit: Visiting) -> None:
    page = visit().open("/new")
    page.get_by_label("Stop early").check()
    page.locator('[data-pointer="/training/early_stopping/patience"]').fill("0")
    assert document(page)["training"] == {"early_stopping": {"patience": 0}}


def test_metrics_are_asked_for(visit: Visiting, live: str) -> None:
    tab = visit()
    page = tab.open("/new")
    page.get_by_label("Brier score").check()
    page.get_by_label("AUC").check()
    assert document(page)["training"] == {"metrics": ["brier", "auc"]}
    assert resolved(live, document(page))["training"]["metrics"] == ["brier", "auc"]
    group = page.locator('fieldset[data-pointer="/training/metrics"]')
    page.get_by_label("R²").check()
    expect(group).to_contain_text("It has no meaning for binary classification")
    expect(page.locator("#submit")).to_be_disabled()
    for label in ("R²", "Brier score", "AUC"):
        page.get_by_label(label).uncheck()
    expect(group).not_to_contain_text("It has no meaning")
    assert "training" not in document(page)
    until = {"metric": "val_acc", "smallest": 0.02}
    page.locator("#json").fill(json.dumps({"training": {"metrics": ["auc"]}, "until": until}))
    expect(page.get_by_label("AUC")).to_be_checked()
    assert all("422" in fault for fault in tab.faults)
    tab.faults.clear()


def test_what_varies_with_the_seed_is_chosen(visit: Visiting, live: str) -> None:
    tab = visit()
    page = tab.open("/new")
    small(page)
    expect(page.get_by_role("checkbox", name="Weights, batches and noise")).to_be_checked()
    page.get_by_role("checkbox", name="Held-out rows").check()
    page.get_by_role("checkbox", name="Training rows").check()
    assert document(page)["vary"] == ["seed", "split", "sample"]
    assert resolved(live, document(page))["dataset"]["validation"] == {"holdout": 120}
    for label in ("Weights, batches and noise", "Held-out rows", "Training rows"):
        page.get_by_role("checkbox", name=label).uncheck()
    expect(page.locator('#seeds [data-pointer="/vary"]')).to_contain_text("at least 1")
    expect(page.locator("#submit")).to_be_disabled()
    page.get_by_role("checkbox", name="Weights, batches and noise").check()
    assert "vary" not in document(page)
    expect(page.locator("#submit")).to_be_enabled()
    assert all("422" in fault for fault in tab.faults)
    tab.faults.clear()


def test_what_a_job_measures_and_is_decided_by_is_started_from(visit: Visiting, live: str) -> None:
    until = {"smallest": 0.5, "min_seeds": 2, "max_seeds": 2}
    job = submit(live, variants=["original", "smaller"], training={"epochs": 1, "metrics": ["auc"]}, until=until)
    job = finished(live, job["id"])
    page = visit().open(f"/new?from={job['id']}")
    expect(page.get_by_label("AUC")).to_be_checked()
    assert resolved(live, document(page)) == job["spec"]


def test_the_time_is_told_by_like_jobs_beside_big_ones(visit: Visiting, live: str) -> None:
    table = {"name": "synthetic_table", "samples": 300}
    few = [{"name": "few", "layers": [{"type": "dense", "units": 4}], "dataset": {"train_samples": 100}}]
    like = submit(live, dataset=table, variants=few, training={"epochs": 3})
    big = submit(live, dataset=table, variants=["smaller"], seeds=list(range(21)), training={"epochs": 1})
    for job in (like, big):
        assert finished(live, job["id"])["status"] == "succeeded"
    page = visit().open("/new")
    expect(page.locator("#preview .sum")).to_be_visible()
    page.locator("#json").fill(json.dumps({"dataset": table, "variants": few}))
    expect(page.locator("#preview")).to_contain_text("of training, by what runs like these took")
    page.locator("#json").fill(json.dumps({"dataset": {**table, "samples": 200}, "variants": few}))
    expect(page.locator("#preview")).to_contain_text("How long it takes is not known yet")
    page.locator("#dataset select").select_option("boston_housing")
    expect(page.get_by_label("Districts held out")).to_be_visible()
    listed = visit().open("/").locator(f'[data-job="{big["id"]}"]')
    expect(listed.locator(".job-best")).to_have_text("Best loss: on its page")
    expect(listed.locator(".sparkline")).to_have_count(0)


def test_form_and_json_are_one_document(visit: Visiting) -> None:
    tab = visit()
    page = tab.open("/new")
    expect(page.locator("#submit")).to_be_enabled()
    body: dict[str, Any] = {
        "variants": ["l1", "bigger"],
        "training": {"optimizer": {"name": "adam", "beta_1": 0.8}},
        "seeds": [4],
    }
    page.locator("#json").fill(json.dumps(body))
    expect(page.locator("[data-variant]")).to_have_count(2)
    expect(page.locator('[data-pointer="/training/optimizer/name"]')).to_have_value("adam")
    expect(page.locator('[data-pointer="/training/optimizer/beta_1"]')).to_have_value("0.8")
    expect(page.locator('[data-pointer="/seeds"]')).to_have_value("4")
    page.locator('[data-pointer="/training/epochs"]').fill("3")
    assert document(page) == {**body, "training": {**body["training"], "epochs": 3}}
    page.locator("#json").fill('{"variants": [')
    expect(page.locator("#json-error")).to_contain_text("JSON")
    expect(page.locator("#submit")).to_be_disabled()
    page.locator("#json").fill('{"variants": ["l2"], "sweep": {"grid": {"units": [8, 16], "dropout": [0.1, 0.5]}}}')
    expect(page.locator('[data-pointer="/sweep/grid/dropout"]')).to_have_value("0.1, 0.5")
    expect(page.get_by_role("button", name="Train 5 runs")).to_be_enabled()


def test_an_old_job_is_started_from_as_it_was(visit: Visiting, done: dict[str, Any], live: str) -> None:
    page = visit().open(f"/jobs/{done['id']}")
    page.get_by_role("link", name="Start from this").click()
    expect(page.locator("[data-variant]")).to_have_count(3)
    assert resolved(live, document(page)) == done["spec"]
    assert document(page)["variants"] == ["original", "smaller", "l2"]


def test_a_job_that_is_gone_does_not_hide_the_others(visit: Visiting, done: dict[str, Any]) -> None:
    gone = "job_" + "0" * 32
    tab = visit()
    page = tab.open(f"/compare?job={gone}&job={done['id']}")
    expect(page.locator(".chart .curve")).to_have_count(3)
    page.get_by_role("button", name=f"Remove {gone}").click()
    expect(page.locator("#chosen .chip")).to_have_count(1)
    assert gone not in page.url
    assert all("404" in fault for fault in tab.faults)
    tab.faults.clear()


def test_jobs_are_compared_and_the_address_is_shared(visit: Visiting, done: dict[str, Any], live: str) -> None:
    body = {"name": "against them", "dataset": SYNTHETIC, "variants": ["dropout"], "training": {"epochs": 5}}
    other = httpx.post(f"{live}/v1/jobs", json=body, trust_env=False).json()
    page = visit().open("/?search=Remedies")
    page.get_by_label("Compare three remedies").check()
    page.locator("#filter [name=search]").fill("against them")
    page.get_by_label("Compare against them").check()
    page.get_by_role("link", name="Compare them").click()
    expect(page.locator(".chip a")).to_have_count(2)
    expect(page.locator("#chosen .badge.succeeded")).to_have_count(2, timeout=60_000)
    expect(page.locator(".chart .curve")).to_have_count(4)
    table = page.locator("#differences")
    expect(table.locator("tbody tr")).to_have_count(4)
    expect(table).to_contain_text("16 relu → dropout 0.5 → 16 relu → dropout 0.5")
    expect(table.locator("thead")).to_contain_text("epochs")
    page.locator("#choices [name=metric]").select_option("val_acc")
    run = done["runs"][0]["id"]
    page.goto(f"{page.url}&run={run}")
    expect(page.locator(".chart .curve")).to_have_count(5)
    expect(page.locator("#figure-title")).to_have_text("Validation accuracy")
    shared = visit(color_scheme="dark").open(page.url)
    expect(shared.locator(".chart .curve")).to_have_count(5)
    expect(shared.locator("#figure-title")).to_have_text("Validation accuracy")
    shared.get_by_role("button", name="Remove against them").click()
    expect(shared.locator(".chart .curve")).to_have_count(4)
    assert other["id"] not in shared.url


def test_seeds_are_written_as_a_range_and_a_reload_keeps_what_was_written(visit: Visiting) -> None:
    tab = visit()
    page = tab.open("/new")
    page.locator('[data-pointer="/name"]').fill("precious")
    page.locator('[data-pointer="/seeds"]').fill("0-3, 7, 10 – 12")
    assert document(page)["seeds"] == [0, 1, 2, 3, 7, 10, 11, 12]
    page.locator('[data-pointer="/seeds"]').fill("0-99999999")
    expect(page.locator("#seeds .error-text").first).to_contain_text("valid integer")
    page.locator('[data-pointer="/seeds"]').fill("0-3")
    page.reload()
    expect(page.locator('[data-pointer="/name"]')).to_have_value("precious")
    expect(page.locator('[data-pointer="/seeds"]')).to_have_value("0, 1, 2, 3")
    page.goto("about:blank")
    page.go_back()
    expect(page.locator('[data-pointer="/name"]')).to_have_value("precious")
    assert all("422" in fault for fault in tab.faults)  # the browser's own word about what the service refused
    tab.faults.clear()
