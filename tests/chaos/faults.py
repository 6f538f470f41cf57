"""The faults of a chaos run: each leaves the service whole again, or on its way there."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psycopg
import redis

from tests.servers import PostgreSQL, Process, Valkey
from tests.stage import Stage

FAKETIME = "*-linux-gnu/faketime/libfaketime.so.1"
"""Where Debian's and Ubuntu's package `libfaketime` has the library, below /usr/lib."""


def clocks() -> list[dict[str, str]]:
    """Environments of processes whose clocks are right, two hours fast and two hours slow; none without libfaketime."""
    if not (found := list(Path("/usr/lib").glob(FAKETIME))):
        return []
    faked = {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(Path(__file__).parent / "faked"),
    }
    return [{}, {**faked, "FAKETIME": "+2h"}, {**faked, "FAKETIME": "-2h"}]


class Faults:
    """Injects one of them at a time, as `chance` has it."""

    def __init__(self, stage: Stage, server: PostgreSQL, chance: random.Random, workers: int):
        self.stage, self.server, self.chance, self.workers = stage, server, chance, workers
        self.clocks = clocks()
        self.kinds = {
            "training child killed": (self.kill_child, 4),
            "worker killed": (self.kill_worker, 3),
            "worker frozen": (self.freeze_worker, 3),
            "worker told to end": (self.end_worker, 2),
            "api killed": (self.kill_api, 2),
            "api frozen": (self.freeze_api, 1),
            "broker killed": (self.kill_broker, 2),
            "broker emptied": (self.empty_broker, 1),
            "broker frozen": (self.freeze_broker, 2),
            "broker's connections cut": (self.cut_broker, 2),
            "database killed": (self.kill_database, 2),
            "database restarted": (self.restart_database, 2),
            "database takes no writes": (self.refuse_writes, 2),
            "writes to the disk stall": (self.stall_writes, 2),
            "database frozen": (self.freeze_database, 1),
            "database's connections cut": (self.cut_database, 3),
        }

    def inject(self) -> str:
        """One fault; its name."""
        self.mend()
        names = list(self.kinds)
        (name,) = self.chance.choices(names, [self.kinds[name][1] for name in names])
        self.kinds[name][0]()
        return name

    def mend(self) -> None:
        """Starts again whatever has ended."""
        if self.server.popen.poll() is not None:
            self.server = PostgreSQL(self.server.directory, port=self.server.port)
        if self.stage.broker.popen.poll() is not None:
            self.stage.restart_broker()
        if self.clocks:
            self.stage.worker_env = self.chance.choice(self.clocks)
        self.stage.begin(self.workers)

    def pause(self, most: float) -> None:
        time.sleep(self.chance.uniform(0, most))

    # --- workers

    def kill_child(self) -> None:
        children = [pid for worker in self.stage.workers for pid in worker.children()]
        if children:
            with suppress(ProcessLookupError):
                os.kill(self.chance.choice(children), signal.SIGKILL)

    def kill_worker(self) -> None:
        self.chance.choice(self.stage.workers).send(signal.SIGKILL)

    def end_worker(self) -> None:
        self.chance.choice(self.stage.workers).send(signal.SIGTERM)

    def freeze_worker(self) -> None:
        worker = self.chance.choice(self.stage.workers)
        self._freeze([worker.pid, *worker.children()], 10)  # longer than a lease, or not

    # --- the API

    def kill_api(self) -> None:
        self.stage.kill_api()
        self.pause(2)

    def freeze_api(self) -> None:
        self._freeze([self.stage.api_process.pid], 4)

    # --- the broker

    def kill_broker(self) -> None:
        self.stage.broker.kill()
        self.pause(3)

    def empty_broker(self) -> None:
        self.stage.restart_broker(keep_data=False)

    def freeze_broker(self) -> None:
        self._freeze([self.stage.broker.pid], 6)

    def cut_broker(self) -> None:
        broker: Valkey = self.stage.broker
        with redis.Redis.from_url(broker.url) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    # --- the database

    def kill_database(self) -> None:
        process: Process = self.server
        process.send(self.chance.choice((signal.SIGKILL, signal.SIGINT)))
        process.wait()
        self.server.kill()
        self.pause(3)

    def restart_database(self) -> None:
        """As an operator does it: open transactions are rolled back, and it is there again at once."""
        self.server.send(signal.SIGINT)
        self.server.wait()
        self.mend()

    def refuse_writes(self) -> None:
        """As a standby, or a server whose disk is full: what is there can be read."""
        self._set("default_transaction_read_only", "on")
        try:
            self.pause(8)
        finally:
            self._set("default_transaction_read_only", "off")

    def _set(self, name: str, value: str) -> None:
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")
            connection.execute("SELECT pg_reload_conf()")

    def stall_writes(self) -> None:
        """Writes wait, and reads go on: a disk whose queue is full, as its users see it."""
        with psycopg.connect(self.server.url("ockham")) as connection:
            connection.execute("SET lock_timeout = '5s'")
            # Of two that wait for each other the server ends one: where it is this one, there was no fault to inject.
            with suppress(psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                connection.execute("LOCK TABLE epochs, events, runs IN EXCLUSIVE MODE")
                self.pause(10)

    def freeze_database(self) -> None:
        self._freeze([self.server.pid, *self.server.children()], 5)

    def cut_database(self) -> None:
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ockham'")

    def _freeze(self, pids: Iterable[int], most: float) -> None:
        pids = list(pids)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            if number == signal.SIGSTOP:
                self.pause(most)
