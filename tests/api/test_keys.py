"""Keys: what is stored, what each may do, and what it may see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from migrations.run import upgrade
from models import keys
from models.database import Database, now
from models.scopes import Scope
from models.settings import Settings
from models.tables import ApiKey, Job
from ockham.cli import app
from tests.api.conftest import SMALL, Trainer, submit
from tests.api.test_contract import is_problem
from tests.servers import wait_for


def test_only_a_hash_is_stored(database: Database) -> None:
    with database.write() as session:
        key, token = keys.create(session, "ci")
        assert token.startswith(key.prefix)
        stored = [value for column in ApiKey.__table__.columns if (value := getattr(key, column.name)) is not None]
        assert token.removeprefix(key.prefix) not in repr(stored)
        assert len(token) >= 50
        assert keys.find(session, token) is key
        for wrong in (token[:-1], token + "x", token[:12], token[:-1] + ("a" if token[-1] != "a" else "b"), "", "\0"):
            assert keys.find(session, wrong) is None


def test_once_there_is_a_key_one_is_needed(http: httpx.Client, make_key: Callable[..., dict[str, str]]) -> None:
    assert http.get("/v1/jobs").status_code == 200
    key = make_key()
    for url in ("/v1/jobs", "/v1/presets", "/v1/history", "/v1/webhooks"):
        refused = http.get(url)
        is_problem(refused, 401, "unauthorized")
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    for value in ("Bearer wrong", "Bearer", "Basic dXNlcjpwYXNz", key["Authorization"] + "x", "Bearer \xff"):
        answer = http.get("/v1/jobs", headers={b"Authorization": value.encode("latin-1")})
        is_problem(answer, 401, "unauthorized")
    assert http.get("/v1/jobs", headers=key).status_code == 200
    assert http.get("/healthz").status_code == 200


def test_scopes(http: httpx.Client, make_key: Callable[..., dict[str, str]]) -> None:
    reader, submitter = make_key(Scope.READ), make_key(Scope.SUBMIT)
    is_problem(http.post("/v1/jobs", json=SMALL, headers=reader), 403, "forbidden")
    assert http.get("/v1/jobs", headers=reader).status_code == 200
    accepted = http.post("/v1/jobs", json=SMALL, headers=submitter)
    assert accepted.status_code == 202
    assert http.get(accepted.headers["Location"], headers=submitter).status_code == 200


def test_a_key_sees_its_own_jobs_and_an_admin_sees_all(
    http: httpx.Client, make_key: Callable[..., dict[str, str]], trainer: Trainer
) -> None:
    left = submit(http)  # before there was a key
    mine, other, admin = make_key(), make_key(), make_key(Scope.ADMIN)
    job = http.post("/v1/jobs", json=SMALL, headers=mine).json()
    trainer.train(4)
    url, run = f"/v1/jobs/{job['id']}", f"/v1/runs/{job['runs'][0]['id']}"
    reads = [
        url, f"{url}/events", f"{url}/history", f"{url}/metrics", f"{url}/analysis", f"{url}/plots/loss.png",
        run, f"{run}/model.keras", f"/v1/history?job={job['id']}", f"/v1/metrics?run={job['runs'][0]['id']}",
        f"/v1/plots/loss.png?job={job['id']}",
    ]  # fmt: skip
    for each in reads:
        is_problem(http.get(each, headers=other), 404, "not_found")
        assert http.get(each, headers=mine).status_code == 200
        assert http.get(each, headers=admin).status_code == 200
    for verb in ("cancel", "retry"):
        is_problem(http.post(f"{url}/{verb}", headers=other), 404, "not_found")
    is_problem(http.delete(url, headers=other), 404, "not_found")
    is_problem(http.get(f"/v1/history?job={left['id']}&job={job['id']}", headers=mine), 404, "not_found")
    assert [each["id"] for each in http.get("/v1/jobs", headers=mine).json()["data"]] == [job["id"]]
    assert http.get("/v1/jobs", headers=other).json()["data"] == []
    assert [each["id"] for each in http.get("/v1/jobs", headers=admin).json()["data"]] == [job["id"], left["id"]]
    assert http.delete(url, headers=admin).status_code == 204


def test_idempotency_keys_are_a_callers_own(http: httpx.Client, make_key: Callable[..., dict[str, str]]) -> None:
    jobs = {
        http.post("/v1/jobs", json=SMALL, headers={**make_key(), "Idempotency-Key": "same"}).json()["id"]
        for _ in range(3)
    }
    assert len(jobs) == 3


def test_a_job_belongs_to_its_key(
    http: httpx.Client, database: Database, make_key: Callable[..., dict[str, str]]
) -> None:
    job = http.post("/v1/jobs", json=SMALL, headers=make_key()).json()
    with database.read() as session:
        assert session.scalar(select(Job.owner).where(Job.id == job["id"])) == keys.listed(session)[0].id


def test_expiry_revocation_and_last_use(
    http: httpx.Client, database: Database, make_key: Callable[..., dict[str, str]]
) -> None:
    short, revoked = make_key(lifetime=timedelta(days=1)), make_key()
    for key in (short, revoked):
        assert http.get("/v1/jobs", headers=key).status_code == 200

    def noted() -> bool:
        with database.read() as session:
            return all(key.used_at for key in keys.listed(session))

    wait_for("the keys' use", noted)
    with database.write() as session:
        session.execute(update(ApiKey).where(ApiKey.expires_at.is_not(None)).values(expires_at=now(-1)))
        keys.revoke(session, keys.listed(session)[1].prefix)
    for key in (short, revoked):
        is_problem(http.get("/v1/jobs", headers=key), 401, "unauthorized")
    is_problem(http.get("/v1/jobs"), 401, "unauthorized")  # with all keys revoked it is not open again


# --- the command -------------------------------------------------------------------------------------


def test_keys_are_made_listed_and_revoked_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCKHAM_DATA_DIR", str(tmp_path))

    def ockham(*words: str) -> Any:
        return CliRunner().invoke(app, words)

    first = ockham("keys", "create", "ci", "--scope", "read", "--days", "30", "--json")
    assert "every request needs a key" in first.stderr
    made = json.loads(first.stdout)
    assert made["key"].startswith(made["prefix"])
    assert made["scopes"] == ["read"]
    assert made["expires_at"]
    second = ockham("keys", "create")
    assert second.stderr == ""
    token = second.stdout.strip()
    listed = ockham("keys", "list")
    assert made["prefix"] in listed.stdout
    assert token[:12] in listed.stdout
    assert token not in listed.stdout
    assert ockham("keys", "revoke", made["prefix"]).exit_code == 0
    assert ockham("keys", "revoke", "nobody").exit_code == 5
    rows = json.loads(ockham("keys", "list", "--json").stdout)
    assert [bool(row["revoked_at"]) for row in rows] == [True, False]


@pytest.mark.once
@pytest.mark.parametrize("command", ["api", "serve"])
def test_no_service_for_others_without_a_key(tmp_path: Path, command: str) -> None:
    upgrade(Settings(data_dir=tmp_path))
    refused = subprocess.run(
        [sys.executable, "-P", "-m", "ockham", command, "--host", "0.0.0.0", "--port", "0"],
        env={**os.environ, "OCKHAM_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert refused.returncode == 2
    assert "ockham keys create" in refused.stderr
