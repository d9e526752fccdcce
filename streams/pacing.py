"""Compressed time: a simulated stream that goes no faster than so many days a second."""

from __future__ import annotations

import threading

from streams.clock import Clock

DAY_MS = 86_400_000


class Interrupted(Exception):
    """The stream was asked to stop."""


class Pace:
    """Waits until simulated time is due.

    Parameters
    ----------
    days_per_second
        At most; 0: no limit.
    start_ms
        Nothing before this moment is paced. Milliseconds.
    clock
        To measure by.
    halt
        Set by whoever wants the stream to stop.
    """

    def __init__(self, days_per_second: float, start_ms: int, clock: Clock, halt: threading.Event) -> None:
        self._days_per_second = days_per_second
        self._start_ms = start_ms
        self._clock = clock
        self._halt = halt
        self._began: tuple[float, int] | None = None

    def wait(self, now_ms: int) -> None:
        """Wait until a simulated moment is due.

        Raises
        ------
        Interrupted
            If the stream was asked to stop.
        """
        seconds = 0.0
        if self._days_per_second and now_ms >= self._start_ms:
            then, simulated = self._began = self._began or (self._clock.monotonic(), now_ms)
            due = then + (now_ms - simulated) / DAY_MS / self._days_per_second
            seconds = max(0.0, due - self._clock.monotonic())
        if self._halt.wait(seconds):
            raise Interrupted
