"""Steady load on a live stack: quarter-hours of many enterprises in both wire forms, and events that raise alerts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any
from zoneinfo import ZoneInfo

from connectors import compact
from connectors.catalogue import DAY_MS
from connectors.contract import WriteError
from connectors.kafka.connection import Connection
from connectors.kafka.writer import SignalWriter
from connectors.models import Signal
from detectors.calendar import Calendar
from streams.clock import Clock, moment

#: Enterprises that the readings are spread over.
ENTERPRISES = 5_000
#: One signal in so many is an event.
EVENT_EVERY = 25
_SLOT_MS = DAY_MS // 96
_OPEN_MS = 7 * 3_600_000
_BURST_S = 0.1
#: What happens to one enterprise after the other: each of these in turn, so that its alert is opened and escalated.
_MISFORTUNES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("sentiment", "news", {"title": "供应商讨薪 公司拖欠货款被起诉"}),
    ("tax", "tax_notice", {"kind": "arrears", "amount": 250_000}),
    ("litigation", "case", {"kind": "enforcement", "role": "defendant", "status": "open"}),
    ("litigation", "case", {"kind": "bankruptcy", "role": "defendant", "status": "open"}),
)


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

    Attributes
    ----------
    sent
        Signals that Kafka has acknowledged.
    """

    def __init__(self, kafka: Connection, name: str, rate: int, clock: Clock, zone: str) -> None:
        self.sent = 0
        self.error: WriteError | None = None
        self._name = name
        self._rate = rate
        self._clock = clock
        self._calendar = Calendar(zone)
        self._writer = SignalWriter(kafka, simulated=False, zone=ZoneInfo(zone), timeout_s=300.0)
        self._extra: SimpleQueue[Signal] = SimpleQueue()
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, name="steady-load")

    def send_also(self, signal: Signal) -> None:
        """Send a signal in between."""
        self._extra.put(signal)

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
        began = self._clock.monotonic()
        due = 0
        try:
            while not self._halt.wait(_BURST_S):
                behind = round((self._clock.monotonic() - began) * self._rate) - due  # more after an outage of Kafka
                due += behind
                self._send([next(signals) for _ in range(behind)])
                with suppress(Empty):
                    while True:
                        self._send([self._extra.get_nowait()])
        except WriteError as error:
            self.error = error

    def _send(self, signals: list[Signal]) -> None:
        """Send, every other reading compact, and wait until Kafka has stored all: a batch waits until it is full."""
        readings = [signal for signal in signals if signal.value is not None]
        if readings:
            self._writer.send_block(compact.block_of(readings[::2]))
        for signal in (*readings[1::2], *(signal for signal in signals if signal.value is None)):
            self._writer.send(signal)
        self._writer.flush()
        self.sent += len(signals)

    def _signals(self) -> Iterator[Signal]:
        now = self._clock.now_ms()
        begin = self._calendar.day_start(self._calendar.day_of(now - _OPEN_MS))
        slots = max(1, (now - begin) // _SLOT_MS)
        events, readings = count(), count()
        for number in count():
            if number % EVENT_EVERY == 0:
                yield event(self._name, next(events), moment(now))
            else:
                turn, enterprise = divmod(next(readings), ENTERPRISES)
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


def event(source: str, number: int, at: datetime, label: str = "event") -> Signal:
    """Return the event with this number of a source: four misfortunes of one enterprise, then of the next."""
    enterprise, step = divmod(number, len(_MISFORTUNES))
    family, metric, payload = _MISFORTUNES[step]
    numbered = {"case_no": f"(2026)演0101执{number}号"} if metric == "case" else {}
    return Signal(
        enterprise_id=f"{source}-{enterprise % ENTERPRISES:05d}",
        family=family,
        metric=metric,
        payload={**payload, **numbered},
        event_time=at,
        source=source,
        source_id=f"{label}-{number}",
    )
