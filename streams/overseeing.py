"""What a supervisor tells of its stack: probes, metrics, where Prometheus finds the parts, and the dead man's ping."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from streams import health, metrics
from streams.clock import Clock
from streams.deadman import DeadMan
from streams.health import INTERVAL_S, Beacon
from streams.logs import logger
from streams.metrics import Metrics
from streams.probes import Vitals, answering
from streams.runtime import replace_file
from streams.settings import Settings
from streams.supervisor import Supervisor

#: Name of the supervisor's own beacon.
PART = "supervisor"
#: In the data directory, for Prometheus's ``file_sd_configs``.
TARGETS = "run/targets.json"

_log = logger(__name__)


@asynccontextmanager
async def overseeing(settings: Settings, clock: Clock, supervisor: Supervisor) -> AsyncIterator[Metrics]:
    """Tell how the supervised stack is, for as long as the block lasts; yield the metrics.

    Raises
    ------
    RefusedUrlError
        If ``deadman_url`` may not be called.
    """
    counts = Metrics("supervisor")
    deadman = DeadMan(settings, clock, counts)
    beacon = Beacon(settings.data_dir, PART, clock)
    overseer = _Overseer(settings, clock, supervisor, counts, beacon)
    async with answering(settings, Vitals(counts, beacon)):
        tasks = [asyncio.create_task(overseer.run()), asyncio.create_task(deadman.run(overseer.not_ready))]
        for task in tasks:
            task.add_done_callback(_tell_failure)
        try:
            yield counts
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            health.forget(settings.data_dir, PART)


class _Overseer:
    """Looks at the stack every second."""

    def __init__(
        self, settings: Settings, clock: Clock, supervisor: Supervisor, counts: Metrics, beacon: Beacon
    ) -> None:
        self._data_dir = settings.data_dir
        self._clock = clock
        self._supervisor = supervisor
        self._counts = counts
        self._beacon = beacon
        self._reason = "starting"
        self._restarts: dict[str, int] = {}
        self._targets: list[dict[str, object]] = []
        beacon.not_ready = self.not_ready
        counts.refresh_with(self._measure)

    def not_ready(self) -> str:
        """Return why not everything was ready when it was last looked at; empty if everything was."""
        return self._reason

    async def run(self) -> None:
        while True:
            self._reason = await self._supervisor.not_ready()
            self._beacon.beat("running", restarts=sum(self._supervisor.restarts.values()))
            await asyncio.to_thread(self._write_targets)
            await asyncio.sleep(INTERVAL_S)

    def _measure(self) -> None:
        for part, well in self._supervisor.up.items():
            self._counts.set(metrics.UP, 1 if well else 0, part)
        for part, count in self._supervisor.restarts.items():
            self._counts.count(metrics.RESTARTS, count - self._restarts.get(part, 0), part)
            self._restarts[part] = count

    def _write_targets(self) -> None:
        signs = [sign for sign in health.read_all(self._data_dir) if sign.probes and sign.alive]
        targets: list[dict[str, object]] = [
            {"targets": [urlsplit(sign.probes).netloc], "labels": {"part": sign.part}} for sign in signs
        ]
        if targets == self._targets:
            return
        try:
            replace_file(self._data_dir / TARGETS, json.dumps(targets, indent=1).encode(), mode=0o644)
        except OSError as error:
            _log.warning("cannot write where Prometheus finds the parts", error=str(error))
        else:
            self._targets = targets


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("the supervisor no longer tells how the stack is", exc_info=error)
