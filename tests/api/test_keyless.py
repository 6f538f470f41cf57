"""Without a key the service is its own user's, on this machine: no page, proxy or other user gets in."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from api import peer_process
from tests.api.conftest import SMALL
from tests.api.test_contract import is_problem
from tests.nginx import Nginx

LOCAL = [
    "127.0.0.1",
    "127.9.9.9",
    "localhost",
    "LocalHost:9",
    "[::1]:80",
    "[::ffff:127.0.0.1]",
    "ockham.localhost:65535",
]
FOREIGN = [
    "rebound.example", "10.0.0.1", "127.0.0.1.example", "127.1", "localhost.example", "", ":8000",
    "a{b.evil.example", "x`", 'x"y', "x}", "x@y", "user@127.0.0.1", "127.0.0.1@evil.example", "127.0.0.1:99999",
    "127.0.0.1:", "127.0.0.1:8000:1", "localhost:abc", "localhost,evil.example", "localhost/", "localhost.",
    "evil.example:127.0.0.1", "[::1", "[::1]evil", "evil.example.localhost/", "\xff",
]  # fmt: skip


@pytest.mark.parametrize("host", LOCAL)
def test_a_name_of_this_machine_is_served(http: httpx.Client, host: str) -> None:
    assert http.get("/v1/jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", FOREIGN)
def test_another_host_is_not(http: httpx.Client, host: str) -> None:
    for method, path in ("GET", "/v1/jobs"), ("POST", "/v1/jobs"), ("DELETE", "/v1/jobs/job_" + "0" * 32):
        answer = http.request(method, path, headers={b"Host": host.encode("latin-1")}, json=SMALL)
        assert answer.status_code in (400, 401), host  # what is no header at all is refused before
    assert http.get("/v1/jobs").json()["data"] == []


@pytest.mark.parametrize("lines", ["", "Host: localhost\r\nHost: localhost\r\n", "Host: localhost\r\nHost: evil\r\n"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_missing_or_doubled_host_is_not(http: httpx.Client, lines: str, version: str) -> None:
    with socket.create_connection((str(http.base_url.host), http.base_url.port or 0)) as connection:
        connection.sendall(f"GET /v1/jobs HTTP/{version}\r\n{lines}Connection: close\r\n\r\n".encode())
        status = connection.makefile().readline().split()[1]
    assert status in ("400", "401")


@pytest.mark.parametrize(
    "header",
    ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "x-forwarded-proto", "X-Forwarded-Port", "Via", "X-Real-IP"],
)
def test_what_says_that_a_proxy_sent_it_is_not(http: httpx.Client, header: str) -> None:
    for value in "127.0.0.1", "":
        answer = http.post("/v1/jobs", json=SMALL, headers={header: value})
        is_problem(answer, 401, "unauthorized")
        assert "ockham keys create" in answer.json()["detail"]


PLAIN = "location / {{ proxy_pass {url}; }}"
PASSING = "location / {{ proxy_pass {url}; proxy_set_header Host $http_host; }}"
NAMING = "location / {{ proxy_pass {url}; proxy_set_header Host $host; }}"


@pytest.mark.parametrize("user", ["nobody", "root"] if os.getuid() == 0 else ["ourselves"])
@pytest.mark.parametrize("server", [PLAIN, PASSING, NAMING], ids=["plain", "http_host", "host"])
def test_nginx_lets_nobody_in(http: httpx.Client, tmp_path: Path, server: str, user: str) -> None:
    url = str(http.base_url).rstrip("/")
    with Nginx(tmp_path / "nginx", server.format(url=url), user) as nginx:
        for host in "ockham.example.com", "localhost", "127.0.0.1:8000", "x{", "x@y":
            for method in "GET", "POST":
                answer = httpx.request(
                    method, f"{nginx.url}/v1/jobs", headers={"Host": host}, json=SMALL, trust_env=False
                )
                assert answer.status_code in (400, 401), (host, method)
        leaving = (
            b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 26\r\n\r\n" + b'{"variants": ["original"]}'
        )
        with socket.create_connection(("127.0.0.1", nginx.port)) as connection:
            connection.sendall(leaving)  # and nginx leaves, too: nobody's connection is not this user's
        assert httpx.get(f"{nginx.url}/healthz", trust_env=False).status_code == 200
    assert http.get("/v1/jobs").json()["data"] == []


def test_with_a_key_a_proxy_is_served(
    http: httpx.Client, tmp_path: Path, make_key: Callable[..., dict[str, str]]
) -> None:
    key = make_key()
    with Nginx(tmp_path / "nginx", PLAIN.format(url=str(http.base_url).rstrip("/"))) as nginx:
        headers = {**key, "X-Forwarded-For": "203.0.113.9", "Host": "ockham.example.com"}
        answer = httpx.post(f"{nginx.url}/v1/jobs", json=SMALL, headers=headers, trust_env=False)
        assert answer.status_code == 202


ASK = """
exec 3<>/dev/tcp/127.0.0.1/$0
printf 'GET /v1/jobs HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3
head -n 1 <&3
"""


def test_another_user_of_this_machine_is_not_served(http: httpx.Client) -> None:
    def ask(user: str | None = None) -> str:
        words = ["bash", "-c", ASK, str(http.base_url.port)]
        asked = subprocess.run(words, capture_output=True, text=True, check=True, cwd="/", user=user)
        return asked.stdout.split()[1]

    assert ask() == "200"
    if os.getuid() == 0:  # nobody else can become another user
        assert ask("nobody") == "401"


def test_the_kernel_tells_whose_a_connection_is() -> None:
    for family, address in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
        with socket.socket(family) as listener, socket.socket(family) as client:
            listener.bind((address, 0))
            listener.listen()
            client.connect(listener.getsockname()[:2])
            accepted, peer = listener.accept()
            ends = peer[:2], listener.getsockname()[:2]
            assert peer_process.find(*ends) == (os.geteuid(), os.fstat(client.fileno()).st_ino)
            client.close()
            left = peer_process.find(*ends)
            assert left is not None
            assert left.inode == 0
            accepted.close()


def test_a_program_that_serves_other_machines_is_known(tmp_path: Path) -> None:
    program = "import socket, sys; c = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); {}; sys.stdin.read()"
    for listens, serves in ("l = socket.create_server(('0.0.0.0', 0))", True), (
        "l = socket.create_server(('127.0.0.1', 0))", False,
    ):  # fmt: skip
        with socket.create_server(("127.0.0.1", 0)) as listener:
            words = [
                sys.executable,
                "-c",
                program.format(listens + "; print('up', flush=True)"),
                str(listener.getsockname()[1]),
            ]
            with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
                accepted, peer = listener.accept()
                assert other.stdout is not None
                other.stdout.readline()
                found = peer_process.find(peer, listener.getsockname())
                assert found is not None
                assert peer_process.serves_others(found.inode) is serves
                assert other.stdin is not None
                other.stdin.close()
                accepted.close()
