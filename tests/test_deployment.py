"""The deployment files: the locks agree, and every command of the images is run by hand where no engine is."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from models import tables
from models.database import Database, now
from models.settings import Settings
from tests.servers import PostgreSQL, Process, Valkey, free_port, wait_for
from worker.health import SILENT_SECONDS, healthy

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("migrate", "api", "worker")
LASTING = ("api", "worker", "postgres", "valkey")


# Locks


def lock(name: str) -> dict[str, str]:
    """The pinned packages of a lock, each with its version and the rest of its entry."""
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    entries = re.findall(r"^([a-z0-9-]+)==(\S+)((?:.*\\\n)*.*)$", text, re.MULTILINE)
    assert len(entries) == len(re.findall(r"^[^\s#]", text, re.MULTILINE)), "an entry of another form"
    for package, _, rest in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", rest), f"{package} has no hash"
    return {package: version for package, version, _ in entries}


@pytest.mark.parametrize("name", ["api", "worker", "dev", "tools"])
def test_a_lock_names_no_place(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i\b|-f\b|--(extra-)?index|--find-links|--trusted-host)", text, re.MULTILINE)


def test_locks_agree() -> None:
    api, worker, dev = lock("api"), lock("worker"), lock("dev")
    assert api.items() < worker.items() < dev.items()


def test_locks_satisfy_the_project() -> None:
    for name, wanted in [
        ("api", PROJECT["dependencies"]),
        ("worker", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["worker"]),
    ]:
        pinned = lock(name)
        for requirement in map(Requirement, wanted):
            package = re.sub(r"[-_.]+", "-", requirement.name).lower()
            assert requirement.specifier.contains(pinned[package]), f"{name}.lock: {package}"


def test_the_api_has_no_tensorflow() -> None:
    assert not {"tensorflow", "keras"} & lock("api").keys()
    assert {"tensorflow", "keras"} < lock("worker").keys()


# Images


def stages() -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """The Dockerfile's stages: what each begins from, and its instructions."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    instructions: list[tuple[str, str]] = []
    for line in filter(str.strip, text.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            parent, _, name = rest.partition(" AS ")
            instructions = []
            found[name] = parent, instructions
        else:
            instructions.append((word, rest.strip()))
    return found


def instructions(stage: str) -> list[tuple[str, str]]:
    """A stage's instructions, those of the stages it begins from first."""
    known = stages()
    parent, own = known[stage]
    return (instructions(parent) if parent in known else []) + own


def last(stage: str, word: str) -> str:
    return [rest for name, rest in instructions(stage) if name == word][-1]


def health_command(stage: str) -> list[str]:
    command: list[str] = json.loads(last(stage, "HEALTHCHECK").partition("CMD ")[2])
    return command


@pytest.mark.parametrize("image", ["api", "worker"])
def test_images_run_without_rights(image: str) -> None:
    user = last(image, "USER")
    assert int(user) > 0
    assert f"--uid {user}" in " ".join(rest for word, rest in instructions(image) if word == "RUN")
    assert [rest for word, rest in instructions(image) if word == "COPY"] == [
        f"--from={image}-build /venv /venv",
        f"--from={image}-build /app /app",
    ]
    installed = " ".join(rest for word, rest in instructions(f"{image}-build") if word == "RUN")
    assert re.findall(r"-r (\S+)", installed) == [f"requirements/{image}.lock"]
    assert health_command(image)


def copied() -> list[Path]:
    """What `.dockerignore` lets into an image: here a list of what is allowed, after a `*`."""
    first, *others = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert first == "*"
    return [ROOT / line[1:] for line in others if line.startswith("!")]


def test_images_hold_the_packages() -> None:
    # No data, no environment, no secret: what is copied is what is named.
    allowed = copied()
    assert all(path.exists() for path in allowed)
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = {package.partition(".")[0] for package in setuptools["packages"]}
    folders = {ROOT / setuptools["package-dir"].get(package, package) for package in packages}
    assert folders == {path for path in allowed if path.is_dir()}


# Compose


def test_services() -> None:
    assert set(SERVICES) == {*OURS, "postgres", "valkey"}
    for name in LASTING:
        assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES["migrate"]["restart"] == "no"
    assert SERVICES["migrate"]["command"] == ["ockham", "migrate"]
    for name, service in SERVICES.items():
        limits = service["deploy"]["resources"]["limits"]
        assert {"cpus", "memory", "pids"} == limits.keys(), name


def test_order_of_the_start() -> None:
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("api", "worker"):
        assert SERVICES[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"},
            "postgres": {"condition": "service_healthy"},
            "valkey": {"condition": "service_healthy"},
        }
    for name in ("postgres", "valkey"):
        assert SERVICES[name]["healthcheck"]["test"]


def test_our_services_have_no_rights() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"]
        assert service["build"]["target"] in stages()
        for variable in service["environment"]:
            assert variable.removeprefix("OCKHAM_").lower() in Settings.model_fields


def test_nothing_but_the_api_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["api"]
    assert SERVICES["api"]["ports"] == ["${OCKHAM_PUBLISH:-127.0.0.1:8000}:8000"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "valkey"):
        assert SERVICES[name]["networks"] == ["inside"]


def test_what_must_last_lasts() -> None:
    command = SERVICES["valkey"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    for name in ("worker", "postgres", "valkey"):
        (volume,) = SERVICES[name]["volumes"]
        assert volume.split(":")[0] in COMPOSE["volumes"]


def test_a_worker_has_time_and_memory() -> None:
    worker = SERVICES["worker"]
    settings = Settings(
        **{name.removeprefix("OCKHAM_").lower(): value for name, value in worker["environment"].items()}
    )
    assert seconds(worker["stop_grace_period"]) >= 2 * settings.drain_seconds
    assert gigabytes(worker["deploy"]["resources"]["limits"]["memory"]) * 1024 > settings.worker_memory_mb


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def gigabytes(text: str) -> int:
    return int(text.removesuffix("g"))


# A worker's health


def test_health_of_a_worker(settings: Settings) -> None:
    database = Database(settings)

    def worker(name: str, host: str, seen: float, ready: bool) -> None:
        with database.write() as session:
            session.add(
                tables.Worker(
                    id=name, host=host, pid=1, concurrency=1, started_at=now(), seen_at=now(seen), ready=ready
                )
            )

    here = socket.gethostname()
    assert not healthy(settings)
    worker("elsewhere", f"not-{here}", 0, True)
    worker("silent", here, -SILENT_SECONDS - 5, True)
    worker("loading", here, 0, False)
    assert not healthy(settings)
    worker("well", here, 0, True)
    assert healthy(settings)
    database.dispose()


def test_health_without_a_database(tmp_path: Path) -> None:
    assert not healthy(Settings(data_dir=tmp_path))
    assert not healthy(Settings(database_url=f"postgresql://u@127.0.0.1:{free_port()}/none"))


# The images' own commands, by hand


class Image:
    """An image's file system in an empty directory, made by the very commands of the Dockerfile."""

    def __init__(self, name: str, root: Path) -> None:
        self.name, self.root = name, root
        for folder in ("app", "data", "tmp"):
            (root / folder).mkdir()
        self.env = {"PATH": f"{Path(sys.executable).resolve().parent}:{os.environ['PATH']}"}
        self.env |= {key: value for key, value in os.environ.items() if key.startswith(("PIP_", "SSL_", "HTTPS_"))}
        for word, rest in instructions(f"{name}-build"):
            match word:
                case "ENV":
                    self.set(rest)
                case "COPY":
                    self.copy(rest)
                case "RUN":
                    built = self.run(["sh", "-c", self.here(rest)])
                    assert built.returncode == 0, built.stderr
        for word, rest in instructions(name):
            if word == "ENV":
                self.set(rest)

    def here(self, text: str) -> str:
        """The image's absolute paths as paths in the directory."""
        return re.sub(r"(?<![\w.])/(venv|app|data|tmp)\b", rf"{self.root}/\1", text)

    def set(self, assignments: str) -> None:
        for assignment in shlex.split(assignments):
            name, _, value = assignment.partition("=")
            self.env[name] = self.here(value).replace("$PATH", self.env["PATH"])

    def copy(self, arguments: str) -> None:
        source, target = arguments.split()
        paths = copied() if source == "." else [ROOT / source]
        for path in paths:
            place = self.root / "app" / (path.relative_to(ROOT) if source == "." else f"{target}{path.name}")
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(path, place)

    def run(self, command: list[str], **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.root / "app", env=self.env | env, capture_output=True, text=True, timeout=900
        )

    def start(self, command: list[str], log: Path, **env: str) -> Process:
        executable = shutil.which(command[0], path=self.env["PATH"])
        assert executable
        assert Path(executable).is_relative_to(self.root)
        return Process(["env", "-C", str(self.root / "app"), executable, *command[1:]], log, env=self.env | env)


@pytest.fixture
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Image]:
    yield Image(request.param, tmp_path)
    shutil.rmtree(tmp_path / "venv")


def addresses(postgresql: PostgreSQL, valkey: Valkey) -> dict[str, str]:
    return {
        "OCKHAM_DATABASE_URL": postgresql.create(f"d{uuid.uuid4().hex}"),
        "OCKHAM_REDIS_URL": valkey.url,
    }


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("image", ["api"], indirect=True)
def test_the_api_image_by_hand(image: Image, postgresql: PostgreSQL, valkey: Valkey, tmp_path: Path) -> None:
    assert image.run(["python", "-c", "import tensorflow"]).returncode
    env = addresses(postgresql, valkey)
    for command in (SERVICES["migrate"]["command"], ["ockham", "keys", "create", "first"]):
        done = image.run(command, **env)
        assert done.returncode == 0, done.stderr

    port = free_port()
    command = [*json.loads(last("api", "CMD")), "--port", str(port)]
    check = [part.replace(":8000/", f":{port}/") for part in health_command("api")]
    assert image.run(check).returncode
    with image.start(command, tmp_path / "log", **env) as server:
        wait_for("the API", lambda: image.run(check).returncode == 0)
        assert server.stop() in (0, -signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("image", ["worker"], indirect=True)
def test_the_worker_image_by_hand(image: Image, postgresql: PostgreSQL, valkey: Valkey, tmp_path: Path) -> None:
    env = addresses(postgresql, valkey)
    assert image.run(["ockham", "migrate"], **env).returncode == 0
    check = health_command("worker")
    assert image.run(check, **env).returncode
    with image.start(json.loads(last("worker", "CMD")), tmp_path / "log", **env) as worker:
        wait_for("the worker", lambda: image.run(check, **env).returncode == 0)
        assert worker.stop() == 0
    assert image.run(check, **env).returncode
