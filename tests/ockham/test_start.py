"""Commands that cannot do their work end with a line, never a traceback, and change nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from migrations.run import current, downgrade, upgrade
from models.database import Database
from models.settings import Settings
from ockham.supervisor import publish
from tests.ockham.serving import environment
from tests.servers import free_port


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`ockham WORDS`."""
    command = [sys.executable, "-P", "-m", "ockham", *words]
    return subprocess.run(command, env=environment(**env), capture_output=True, text=True, timeout=120, check=False)


def assert_a_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr


@pytest.fixture(params=["a file", "not to be written to", "a garbage database"])
def bad_directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "not to be written to":
        return Path("/sys/ockham")  # refused to root, too
    path = tmp_path / "data"
    if request.param == "a file":
        path.touch()
    else:
        path.mkdir()
        (path / "ockham.db").write_bytes(b"garbage!" * 1000)
    return path


@pytest.mark.once
@pytest.mark.parametrize("words", ["serve --port 0", "api --port 0", "worker", "migrate", "keys list", "keys create"])
def test_a_data_directory_that_will_not_do(words: str, bad_directory: Path) -> None:
    assert_a_line(run(*words.split(), "--data-dir", str(bad_directory)))


@pytest.mark.parametrize("words", ["migrate", "keys list"])
def test_no_database_server(words: str, tmp_path: Path) -> None:
    done = run(
        *words.split(),
        OCKHAM_DATA_DIR=str(tmp_path),
        OCKHAM_DATABASE_URL=f"postgresql://a:secret@127.0.0.1:{free_port()}/b",
    )
    assert_a_line(done, "Connection refused", "OCKHAM_DATABASE_URL")
    assert "secret" not in done.stderr


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEASE_SECONDS", "1e400"),
        ("RUN_SECONDS", "nan"),
        ("MAX_RUN_WORK", "inf"),
        ("MAX_ATTEMPTS", "many"),
        ("REDIS_URL", "http://localhost"),
        ("DATABASE_URL", "mysql://localhost/ockham"),
        ("URL", "http://[::1"),
        ("URL", "localhost:8000"),
    ],
)
def test_settings_that_are_not_valid(name: str, value: str, tmp_path: Path) -> None:
    done = run("worker", **{"OCKHAM_DATA_DIR": str(tmp_path), f"OCKHAM_{name}": value})
    assert_a_line(done, f"OCKHAM_{name}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.once
@pytest.mark.parametrize("url", ["http://[::1", "localhost:8000", "nonsense", "http://", "ftp://127.0.0.1"])
def test_an_address_that_is_none(url: str) -> None:
    """Of the commands that use a running service."""
    for words in ("jobs", "show job_none", "presets"):
        assert_a_line(run(*words.split(), "--url", url), repr(url), "http://127.0.0.1:8000")
    told = run("doctor", "--no-submit", OCKHAM_URL=url)
    assert (told.returncode, told.stderr) == (1, "")
    assert f"OCKHAM_URL: {url!r} is not a service's address" in told.stdout


@pytest.mark.once
@pytest.mark.parametrize("words", ["keys list", "keys revoke key", "api --port 0", "worker", "doctor --no-submit"])
def test_where_there_is_nothing_nothing_is_made(words: str, tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "none"):
        done = run(*words.split(), "--data-dir", str(directory))
        if words.startswith("doctor"):
            assert (done.returncode, done.stderr) == (1, "")
        else:
            assert_a_line(done, "`ockham migrate`")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.once
@pytest.mark.parametrize("words", ["keys list", "keys create", "doctor --no-submit"])
def test_an_older_database_is_left_as_it_is(words: str, settings: Settings) -> None:
    downgrade(settings, "0002")
    env = {"OCKHAM_DATA_DIR": str(settings.data_dir)}
    if settings.database_url:
        env["OCKHAM_DATABASE_URL"] = settings.database_url
    done = run(*words.split(), **env)
    assert done.returncode == (1 if words.startswith("doctor") else 2)
    assert "ockham migrate" in done.stdout + done.stderr
    database = Database(settings)
    with database.read() as session:
        assert current(session.connection()) == "0002"
    database.dispose()
    upgrade(settings)


def test_a_first_key_makes_the_database(tmp_path: Path) -> None:
    """A service that others can reach wants a key before it first starts."""
    made = run("keys", "create", "--data-dir", str(tmp_path / "data"))
    assert (made.returncode, made.stdout.count("\n")) == (0, 1)
    assert run("keys", "list", "--data-dir", str(tmp_path / "data")).stdout.count("unnamed") == 1


def test_the_address_is_never_read_half_written(tmp_path: Path) -> None:
    """A file that is opened, and only then written, can be read while it is empty."""
    address, seen, over = tmp_path / "service.url", set[str](), threading.Event()

    def read() -> None:
        while not over.is_set():
            if address.exists():
                seen.add(address.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(3000):
        publish(address, "http://127.0.0.1:8000")
    over.set()
    reader.join()
    assert seen == {"http://127.0.0.1:8000"}


@pytest.mark.once
@pytest.mark.parametrize("name", ["", "x" * 201, "a\x1b[31m"])
def test_a_keys_name_is_a_name(tmp_path: Path, name: str) -> None:
    made = run("keys", "create", name, "--data-dir", str(tmp_path))
    assert (made.returncode, "Traceback" in made.stderr) == (2, False), made.stderr
    assert json.loads(run("keys", "list", "--json", "--data-dir", str(tmp_path)).stdout) == []


@pytest.mark.once
@pytest.mark.parametrize("words", [("keys", "create", "\udcff"), ("keys", "revoke", "\udcff"), ("show", "\udcff")])
def test_what_is_no_text_is_told_in_a_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    run("migrate", "--data-dir", str(tmp_path))
    told = run(*words, *(["--data-dir", str(tmp_path)] if words[0] == "keys" else []))
    assert (told.returncode, "Traceback" in told.stderr, "codec" in told.stderr) == (2, False, False), told.stderr
