"""How long ClickHouse keeps what, from the settings."""

from __future__ import annotations

from connectors.clickhouse.schema import Kept
from streams.settings import Settings


def ages(settings: Settings) -> dict[Kept, int]:
    """Return the days after which rows are dropped; 0: never.

    A simulated stack drops nothing: its data may be of any year, and ClickHouse judges ages by the machine's clock.
    """
    if settings.simulated:
        return {}
    return {
        "signals": settings.ttl_signals_days,
        "derived": settings.ttl_derived_days,
        "dead_letters": settings.ttl_dead_letters_days,
    }
