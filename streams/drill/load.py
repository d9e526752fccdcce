"""Steady load on a live stack: quarter-hours of many enterprises, and court cases that raise alerts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count
from zoneinfo import ZoneInfo

from connectors.catalogue import DAY_MS
from connectors.contract import WriteError
from connectors.kafka.connection import Connection
from connectors.kafka.writer import SignalWriter
from connectors.models import Signal
from detectors.calendar import Calendar
from streams.clock import Clock, moment

#: Enterprises that the readings are spread over.
ENTERPRISES = 500
#: One signal in so many is a court case.
CASE_EVERY = 50
_SLOT_MS = DAY_MS // 96
_OPEN_MS = 7 * 3_600_000
_BURST_S = 0.1


class SteadyLoad:
    """Sends signals at a steady rate in a thread of its own, until the block ends.

    Parameters
    ----------
    kafka
        Where it is, and who we are there.
    name
        The source of the signals: no two loads on one stack may share it.
    rate
        Signals per second.
    clock
        For the times of the signals.
    zone
        In which days are calendar ones.
    """

    def __init__(self, kafka: Connection, name: str, rate: int, clock: Clock, zone: str) -> None:
        self.sent = 0
        self.error: WriteError | None = None
        self._name = name
        self._rate = rate
        self._clock = clock
        self._calendar = Calendar(zone)
        self._writer = SignalWriter(kafka, simulated=False, zone=ZoneInfo(zone), timeout_s=300.0)
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, name="steady-load")

    def __enter__(self) -> SteadyLoad:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._halt.set()
        self._thread.join()
        self._writer.close()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        signals = self._signals()
        try:
            while not self._halt.wait(_BURST_S):
                for _ in range(max(1, round(self._rate * _BURST_S))):
                    self._writer.send(next(signals))
                    self.sent += 1
            self._writer.flush()
        except WriteError as error:
            self.error = error

    def _signals(self) -> Iterator[Signal]:
        now = self._clock.now_ms()
        begin = self._calendar.day_start(self._calendar.day_of(now - _OPEN_MS))
        slots = max(1, (now - begin) // _SLOT_MS)
        for number in count():
            if number % CASE_EVERY == 0:
                yield self._case(number, now)
            else:
                turn, enterprise = divmod(number, ENTERPRISES)
                yield self._reading(enterprise, turn, begin + (turn % slots) * _SLOT_MS)

    def _reading(self, enterprise: int, turn: int, at: int) -> Signal:
        return Signal(
            enterprise_id=f"{self._name}-{enterprise:05d}",
            family="electricity",
            metric="kwh_15min",
            value=float(1 + (enterprise + turn) % 9),
            unit="kWh",
            event_time=moment(at),
            source=self._name,
            source_id=f"q-{enterprise}-{turn}",
        )

    def _case(self, number: int, at: int) -> Signal:
        kind = ("enforcement", "dishonest", "bankruptcy")[number // CASE_EVERY % 3]
        enterprise = number // CASE_EVERY % ENTERPRISES
        return Signal(
            enterprise_id=f"{self._name}-{enterprise:05d}",
            family="litigation",
            metric="case",
            payload={"case_no": f"(2026)演0101执{number}号", "kind": kind, "role": "defendant", "status": "open"},
            event_time=moment(at),
            source=self._name,
            source_id=f"case-{number}",
        )
