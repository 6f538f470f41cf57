"""What the pages do where things go wrong: a service that is gone, keys, runs that diverge, hostile names."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.browsing import Visit
from tests.browser.conftest import finished, get, submit
from tests.ockham.serving import Served
from tests.servers import free_port, wait_for

pytestmark = pytest.mark.browser

Visiting = Callable[..., Visit]
HOSTILE = "<img src=x onerror=\"document.title='broken'\"><script>alert(1)</script>"


def test_an_empty_service_a_break_and_its_end(browser: Browser, tmp_path: Path) -> None:
    """A page left open while the service goes away and comes back shows every epoch in the end."""
    port = str(free_port())
    words = (tmp_path / "data", "--workers", "1", "--port", port)
    at_once = {"OCKHAM_DRAIN_SECONDS": "0"}
    with Served(*words, env=at_once) as service:
        url = service.ready()
        visit = Visit(browser, url)
        visit.open("/")
        expect(visit.page.get_by_role("heading", name="No jobs yet")).to_be_visible()
        job = submit(url, name="interrupted", variants=["original"], training={"epochs": 120, "batch_size": 2})
        expect(visit.page.locator(".job-row")).to_have_count(1)
        page = visit.open(f"/jobs/{job['id']}")
        expect(page.locator(".curve .line")).to_have_attribute("d", re.compile("L"))
        assert service.stop() == 0
        expect(page.locator("#link-state")).to_have_text(re.compile("does not answer"))
        assert visit.faults
        assert all("net::ERR" in fault or "ERR_" in fault for fault in visit.faults)
    with Served(*words) as service:
        service.ready()
        expect(page.locator("#link-state")).to_be_hidden()
        expect(page.locator("#job-progress .badge")).to_have_text(re.compile("succeeded"), timeout=120_000)
        path = page.locator(".curve .line").get_attribute("d") or ""
        assert path.count("M") == 1
        assert path.count("L") == 119
        visit.close()


def test_keys_are_asked_for_and_forgotten_with_the_tab(browser: Browser, tmp_path: Path) -> None:
    with Served(tmp_path / "data", "--workers", "1") as service:
        url = service.ready()
        job = submit(url, name="before keys", variants=["smaller"], training={"epochs": 3})
        finished(url, job["id"])
        token = _key(service, "admin")
        visit = Visit(browser, url)
        page = visit.open(f"/jobs/{job['id']}")
        dialog = page.get_by_role("dialog", name="An API key is needed")
        dialog.get_by_label("Key").fill("ock_wrong_key")
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("The key is not accepted")
        dialog.get_by_label("Key").fill(token)
        dialog.get_by_role("button", name="Use this key").click()
        expect(page.get_by_role("heading", name="before keys")).to_be_visible()
        expect(page.locator("#runs .badge.succeeded")).to_have_count(1)
        with page.expect_download() as saving:
            page.locator("#downloads").get_by_text("CSV", exact=True).click()
        assert saving.value.path().read_text().startswith("job_id,run_id,")
        page.goto("/new?from=" + job["id"])
        page.get_by_role("button", name="Train 1 run").click()
        page.wait_for_url(re.compile("/jobs/job_"))
        expect(page.locator("#job-progress .badge")).to_have_text(re.compile("succeeded"))
        assert page.evaluate("localStorage.length") == 0
        assert visit.context.cookies() == []
        stored = visit.context.new_page()
        stored.goto(url)
        expect(stored.get_by_role("dialog", name="An API key is needed")).to_be_visible()
        stored.get_by_role("button", name="Not now").click()
        expect(stored.get_by_role("alert")).to_contain_text("A valid key is needed")
        assert all("401" in fault for fault in visit.faults), visit.faults
        visit.close()


def _key(service: Served, scope: str) -> str:
    """The token of a new key."""
    command = [sys.executable, "-P", "-m", "ockham", "keys", "create", "browser", "--scope", scope]
    made = subprocess.run(
        [*command, "--data-dir", str(service.data_dir)], capture_output=True, text=True, check=True, timeout=120
    )
    found = re.search(r"ock_\w+_[\w-]+", made.stdout)
    assert found, made.stdout
    return found.group()


def test_a_run_that_diverges_is_told_and_does_not_ruin_the_scale(visit: Visiting, live: str) -> None:
    layers = [{"type": "dense", "units": 16, "activation": "exponential"}] * 2
    wild = {"name": "wild", "layers": layers, "training": {"optimizer": {"name": "sgd", "learning_rate": 1e6}}}
    job = submit(live, name="one diverges", variants=["original", wild], training={"epochs": 6})
    failed = finished(live, job["id"])
    assert [run["error"] and run["error"]["code"] for run in failed["runs"]] == [None, "diverged"]
    page = visit().open(f"/jobs/{job['id']}")
    expect(page.locator("#job-progress .badge")).to_have_text(re.compile("failed"))
    expect(page.locator("#job-progress")).to_contain_text("1 of 2 runs failed")
    expect(page.locator("#figure-notes")).to_contain_text("wild: one run not finite from epoch 1 on.")
    expect(page.locator("#runs tr", has_text="wild")).to_contain_text(failed["runs"][1]["error"]["message"])
    expect(page.locator("#variants tr", has_text="wild")).to_contain_text("diverged")
    ticks = page.locator(".chart .tick.y").all_text_contents()
    assert max(map(float, ticks)) < 2
    path = page.locator('.curve[data-group="original"] .line').get_attribute("d") or ""
    assert path.count("L") == 5
    assert "NaN" not in page.locator(".chart svg").inner_html()


def test_hostile_names_are_text(visit: Visiting, live: str) -> None:
    job = submit(
        live, name=HOSTILE, variants=["original", {"name": HOSTILE, "preset": "smaller"}], training={"epochs": 2}
    )
    finished(live, job["id"])
    tab = visit()
    for path in (f"/jobs/{job['id']}", "/", f"/compare?job={job['id']}", f"/new?from={job['id']}"):
        page = tab.open(path)
        if path.startswith("/new"):
            expect(page.locator('[data-pointer="/name"]')).to_have_value(HOSTILE)
            expect(page.locator("#preview")).to_contain_text(HOSTILE)
        else:
            expect(page.locator("h1, .job-title, .chip").get_by_text(HOSTILE).first).to_be_visible()
        # The page has one image of its own, the map of a sweep.
        assert page.locator("main img:not(.picture), main script").count() == 0
        assert page.title() != "broken"


def test_a_page_that_nobody_looks_at_holds_no_connection(visit: Visiting, live: str) -> None:
    job = submit(live, name="looked away", variants=["original"], training={"epochs": 600})
    page = visit().open(f"/jobs/{job['id']}")
    expect(page.locator(".curve .line")).to_have_attribute("d", re.compile("L"))
    hidden = """value => {
        Object.defineProperty(document, 'hidden', {value, configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(hidden, True)
    page.wait_for_timeout(500)
    drawn = page.locator(".curve .line").get_attribute("d")
    now = get(live, f"/v1/jobs/{job['id']}")["progress"]["epochs_done"]
    wait_for("more epochs", lambda: get(live, f"/v1/jobs/{job['id']}")["progress"]["epochs_done"] > now + 10)
    assert page.locator(".curve .line").get_attribute("d") == drawn
    page.evaluate(hidden, False)
    expect(page.locator("#job-progress .badge")).to_have_text(re.compile("succeeded"))
    assert (page.locator(".curve .line").get_attribute("d") or "").count("L") == 599
