"""The whole service under one process: `ockham serve`.

Parts are started in order, each waited for, restarted when they die, and ended in the opposite order.
The supervisor has one thread and does no work of its own.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import redis

from models.settings import Settings
from ockham import valkey
from ockham.admission import require_key
from ockham.api_processes import answers, api_parts, sockets
from ockham.errors import CannotStart, PartFailed
from ockham.exclusive import listening, locked
from ockham.guardian import OCKHAM, Guardian
from ockham.processes import TICK_SECONDS, USAGE, Interrupted, NotYet, Part, Processes


def publish(path: Path, text: str) -> None:
    """Writes a file that others wait for: it is there with all of its text, or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    part.replace(path)


class Supervisor(Processes):
    """Runs the service in `settings.data_dir`; `say(part, text)` is told what happens.

    Port 0 takes a free one. While everything is up, the file `service.url` in the data directory
    holds the service's address.
    """

    def __init__(
        self, settings: Settings, host: str, port: int, workers: int, apis: int, say: Callable[[str, str], None]
    ) -> None:
        self.settings, self.data_dir = settings, settings.data_dir.absolute()
        super().__init__(say, self.data_dir / "logs", {"OCKHAM_DATA_DIR": str(self.data_dir)})
        self.host, self.port, self.workers, self.apis = host, port, workers, apis

    def run(self) -> None:
        """Serves until SIGINT, SIGTERM or SIGHUP; a second signal hurries the end.

        Raises `CannotStart` or `PartFailed`; no process is left behind then either.
        """
        self.listen()
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.data_dir / "logs").mkdir(exist_ok=True)
        with locked(self.data_dir / "serve.lock") as lock, listening(self.host, self.port) as listener:
            self.guardian = Guardian(hold=[lock])
            address = self.data_dir / "service.url"
            address.unlink(missing_ok=True)  # a service that was killed here has left its own
            try:
                url = self._start(listener)
                publish(address, url)
                self.say("ready", f"logs are in {self.logs}; Ctrl-C ends everything")
                self.until_told()
            except Interrupted:
                pass
            finally:
                address.unlink(missing_ok=True)
                listener.close()
                self.stop()
                for path in sockets(self.settings.socket_path.parent, self.apis):
                    path.unlink(missing_ok=True)  # of a process that ended before it could
                if self.settings.socket_path.parent != self.data_dir:
                    with suppress(OSError):
                        self.settings.socket_path.parent.rmdir()
                self.guardian.close()

    def _start(self, listener: socket.socket) -> str:
        """Starts every part in order; the service's address."""
        if self.settings.redis_url is None:
            server, version = valkey.find_server(self.settings)
            broker = valkey.command(server, self.settings)
            # It ends within moments, and cleanly or not at all: no hurry with it.
            self.begin(Part("valkey", broker, lambda: self._broker(version), 60, 10, order=2, hurries=False))
        else:
            self.wait_for("broker", self._external_broker, 30)
        self._migrate()
        host, port = listener.getsockname()[:2]
        if not require_key(self.settings, host):
            self.say("keys", "none yet: open to your own programs on this machine; `ockham keys create` ends that")
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        probe = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        folder = self.settings.socket_path.parent
        valkey.make_private(folder)
        apis = api_parts(folder, listener, self.apis, lambda: answers(probe + "/healthz", url))
        processes = f"{self.workers} process{'es' if self.workers != 1 else ''} to train in"
        worker = Part(
            "worker",
            [*OCKHAM, "worker", "--concurrency", str(self.workers)],
            lambda: answers(probe + "/readyz", processes),
            120,
            self.settings.drain_seconds + 10,
            order=1,
        )
        self.begin(*apis, worker)
        return url

    def _broker(self, version: str) -> str:
        try:
            valkey.server_version(self.settings.broker)
        except redis.RedisError as error:
            raise NotYet(error) from error
        return f"{version}, embedded, on {self.settings.socket_path}"

    def _external_broker(self) -> str:
        try:
            version = valkey.server_version(self.settings.broker)
        except redis.AuthenticationError as error:
            raise CannotStart(f"The broker refuses OCKHAM_REDIS_URL's user or password: {error}") from error
        except redis.RedisError as error:
            raise NotYet(error) from error
        if valkey.is_too_old(version):
            oldest = ".".join(map(str, valkey.OLDEST))
            raise CannotStart(f"The broker is Redis {version}, and {oldest} or later is needed")
        return f"{version}, on {self.settings.broker}"

    def _migrate(self) -> None:
        (self.data_dir / "logs" / "migrate.log").unlink(missing_ok=True)
        process = self.spawn("migrate", [*OCKHAM, "migrate"])
        while process.poll() is None and not self.signals:
            time.sleep(TICK_SECONDS)
        process.kill()  # a migration is one transaction: it may be ended at any point
        process.wait()
        self.guardian.bury(process)
        if self.signals:
            raise Interrupted
        if process.returncode == USAGE:
            raise CannotStart(self.last_line("migrate"))
        if process.returncode:
            raise PartFailed(f"The database could not be brought up to date.\n{self.last_words('migrate')}")
        url = self.settings.database_url
        self.say("database", _without_password(url) if url else f"SQLite, in {self.data_dir / 'ockham.db'}")


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
