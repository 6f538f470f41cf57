"""The queue's name, and the message that wakes workers.

A message says only "there may be work": the database is the queue, and a process that gets the message
claims whatever is next there (`models.claims.claim`) until nothing is left. A lost message therefore
loses nothing and a doubled one doubles nothing; see docs/decisions/0002-a-message-wakes-workers.md.
"""

from __future__ import annotations

import threading

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from models.database import reason
from models.estimates import PROCESS
from models.settings import Settings

log = structlog.get_logger(__name__)

QUEUE = "ockham"
TRAIN = "worker.tasks.train"
PROBE = "ockham.probe"
"""A key that is written to see whether the broker takes writes."""


def make_celery(settings: Settings, socket_timeout: float = 15) -> Celery:
    """The Celery application; it connects when first used. `socket_timeout`: how long a silent broker is waited for."""
    app = Celery("ockham", broker=settings.broker.kombu, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        # The run is safe in the database: nothing is won by a message that comes back.
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        worker_enable_prefetch_count_reduction=False,
        # A worker whose processes are all busy leaves the message to one that is not.
        worker_disable_prefetch=True,
        # In KiB, and of the peak: what a process keeps after a message must leave room for the next run.
        worker_max_memory_per_child=may_keep(settings) // 1024,
        # TensorFlow takes seconds to import, and a child that has not said it is up is killed.
        worker_proc_alive_timeout=120,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        broker_connection_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # What a broker answers that takes no writes for a while (a replica, or full) ends no worker either.
        broker_channel_error_retry=True,
        broker_connection_timeout=3,
        broker_transport_options={
            # A message that a worker took and never began comes again, where it does no harm.
            "visibility_timeout": settings.lease_seconds,
            "socket_timeout": socket_timeout,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "health_check_interval": 15,
        },
    )
    return app


def may_keep(settings: Settings) -> int:
    """Bytes that a process may keep between two runs: half of what its limit leaves beside TensorFlow itself."""
    limit = settings.worker_memory_mb << 20
    return PROCESS + (limit - PROCESS) // 2


def wake(app: Celery) -> None:
    """Sends a message. Raises kombu's OperationalError if the broker cannot be reached or takes no message."""
    with app.producer_or_acquire() as producer:
        app.send_task(TRAIN, producer=producer, retry=False)


def broker(settings: Settings) -> Redis:
    """The broker itself, to ask how it is; it answers within a second or raises redis's ConnectionError."""
    return Redis.from_url(settings.broker.redis_py, socket_timeout=1, socket_connect_timeout=1, retry=None)


def waiting(server: Redis) -> int:
    """Messages that no worker has taken yet. Raises redis's RedisError."""
    return int(server.llen(QUEUE))


def check_writable(server: Redis) -> None:
    """Raises redis's ResponseError if the broker answers but takes no writes: it is full, or a replica."""
    server.set(PROBE, "", ex=60)


class Waker:
    """A thread that sends the message when asked to, so that a broker which hangs delays nobody.

    One waiting message is enough, however often it was asked for. A message that cannot be sent is
    dropped: the API's next sweep asks again (`api.sweep`).
    """

    def __init__(self, app: Celery, settings: Settings) -> None:
        self._app, self._broker = app, broker(settings)
        self._asked = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
        self._thread.start()

    def soon(self) -> None:
        """Asks for a message; never blocks. What it is about is committed already."""
        self._asked.set()

    def stop(self, seconds: float = 5) -> None:
        """Sends what was asked for, and ends the thread; waits at most so long."""
        self._stopping = True
        self._asked.set()
        self._thread.join(seconds)
        self._broker.close()

    def _run(self) -> None:
        while not self._stopping:
            self._asked.wait()
            self._asked.clear()
            try:
                if not waiting(self._broker):
                    wake(self._app)
            except (RedisError, OperationalError, OSError) as error:
                log.warning("wake_failed", error=reason(error))
