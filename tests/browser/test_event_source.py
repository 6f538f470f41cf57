"""The browser's own EventSource: every event of a job once, though the connection is cut again and again."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.browser.browsing import Visit
from tests.browser.conftest import finished, get, submit
from tests.client.proxies import Cutting

pytestmark = pytest.mark.browser

TYPES = [
    *(f"job.{status}" for status in ("queued", "started", "succeeded", "failed", "cancelled")),
    *(f"run.{status}" for status in ("started", "epoch", "requeued", "succeeded", "failed", "cancelled")),
]

FOLLOW = """
([address, types]) => new Promise(done => {
    const source = new EventSource(address), got = [];
    let opened = 0;
    source.onopen = () => { opened += 1; };
    for (const type of types) {
        source.addEventListener(type, message => got.push([message.lastEventId, message.type, message.data]));
    }
    source.onerror = () => {
        if (source.readyState === EventSource.CLOSED) done({got, opened});
    };
})
"""
"""Nobody closes it: it ends when the service tells the browser not to come back."""


def test_every_event_to_the_last_and_then_it_rests(visit: Callable[..., Visit], live: str) -> None:
    job = submit(live, variants=["smaller"], seeds=[0, 1], training={"epochs": 40})
    address = f"/v1/jobs/{job['id']}/events"
    with Cutting(live, limit=6000) as relay:
        tab = visit(relay.url)
        page = tab.open("/healthz")  # of the same origin, and smaller than what the relay lets through
        seen = page.evaluate(FOLLOW, [address, TYPES])
        assert relay.cuts > 2
        assert seen["opened"] > 3
    # A browser tells each break; and asks for an icon where a page names none.
    assert all("ERR_" in fault or "/favicon.ico" in fault for fault in tab.faults), tab.faults
    tab.faults.clear()
    assert finished(live, job["id"])["status"] == "succeeded"
    listed = get(live, f"{address}?limit=1000")["data"]
    assert [json.loads(data) for _, _, data in seen["got"]] == listed
    assert [(int(id), type) for id, type, _ in seen["got"]] == [(event["id"], event["type"]) for event in listed]
    assert [event["type"] for event in listed].count("run.epoch") == 80
    assert listed[-1]["type"] == "job.succeeded"
