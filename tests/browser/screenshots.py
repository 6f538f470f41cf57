"""All screenshots by one command: `python -m tests.browser.screenshots [DIR]`.

Starts a service of its own, trains a job on it, and takes every page in light and dark at three
widths. `--docs` takes those of the documentation instead, into docs/images.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.browsing import CHROMIUM, Visit, browsing
from tests.browser.conftest import finished, submit
from tests.ockham.serving import Served

WIDTHS = (360, 1280, 2560)
DOCS = Path(__file__).parents[2] / "docs" / "images"
DOCUMENTED = ("job-light", "job-dark", "new-light")
"""The pictures that the documentation shows."""
DATA = {"name": "synthetic", "reviews": 4000}
NOTEBOOK = ["original", "smaller", "l2", "dropout"]


def take(browser: Browser, url: str, job: str, name: str, path: str, width: int, scheme: str, file: Path) -> None:
    """One page as a picture, the pointer on its curves."""
    # In the documentation a job's page from the answer to the curves, below a bar that has not moved.
    height = 1680 if name == "job" and file.parent == DOCS else 900
    visit = Visit(browser, url, viewport={"width": width, "height": height}, color_scheme=scheme)
    page = visit.open(path.format(job=job))
    expect(page.locator(".skeleton")).to_have_count(0)
    if name in ("job", "compare"):
        expect(page.locator(".chart .curve").first).to_be_visible()
        box = page.locator("#chart").bounding_box()
        assert box is not None
        page.locator("#chart").hover(position={"x": 0.45 * box["width"], "y": 60})
    elif name == "jobs":
        expect(page.locator(".sparkline").first).to_be_visible()
    else:
        expect(page.locator("#submit")).to_be_enabled()
    page.screenshot(path=file, full_page=file.parent != DOCS, animations="disabled")
    visit.close()


def main() -> None:
    """Takes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=Path("results/screenshots"))
    parser.add_argument("--docs", action="store_true", help="those of the documentation")
    asked = parser.parse_args()
    if CHROMIUM is None:
        raise SystemExit("There is no Chromium: install it by the system's package manager")
    directory = DOCS if asked.docs else asked.directory
    directory.mkdir(parents=True, exist_ok=True)
    pages = {"jobs": "/", "job": "/jobs/{job}", "new": "/new", "compare": "/compare?job={job}&metric=losses"}
    with (
        tempfile.TemporaryDirectory() as data,
        Served(Path(data) / "data", "--workers", "2") as service,
        browsing() as browser,
    ):
        url = service.ready()
        first = submit(
            url, name="sizes", variants=["original", "smaller", "bigger"], dataset=DATA, training={"epochs": 8}
        )
        job = submit(url, name="remedies", variants=NOTEBOOK, seeds=[0, 1, 2, 3, 4], dataset=DATA)["id"]
        for each in (first["id"], job):
            finished(url, each)
        submit(url, name="still training", variants=NOTEBOOK, seeds=[7, 8, 9], dataset=DATA, training={"epochs": 200})
        for name, path in pages.items():
            for scheme in ("light", "dark"):
                if asked.docs and f"{name}-{scheme}" not in DOCUMENTED:
                    continue
                for width in (1280,) if asked.docs else WIDTHS:
                    file = directory / (f"{name}-{scheme}.png" if asked.docs else f"{name}-{scheme}-{width}.png")
                    take(browser, url, job, name, path, width, scheme, file)
                    print(file)


if __name__ == "__main__":
    main()
