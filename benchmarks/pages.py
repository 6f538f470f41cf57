"""The pages under load: a long history drawn, a page left open, many pages at once.

    python -m benchmarks.pages [--open 30] [--rounds 3]

Starts a service of its own. Prints one JSON object a measurement: times in seconds, medians of
`--rounds`; memory in MB, after a garbage collection.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from playwright.sync_api import Browser, CDPSession, Page
from sqlalchemy import insert, select, update

from models.database import Database
from models.settings import Settings
from models.tables import Epoch, Job, Run
from tests.browser.browsing import CHROMIUM, Visit, browsing
from tests.browser.conftest import finished, submit
from tests.ockham.serving import Served
from tests.servers import wait_for

VARIANTS, SEEDS, EPOCHS = 10, 10, 200
WATCHERS = 50


def long_history(settings: Settings, url: str) -> str:
    """A job of 100 runs × 200 epochs, its curves written straight into the database."""
    layers = [{"type": "dense", "units": 16, "activation": "relu"}]
    variants = [{"name": f"variant {i}", "layers": layers} for i in range(VARIANTS)]
    job_id: str = submit(url, name="long", variants=variants, seeds=list(range(SEEDS)), training={"epochs": EPOCHS})[
        "id"
    ]
    httpx.post(f"{url}/v1/jobs/{job_id}/cancel", trust_env=False).raise_for_status()
    finished(url, job_id)
    database = Database(settings)
    now = datetime.now(UTC)
    with database.write() as session:
        runs = session.scalars(select(Run.id).where(Run.job_id == job_id)).all()
        session.execute(
            insert(Epoch), [_epoch(run, i, epoch, now) for i, run in enumerate(runs) for epoch in range(1, EPOCHS + 1)]
        )
        session.execute(update(Run).where(Run.job_id == job_id).values(epoch=EPOCHS, status="succeeded"))
        session.execute(update(Job).where(Job.id == job_id).values(status="succeeded"))
    database.dispose()
    return job_id


def _epoch(run: str, rank: int, epoch: int, now: datetime) -> dict[str, Any]:
    loss = (
        0.25
        + 0.01 * (rank % VARIANTS)
        + 0.4 * math.exp(-epoch / 20)
        + 0.001 * epoch
        + 0.01 * math.sin(rank * 7 + epoch)
    )
    values = dict.fromkeys(("loss", "val_loss", "data_loss", "val_data_loss"), loss) | dict.fromkeys(
        ("acc", "val_acc"), 0.9
    )
    return {"run_id": run, "epoch": epoch, "seconds": 0.1, "recorded_at": now, "metrics": values}


def drawing(browser: Browser, service: Served, job: str, curves: str) -> dict[str, float]:
    """Seconds from the click to the curves, and for drawing them anew when a choice changes.

    Those of the processor (of the page's main thread, and of the API) hold on a busy machine too.
    """
    visit = Visit(browser, service.ready())
    session = visit.context.new_cdp_session(visit.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    api = service.part("api")
    served = sum(api.cpu_times()[:2])
    began = time.perf_counter()
    page = visit.open(f"/jobs/{job}?curves={curves}")
    page.locator(".curve").first.wait_for()
    shown = time.perf_counter() - began
    cpu = {"page_cpu": _task_seconds(session), "api_cpu": sum(api.cpu_times()[:2]) - served}
    again = page.evaluate(
        """async () => {
            const scale = document.querySelector('#choices [name=scale]');
            const began = performance.now();
            scale.value = 'log';
            scale.dispatchEvent(new Event('input', {bubbles: true}));
            await new Promise(requestAnimationFrame);
            await new Promise((resolve) => setTimeout(resolve, 0));
            return (performance.now() - began) / 1000;
        }"""
    )
    cpu["drawn_again_cpu"] = _task_seconds(session) - cpu["page_cpu"]
    visit.close()
    return {"shown": shown, "drawn_again": again, **cpu}


def _task_seconds(session: CDPSession) -> float:
    """What the page's main thread has worked so far."""
    found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return float(found["TaskDuration"])


def heap(page: Page) -> dict[str, float]:
    """The page's memory and its elements."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return {
        "megabytes": round(found["JSHeapUsedSize"] / 1e6, 2),
        "nodes": found["Nodes"],
        "listeners": found["JSEventListeners"],
    }


def left_open(browser: Browser, url: str, seconds: float) -> dict[str, Any]:
    """What two pages hold after a while of news: the list of jobs, and a job that is cancelled and retried."""
    job = submit(url, name="left open", variants=["original"], training={"epochs": 1000})["id"]
    visits = {"list": Visit(browser, url), "job": Visit(browser, url)}
    visits["list"].open("/")
    visits["job"].open(f"/jobs/{job}")
    visits["job"].page.locator(".curve").wait_for()
    visits["job"].page.wait_for_timeout(5000)
    before = {name: heap(visit.page) for name, visit in visits.items()}
    visits["job"].page.wait_for_timeout(1000 * seconds)
    after = {name: heap(visit.page) for name, visit in visits.items()}
    httpx.post(f"{url}/v1/jobs/{job}/cancel", trust_env=False)
    finished(url, job)
    for visit in visits.values():
        visit.close()
    return {"seconds": seconds, "before": before, "after": after}


def watched(url: str, watchers: int) -> float:
    """Seconds an epoch with so many pages' streams open on the job."""
    job = submit(url, name=f"{watchers} pages", variants=["original"], training={"epochs": 150}, reuse="never")["id"]
    over = threading.Event()

    def watch() -> None:
        with httpx.Client(base_url=url, trust_env=False, timeout=120) as client:
            client.get(f"/v1/jobs/{job}/history")
            with client.stream("GET", f"/v1/jobs/{job}/events", headers={"Accept": "text/event-stream"}) as stream:
                for _ in stream.iter_raw():
                    if over.is_set():
                        return

    threads = [threading.Thread(target=watch, daemon=True) for _ in range(watchers)]
    for thread in threads:
        thread.start()
    run = finished(url, job)["runs"][0]
    over.set()
    took = datetime.fromisoformat(run["finished_at"]) - datetime.fromisoformat(run["started_at"])
    return took.total_seconds() / 150


def main(rounds: int, open_seconds: float = 30) -> None:
    """Measures: pages are left open for `open_seconds`."""
    if CHROMIUM is None:
        raise SystemExit("There is no Chromium: install it by the system's package manager")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "data"
        service = stack.enter_context(Served(directory, "--workers", "1", env={"OCKHAM_REQUESTS_PER_MINUTE": "100000"}))
        url = service.ready()
        wait_for("the worker", service.whole)
        browser = stack.enter_context(browsing())
        job = long_history(Settings(data_dir=directory), url)
        for curves in ("mean", "runs"):
            drawn = [drawing(browser, service, job, curves) for _ in range(rounds)]
            middle = {name: round(median(each[name] for each in drawn), 3) for name in drawn[0]}
            print(json.dumps({"measured": "100 runs x 200 epochs", "curves": curves, **middle}), flush=True)
        print(json.dumps({"measured": "left open", **left_open(browser, url, open_seconds)}), flush=True)
        pairs = [(watched(url, 0), watched(url, WATCHERS)) for _ in range(rounds)]
        ratio = median(many / none for none, many in pairs)
        print(json.dumps({"measured": f"{WATCHERS} pages", "seconds_an_epoch": pairs, "ratio": round(ratio, 3)}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--open", type=float, default=30, help="seconds that pages are left open")
    asked = parser.parse_args()
    main(asked.rounds, asked.open)
