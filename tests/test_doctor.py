"""`ockham doctor` and `/metrics` against real services, whole and broken."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import Service, wait_for

pytestmark = pytest.mark.slow


def doctor(*words: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`ockham doctor WORDS`, run."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "ockham", "doctor", *words], env=dict(env), capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip


def metrics(service: Service) -> dict[tuple[str, ...], float]:
    """Every sample of `/metrics` by its name and its labels' values."""
    answer = service.http.get("/metrics").raise_for_status()
    assert answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {(s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples}


@pytest.mark.once
def test_a_whole_service_is_well_and_measured(make_service: Callable[..., Service]) -> None:
    service = make_service(OCKHAM_LOG_FORMAT="json")
    service.api()
    assert metrics(service)["ockham_workers", "true"] == 0
    env = {**service.env, "OCKHAM_URL": str(service.http.base_url)}
    ill = doctor("--no-submit", env=env)
    assert ill.returncode == 1
    assert "No worker is ready. Start one" in ill.stdout
    assert ill.stdout.count("wrong ") == 2  # the service says it, too
    service.worker()
    well = doctor(env=env)
    assert (well.returncode, well.stderr) == (0, ""), well.stdout + well.stderr
    assert [line.split()[0] for line in well.stdout.splitlines()] == ["ok"] * 6
    assert service.http.get("/v1/jobs").json()["data"] == []  # its job is gone again

    job = service.submit(
        dataset={"name": "synthetic", "reviews": 200}, training={"epochs": 3}, variants=["smaller"], reuse="never"
    )
    service.finished(job["id"])
    values = metrics(service)
    assert values["ockham_up", "database"] == values["ockham_up", "broker"] == 1
    assert values["ockham_workers", "true"] == values["ockham_places",] == 1
    assert values["ockham_runs", "succeeded"] == values["ockham_jobs", "succeeded"] == 1
    assert values["ockham_runs", "queued"] == values["ockham_queue_age_seconds",] == 0
    assert values["ockham_events_total", "", "run.epoch"] == values["ockham_epoch_seconds_count",] == 3
    assert values["ockham_epoch_seconds_sum",] > 0
    assert values["ockham_sweeps_total",] > 0
    assert values["ockham_http_request_seconds_count", "/v1/jobs", "202", "POST"] >= 1
    again = metrics(service)
    assert again["ockham_epoch_seconds_count",] == 3  # an event is counted once

    request = service.http.get(f"/v1/jobs/{job['id']}", headers={"X-Request-ID": "0" * 32})
    assert request.headers["x-request-id"] == "0" * 32

    def logged() -> bool:
        log = (service.directory / "api.log").read_text()
        return any("0" * 32 in line and job["id"] in line for line in log.splitlines())

    wait_for("the request's log line", logged)  # written once the answer is on its way
    assert job["id"] in (service.directory / "worker.log").read_text()

    assert service.command("keys", "create").wait() == 0
    keyless = doctor(env={name: value for name, value in env.items() if name != "OCKHAM_API_KEY"})
    assert keyless.returncode == 1
    assert "wrong" not in keyless.stdout
    assert "Set OCKHAM_API_KEY" in keyless.stdout


class Other(http.server.BaseHTTPRequestHandler):
    """Another program's web server."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, _, body = self.path.strip("/").partition("/")[0].partition("-")
        content = {"page": b"<html>", "list": b"[]", "problem": b'{"detail": "Not Found"}'}[body]
        self.send_response(int(status))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.mark.once
@pytest.mark.parametrize("answer", ["200-page", "404-page", "502-page", "200-list", "404-problem"])
def test_another_program_at_the_services_port_is_told(tmp_path: Path, answer: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OCKHAM_")}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{other.server_port}/{answer}"
        found = doctor("--no-submit", "--data-dir", str(tmp_path), "--url", url, env=env)
        other.shutdown()
    assert (found.returncode, found.stderr) == (1, "")
    assert f"What answers at {url} is not Ockham's API: /readyz gives {answer[:3]}" in found.stdout


def test_where_there_is_nothing_it_says_what_to_do(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OCKHAM_")}
    missing = doctor(env={**env, "OCKHAM_DATA_DIR": str(tmp_path), "OCKHAM_URL": "http://127.0.0.1:9"})
    assert missing.returncode == 1
    assert missing.stderr == ""
    for advice in ("`ockham migrate`", "`ockham serve` starts the embedded one", "Start it, or name it"):
        assert advice in missing.stdout
    assert f"no database in {tmp_path}" in missing.stdout
    assert "--data-dir or OCKHAM_DATA_DIR names it" in missing.stdout
    named = doctor("--no-submit", "--data-dir", str(tmp_path / "none"), env=env)
    assert f"{tmp_path / 'none'} does not exist" in named.stdout
    invalid = doctor(env={**env, "OCKHAM_LEASE_SECONDS": "-1"})
    assert invalid.returncode == 1
    assert "OCKHAM_LEASE_SECONDS" in invalid.stdout
