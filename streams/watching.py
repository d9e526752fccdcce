"""Following the alerts of a stack, for people at a terminal."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # ships no types
from pydantic import ValidationError

from connectors.kafka.connection import Connection
from connectors.models import Alert, Level, Transition
from connectors.topics import ALERTS
from streams.logs import logger

log = logger(__name__)

_MARKS = {Level.RED: "红 red", Level.ORANGE: "橙 orange", Level.YELLOW: "黄 yellow", Level.BLUE: "蓝 blue"}
_DID = {
    Transition.OPENED: "新发 opened",
    Transition.ESCALATED: "升级 escalated",
    Transition.EASED: "降级 eased",
    Transition.RESOLVED: "解除 resolved",
    Transition.RETRACTED: "撤回 retracted",
    Transition.REVIEW: "待复核 review",
}
STYLES = {Level.RED: "bold red", Level.ORANGE: "dark_orange", Level.YELLOW: "yellow", Level.BLUE: "blue"}


class Followed(NamedTuple):
    """A transition, and whether it came after the following began."""

    alert: Alert
    fresh: bool


async def follow(kafka: Connection, *, from_start: bool = False) -> AsyncGenerator[Followed, None]:
    """Yield the alert transitions of a stack as they are committed.

    Parameters
    ----------
    kafka
        Where it is, and who we are there.
    from_start
        Whether to begin with the oldest transition instead of the next one.
    """
    async with AIOKafkaConsumer(
        **kafka.aiokafka(), isolation_level="read_committed", enable_auto_commit=False
    ) as consumer:
        places = [TopicPartition(ALERTS, p) for p in sorted(await _partitions(consumer))]
        ends = await consumer.end_offsets(places)
        consumer.assign(places)
        for place in places:
            consumer.seek(place, 0 if from_start else ends[place])
        if from_start:
            await consumer.seek_to_beginning(*places)
        async for record in consumer:
            try:
                alert = Alert.model_validate_json(record.value)
            except ValidationError as error:
                log.warning("not an alert", offset=record.offset, error=str(error))
                continue
            yield Followed(alert, record.offset >= ends[TopicPartition(ALERTS, record.partition)])


async def _partitions(consumer: AIOKafkaConsumer) -> set[int]:
    consumer.subscribe([ALERTS])
    try:
        await consumer._client.force_metadata_update()
        return set(consumer.partitions_for_topic(ALERTS) or ())
    finally:
        consumer.unsubscribe()


def line(alert: Alert) -> str:
    """Return one line about a transition: when, what, how high, who and why (for one that ends: why it was)."""
    over = alert.transition in (Transition.EASED, Transition.RESOLVED, Transition.RETRACTED)
    was_zh, was_en = ("此前：", "was: ") if over else ("", "")
    reason = f" · {was_zh}{alert.reasons[0].zh} · {was_en}{alert.reasons[0].en}" if alert.reasons else ""
    name = alert.enterprise_name or alert.enterprise_id
    level = f" {_MARKS[alert.level]}" if alert.level in _MARKS else ""
    return f"{alert.at:%Y-%m-%d} {_DID[alert.transition]}{level} {name}{reason}"
