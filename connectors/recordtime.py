"""When a message counts as known in a stack whose clock is the data's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from connectors.catalogue import FAMILIES, HOUR_MS, Period
from connectors.models import Enterprise, Signal
from connectors.topics import INPUTS, REGISTRY

_LAG_MS = 6 * HOUR_MS
_RANK = {topic: rank for rank, topic in enumerate(INPUTS)}


def topic_of(message: Signal | Enterprise) -> str:
    """Return the input topic that a message belongs to."""
    return REGISTRY if isinstance(message, Enterprise) else f"signals.{message.family}"


def record_time_ms(message: Signal | Enterprise, zone: ZoneInfo, fallback_ms: int = 0) -> int:
    """Return the record time that a message has in a simulated stack, and in a replay of files.

    It is ``published_at`` where the source says so, else the end of the period that ``event_time`` falls into, in the
    zone, plus the metric's usual lag.

    Parameters
    ----------
    message
        A signal or a registry entry.
    zone
        In which days and months are calendar ones.
    fallback_ms
        For a registry entry that does not say when it was published. Milliseconds.

    Examples
    --------
    >>> reading = Signal(enterprise_id="1", family="electricity", metric="daily_kwh", value=1.0, unit="kWh",
    ...                  event_time=datetime(2025, 9, 1, tzinfo=UTC), source="s", source_id="1")
    >>> datetime.fromtimestamp(record_time_ms(reading, ZoneInfo("UTC")) / 1000, UTC).isoformat()
    '2025-09-02T06:00:00+00:00'
    """
    if message.published_at is not None:
        return round(message.published_at.timestamp() * 1000)
    if isinstance(message, Enterprise):
        return fallback_ms
    return _usual_time(message.event_time, message.family, message.metric, zone)


def order_key(message: Signal | Enterprise, zone: ZoneInfo, fallback_ms: int = 0) -> tuple[int, int]:
    """Return what a simulated stream is ordered by: the minute of the record time, then the topic's rank.

    Messages of an unknown family come last within their minute.
    """
    rank = _RANK.get(topic_of(message), len(INPUTS))
    return record_time_ms(message, zone, fallback_ms) // 60_000, rank


@lru_cache(maxsize=65_536)
def _usual_time(event_time: datetime, family: str, name: str, zone: ZoneInfo) -> int:
    known = FAMILIES.get(family)
    metric = known.metrics.get(name) if known else None
    day = event_time.astimezone(zone).date()
    if metric is not None and metric.period is Period.MONTH:
        end = day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1, day=1)
    else:
        end = day + timedelta(days=1)
    start_of_next = datetime(end.year, end.month, end.day, tzinfo=zone).astimezone(UTC)
    return round(start_of_next.timestamp() * 1000) + (metric.lag_ms if metric is not None else _LAG_MS)
