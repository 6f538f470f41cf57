"""Several API processes on one port: they share the work, agree, replace each other, and end together."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from models import claims
from models.database import Database
from models.settings import Settings
from ockham_client import Client
from tests.api.conftest import SMALL, Trainer
from tests.api.receivers import Receiver
from tests.ockham.serving import Served, gone, status
from tests.servers import Process, Service, wait_for

SAMPLE = re.compile(r'^ockham_http_request_seconds_count\{.*process="(\d)".*route="/healthz".*\} ([0-9.]+)$', re.M)


class Pair:
    """A service of two API processes."""

    def __init__(self, service: Service, database: Database) -> None:
        self.service, self.database, self.clients = service, database, ExitStack()
        self.parent: Process = service.api(processes=2)
        wait_for("both processes", lambda: len(self.members()) == 2)

    def members(self) -> dict[int, psutil.Process]:
        """The processes that answer, by their number."""
        found = {}
        for child in psutil.Process(self.parent.pid).children():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                words = child.cmdline()
                if "--number" in words and child.net_connections(kind="unix"):
                    found[int(words[words.index("--number") + 1])] = child
        return found

    def client_of(self, number: int) -> httpx.Client:
        """A client whose one connection is served by this process."""

        def found() -> httpx.Client | None:
            client = httpx.Client(base_url=self.service.http.base_url, timeout=60, trust_env=False)
            with client.stream("GET", "/healthz") as answer:
                _, port = answer.extensions["network_stream"].get_extra_info("client_addr")
                answer.read()
            if any(c.raddr and c.raddr[1] == port for c in self.members()[number].net_connections(kind="tcp")):
                self.clients.callback(client.close)
                return client
            client.close()
            return None

        return wait_for(f"a connection to process {number}", found)  # type: ignore[no-any-return]


@pytest.fixture
def pair(make_service: Callable[..., Service], settings: Settings) -> Iterator[Pair]:
    service = make_service(OCKHAM_WEBHOOK_PRIVATE="true", OCKHAM_WEBHOOK_RETRY_SECONDS="0.2")
    service.migrate()
    database = Database(settings)
    found = Pair(service, database)
    with found.clients:
        yield found
    database.dispose()


def counted(text: str) -> dict[str, float]:
    """Requests for /healthz, by the process that answered them."""
    return {process: float(value) for process, value in SAMPLE.findall(text)}


@pytest.mark.slow
def test_two_processes_agree_and_answer_for_each_other(pair: Pair) -> None:
    first, second = pair.client_of(1), pair.client_of(2)
    job = first.post("/v1/jobs", json=SMALL, headers={"Idempotency-Key": "once"}).json()
    again = second.post("/v1/jobs", json=SMALL, headers={"Idempotency-Key": "once"})
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json()["id"] == job["id"]
    Trainer(pair.database).train(2)
    own = f"/v1/jobs/{job['id']}"
    for path in (own, f"{own}/history", f"{own}/metrics", f"{own}/plots/val_loss.png"):
        one, other = first.get(path), second.get(path)
        assert one.status_code == 200
        assert one.headers["ETag"] == other.headers["ETag"], path
        assert one.content == other.content, path
        assert second.get(path, headers={"If-None-Match": one.headers["ETag"]}).status_code == 304

    # Whichever is asked tells the requests of both, and once what is in the database and what is done once.
    before = counted(first.get("/metrics").text)
    for client in (first, second, second):
        client.get("/healthz")
    for text in (first.get("/metrics").text, second.get("/metrics").text):
        assert counted(text) == {"1": before["1"] + 1, "2": before["2"] + 2}
        assert text.count('\nockham_jobs{status="succeeded"} 1.0\n') == 1
        assert len(re.findall(r"^ockham_sweeps_total", text, re.M)) == 1
        assert len(re.findall(r"^process_cpu_seconds_total\{", text, re.M)) == 2
        assert text.count("# TYPE ockham_http_request_seconds histogram") == 1


@pytest.mark.slow
@pytest.mark.once
def test_a_message_that_either_process_was_asked_to_send_arrives_once(pair: Pair) -> None:
    with Receiver() as receiver:
        second = pair.client_of(2)
        made = second.post("/v1/webhooks", json={"url": receiver.url, "events": ["job.*"]}).json()
        assert second.post(f"/v1/webhooks/{made['id']}/test").status_code == 202
        job = pair.client_of(1).post("/v1/jobs", json=SMALL).json()
        second.post(f"/v1/jobs/{job['id']}/cancel")
        wait_for("three messages", lambda: len(receiver.got) >= 3)
        time.sleep(2)
        assert len({headers["webhook-id"] for headers, _ in receiver.got}) == len(receiver.got) == 3


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_one_of_two_is_killed_while_clients_poll_and_stream(pair: Pair, number: int) -> None:
    job = pair.service.submit(**SMALL)
    url = f"{pair.service.http.base_url}/v1/jobs/{job['id']}"
    killed, ended = pair.members()[number], threading.Event()
    failures: list[Exception] = []
    polled = [0] * 6

    def poll(place: int) -> None:
        with httpx.Client(timeout=60, trust_env=False) as client:
            while not ended.is_set():
                try:
                    assert client.get(url).status_code == 200
                    polled[place] += 1
                except httpx.TransportError as error:
                    failures.append(error)

    seen: list[list[str]] = [[] for _ in range(6)]

    def follow(place: int) -> None:
        with Client(str(pair.service.http.base_url)) as client:
            seen[place] = [f"{event.id} {event.type}" for event in client.events(job["id"])]

    threads = [threading.Thread(target=work, args=(i,)) for work in (poll, follow) for i in range(6)]
    for thread in threads:
        thread.start()
    trainer = Trainer(pair.database)
    trainer.train(1)
    wait_for("polls", lambda: min(polled) > 3)
    killed.kill()
    wait_for("its death", partial(gone, killed))
    with pair.database.write() as session:
        lost = claims.claim(session, "worker_that_is_lost", 1, 1)
    assert lost is not None
    after = list(polled)
    wait_for(
        "polls of the one that is left", lambda: all(now > then + 3 for now, then in zip(polled, after, strict=True))
    )
    taken = wait_for("another in its place", lambda: pair.members().get(number))
    assert taken.pid != killed.pid
    assert pair.client_of(number).get(url).status_code == 200
    # Whoever keeps house goes on: the lost worker's run is queued again.
    wait_for("the lost run", lambda: any(e["type"] == "run.requeued" for e in pair.service.events(job["id"])))
    trainer.train(1)
    for thread in threads[6:]:
        thread.join(60)
    ended.set()
    for thread in threads[:6]:
        thread.join(60)
    assert not any(isinstance(error, httpx.ConnectError) for error in failures), failures  # the port is never closed
    assert len(failures) <= 6, "one request of each client may have been under way in the process that died"
    events = [f"{event['id']} {event['type']}" for event in pair.service.events(job["id"])]
    assert seen == [events] * 6


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_they_end_together(pair: Pair, number: signal.Signals) -> None:
    url = str(pair.service.http.base_url).rstrip("/")
    processes = [psutil.Process(pair.parent.pid), *psutil.Process(pair.parent.pid).children(recursive=True)]
    assert len(processes) == 4  # with the guardian
    pair.parent.send(number)
    assert pair.parent.wait() == (0 if number == signal.SIGTERM else -number)
    for process in processes:
        wait_for(f"the end of {process}", partial(gone, process))
    assert status(url, "/healthz") == 0


@pytest.mark.slow
@pytest.mark.once
def test_the_whole_service_with_two_api_processes(tmp_path: Path) -> None:
    with Served(tmp_path / "data", "--workers", "1", "--api-processes", "2") as service:
        url = service.ready()
        assert [line.split()[0] for line in service.said.splitlines()] == [
            "valkey", "database", "keys", "api-1", "api-2", "worker", "ready",
        ]  # fmt: skip
        processes = service.everything()
        service.part("api").kill()
        wait_for("a restart", lambda: re.search(r"api-\d +killed by SIGKILL; starts again", service.said))
        assert status(url, "/healthz") == 200
        service.send(signal.SIGTERM)
        assert service.wait() == 0
        assert [p for p in processes if not gone(p)] == []
        assert not list(service.data_dir.glob("api.*"))
