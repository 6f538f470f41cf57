"""The pages below a path: every link, script and request of theirs stays there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import Visit
from tests.browser.conftest import submit
from tests.ockham.serving import Served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of its own, told that it is reached below /ockham."""
    directory: Path = tmp_path_factory.mktemp("below") / "data"
    with Served(directory, "--workers", "1", env={"OCKHAM_ROOT_PATH": "/ockham"}) as service:
        yield service.ready()


def test_from_the_list_to_a_job_and_on(visit: Callable[..., Visit], below: str) -> None:
    job = submit(below, name="below a path", variants=["smaller"], training={"epochs": 3})
    tab = visit(below)
    paths: list[str] = []
    tab.page.on("request", lambda request: paths.append(request.url.removeprefix(below)))
    page = tab.open("/ockham/")
    page.get_by_role("link", name="below a path").click()
    expect(page).to_have_url(f"{below}/ockham/jobs/{job['id']}")
    expect(page.get_by_role("link", name=".keras").first).to_have_attribute(
        "href", f"/ockham{job['runs'][0]['links']['self'].removeprefix('/ockham')}/model.keras"
    )
    page.get_by_role("link", name="Start from this").click()
    page.get_by_role("link", name="API", exact=True).click()
    expect(page.get_by_text("Submit a job").first).to_be_visible()
    assert paths
    assert [path for path in paths if not path.startswith(("/ockham/", "blob:", "data:"))] == []
