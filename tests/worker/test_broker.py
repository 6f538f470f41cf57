"""One address for both libraries: redis-py, which asks how the broker is, and kombu, by which messages go."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import kombu.pools
import pytest
import redis
from kombu.exceptions import OperationalError
from pydantic import ValidationError

from models.broker import read_address
from models.settings import Settings
from ockham.valkey import command, find_server, server_version
from tests.servers import Process, Valkey, free_port, wait_for
from worker.queue import broker, make_celery, waiting, wake


@pytest.fixture(autouse=True)
def connections_of_its_own() -> Iterator[None]:
    """kombu keeps connections by host and port, whatever their TLS: a process of ours has one broker, a test many."""
    yield
    kombu.pools.reset()  # type: ignore[no-untyped-call]


def messages(url: str, directory: Path) -> int:
    """How many more messages wait at the broker after one was sent: by kombu, and counted by redis-py."""
    settings = Settings(data_dir=directory, redis_url=url)
    with broker(settings) as server:
        before = waiting(server)
        wake(make_celery(settings))
        return waiting(server) - before


@pytest.fixture
def socket_path(tmp_path: Path) -> Iterator[Path]:
    """A Valkey's Unix socket, the Valkey started as `ockham serve` starts the embedded one."""
    settings = Settings(data_dir=tmp_path)
    with Process(command(find_server(settings)[0], settings), tmp_path / "valkey.log"):
        wait_for("Valkey", settings.socket_path.exists)
        yield settings.socket_path


@pytest.mark.parametrize(
    "url", ["unix://{}", "redis+socket://{}", "unix://{}?db=3", "redis+socket://{}?virtual_host=3", "unix://{}?db=0"]
)
def test_a_unix_socket_in_every_spelling(url: str, socket_path: Path, tmp_path: Path) -> None:
    assert messages(url.format(socket_path), tmp_path) == 1
    assert server_version(Settings(redis_url=url.format(socket_path)).broker)


@pytest.mark.parametrize("suffix", ["", "/", "/0", "/3", "?db=2"])
def test_an_address_of_tcp_in_every_spelling(suffix: str, valkey: Valkey, tmp_path: Path) -> None:
    assert messages(f"redis://127.0.0.1:{valkey.port}{suffix}", tmp_path) == 1


# --- TLS: the bundled Valkey has none, so it lies behind a proxy


@contextmanager
def tls_proxy(to: int, certificate: Path, key: Path) -> Iterator[int]:
    """The port of a proxy that takes TLS and hands on to the port `to`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    loop, port = asyncio.new_event_loop(), free_port()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(copy(reader, inner[1]), copy(inner[0], writer))

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", port, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield port
    finally:

        async def end() -> None:
            server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0.1)  # what was aborted is closed

        asyncio.run_coroutine_threadsafe(end(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of `localhost` that no authority has signed, and its key."""
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@pytest.fixture(scope="module")
def tls_port(valkey: Valkey, certificate: tuple[Path, Path]) -> Iterator[int]:
    with tls_proxy(valkey.port, *certificate) as port:
        yield port


@pytest.mark.parametrize("words", ["", "&ssl_cert_reqs=required", "&ssl_cert_reqs=CERT_REQUIRED"])
def test_tls_with_a_certificate_that_is_named(
    words: str, tls_port: int, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    assert messages(f"rediss://localhost:{tls_port}/0?ssl_ca_certs={certificate[0]}{words}", tmp_path) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_neither_library_talks_to_a_server_that_is_not_verified(
    host: str, tls_port: int, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    """`localhost` with the system's authorities, and a host that the certificate does not name."""
    named = f"?ssl_ca_certs={certificate[0]}" if host != "localhost" else ""
    settings = Settings(data_dir=tmp_path, redis_url=f"rediss://{host}:{tls_port}/0{named}")
    with broker(settings) as server, pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        waiting(server)
    with pytest.raises(OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        wake(make_celery(settings))


# --- what is refused, and how addresses are written out

REFUSED = {
    "http://host": "must begin with redis://, rediss://, unix:// or redis+socket://",
    "host:6379": "must begin with redis://",
    "redis://": "names no host",
    "redis://host:port": "has no valid port",
    "redis://:secret#1@host": "percent-encode",
    "redis://host/first": "which is not a number",
    "redis://host?socket_timeout=3": "has the option socket_timeout",
    "redis://host?ssl_ca_certs=/ca.pem": "has the option ssl_ca_certs",
    "unix://run/valkey.sock": "must name the socket by its whole path",
    "unix://": "must name the socket by its whole path",
    "rediss://host?ssl_cert_reqs=none": "TLS without verification is not offered",
    "rediss://host?ssl_cert_reqs=CERT_OPTIONAL": "TLS without verification is not offered",
    "rediss://host?ssl_check_hostname=false": "TLS without verification is not offered",
}


@pytest.mark.parametrize(("url", "words"), REFUSED.items())
def test_an_address_that_means_two_things_is_refused_in_a_sentence(url: str, words: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(words)) as refused:
        Settings(redis_url=url)
    assert [fault["loc"] for fault in refused.value.errors()] == [("redis_url",)]
    assert "secret" not in str(read_error(url))


def read_error(url: str) -> ValueError:
    with pytest.raises(ValueError) as error:
        read_address(url)
    return error.value


def test_user_and_password_go_to_both_and_are_shown_to_nobody() -> None:
    for url in (
        "redis://me:p%40ss%2F@host:7000/2",
        "unix://me:p%40ss%2F@/run/v.sock?db=2",
        "unix:///run/v.sock?username=me&password=p%40ss%2F",
    ):
        address = read_address(url)
        assert (address.username, address.password) == ("me", "p@ss/")
        assert "me:p%40ss%2F@" in address.redis_py
        assert "me:p%40ss%2F@" in address.kombu
        assert "p@ss" not in str(address)
        assert "p%40ss" not in str(address)
    assert read_address("redis://[::1]/").kombu == "redis://[::1]:6379/0"
