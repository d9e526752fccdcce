"""The least private stack that scores: a broker and some scorers, nothing that reads their output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from connectors.embedded import KafkaServer, free_run
from connectors.embedded.leash import leashed
from connectors.kafka.admin import Admin, connected, ensure_topics
from connectors.kafka.connection import Connection
from streams import health
from streams.bench.backlog import Backlog, Place
from streams.clock import Clock
from streams.private import StackError
from streams.runtime import endpoints, load_settings, write_stack
from streams.settings import Settings
from streams.stack import topics_of

#: How often the scorers' positions are asked for: each question costs the broker, and us, a little.
_POLL_S = 0.1
_START_S = 90.0


class ScoringStack:
    """A simulated stack of one broker and a changing number of scorers, in a directory of its own.

    Parameters
    ----------
    directory
        An empty one.
    clock
        To wait by.
    settings
        Further settings, by their names.
    """

    def __init__(self, directory: Path, clock: Clock, **settings: Any) -> None:
        port = free_run(2)
        given: dict[str, Any] = {"data_dir": directory, "stack_time": "simulated", "kafka_port": port, "partitions": 16}
        self._given = given | settings | {"kafka_bootstrap": f"127.0.0.1:{port}"}
        self._directory = directory
        self._clock = clock
        self._scorers: dict[int, subprocess.Popen[bytes]] = {}
        self._open = ExitStack()
        self._broker = KafkaServer(directory / "kafka", port, heap=self.settings.kafka_heap)

    @property
    def settings(self) -> Settings:
        """The settings of its processes."""
        return load_settings(**self._given)

    @property
    def kafka(self) -> Connection:
        """How to reach its broker."""
        return endpoints(self.settings).kafka

    @property
    def admin(self) -> Admin:
        """Questions to its broker."""
        return self._admin

    def __enter__(self) -> Self:
        try:
            self._open.enter_context(self._broker)
            write_stack(self.settings)
            ensure_topics(self.kafka, topics_of(self.settings), self.settings.partitions)
            self._admin = self._open.enter_context(connected(self.kafka))
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._scorers.values():
            process.kill()
            process.wait()
        self._open.close()

    # ---- scorers -------------------------------------------------------------------------------------------------

    def scale(self, count: int) -> None:
        """Start or stop scorers until there are so many, and wait until they share the partition groups evenly."""
        for worker in range(count, len(self._scorers)):
            self._scorers[worker].terminate()
            self._scorers.pop(worker).wait()
        for worker in range(len(self._scorers), count):
            self._start(worker)
        if count:
            self.wait(f"{count} scorers ready", self._shared, _START_S)

    def kill(self, worker: int) -> None:
        """SIGKILL one."""
        process = self._scorers.pop(worker)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def scorers(self) -> dict[str, psutil.Process]:
        """Return the processes of the scorers by name."""
        return {f"scorer-{worker}": psutil.Process(process.pid) for worker, process in self._scorers.items()}

    def beacons(self) -> list[Mapping[str, Any]]:
        """Return the figures that the scorers tell of themselves."""
        signs = (health.read(self._directory, f"scorer-{worker}") for worker in self._scorers)
        return [sign.detail for sign in signs if sign is not None]

    def probes(self) -> list[str]:
        """Return where the scorers answer probes."""
        signs = (health.read(self._directory, f"scorer-{worker}") for worker in self._scorers)
        return [sign.probes for sign in signs if sign is not None]

    def _start(self, worker: int) -> None:
        health.forget(self._directory, f"scorer-{worker}")
        # Nothing of the surrounding FOREWARN_* reaches it; the child ends when this process does.
        kept = {k: v for k, v in os.environ.items() if not k.startswith("FOREWARN_") and k != "PYTHONDONTWRITEBYTECODE"}
        environment = kept | {f"FOREWARN_{name.upper()}": str(value) for name, value in self._given.items()}
        command = leashed([sys.executable, "-m", "streams.cli", "scorer", "--worker-id", str(worker)], signal.SIGKILL)
        with self._log(worker).open("ab") as log:
            self._scorers[worker] = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def _shared(self) -> bool:
        share = self.settings.partitions / len(self._scorers)
        told = self.beacons()
        return len(told) == len(self._scorers) and all(
            not detail["rebalancing"] and share - 1 < len(detail["partitions"]) < share + 1 for detail in told
        )

    # ---- waiting -------------------------------------------------------------------------------------------------

    def scored(self, backlog: Backlog, timeout_s: float) -> float:
        """Wait until everything released is in committed checkpoints; return the seconds since its release."""

        def done() -> bool:
            return not left(backlog, self._admin.group_offsets(self.settings.app))

        self.wait("the backlog scored", done, timeout_s)
        return self._clock.monotonic() - backlog.released_s

    def wait(self, what: str, reached: Callable[[], bool], timeout_s: float) -> None:
        """Wait until something is so.

        Raises
        ------
        TimeoutError
            If it takes too long; the message says what was waited for.
        StackError
            If a scorer ends meanwhile.
        """
        deadline = self._clock.monotonic() + timeout_s
        while not reached():
            for worker, process in self._scorers.items():
                if process.poll() is not None:
                    message = f"scorer {worker} ended with code {process.returncode}\n{self._tail(worker)}"
                    raise StackError(message)
            if self._clock.monotonic() > deadline:
                message = f"{what}: not within {timeout_s:g} s\n{self._tail(0)}"
                raise TimeoutError(message)
            time.sleep(_POLL_S)

    def _log(self, worker: int) -> Path:
        return self._directory / f"scorer-{worker}.log"

    def _tail(self, worker: int) -> str:
        path = self._log(worker)
        return "\n".join(path.read_text("utf-8", "replace").splitlines()[-25:]) if path.exists() else ""


def left(backlog: Backlog, committed: Mapping[str, Mapping[int, int]]) -> dict[Place, int]:
    """Return how many offsets of a backlog each partition still has to pass; empty when it is all applied."""
    behind = {place: end - committed.get(place[0], {}).get(place[1], 0) for place, end in backlog.ends.items()}
    return {place: count for place, count in behind.items() if count > 0}
