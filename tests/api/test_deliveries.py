"""Webhooks whose receivers are slow, dead or hostile, beside some that answer; and several processes that deliver."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import httpx
import pytest

from models import webhooks
from models.database import Database, now
from models.deliveries import find_due, find_messages, lease, note_outcome, release
from models.ids import new_id
from models.settings import Settings
from models.tables import Delivery, Webhook
from tests.api.conftest import Trainer, serving, submit
from tests.api.receivers import DripsBody, DripsHeaders, Receiver, Silent
from tests.servers import Service, Valkey, wait_for

CLOCK = datetime.now(UTC)
SOON = 8.0
"""Less than the deadline of a call, on a machine that has other work too."""


@pytest.fixture
def private(settings: Settings, valkey: Valkey) -> Settings:
    """Of a service that may call this machine."""
    return settings.model_copy(update={"webhook_private": True, "redis_url": valkey.url})


@pytest.fixture
def own(settings: Settings) -> Iterator[Database]:
    """A database that no other delivers from."""
    database = Database(settings)
    yield database
    database.dispose()


def hook(session: Any, url: str = "https://1.1.1.1/", owner: str = "", messages: int = 0) -> str:
    """A webhook with messages that wait."""
    made = Webhook(id=new_id("hook"), owner=owner, url=url, events=["*"], secret="whsec_" + "A" * 44, created_at=now())
    session.add(made)
    session.flush()
    numbers = range(1, messages + 1)
    add = [webhooks.message(made.id, "webhook.test", {}, CLOCK, job_id="job_a", event_id=number) for number in numbers]
    webhooks.add(session, add)
    return made.id


def told(receiver: Receiver, count: int) -> bool:
    return len(receiver.got) >= count


def tried(http: httpx.Client, hook_id: str) -> list[Any]:
    """The messages that were sent, whatever came of them."""
    return [each for each in http.get(f"/v1/webhooks/{hook_id}/deliveries").json()["data"] if each["attempts"]]


@pytest.mark.slow
@pytest.mark.once
def test_who_does_not_end_its_answer_is_given_up_and_delays_nobody(private: Settings, own: Database) -> None:
    with ExitStack() as stack:
        http = stack.enter_context(serving(private))
        kinds: tuple[type[Silent], ...] = (DripsHeaders, DripsBody, Silent)
        bad = [stack.enter_context(each()) for each in kinds]
        good = stack.enter_context(Receiver())
        urls = [each.url for each in bad] + [good.url]
        made = [http.post("/v1/webhooks", json={"url": url, "events": ["*"]}).json() for url in urls]
        for each in made[:3]:
            http.post(f"/v1/webhooks/{each['id']}/test")
        wait_for("the calls", lambda: all(each.calls for each in bad))
        begun = time.monotonic()
        submit(http, variants=["original"])
        Trainer(own).train(1)
        wait_for("what the good one is told", partial(told, good, 8), SOON)
        for each in made[:3]:
            (failed,) = wait_for("the end of the call", partial(tried, http, each["id"]), 20)
            assert failed["error"] == "no complete answer within 10 seconds"
            assert http.get(f"/v1/webhooks/{each['id']}").json()["paused_until"]
        assert time.monotonic() - begun < 20


@pytest.mark.slow
@pytest.mark.once
def test_fifty_dead_addresses_with_a_backlog_beside_a_good_one(private: Settings, own: Database) -> None:
    with ExitStack() as stack:
        dead = [stack.enter_context(Silent()) for _ in range(50)]
        good = stack.enter_context(Receiver())
        with own.write() as session:
            for each in dead:
                hook(session, each.url, messages=20)
            hook(session, good.url)
        http = stack.enter_context(serving(private))
        wait_for("the calls", lambda: sum(each.calls for each in dead) >= 40)
        for count in range(1, 4):
            submit(http, variants=["original"])
            Trainer(own).train(1)
            wait_for("what the good one is told", partial(told, good, 8 * count), SOON)
        assert max(each.calls for each in dead) <= 3  # one after the other, and with pauses


@pytest.mark.slow
@pytest.mark.once
def test_a_service_that_is_told_to_end_waits_for_no_receiver(make_service: Callable[..., Service]) -> None:
    service = make_service(OCKHAM_WEBHOOK_PRIVATE="true")
    process = service.api()
    with DripsBody() as body, DripsHeaders() as headers, Silent() as silent:
        for each in (body, headers, silent):
            made = service.http.post("/v1/webhooks", json={"url": each.url}).json()
            service.http.post(f"/v1/webhooks/{made['id']}/test")
        wait_for("the calls", lambda: all(each.calls for each in (body, headers, silent)))
        begun = time.monotonic()
        assert process.stop(signal.SIGTERM) == -signal.SIGTERM  # uvicorn ends, and then by the very signal
        assert time.monotonic() - begun < 6
        service.api()  # what was under way is no longer leased, and sent again at once
        wait_for("the calls again", lambda: all(each.calls > 1 for each in (body, headers, silent)), SOON + 20)


@pytest.mark.once
def test_processes_share_the_messages_and_keep_their_order(private: Settings, own: Database) -> None:
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver())
        first, _ = (stack.enter_context(serving(private)) for _ in range(2))
        first.post("/v1/webhooks", json={"url": receiver.url, "events": ["*"]})
        for _ in range(3):
            submit(first, variants=["original"])
        Trainer(own).train(3)
        wait_for("the deliveries", lambda: len(receiver.got) >= 24)
        time.sleep(1.5)  # a second copy would come now
        told = [json.loads(body)["data"] for _, body in receiver.got]
        assert len(receiver.got) == 24
        for job in {each["job_id"] for each in told}:
            assert [each["event_id"] for each in told if each["job_id"] == job] == list(range(1, 9))


def test_a_jobs_messages_are_in_the_order_of_its_events_whatever_the_clocks_say(own: Database) -> None:
    with own.write() as session:
        hook_id = hook(session)
        clock = datetime.now(UTC) - timedelta(hours=5)
        # The host of the even events is two hours ahead; the second job began in between.
        for job_id, event_id, hours in (
            ("job_z", 1, 0),
            ("job_z", 2, 2),
            ("job_z", 3, 0),
            ("job_a", 1, 1),
            ("job_z", 4, 2),
        ):
            message = webhooks.message(hook_id, "run.epoch", {}, CLOCK, job_id=job_id, event_id=event_id)
            message["id"] = f"msg_{9 - event_id}{job_id}"
            webhooks.add(session, [message])
            delivery = session.get_one(Delivery, message["id"])
            delivery.created_at = clock + timedelta(hours=hours, seconds=event_id)
        sent = [(message.job_id, message.event_id) for message in find_messages(session, hook_id, 100)]
        assert sent == [("job_z", 1), ("job_z", 2), ("job_z", 3), ("job_z", 4), ("job_a", 1)]
        assert [message.event_id for message in find_messages(session, hook_id, 2)] == [1, 2]


def test_owners_take_turns_and_what_fails_comes_last(own: Database) -> None:
    with own.write() as session:
        many = [hook(session, owner="a", messages=1) for _ in range(30)]
        one = hook(session, owner="b", messages=1)
        hook(session, owner="c")  # nothing waits
        session.get_one(Webhook, many[0]).failures = 2
        session.flush()
        due = find_due(session, per_owner=64, limit=100)
        assert {due[0].owner, due[1].owner} == {"a", "b"}
        assert [each.webhook_id for each in due if each.owner == "b"] == [one]
        assert due[-1].webhook_id == many[0]
        assert len(find_due(session, per_owner=5, limit=100)) == 6


def test_one_process_at_a_time(own: Database) -> None:
    with own.write() as session:
        hook_id = hook(session, messages=1)
        assert [each.webhook_id for each in find_due(session, 64, 100)] == [hook_id]
        leased = lease(session, hook_id, 60)
        assert leased is not None
        assert lease(session, hook_id, 60) is None
        assert find_due(session, 64, 100) == []
        release(session, leased._replace(until=leased.until - timedelta(seconds=1)))  # of a lease that ran out
        assert find_due(session, 64, 100) == []
        release(session, leased)
        assert len(find_due(session, 64, 100)) == 1


def test_pauses_grow_of_a_message_and_of_its_webhook(own: Database) -> None:
    with own.write() as session:
        hook_id = hook(session, messages=2)
        message_id = find_messages(session, hook_id, 1)[0].id
        pauses, rests = [], []
        for _ in range(9):
            session.expire_all()
            message = session.get_one(Delivery, message_id)
            clock = session.scalars(now().select()).one()
            assert not note_outcome(session, message, "status 500", 5)
            session.expire_all()
            rest = session.get_one(Webhook, hook_id).paused_until
            assert rest is not None
            rests.append((rest - clock).total_seconds())
            if message.due_at:
                pauses.append((message.due_at - clock).total_seconds())
            assert find_due(session, 64, 100) == []  # although another message waits
        assert len(pauses) == 8  # and after the ninth attempt it is given up
        assert pauses[0] == pytest.approx(5, rel=0.5)
        assert all(later > 1.4 * earlier for earlier, later in pairwise(pauses))
        assert rests[:3] == pytest.approx(pauses[:3], rel=0.1)
        assert max(rests) <= 301
        session.expire_all()
        other = find_messages(session, hook_id, 10)[0]
        assert note_outcome(session, other, None, 5)  # it answers again
        session.expire_all()
        webhook = session.get_one(Webhook, hook_id)
        assert (webhook.failures, webhook.paused_until) == (0, None)


def test_a_deleted_webhook_is_sent_nothing_more(private: Settings, own: Database) -> None:
    with Receiver() as receiver, serving(private) as http:
        with own.write() as session:
            hook_id = hook(session, receiver.url, messages=2000)
        wait_for("the first messages", lambda: receiver.got)
        assert http.delete(f"/v1/webhooks/{hook_id}").status_code == 204
        sent = len(receiver.got)
        time.sleep(1)
        assert len(receiver.got) <= sent + 1
        assert sent < 1900


def test_messages_are_signed_with_the_databases_clock(private: Settings) -> None:
    """docs/api/webhooks.md: a verifier refuses what was signed minutes ago."""
    with Receiver() as receiver, serving(private) as http:
        made = http.post("/v1/webhooks", json={"url": receiver.url}).json()
        http.post(f"/v1/webhooks/{made['id']}/test")
        wait_for("the message", lambda: receiver.got)
        assert abs(int(receiver.got[0][0]["webhook-timestamp"]) - time.time()) < 30
