"""Webhooks, delivered to a real server by a real service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from api.addresses import Refused, check_url
from models import keys
from models.database import Database, now
from models.settings import Settings
from models.tables import Webhook
from tests.api.conftest import SMALL, Trainer, serving, submit
from tests.api.receivers import Receiver
from tests.api.test_contract import is_problem
from tests.servers import Valkey, wait_for


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture
def hooked(settings: Settings, valkey: Valkey) -> Iterator[httpx.Client]:
    """A service that may call this machine, and does not wait long; with a database that no other delivers from."""
    changes = {"webhook_private": True, "webhook_retry_seconds": 0.01, "redis_url": valkey.url}
    with serving(settings.model_copy(update=changes)) as client:
        yield client


def test_a_jobs_story_is_told_signed_and_in_order(hooked: httpx.Client, receiver: Receiver, settings: Settings) -> None:
    database = Database(settings)
    made = hooked.post("/v1/webhooks", json={"url": receiver.url, "events": ["job.*", "run.epoch"]})
    assert made.status_code == 201
    job = submit(hooked, variants=["original"])
    Trainer(database).train(1)
    database.dispose()
    wait_for("the deliveries", lambda: len(receiver.got) >= 6)
    bodies = [json.loads(body) for _, body in receiver.got]
    assert [body["type"] for body in bodies] == [
        "job.queued", "job.started", "run.epoch", "run.epoch", "run.epoch", "job.succeeded",
    ]  # fmt: skip
    assert {body["data"]["job_id"] for body in bodies} == {job["id"]}
    assert [body["data"]["data"].get("epoch") for body in bodies[2:5]] == [1, 2, 3]
    for headers, body in receiver.got:
        Verifier(made.json()["secret"]).verify(body, headers)
        assert headers["content-type"] == "application/json"
        with pytest.raises(WebhookVerificationError):
            Verifier("whsec_" + "A" * 44).verify(body, headers)
    url = f"/v1/webhooks/{made.json()['id']}/deliveries"
    sent = hooked.get(url).json()["data"]
    wait_for("the last note", lambda: hooked.get(url).json()["data"][0]["delivered_at"])
    assert [each["id"] for each in reversed(sent)] == [headers["webhook-id"] for headers, _ in receiver.got]


def test_what_fails_is_sent_again_under_the_same_id(hooked: httpx.Client, receiver: Receiver) -> None:
    receiver.statuses = [500, 302, 404]
    hook = hooked.post("/v1/webhooks", json={"url": receiver.url}).json()
    message = hooked.post(f"/v1/webhooks/{hook['id']}/test")
    assert (message.status_code, message.json()["type"]) == (202, "webhook.test")
    wait_for("the fourth attempt", lambda: len(receiver.got) == 4)
    assert {headers["webhook-id"] for headers, _ in receiver.got} == {message.json()["id"]}

    def delivered() -> Any:
        (delivery,) = hooked.get(f"/v1/webhooks/{hook['id']}/deliveries").json()["data"]
        return delivery if delivery["delivered_at"] else None

    done = wait_for("the delivery", delivered)
    assert (done["attempts"], done["error"], done["due_at"]) == (4, None, None)


def test_gone_means_no_more(hooked: httpx.Client, receiver: Receiver) -> None:
    receiver.statuses = [410]
    hook = hooked.post("/v1/webhooks", json={"url": receiver.url}).json()
    hooked.post(f"/v1/webhooks/{hook['id']}/test")
    wait_for("the end", lambda: hooked.get(f"/v1/webhooks/{hook['id']}").json()["disabled_at"])
    submit(hooked)
    is_problem(hooked.post(f"/v1/webhooks/{hook['id']}/test"), 409, "conflict")
    assert len(hooked.get(f"/v1/webhooks/{hook['id']}/deliveries").json()["data"]) == 1


def test_of_one_job_alone(http: httpx.Client, database: Database) -> None:
    first, second = submit(http), submit(http)
    hook = http.post("/v1/webhooks", json={"url": "https://1.1.1.1/", "events": ["*"], "job_id": second["id"]}).json()
    with database.write() as session:  # whatever this machine can reach, nothing is sent
        session.get_one(Webhook, hook["id"]).leased_until = session.scalar(now(3600).select())
    for job in (first, second):
        http.post(f"/v1/jobs/{job['id']}/cancel")
    sent = http.get(f"/v1/webhooks/{hook['id']}/deliveries").json()["data"]
    assert [each["type"] for each in sent] == ["job.cancelled", "run.cancelled", "run.cancelled"]
    assert http.delete(f"/v1/jobs/{second['id']}").status_code == 204
    is_problem(http.get(f"/v1/webhooks/{hook['id']}"), 404, "not_found")


def test_webhooks_are_a_keys_own(http: httpx.Client, database: Database) -> None:
    with database.write() as session:
        mine, other = ({"Authorization": f"Bearer {keys.create(session, name)[1]}"} for name in "ab")
    hook = http.post("/v1/webhooks", json={"url": "https://1.1.1.1/", "events": ["*"]}, headers=mine).json()
    url = f"/v1/webhooks/{hook['id']}"
    with database.write() as session:
        session.get_one(Webhook, hook["id"]).leased_until = session.scalar(now(3600).select())
    http.post("/v1/jobs", json=SMALL, headers=other)
    assert http.get(f"{url}/deliveries", headers=mine).json()["data"] == []
    for answer in (
        http.get(url, headers=other),
        http.delete(url, headers=other),
        http.post(f"{url}/test", headers=other),
    ):
        is_problem(answer, 404, "not_found")
    assert http.get("/v1/webhooks", headers=other).json()["data"] == []
    assert [each["id"] for each in http.get("/v1/webhooks", headers=mine).json()["data"]] == [hook["id"]]
    assert "secret" not in http.get(url, headers=mine).json()
    assert http.delete(url, headers=mine).status_code == 204


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://127.0.0.1/", "private_address"),
        ("https://localhost:8000/v1/jobs", "private_address"),
        ("https://10.1.2.3/", "private_address"),
        ("https://192.168.0.1/", "private_address"),
        ("https://169.254.169.254/latest/meta-data", "private_address"),
        ("https://[::1]/", "private_address"),
        ("https://[::ffff:127.0.0.1]/", "private_address"),
        ("https://[fd00::1]/", "private_address"),
        ("https://[2002:7f00:1::]/", "private_address"),
        ("https://[64:ff9b::a9fe:a9fe]/", "private_address"),
        ("https://0.0.0.0/", "private_address"),
        ("https://2130706433/", "private_address"),
        ("https://0x7f.1/", "private_address"),
        ("https://224.0.0.1/", "private_address"),
        ("http://1.1.1.1/", "insecure_url"),
        ("ftp://1.1.1.1/", "invalid_url"),
        ("file:///etc/passwd", "invalid_url"),
        ("https://user:password@1.1.1.1/", "invalid_url"),
        ("https://1.1.1.1:99999/", "invalid_url"),
        ("https://[1.1.1.1/", "invalid_url"),
        ("https://1.1.1.1/\r\nX: y", "invalid_url"),
        ("nothing", "invalid_url"),
    ],
)
def test_where_the_service_does_not_call(url: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        asyncio.run(check_url(url, private=False))
    assert refused.value.code == code


def test_a_refused_address_is_a_fault_of_the_request(http: httpx.Client) -> None:
    problem = is_problem(http.post("/v1/webhooks", json={"url": "https://127.0.0.1/"}), 422, "invalid_webhook")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/url", "private_address")]
    problem = is_problem(http.post("/v1/webhooks", json={"events": ["jobs"], "x": 1}), 422, "invalid_webhook")
    assert {error["pointer"] for error in problem["errors"]} == {"/url", "/events/0", "/x"}
