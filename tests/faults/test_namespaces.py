"""Workers as hosts of their own: network namespaces joined by veth pairs, one of which is cut."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import PostgreSQL, Process, Valkey, free_port, wait_for
from tests.stage import FAST, LONG, SHORT, Stage

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

NETWORK = "198.18.77"
"""Of the block that RFC 2544 sets aside for tests between networks: no real host has such an address."""


def ip(*words: str) -> str:
    """`ip WORDS`."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class Host:
    """A namespace with one cable to this machine: `near` is this machine's address on it, `far` the host's own."""

    def __init__(self, number: int):
        self.name = f"ockham{os.getpid()}-{number}"
        self.cable = f"ock{os.getpid() % 100_000}-{number}"
        self.near, self.far = f"{NETWORK}.{4 * number + 1}", f"{NETWORK}.{4 * number + 2}"
        ip("netns", "add", self.name)
        try:
            ip("link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
            ip("address", "add", f"{self.near}/30", "dev", self.cable)
            ip("link", "set", self.cable, "up")
            ip("-n", self.name, "address", "add", f"{self.far}/30", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", self.name, "link", "set", device, "up")
            ip("-n", self.name, "route", "add", "default", "via", self.near)
        except RuntimeError:
            self.remove()
            raise

    def cut(self) -> None:
        """Nothing passes any more, either way, and nobody is told."""
        ip("link", "set", self.cable, "down")

    def mend(self) -> None:
        ip("link", "set", self.cable, "up")

    def remove(self) -> None:
        """The namespace, the cable and both addresses are gone."""
        with contextlib.suppress(RuntimeError):
            ip("link", "delete", self.cable)
        with contextlib.suppress(RuntimeError):
            ip("netns", "delete", self.name)


@pytest.fixture
def hosts() -> Iterator[list[Host]]:
    """Two hosts, and no trace of them afterwards."""
    if os.getuid() != 0 or shutil.which("ip") is None:
        pytest.skip("Network namespaces need root and iproute2")
    made: list[Host] = []
    try:
        try:
            made += [Host(1), Host(2)]
        except RuntimeError as error:
            for host in made:
                host.remove()
            pytest.skip(f"No network namespaces here: {error}")
        yield made
    finally:
        for host in made:
            host.remove()
    assert not any(host.name in ip("netns", "list") or host.cable in ip("link") for host in made)


def test_a_worker_that_is_cut_off_and_let_back(hosts: list[Host], tmp_path: Path, undisturbed: Any) -> None:
    """Each host has the database's and the broker's address, a disk of its own, and nothing else of the service."""
    near = hosts[0].near
    with (
        tempfile.TemporaryDirectory(prefix="ockham-") as directory,
        PostgreSQL(Path(directory), host=near) as database,
        Stage(tmp_path / "stage", database.create("o")) as stage,
    ):
        stage.broker.kill()
        stage.broker = Valkey(tmp_path / "valkey", port=free_port(), host=near)
        stage.env["OCKHAM_REDIS_URL"] = stage.broker.url
        stage.whole(0)
        workers: dict[str, Process] = {}
        for host in hosts:
            env = {**FAST, "OCKHAM_DATA_DIR": str(tmp_path / host.name)}
            within = ("ip", "netns", "exec", host.name)
            workers[host.name] = stage.command("worker", name=host.name, env=env, within=within)
        wait_for("both workers", lambda: len(stage.sql("SELECT id FROM workers WHERE ready")) == 2)

        job = stage.submit(**LONG)
        stage.reaches(job["id"], 5)
        (row,) = stage.sql("SELECT worker_pid FROM runs WHERE job_id = :j", j=job["id"])
        cut = next(host for host in hosts if row.worker_pid in workers[host.name].children())
        other = next(host for host in hosts if host is not cut)
        cut.cut()
        wait_for("another attempt", lambda: stage.job(job["id"])["runs"][0]["attempt"] == 2)
        stage.reaches(job["id"], stage.job(job["id"])["runs"][0]["epoch"] + 3)
        cut.mend()  # in the middle of the other's run: what the first one still does must leave no trace
        done = stage.intact(job["id"])
        assert stage.history(job["id"]) == undisturbed
        assert done["runs"][0]["attempt"] == 2
        assert stage.requeued(job["id"]) == ["worker_lost"]

        workers[other.name].kill()
        stage.intact(stage.submit(**SHORT)["id"])  # by the one that came back
        assert workers[cut.name].popen.poll() is None
