"""Every page, for everybody: no barriers, no overflow, nothing from elsewhere, the plots' own numbers and looks."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from scipy import stats

from reporting.overfitting import best, onset
from reporting.plots.layout import y_limits
from reporting.plots.style import MARKS, THEMES
from tests.browser.browsing import Visit

pytestmark = pytest.mark.browser

Visiting = Callable[..., Visit]
PAGES = ("/", "/jobs/{job}", "/new", "/compare?job={job}", "/compare")


def opened(tab: Visit, path: str, job: str) -> Page:
    """The page, with everything on it."""
    page = tab.open(path.format(job=job))
    if "{job}" in path:
        expect(page.locator(".chart .curve")).to_have_count(3)
    elif path == "/":
        expect(page.locator(".job-row").first).to_be_visible()
    elif path == "/new":
        expect(page.locator("#submit")).to_be_enabled()
    else:
        expect(page.get_by_role("heading", name="Nothing to compare yet")).to_be_visible()
    expect(page.locator(".skeleton")).to_have_count(0)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_no_barrier(visit: Visiting, done: dict[str, Any], path: str, scheme: str) -> None:
    page = opened(visit(color_scheme=scheme, reduced_motion="reduce"), path, done["id"])
    found = Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in serious] == []


@pytest.mark.parametrize("width", [360, 768, 1280, 2560])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_runs_out_of_the_window(visit: Visiting, done: dict[str, Any], path: str, width: int) -> None:
    page = opened(visit(viewport={"width": width, "height": 900}), path, done["id"])
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_page_and_file_forbids_what_is_inline_or_from_elsewhere(live: str, done: dict[str, Any]) -> None:
    paths = [path.format(job=done["id"]) for path in PAGES] + [
        "/docs",
        "/palette.css",
        "/static/job.js",
        "/static/style.css",
    ]
    for path in paths:
        answer = httpx.get(live + path, trust_env=False).raise_for_status()
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        if answer.headers["content-type"].startswith("text/html"):
            assert "<style" not in answer.text
            assert " style=" not in answer.text
            assert "http://" not in answer.text
            assert "https://" not in answer.text


def test_the_api_is_tried_on_its_own_page(visit: Visiting) -> None:
    tab = visit()
    page = tab.open("/docs")
    page.get_by_role("button", name="Submit a job").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("textbox").and_(page.locator("textarea")).fill('{"preset": "nobody"}')
    with page.expect_response("**/v1/jobs*") as answered:
        page.get_by_role("button", name="Execute").click()
    assert answered.value.status == 422
    expect(page.locator(".live-responses-table")).to_contain_text("unknown_preset")
    assert "422" in tab.faults.pop()  # nothing else: no policy stood in its way


def test_the_first_paint_needs_no_script(visit: Visiting, done: dict[str, Any]) -> None:
    page = visit(java_script_enabled=False).open(f"/jobs/{done['id']}")
    expect(page.get_by_role("link", name="New job")).to_be_visible()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    assert "<noscript><p" in page.content()


def test_everything_is_reached_by_keyboard(visit: Visiting, done: dict[str, Any]) -> None:
    page = opened(visit(), "/jobs/{job}", done["id"])
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    reached = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.name || document.activeElement.id || document.activeElement.innerText"
            )
        )
    assert {"metric", "band", "chart", "Best epoch", "PNG", "Start from this"} <= reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_and_marks_are_the_plots_own(visit: Visiting, done: dict[str, Any], scheme: str) -> None:
    page = opened(visit(color_scheme=scheme), "/jobs/{job}", done["id"])
    theme = THEMES[scheme]
    for look, wanted in enumerate((theme.ink, *theme.curves)):
        shown = page.evaluate(
            """look => getComputedStyle(document.documentElement).getPropertyValue(`--curve-${look}`)""", look
        )
        assert shown.strip() == wanted
    assert page.locator("body").get_attribute("data-marks") == " ".join(MARKS)
    known = page.evaluate("import('/static/marks.js').then(m => m.MARKS.map((_, look) => m.mark(look, 0, 0, 1)))")
    assert len(set(known)) == len(MARKS)
    looks = page.locator(".chart .curve").evaluate_all(
        "curves => curves.map(curve => [curve.dataset.group, curve.classList[1]])"
    )
    assert dict(looks) == {"original": "look-0", "smaller": "look-1", "l2": "look-2"}


def test_statistics_are_the_services_own(visit: Visiting, done: dict[str, Any]) -> None:
    page = opened(visit(), "/jobs/{job}", done["id"])
    freedoms = [1, 2, 5, 29, 30, 31, 40, 99]
    quantiles = page.evaluate("f => import('/static/statistics.js').then(m => f.map(m.quantile))", freedoms)
    assert quantiles == pytest.approx([float(stats.t.ppf(0.975, freedom)) for freedom in freedoms], rel=1e-6)
    rng = random.Random(4)
    for length in (1, 2, 3, 4, 8, 20, 60):
        values = [0.9 + 0.01 * abs(i - length / 3) + rng.gauss(0, 0.01) for i in range(length)]
        epochs = list(range(1, length + 1))
        found = page.evaluate(
            """([epochs, values]) => Promise.all([import('/static/statistics.js'), import('/static/series.js')])
                .then(([m, s]) => {
                    const point = (value, i) => ({epoch: i + 1, value, low: value - 0.2, high: value + 0.1});
                    return [m.best(epochs, values, false), m.best(epochs, values, true), m.onset(epochs, values),
                            s.limits([{metric: 'loss', raw: null, points: values.map(point)}], false),
                            s.limits([{metric: 'acc', raw: null, points: values.map(point)}], false)];
                })""",
            [epochs, values],
        )
        edges = [edge for value in values for edge in (value - 0.2, value + 0.1)]
        assert found[:3] == [best(epochs, values), best(epochs, values, "val_acc"), onset(epochs, values)]
        assert found[3] == pytest.approx(y_limits(values, edges, signed=False))
        assert found[4] == pytest.approx(y_limits(values, edges, signed=False, most=1.0))
    turns = [[rng.choice((0.3, 0.3, 0.31, 0.4)) for _ in range(rng.randrange(4, 12))] for _ in range(300)]
    theirs = page.evaluate(
        "c => import('/static/statistics.js').then(m => c.map(v => m.onset(v.map((_, i) => i + 1), v)))", turns
    )
    assert theirs == [onset(range(1, len(values) + 1), values) for values in turns]
    wild = [*values[:30], 1e12, 1e30]
    points = [{"epoch": i + 1, "value": value, "low": None, "high": None} for i, value in enumerate(wild)]
    tame = page.evaluate(
        "p => import('/static/series.js').then(s => s.limits([{metric: 'loss', raw: null, points: p}], false))", points
    )
    assert tame == pytest.approx(y_limits(wild, [], signed=False))
