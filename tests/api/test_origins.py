"""What another site's page may make a browser do: nothing."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.api.conftest import SMALL, submit
from tests.api.test_contract import is_problem

EVIL = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}


@pytest.mark.parametrize(
    "headers",
    [
        EVIL,
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_another_sites_page_changes_nothing(http: httpx.Client, headers: dict[str, str]) -> None:
    job = submit(http)
    url = f"/v1/jobs/{job['id']}"
    for answer in (
        http.post("/v1/jobs", json=SMALL, headers=headers),
        http.post(f"{url}/cancel", headers=headers),
        http.delete(url, headers=headers),
    ):
        is_problem(answer, 403, "cross_origin")
    assert http.get(url, headers=headers).json()["status"] == "queued"
    assert len(http.get("/v1/jobs").json()["data"]) == 1


def test_the_services_own_pages_and_programs_do(http: httpx.Client) -> None:
    own = str(http.base_url).rstrip("/")
    for headers in (
        {},
        {"Origin": own},
        {"Origin": own, "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://behind.a.proxy", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ):
        assert http.post("/v1/jobs", json=SMALL, headers=headers).status_code == 202, headers


def test_pages_of_allowed_origins_do(serve: Callable[..., httpx.Client]) -> None:
    http = serve(cors_origins=("https://page.example",))
    page = {"Origin": "https://page.example", "Sec-Fetch-Site": "cross-site"}
    answer = http.post("/v1/jobs", json=SMALL, headers=page)
    assert answer.status_code == 202
    assert answer.headers["Access-Control-Allow-Origin"] == page["Origin"]
    is_problem(http.post("/v1/jobs", json=SMALL, headers=EVIL), 403, "cross_origin")
    assert serve(cors_origins=("*",)).post("/v1/jobs", json=SMALL, headers=EVIL).status_code == 202
