"""The checks of `ockham doctor`: each says what it found, or raises `Trouble` that says what to do."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from models.database import Database, now, reason
from models.settings import Settings
from models.tables import HELD, Run, Worker
from ockham import valkey
from ockham_client import Client, OckhamAPIError, OckhamError

FREE_BYTES = 1_000_000_000
SEEN_SECONDS = 15
ELSEWHERE = "If the service's data is elsewhere, --data-dir or OCKHAM_DATA_DIR names it"
TINY = {
    "name": "doctor",
    "dataset": {"name": "synthetic", "reviews": 200, "num_words": 100},
    "training": {"epochs": 2},
    "variants": ["smaller"],
    "reuse": "never",
}


class Trouble(Exception):
    """What is wrong, and what to do."""

    word = "wrong"

    def __init__(self, found: str, do: str) -> None:
        super().__init__(found)
        self.found, self.do = found, do


class Unchecked(Trouble):
    """What cannot be told, and what it takes."""

    word = "open"


def data_directory(settings: Settings) -> str:
    """It can be written to, and has room."""
    directory = settings.data_dir.absolute()
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(bytes(4096))
            file.flush()
    except FileNotFoundError:
        raise Trouble(f"{directory} does not exist", f"`ockham serve` makes it. {ELSEWHERE}") from None
    except OSError as error:
        raise Trouble(f"{directory} cannot be written to ({error.strerror})", "Give it to the service's user") from None
    free = shutil.disk_usage(directory).free
    if free < FREE_BYTES:
        raise Trouble(f"{directory} has {free / 1e6:.0f} MB left", "Make room: prune jobs, or move the directory")
    return f"{directory}, {free / 1e9:.0f} GB free"


def database(settings: Settings) -> str:
    """It answers, at the schema that this code expects."""
    from migrations.run import current, newest

    kind = "PostgreSQL" if settings.database_url else "SQLite"
    if not settings.database_url and not Path(settings.data_dir / "ockham.db").exists():
        found = f"There is no database in {settings.data_dir.absolute()}"
        raise Trouble(found, f"`ockham migrate`, or `ockham serve`, makes it. {ELSEWHERE}")
    with _opened(settings) as opened, opened.read() as session:
        at, expected = current(session.connection()), newest()
    if at != expected:
        raise Trouble(f"{kind} is at schema {at or 'none'}, and {expected} is expected", "Run `ockham migrate`")
    return f"{kind}, schema {at}"


def broker(settings: Settings) -> str:
    """It answers, is recent enough, drops nothing when memory is short, and keeps its data."""
    what, where = "OCKHAM_REDIS_URL names it", ""
    if not settings.redis_url:
        where = f" in {settings.data_dir.absolute()}"
        what = f"`ockham serve` starts the embedded one. {ELSEWHERE}"
    try:
        with redis.Redis.from_url(settings.broker.redis_py, socket_timeout=5, socket_connect_timeout=5) as server:
            version = valkey.server_version(settings.broker)
            persistence, memory = server.info("persistence"), server.info("memory")
    except redis.AuthenticationError as error:
        raise Trouble(f"The broker refuses the user or password ({error})", what) from None
    except (redis.RedisError, OSError) as error:
        raise Trouble(f"The broker{where} cannot be reached ({type(error).__name__})", what) from None
    if valkey.is_too_old(version):
        oldest = ".".join(map(str, valkey.OLDEST))
        raise Trouble(f"The broker is Redis {version}", f"{oldest} or later is needed")
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise Trouble(f"The broker's maxmemory-policy is {policy}", "Set it to noeviction: others may drop messages")
    kept = "keeps its data" if persistence.get("aof_enabled") else "keeps no append-only file: lost messages come late"
    return f"version {version}, {kept}"


def service(settings: Settings) -> str:
    """The API answers and every part of it is ready."""
    import httpx

    try:
        answer = httpx.get(f"{settings.url}/readyz", timeout=10)
    except httpx.TransportError:
        raise Trouble(f"Nothing answers at {settings.url}", "Start it, or name it with --url or OCKHAM_URL") from None
    try:
        parts = answer.json()
        parts.pop("status")
    except (ValueError, AttributeError, KeyError, TypeError):  # no JSON, no object, or another one
        found = f"What answers at {settings.url} is not Ockham's API: /readyz gives {answer.status_code}"
        raise Trouble(
            found, "Another program or a proxy may have this port; --url or OCKHAM_URL names the API"
        ) from None
    if answer.status_code != 200:
        wrong = {part: said for part, said in parts.items() if said != "ok"}
        told = "; ".join(f"{part}: {said}" for part, said in wrong.items())
        raise Trouble(f"{settings.url} is not ready ({told})", "See that part's line here, and its log")
    return f"ready, at {settings.url}"


def workers(settings: Settings) -> str:
    """Some are ready, and no run is held by one that is silent."""
    with _opened(settings) as opened, opened.read() as session:
        up = session.execute(
            select(func.count(), func.coalesce(func.sum(Worker.concurrency), 0)).where(
                Worker.ready, Worker.seen_at > now(-SEEN_SECONDS)
            )
        ).one()
        stuck = session.scalar(
            select(func.count()).where(Run.status.in_(HELD), Run.lease_expires_at < now(-settings.lease_seconds))
        )
    if not up[0]:
        raise Trouble("No worker is ready", "Start one (`ockham worker`); its log says why if one runs already")
    if stuck:
        raise Trouble(f"{stuck} runs are held by workers that went silent", "Start an API: it takes them back")
    return f"{up[0]} ready, {up[1]} runs at once"


def tiny_job(settings: Settings, timeout: float) -> str:
    """A job goes all the way: accepted, trained, read back, deleted."""
    try:
        with Client(settings.url, settings.api_key) as client:
            job = client.wait(client.submit(TINY), timeout)
            epochs = client.history(job, "json")["runs"][0]["epochs"]
            client.delete(job)
    except OckhamAPIError as error:
        if error.status == 401 and not settings.api_key:
            raise Unchecked(
                "The service asks for a key", "Set OCKHAM_API_KEY; `ockham keys create` makes one"
            ) from None
        raise Trouble(str(error), "The API's log says more") from None
    except OckhamError as error:
        raise Trouble(str(error), "The logs of the API and of the workers say more, by the job's id") from None
    if job.status != "succeeded" or epochs != [1, 2]:
        raise Trouble(f"The job {job.status}, with epochs {epochs}", "The workers' logs say why, by the job's id")
    return "submitted, trained, read back and deleted"


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    """The database for one check; what it raises becomes trouble."""
    opened = Database(settings)
    try:
        yield opened
    except SQLAlchemyError as error:
        what = "`ockham migrate` makes it, and brings it up to date. "
        what += "OCKHAM_DATABASE_URL names it" if settings.database_url else ELSEWHERE
        raise Trouble(f"The database cannot be read ({reason(error)})", what) from None
    finally:
        opened.dispose()
