"""The queue's name and its bell.

A message says only "there may be work": the database is the queue, and a worker that hears the
bell claims whatever is next there (`models.claims.claim`). A lost message therefore loses nothing
and a doubled one doubles nothing; see docs/decisions/0002-the-message-is-a-bell.md.
"""

from __future__ import annotations

from celery import Celery
from redis import Redis

from models.settings import Settings

QUEUE = "ockham"
TRAIN = "worker.tasks.train"

HARD_SECONDS = 120
"""How long after its limit a run's process is killed where nothing else ended it."""


def make_celery(settings: Settings, socket_timeout: float = 15) -> Celery:
    """The Celery application; it connects when first used. `socket_timeout`: how long a silent broker is waited for."""
    app = Celery("ockham", broker=settings.celery_broker_url, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        # The run is safe in the database: nothing is won by a message that comes back.
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        worker_enable_prefetch_count_reduction=False,
        worker_max_tasks_per_child=settings.child_runs,
        # In KiB. What a child keeps after a run must leave room for the next one.
        worker_max_memory_per_child=settings.worker_memory_mb * 1024 // 2,
        # A backstop: the child itself ends a run at its limit.
        task_time_limit=settings.run_seconds + HARD_SECONDS,
        # TensorFlow takes seconds to import, and a child that has not said it is up is killed.
        worker_proc_alive_timeout=120,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        broker_connection_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=3,
        broker_transport_options={
            # A bell that a worker took and never heard sounds again, where it does no harm.
            "visibility_timeout": settings.lease_seconds,
            "socket_timeout": socket_timeout,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "health_check_interval": 15,
        },
    )
    return app


def ring(app: Celery, times: int = 1) -> None:
    """Sends `times` messages. Raises kombu's OperationalError where the broker cannot be reached."""
    with app.producer_or_acquire() as producer:
        for _ in range(times):
            app.send_task(TRAIN, producer=producer, retry=False)


def broker(settings: Settings) -> Redis:
    """The broker itself, to ask how it is; it answers within a second or raises redis's ConnectionError."""
    return Redis.from_url(settings.redis_py_url, socket_timeout=1, socket_connect_timeout=1, retry=None)


def waiting(server: Redis) -> int:
    """Messages that no worker has taken yet. Raises redis's RedisError."""
    return int(server.llen(QUEUE))
