"""Everything below a path, behind a real nginx that takes the path off, and behind one that passes it on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from ockham_client import Client
from tests.api.conftest import SMALL
from tests.nginx import Nginx


@pytest.fixture(params=["taken off", "passed on"])
def below(
    request: pytest.FixtureRequest,
    serve: Callable[..., httpx.Client],
    make_key: Callable[..., dict[str, str]],
    tmp_path: Path,
) -> Iterator[httpx.Client]:
    """A client of the service as nginx serves it below /ockham."""
    key = make_key()
    url = str(serve(root_path="/ockham").base_url).rstrip("/") + ("/" if request.param == "taken off" else "")
    with (
        Nginx(tmp_path / "nginx", f"location /ockham/ {{ proxy_pass {url}; }}", "root") as nginx,
        httpx.Client(base_url=nginx.url, headers=key, timeout=60, trust_env=False) as client,
    ):
        yield client


def test_links_lead_back(below: httpx.Client) -> None:
    accepted = below.post("/ockham/v1/jobs", json=SMALL)
    assert accepted.status_code == 202
    job = accepted.json()
    assert accepted.headers["Location"] == job["links"]["self"] == f"/ockham/v1/jobs/{job['id']}"
    for link in (*job["links"].values(), *job["runs"][0]["links"].values()):
        assert link.startswith("/ockham/v1/")
        if link.endswith(("history", "events", job["id"])):
            assert below.get(link).status_code == 200
    missing = below.get("/ockham/v1/jobs/job_0")
    assert (missing.status_code, missing.json()["instance"]) == (404, "/ockham/v1/jobs/job_0")
    assert "sandbox" in missing.headers["Content-Security-Policy"]


def test_every_page_finds_what_it_loads(below: httpx.Client) -> None:
    for page in "/", "/new", "/compare", "/jobs/job_0", "/docs":
        text = below.get(f"/ockham{page}").text
        addresses = re.findall(r'(?:href|src)="(/[^"]*)"', text)
        assert len(addresses) >= 4
        for address in addresses:
            assert address.startswith("/ockham"), address
            assert below.get(address).status_code == 200, address
        assert 'data-root="/ockham"' in text
    assert below.get("/ockham/openapi.json").json()["servers"] == [{"url": "/ockham"}]


def test_the_client_works(below: httpx.Client) -> None:
    with Client(f"{below.base_url}/ockham", below.headers["Authorization"].removeprefix("Bearer ")) as client:
        job = client.submit(SMALL)
        assert client.job(job.id).id == job.id
        client.cancel(job)


def test_without_the_setting_nothing_has_it(http: httpx.Client) -> None:
    assert http.get("/ockham/v1/jobs").status_code == 404
    assert "servers" not in http.get("/openapi.json").json()
    assert http.post("/v1/jobs", json=SMALL).headers["Location"].startswith("/v1/")
