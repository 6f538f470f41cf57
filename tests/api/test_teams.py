"""Keys of a team see and change the same jobs, each as its scopes allow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from migrations.run import downgrade, upgrade
from models import keys
from models.database import Database, make_engine
from models.errors import NotFound
from models.scopes import Scope
from models.settings import Settings
from ockham.cli import app
from tests.api.conftest import SMALL
from tests.api.test_contract import is_problem


@pytest.fixture
def make_member(database: Database) -> Callable[..., dict[str, str]]:
    """Makes a key of a team; the headers that send it."""

    def make(team: str | None, *scopes: Scope) -> dict[str, str]:
        with database.write() as session:
            _, token = keys.create(session, "test", scopes or (Scope.SUBMIT,), team=team)
        return {"Authorization": f"Bearer {token}"}

    return make


def test_a_reader_reads_its_teams_jobs_and_no_others(
    http: httpx.Client, make_member: Callable[..., dict[str, str]]
) -> None:
    writer, reader = make_member("vision"), make_member("vision", Scope.READ)
    other, alone = make_member("text", Scope.READ), make_member(None)
    job = http.post("/v1/jobs", json=SMALL, headers=writer).json()
    url = f"/v1/jobs/{job['id']}"
    for path in url, f"{url}/events", f"{url}/history", job["runs"][0]["links"]["self"]:
        assert http.get(path, headers=reader).status_code == 200
        for stranger in other, alone:
            is_problem(http.get(path, headers=stranger), 404, "not_found")
    assert [each["id"] for each in http.get("/v1/jobs", headers=reader).json()["data"]] == [job["id"]]
    is_problem(http.post(f"{url}/cancel", headers=reader), 403, "forbidden")
    assert http.post(f"{url}/cancel", headers=make_member("vision")).status_code == 202


def test_a_teams_runs_are_queued_together(
    serve: Callable[..., httpx.Client], make_member: Callable[..., dict[str, str]]
) -> None:
    http = serve(max_queued_runs=3)
    assert http.post("/v1/jobs", json=SMALL, headers=make_member("vision")).status_code == 202
    refused = is_problem(http.post("/v1/jobs", json=SMALL, headers=make_member("vision")), 429, "too_many_queued_runs")
    assert "4 queued runs, and 3 may be" in refused["detail"]
    assert http.post("/v1/jobs", json=SMALL, headers=make_member("text")).status_code == 202


def test_a_key_joins_another_keys_team(http: httpx.Client, database: Database) -> None:
    with database.write() as session:
        first, token = keys.create(session, "first")
        for which in first.id, first.prefix:
            assert keys.create(session, "reader", [Scope.READ], team=which)[0].owner == first.id
        named, _ = keys.create(session, "named", team="vision")
        assert keys.create(session, "again", team=named.prefix)[0].owner == named.owner
        for wrong in "", "key_0", "ock_00000000", "a team", "x" * 33, "é":
            with pytest.raises(NotFound):
                keys.create(session, "wrong", team=wrong)
        assert len({first.owner, named.owner}) == 2
    assert http.get("/v1/jobs", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_keys_from_before_are_teams_of_their_own(settings: Settings) -> None:
    downgrade(settings, "0005")
    engine = make_engine(settings)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO api_keys (id, name, prefix, digest, scopes, created_at)"
                " VALUES ('key_1', 'old', 'ock_1', :digest, '[\"submit\"]', CURRENT_TIMESTAMP)"
            ),
            {"digest": b"x"},
        )
    engine.dispose()
    upgrade(settings)
    database = Database(settings)
    with database.write() as session:
        assert keys.listed(session)[0].owner == "key_1"
        assert keys.create(session, "reader", [Scope.READ], team="key_1")[0].owner == "key_1"
    database.dispose()
    downgrade(settings, "0005")
    upgrade(settings)


def test_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCKHAM_DATA_DIR", str(tmp_path))
    for words in ["a", "--team", "vision"], ["b", "--team", "vision", "--scope", "read"], ["c"]:
        assert CliRunner().invoke(app, ["keys", "create", *words]).exit_code == 0
    wrong = CliRunner().invoke(app, ["keys", "create", "d", "--team", "two words"])
    assert wrong.exit_code == 2
    assert "--team" in wrong.output
    listed = json.loads(CliRunner().invoke(app, ["keys", "list", "--json"]).stdout)
    assert [(key["name"], key["team"]) for key in listed] == [("a", "vision"), ("b", "vision"), ("c", None)]
