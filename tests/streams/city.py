"""A small world for tests of the engine: two plain detectors, signals by day, and shards fed with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.kafka.partitioner import partition_of
from connectors.models import Alert, Enterprise, Signal
from detectors.calendar import Calendar
from detectors.cohort import OneByOne
from detectors.config import DetectionConfig
from detectors.contract import Context, Event, Level, Opinion, Plain
from detectors.estimators import EWVar
from streams.clock import millis
from streams.rules import Rules
from streams.shard import Record, Shard

MONDAY = datetime(2025, 3, 3, tzinfo=UTC) - timedelta(hours=8)  # midnight in Shanghai
FACTORY = "91350100M000100Y43"


class Dark(OneByOne):
    """Says "collapse" while a day's use is under a tenth of the mean that River has learned."""

    name, version, family, series = "dark", 1, "electricity", ("daily_kwh",)

    def memory(self) -> EWVar:
        return EWVar(0.2)

    def dump(self, memory: EWVar) -> list[Plain]:
        return memory.dump()

    def load(self, state: list[Plain]) -> EWVar:
        return EWVar.load(0.2, state)

    def judge_one(self, memory: EWVar, context: Context) -> Sequence[Opinion]:
        closed = context.series["daily_kwh"]
        newest, usual = closed.values[-1], memory.mean
        if math.isnan(newest) or usual <= 0 or newest >= usual / 10:
            return ()
        since = context.calendar.day_start(closed.last)
        return [
            Opinion("electricity.collapse", 0.7, since, observed=newest, expected=usual, unit="kWh", reach=Level.ORANGE)
        ]

    def learn_one(self, memory: EWVar, context: Context, series: str, index: int) -> None:
        value = context.series[series].values[index]
        if not math.isnan(value):
            memory.update(value)


class Court:
    """Says what each case is; bankruptcy is a legal floor."""

    name, version, family, events = "court", 1, "litigation", ("case",)

    def memory(self) -> list[int]:
        return [0]

    def dump(self, memory: list[int]) -> list[Plain]:
        return [*memory]

    def load(self, state: list[Plain]) -> list[int]:
        return [int(number) for number in state if isinstance(number, int)]

    def judge_one(self, memory: list[int], event: Event, context: Context) -> Sequence[Opinion]:
        payload = event.payload
        closed = payload["status"] == "closed"
        bankrupt = payload["kind"] == "bankruptcy"
        return [
            Opinion(
                "litigation.bankruptcy" if bankrupt else "litigation.enforcement",
                1.0 if bankrupt else 0.6,
                event.event_time,
                subject=str(payload["case_no"]),
                half_life_days=180.0 if closed else None,
                lasting=not closed,
                closed=closed,
                floor=Level.RED if bankrupt and not closed else Level.NONE,
                reach=Level.RED,
            )
        ]

    def learn_one(self, memory: list[int], event: Event, context: Context) -> None:
        memory[0] += 1


def rules(*detectors: Any, partitions: int = 1) -> Rules:
    return Rules(partitions, Calendar("Asia/Shanghai"), DetectionConfig.default(), detectors or (Dark(), Court()))


def reading(day: int, kwh: float, enterprise: str = FACTORY, **changes: Any) -> Signal:
    """The daily figure of the n-th day after MONDAY, made known at two in the morning of the next day."""
    start = MONDAY + timedelta(days=day)
    given = {
        "enterprise_id": enterprise,
        "family": "electricity",
        "metric": "daily_kwh",
        "value": float(kwh),
        "unit": "kWh",
        "event_time": start,
        "published_at": start + timedelta(days=1, hours=2),
        "source": "grid",
        "source_id": f"{enterprise}-{day}",
    } | changes
    return Signal.model_validate(given)


def quarter(day: int, slot: int, kwh: float, **changes: Any) -> Signal:
    """One quarter-hour of a day, made known when it ends."""
    start = MONDAY + timedelta(days=day, minutes=15 * slot)
    return reading(
        day,
        kwh,
        metric="kwh_15min",
        event_time=start,
        published_at=start + timedelta(minutes=15),
        source_id=f"q-{day}-{slot}",
        **changes,
    )


def case(day: int, kind: str = "enforcement", number: str = "(2025)闽01执1号", **changes: Any) -> Signal:
    """A court record of the n-th day, made known at noon."""
    noon = MONDAY + timedelta(days=day, hours=12)
    status = changes.pop("status", "open")
    given = {
        "enterprise_id": FACTORY,
        "family": "litigation",
        "metric": "case",
        "payload": {"case_no": number, "kind": kind, "role": "defendant", "status": status},
        "event_time": noon,
        "published_at": noon,
        "source": "court",
        "source_id": f"{number}-{status}",
    } | changes
    return Signal.model_validate(given)


class Feed:
    """Hands messages to a shard as Kafka would: offsets by topic, record time = published_at."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.offsets: dict[str, int] = {}
        self.alerts: list[Alert] = []
        self.log: list[tuple[str, Record]] = []

    def send(self, *messages: Signal | Enterprise) -> None:
        for message in messages:
            topic = f"signals.{message.family}" if isinstance(message, Signal) else "enterprises"
            assert message.published_at is not None
            self.raw(topic, message.wire(), millis(message.published_at))

    def raw(self, topic: str, value: bytes | None, time: int) -> None:
        offset = self.offsets.get(topic, 0)
        record = Record(offset, time, None, value)
        self.offsets[topic] = offset + 1
        self.log.append((topic, record))
        self.shard.tick(time)
        self.shard.apply(topic, offset, offset + 1, [record])

    def until(self, day: int, hour: int = 12) -> None:
        self.shard.tick(millis(MONDAY + timedelta(days=day, hours=hour)))

    def taken(self) -> list[Alert]:
        """The alerts of a checkpoint taken now."""
        rows = self.shard.take().outputs.get("alerts", [])
        return [Alert.model_validate_json(value) for _, value in rows]


def homes(enterprise: str, partitions: int) -> int:
    return partition_of(enterprise, partitions)
