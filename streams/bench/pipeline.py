"""How fast signals go all the way: producer, broker, scorers, recorder, until they are rows in ClickHouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.catalogue import DAY_MS
from connectors.kafka.admin import connected
from connectors.kafka.writer import SignalWriter
from connectors.models import Signal
from connectors.topics import INPUTS
from detectors.calendar import Calendar
from streams.bench.conditions import conditions
from streams.clock import Clock, moment
from streams.private import PrivateStack, memory_mb

_SLOT_MS = DAY_MS // 96
#: Days close this long after their end at the latest; what is open for sure has not.
_OPEN_MS = 6 * 3_600_000 + 60_000
_SLOTS = 24
_TIMEOUT_S = 900.0


@dataclass(frozen=True, slots=True)
class Run:
    """One run. Rates are signals per second of wall time since the first send.

    Parameters
    ----------
    signals
        How many were sent.
    signals_per_s
        Until all of them were rows in ClickHouse.
    stages
        Until all were stored by Kafka, applied by the scorers, recorded.
    seconds
        The same as times.
    """

    signals: int
    signals_per_s: float
    stages: Mapping[str, float]
    seconds: Mapping[str, float]


def bench_pipeline(
    directory: Path, signals: int, scorers: int, clock: Clock, say: Callable[[str], None]
) -> dict[str, object]:
    """Measure a private embedded live stack, with single messages and with envelopes of 100.

    Parameters
    ----------
    directory
        Where the stack may live.
    signals
        How many quarter-hour readings each run sends.
    scorers
        How many scorer processes.
    clock
        To measure by.
    say
        Told what is being done.
    """
    say("starting a private stack")
    with PrivateStack(directory / "stack", scorers, stack_time="live") as stack:
        runs = {}
        for name, envelope in (("single", 1), ("envelopes", 100)):
            say(f"{name}: {signals:,} signals")
            runs[name] = _measure(stack, name, signals, envelope, clock)
        memory = memory_mb(stack.pids())
    single = asdict(runs["single"])
    return {
        "signals": single["signals"],
        "signals_per_s": single["signals_per_s"],
        "stages": single["stages"],
        "seconds": single["seconds"],
        "envelopes": asdict(runs["envelopes"]),
        "memory_mb": memory,
        "scorers": scorers,
        "conditions": conditions(),
    }


def readings(source: str, count: int, now_ms: int, zone: str) -> Iterator[Signal]:
    """Yield quarter-hour readings of days that are open at ``now_ms``, each slot for all enterprises in turn."""
    calendar = Calendar(zone)
    begin = calendar.day_start(calendar.day_of(now_ms - _OPEN_MS))
    slots = min(_SLOTS, (now_ms - begin) // _SLOT_MS)
    for number in range(count):
        slot, enterprise = divmod(number, -(-count // slots))
        yield Signal.model_construct(
            v=1,
            enterprise_id=f"{source}{enterprise:07d}",
            family="electricity",
            metric="kwh_15min",
            value=2.0 + (enterprise * 31 + slot * 7) % 100 / 50,
            unit="kWh",
            event_time=moment(begin + slot * _SLOT_MS),
            source=source,
            source_id=f"{enterprise}-{slot}",
        )


def _measure(stack: PrivateStack, source: str, count: int, envelope: int, clock: Clock) -> Run:
    settings = stack.settings
    signals = list(readings(source, count, clock.now_ms(), settings.zone))
    writer = SignalWriter(stack.endpoints.kafka, simulated=False, zone=ZoneInfo(settings.zone), envelope=envelope)
    began = clock.monotonic()
    try:
        for signal in signals:
            writer.send(signal)
        writer.flush()
    finally:
        writer.close()
    seconds = {"produced": clock.monotonic() - began}
    with connected(stack.endpoints.kafka) as admin:
        stack.wait_for("all scored", lambda: not sum(lag.lag for lag in admin.lag(settings.app, INPUTS)), _TIMEOUT_S)
    seconds["scored"] = clock.monotonic() - began
    question = "SELECT count() FROM signals WHERE source = {source:String}"
    with stack.client() as client:
        stack.wait_for(
            "all recorded",
            lambda: client.query(question, parameters={"source": source}).result_rows[0][0] >= count,
            _TIMEOUT_S,
        )
    seconds["recorded"] = clock.monotonic() - began
    rates = {f"{stage}_per_s": round(count / taken, 1) for stage, taken in seconds.items()}
    return Run(count, rates["recorded_per_s"], rates, {stage: round(taken, 3) for stage, taken in seconds.items()})
