"""`ockham serve`: what it starts, what it does when parts die, and that nothing outlives it."""

from __future__ import annotations

import re
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest
import redis

from tests.ockham.serving import Served, gone, status
from tests.servers import Valkey, wait_for


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One service for the tests that leave it up."""
    with Served(tmp_path_factory.mktemp("serve") / "data", "--workers", "1") as service:
        service.ready()
        yield service


def test_says_in_one_line_each_what_runs_and_where(served: Served) -> None:
    url = served.ready()
    lines = served.said.splitlines()
    assert [line.split()[0] for line in lines] == ["valkey", "database", "keys", "api", "worker", "ready"]
    assert str(served.data_dir / "valkey.sock") in lines[0]
    assert str(served.data_dir / "ockham.db") in lines[1]
    assert "none" in lines[2]
    assert lines[3].endswith(url)
    assert "1 process to train in" in lines[4]
    assert str(served.data_dir / "logs") in lines[5]
    assert "\x1b" not in served.said  # plain where it is no terminal


def test_keeps_its_data_to_this_user(served: Served) -> None:
    assert stat.S_IMODE(served.data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((served.data_dir / "valkey.sock").stat().st_mode) == 0o700


def test_valkey_keeps_its_data_on_disk_and_listens_on_its_socket_alone(served: Served) -> None:
    valkey = served.part("valkey")
    assert any((served.data_dir / "valkey" / "appendonlydir").iterdir())
    assert [c for c in valkey.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN] == []


def test_a_second_service_in_the_same_directory_is_refused(served: Served) -> None:
    with Served(served.data_dir) as second:
        assert second.wait() == 2
        assert f"is in use by another service (process {served.pid})" in second.said
    assert status(served.ready()) == 200


@pytest.mark.once
@pytest.mark.parametrize("part", ["api", "valkey", "worker"])
def test_a_part_that_dies_is_started_again(served: Served, part: str) -> None:
    before = served.part(part)
    before.kill()
    wait_for("the death", lambda: gone(before))
    assert wait_for(f"another {part}", lambda: served.part(part).pid != before.pid)
    wait_for("the service to be whole again", served.whole)
    assert re.search(rf"{part} +killed by SIGKILL; starts again", served.said)


@pytest.mark.slow
def test_callers_wait_and_do_not_fail_while_the_api_is_started_again(served: Served) -> None:
    url, api = served.ready(), served.part("api")
    api.kill()
    wait_for("the death", lambda: gone(api))
    assert status(url, "/healthz") == 200


@pytest.mark.slow
def test_the_children_of_a_worker_that_dies_end_with_it(served: Served) -> None:
    worker = served.part("worker")
    children = wait_for("a child to train in", worker.children)
    worker.kill()
    for child in children:
        wait_for("the child's end", partial(gone, child))
    wait_for("the service to be whole again", served.whole)


def test_a_killed_supervisor_leaves_no_process_even_if_its_guardian_was_killed_before(served: Served) -> None:
    guardian = served.part("guardian")
    guardian.kill()
    assert wait_for("another guardian", lambda: served.part("guardian").pid != guardian.pid)
    wait_for("the service to be whole", served.whole)
    processes = served.everything()
    assert len(processes) >= 6  # supervisor, guardian, Valkey, API, worker, the worker's child
    served.send(signal.SIGKILL)
    served.wait()
    for process in processes:
        wait_for(f"the end of {process}", partial(gone, process))


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A directory whose path is longer than a Unix socket's may be."""
    return tmp_path.joinpath(*["a-rather-long-name"] * 6, "data")


@pytest.mark.slow
def test_starts_again_where_it_was_killed_and_ends_in_order_when_told_to(deep: Path) -> None:
    with Served(deep, "--workers", "1") as first:
        first.ready()
        first.send(signal.SIGKILL)
        # At once, while the first one's parts may still be ending.
        with Served(deep, "--workers", "1") as second:
            url = second.ready()
            processes = second.everything()
            second.send(signal.SIGTERM)
            assert second.wait() == 0
            assert [p for p in processes if not gone(p)] == []
            endings = [line.split()[0] for line in second.said.splitlines() if line.endswith("ends")]
            assert endings == ["api", "worker", "valkey"]
            assert status(url) == 0
            assert not (deep / "service.url").exists()
            assert not any("ockham-" in line and Path(line.split()[-1]).exists() for line in second.said.splitlines())


def test_a_signal_while_it_starts_ends_it_cleanly(tmp_path: Path) -> None:
    with Served(tmp_path / "data") as service:
        service.part("valkey")
        processes = service.everything()
        service.send(signal.SIGINT)
        assert service.wait() == 0
        assert [p for p in processes if not gone(p)] == []


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Served(tmp_path / "data", "--port", str(port)) as service:
            assert service.wait() == 2
            assert f"port {port}: Address already in use; --port 0 takes a free one" in service.said


def test_an_address_that_is_not_this_machine_s(tmp_path: Path) -> None:
    with Served(tmp_path / "data", "--host", "192.0.2.1") as service:
        assert service.wait() == 2
        assert "Cannot listen on 192.0.2.1" in service.said


def make_program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.slow
def test_a_server_that_is_too_old_is_refused(tmp_path: Path) -> None:
    old = make_program(tmp_path / "redis-server", "echo 'Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc bits=64'")
    with Served(tmp_path / "data", env={"OCKHAM_VALKEY_SERVER": old}) as service:
        assert service.wait() == 2
        assert f"{old} is version 6.0.16, and 6.2 or later is needed" in service.said


def test_a_part_that_does_not_come_up_ends_the_service_and_says_why(tmp_path: Path) -> None:
    broken = make_program(
        tmp_path / "valkey-server",
        "case $1 in --version) echo 'Valkey server v=9.1.2 bits=64';; *) echo 'no room on the disk'; exit 3;; esac",
    )
    with Served(tmp_path / "data", env={"OCKHAM_VALKEY_SERVER": broken}) as service:
        assert service.wait() == 1
        assert "valkey did not start: ended with exit code 3" in service.said
        assert "no room on the disk" in service.said


@pytest.mark.faults
def test_a_part_that_keeps_dying_ends_the_service(tmp_path: Path) -> None:
    with Served(tmp_path / "data", "--workers", "1") as service:
        service.ready()
        processes = service.everything()
        while service.popen.poll() is None:
            for process in psutil.Process(service.pid).children():
                with suppress(psutil.NoSuchProcess):
                    if "api" in process.cmdline():
                        process.kill()
        assert service.wait() == 1
        assert "api keeps ending (killed by SIGKILL)" in service.said
        assert [p for p in processes if not gone(p)] == []


@pytest.mark.slow
def test_a_broker_that_is_set_is_used_in_place_of_the_embedded_one(tmp_path: Path, valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url) as admin:
        admin.acl_setuser("tester", enabled=True, passwords=["+secret"], keys=["*"], channels=["*"], commands=["+@all"])
    url = valkey.url.replace("redis://", "redis://tester:secret@")
    with Served(tmp_path / "data", "--workers", "1", env={"OCKHAM_REDIS_URL": url}) as service:
        url = service.ready()
        assert status(url) == 200
        assert re.search(rf"broker +\d.* on redis://127.0.0.1:{valkey.port}", service.said)
        assert "secret" not in service.said
        assert [c for c in psutil.Process(service.pid).children() if "valkey" in c.name()] == []
