"""What a scorer remembers of one enterprise, and how it is written to the topic ``state``.

Two records per enterprise. The *hot* one holds the open accumulators and changes with every reading; the *cold* one
holds everything else and changes when a period closes, an event comes or the level moves. Both are msgpack of plain
values behind a schema version; a newer program reads every older version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from detectors.contract import AnyDetector, Clearance, Level, Profile
from detectors.fusion import Held
from streams.series import Closed, Open

SCHEMA = 1
HOT, COLD = b"\0h", b"\0c"
#: Key of a group's input offsets, clock and peers in ``state``; no enterprise id begins with NUL.
GROUP = b"\0offsets"
#: How many events an enterprise's de-duplication looks back.
SEEN_EVENTS = 64

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode


class UnknownSchemaError(ValueError):
    """A state record was written by a newer program: upgrade before reading it."""


@dataclass(slots=True)
class Entry:
    """The registry's word on an enterprise."""

    profile: Profile
    revision: int = 0


@dataclass(slots=True)
class Hour:
    """The open hour of a metric that is read several times a day. ``hour`` counts from the epoch."""

    hour: int
    count: int
    total: float
    low: float
    high: float
    last: float


@dataclass(slots=True)
class EnterpriseState:
    """One enterprise: accumulators, closed series, detector memories, evidence, level and alert.

    Parameters
    ----------
    opened
        By series: the open periods, usually one or two.
    hours
        By metric: the open hour.
    closed
        By series: the closed periods.
    memories
        By detector: what it remembers.
    evidence
        What stands, or stood and has not decayed to nothing.
    seen
        Hash → revision of the newest events, oldest first.
    newest
        By family: the newest event time, of readings finer than a day the day's start. Milliseconds.
    seen_day
        Ordinal of the newest day of data that a decision may have seen.
    level, entered_at, score, told
        The fused state that was last told: level, since when (milliseconds), score, and the coverage of the families.
    notified
        Whether somebody was notified of the open alert, so that its end is told to the same people.
    sequence, alert_number, opened_at
        Transitions so far, alerts so far, when the open alert was opened (0: none is open). Milliseconds.
    """

    entry: Entry = field(default_factory=lambda: Entry(Profile()))
    opened: dict[str, dict[int, Open]] = field(default_factory=dict)
    hours: dict[str, Hour] = field(default_factory=dict)
    closed: dict[str, Closed] = field(default_factory=dict)
    memories: dict[str, Any] = field(default_factory=dict)
    evidence: list[Held] = field(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)
    seen_day: int = 0
    level: Level = Level.NONE
    entered_at: int = 0
    score: float = 0.0
    told: str = ""
    notified: bool = False
    risk_sequence: int = 0
    sequence: int = 0
    alert_number: int = 0
    opened_at: int = 0


def dump_hot(state: EnterpriseState) -> bytes:
    """Return the hot record."""
    opened = {
        series: [one.dump() for _, one in sorted(periods.items())] for series, periods in sorted(state.opened.items())
    }
    hours = {m: [h.hour, h.count, h.total, h.low, h.high, h.last] for m, h in sorted(state.hours.items())}
    return _pack([SCHEMA, opened, hours])


def load_hot(state: EnterpriseState, raw: bytes) -> None:
    """Restore the hot part of an enterprise."""
    _, opened, hours = _versioned(raw)
    state.opened = {series: {one.period: one for one in map(Open.load, periods)} for series, periods in opened.items()}
    state.hours = {metric: Hour(*numbers) for metric, numbers in hours.items()}


def dump_cold(state: EnterpriseState, detectors: Mapping[str, AnyDetector]) -> bytes:
    """Return the cold record."""
    profile = state.entry.profile
    memories = {name: detectors[name].dump(memory) for name, memory in sorted(state.memories.items())}
    return _pack(
        [
            SCHEMA,
            [list(profile.names), profile.industry, profile.region, profile.size, state.entry.revision],
            {series: closed.dump() for series, closed in sorted(state.closed.items())},
            memories,
            [_dump_held(held) for held in state.evidence],
            list(state.seen.items()),
            state.newest,
            state.seen_day,
            int(state.level),
            state.entered_at,
            state.score,
            state.told,
            state.notified,
            state.risk_sequence,
            state.sequence,
            state.alert_number,
            state.opened_at,
        ]
    )


def load_cold(state: EnterpriseState, raw: bytes, detectors: Mapping[str, AnyDetector]) -> None:
    """Restore the cold part of an enterprise; memories and evidence of detectors that are gone are left behind."""
    _, entry, closed, memories, evidence, seen, newest, seen_day, level, *rest = _versioned(raw)
    names, industry, region, size, revision = entry
    state.entry = Entry(Profile(tuple(names), industry, region, size), revision)
    state.closed = {series: Closed.load(plain) for series, plain in closed.items()}
    state.memories = {name: detectors[name].load(plain) for name, plain in memories.items() if name in detectors}
    state.evidence = [held for held in map(_load_held, evidence) if held.detector in detectors]
    state.seen = dict(seen)
    state.newest, state.seen_day, state.level = newest, seen_day, Level(level)
    state.entered_at, state.score, state.told, state.notified, state.risk_sequence = rest[:5]
    state.sequence, state.alert_number, state.opened_at = rest[5:]


def pack_group(content: Mapping[str, Any]) -> bytes:
    """Return a group's own record: offsets, clock, schedule and peers."""
    return _pack([SCHEMA, content])


def unpack_group(raw: bytes) -> dict[str, Any]:
    """Restore what :func:`pack_group` packed."""
    content: dict[str, Any] = _versioned(raw)[1]
    return content


def _versioned(raw: bytes) -> list[Any]:
    content: list[Any] = _unpack(raw)
    if content[0] > SCHEMA:
        message = f"state record of schema {content[0]}; this program knows up to {SCHEMA}: upgrade it first"
        raise UnknownSchemaError(message)
    return content


_PLAIN_FIELDS = (
    "detector", "family", "reason", "subject", "severity", "confidence", "observed", "expected", "unit", "since", "at",
    "lasting", "half_life_days", "closed", "ended", "weight", "backfill", "newest", "raised",
)  # fmt: skip


def _dump_held(held: Held) -> list[Any]:
    clearance = held.clearance
    return [
        *(getattr(held, name) for name in _PLAIN_FIELDS),
        int(held.floor),
        int(held.reach),
        clearance and [clearance.series, clearance.threshold, clearance.unit, clearance.periods, clearance.above],
        dict(held.facts),
        [list(ref) for ref in held.refs],
    ]


def _load_held(plain: list[Any]) -> Held:
    *values, floor, reach, clearance, facts, refs = plain
    return Held(
        **dict(zip(_PLAIN_FIELDS, values, strict=True)),
        floor=Level(floor),
        reach=Level(reach),
        clearance=clearance and Clearance(*clearance),
        facts=facts,
        refs=tuple((topic, partition, offset, index) for topic, partition, offset, index in refs),
    )
