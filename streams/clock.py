"""The machine's clock: the only module that reads it. Everything else is given the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now_ms(self) -> int:
        """Return milliseconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back, for waiting and measuring."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        """Return milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic()

    def busy(self) -> float:
        """Return the processor time that this process has used, seconds: for telling what work costs."""
        return time.process_time()


class ManualClock:
    """A clock that stands still until it is moved: for tests and replays.

    Examples
    --------
    >>> clock = ManualClock(1_000)
    >>> clock.move(500)
    >>> clock.now_ms()
    1500
    """

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Return the milliseconds it was set to."""
        return self._now_ms

    def monotonic(self) -> float:
        """Return the same moment in seconds."""
        return self._now_ms / 1000

    def move(self, by_ms: int) -> None:
        """Go forward."""
        self._now_ms += by_ms


def moment(ms: int) -> datetime:
    """Return milliseconds since the epoch as an aware UTC datetime.

    Examples
    --------
    >>> moment(0).isoformat()
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(ms / 1000, UTC)


def millis(when: datetime) -> int:
    """Return an aware datetime as whole milliseconds since the epoch.

    Examples
    --------
    >>> millis(datetime(1970, 1, 2, tzinfo=UTC))
    86400000
    """
    return round(when.timestamp() * 1000)
