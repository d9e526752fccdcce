"""Electricity far over capacity: whether a bankruptcy notice still gets through, and memory stays bounded."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from kafka import KafkaProducer  # type: ignore[import-untyped]  # ships no types

from connectors.catalogue import DAY_MS
from connectors.compact import Block
from connectors.contract import WriteError
from connectors.kafka.admin import connected
from connectors.kafka.partitioner import partition_of
from connectors.kafka.writer import SignalWriter
from connectors.models import Signal
from detectors.calendar import Calendar
from streams.clock import Clock, moment
from streams.drill.scaling import FAULTY
from streams.drill.scene import Scene
from streams.private import memory_mb

#: Readings of the flood, and enterprises that they are of.
READINGS, ENTERPRISES = 1_000_000, 40_000
#: What a message costs the slow scorer more: it can score some 30,000 a second.
SLOW_US = 30
_BLOCK = 4_000
_TOPIC, _NOTICES = "signals.electricity", "signals.litigation"
_SLOT_MS, _OPEN_MS = DAY_MS // 96, 7 * 3_600_000
_MOST_NOTICES = 60


def overload(scene: Scene) -> None:
    """Feed one scorer ten times what it can score; meanwhile tell of a bankruptcy every second.

    A scorer by itself scores about as fast as a producer on the same two cores can feed it: this one is slowed down.
    """
    for number in (0, 1):
        scene.scorers.stop(number)
    scene.scorers.start(0, "--slow-us", str(SLOW_US), module=FAULTY)
    scene.wait_until_shared("scorer-0")
    flood = _Flood(scene)
    before = memory_mb(scene.scorers.pids())["scorer-0"]
    scene.mark()
    began = scene.clock.monotonic()
    flood.start()
    notices, lags, memory = _watch(scene, flood)
    drained_s = scene.clock.monotonic() - began
    flood.join()
    scene.ledger.signals[flood.source] += flood.sent
    scene.ledger.signals[_source(scene)] += len(notices)
    waits = _waits(scene, notices)
    scene.figures |= {
        "notice_s": {"p50": round(median(waits), 2), "max": round(max(waits), 2), "count": len(waits)},
        "flood": flood.sent,
        "fed_per_s": round(flood.sent / flood.seconds),
        "scored_per_s": round(flood.sent / drained_s),
        "times_capacity": round(drained_s / flood.seconds, 1),
        "lag_records": max(lags),
        "memory_mb": {"before": before, "max": max(memory)},
    }
    scene.mark(moved=scene.groups)
    scene.scorers.stop(0)
    for number in (0, 1):
        scene.scorers.start(number)
    scene.wait_until_shared("scorer-0", "scorer-1")


class _Flood:
    """Sends compact quarter-hours of many enterprises as fast as Kafka takes them, in a thread of its own."""

    def __init__(self, scene: Scene) -> None:
        self.source = f"{scene.name}-flood"
        self.sent = 0
        self.seconds = 0.0
        self._scene = scene
        self._error: WriteError | None = None
        self._thread = threading.Thread(target=self._run, name="flood")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def runs(self) -> bool:
        """Whether it is still sending."""
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait until all is acknowledged."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        stack, clock = self._scene.stack, self._scene.clock
        writer = SignalWriter(stack.endpoints.kafka, simulated=False, zone=ZoneInfo(stack.settings.zone))
        began = clock.monotonic()
        try:
            for block in self._blocks(clock):
                writer.send_block(block)
                self.sent += len(block)
            writer.flush()
        except WriteError as error:
            self._error = error
        finally:
            self.seconds = clock.monotonic() - began
            writer.close()

    def _blocks(self, clock: Clock) -> Iterator[Block]:
        enterprises = [f"{self.source}-{number:06d}" for number in range(ENTERPRISES)]
        calendar, now = Calendar(self._scene.stack.settings.zone), clock.now_ms()
        begin = calendar.day_start(calendar.day_of(now - _OPEN_MS))
        chance = np.random.default_rng(1)
        for slot in range(READINGS // ENTERPRISES):
            for first in range(0, ENTERPRISES, _BLOCK):
                some = enterprises[first : first + _BLOCK]
                values = chance.integers(1, 40, len(some)) / 4
                yield Block("electricity", "kwh_15min", "kWh", self.source, some, values, begin + slot * _SLOT_MS)


def _watch(scene: Scene, flood: _Flood) -> tuple[dict[str, int], list[int], list[float]]:
    """Tell of a bankruptcy every second until the flood is scored; return when each was appended, and what was seen."""
    notices: dict[str, int] = {}
    lags, memory = [], []
    ends: dict[int, int] = {}
    app = scene.stack.settings.app
    producer = _producer(scene)
    try:
        with connected(scene.stack.endpoints.kafka) as admin:
            while not (ends and _reached(admin.group_offsets(app).get(_TOPIC, {}), ends)):
                if len(notices) < _MOST_NOTICES:
                    enterprise = f"{_source(scene)}-{len(notices):03d}"
                    notices[enterprise] = _tell(scene, producer, enterprise)
                memory.append(memory_mb(scene.scorers.pids())["scorer-0"])
                lags.append(sum(lag.lag for lag in admin.lag(app, [_TOPIC])))
                if not flood.runs:
                    ends = ends or admin.end_offsets([_TOPIC])[_TOPIC]
                scene.sleep(1.0)
    finally:
        producer.close()
    return notices, lags, memory


def _reached(offsets: Mapping[int, int], ends: Mapping[int, int]) -> bool:
    return all(offsets.get(partition, 0) >= end for partition, end in ends.items())


def _tell(scene: Scene, producer: Any, enterprise: str) -> int:
    """Send a notice and return when Kafka appended it. Milliseconds."""
    notice = Signal(
        enterprise_id=enterprise,
        family="litigation",
        metric="case",
        payload={"case_no": f"破产 {enterprise}", "kind": "bankruptcy", "role": "defendant", "status": "open"},
        event_time=moment(scene.clock.now_ms()),
        source=_source(scene),
        source_id=f"notice-{enterprise}",
    )
    partition = partition_of(enterprise, scene.stack.settings.partitions)
    stored = producer.send(_NOTICES, notice.wire(), key=enterprise.encode(), partition=partition).get(60)
    return int(stored.timestamp)


def _waits(scene: Scene, notices: dict[str, int]) -> list[float]:
    """Return the seconds from each notice's append until its webhook came."""

    def heard() -> dict[str, int] | None:
        came: dict[str, int] = {}
        for at, request in list(scene.receiver.arrivals):
            enterprise = json.loads(request.body)["data"]["enterprise_id"]
            if enterprise in notices:
                came.setdefault(enterprise, at)
        return came if len(came) == len(notices) else None

    came = scene.stack.wait_for("a webhook for each notice", heard)
    return [(came[enterprise] - appended) / 1000 for enterprise, appended in notices.items()]


def _source(scene: Scene) -> str:
    return f"{scene.name}-notice"


def _producer(scene: Scene) -> Any:
    return KafkaProducer(**scene.stack.endpoints.kafka.kafka_python(), acks="all", enable_idempotence=True)
