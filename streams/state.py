"""What a scorer remembers of one enterprise, and how it is written to the topic ``state``.

The open days of readings are columns of a whole group (``streams.opendays``). Beside them an enterprise has up to two
records: a *hot* one with other open periods, and a *cold* one with everything else, which changes when a period closes,
an event comes or the level moves. Both are msgpack of plain values behind a schema version; before that, the cold one
has a summary at fixed places, so that it need not be decoded to be restored. A newer program reads every older version.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import repeat
from operator import attrgetter
from typing import Any

import msgspec

from connectors.catalogue import FAMILIES
from detectors.contract import AnyDetector, Clearance, Level, Profile
from detectors.fusion import Held
from streams.series import Closed, Open

SCHEMA = 2
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
    _packed: msgspec.Raw | None = field(default=None, repr=False, compare=False)

    def packed(self) -> msgspec.Raw:
        """Return it as msgpack; made once, since the registry seldom speaks of an enterprise twice."""
        if self._packed is None:
            profile = self.profile
            plain = [list(profile.names), profile.industry, profile.region, profile.size, self.revision]
            self._packed = msgspec.Raw(_pack(plain))
        return self._packed


@dataclass(slots=True)
class EnterpriseState:
    """One enterprise: closed series, detector memories, evidence, level and alert.

    Parameters
    ----------
    row
        Its number in the group.
    closed
        By series: the closed periods.
    memories
        By detector: what it remembers.
    evidence
        What stands, or stood and has not decayed to nothing.
    seen
        Hash → revision of the newest events, oldest first.
    newest
        By family: the newest event time, of readings the start of their newest closed day. Milliseconds.
    seen_day
        Ordinal of the newest day of data that a decision may have seen.
    level, entered_at, score, told
        The fused state that was last told: level, since when (milliseconds), score, and the coverage of the families.
    notified
        Whether somebody was notified of the open alert, so that its end is told to the same people.
    sequence, alert_number, opened_at
        Transitions so far, alerts so far, when the open alert was opened (0: none is open). Milliseconds.
    """

    row: int
    entry: Entry = field(default_factory=lambda: Entry(Profile()))
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


#: Schema and row; a summary and msgpack follow.
_HEAD = struct.Struct("<BI")
#: What is known of an enterprise without decoding its memory: whether there is evidence, a level or a score; the
#: coverage that was last told, as a number, -1 for none; a bit for every series of which there are closed periods; by
#: family, in the order of the catalogue, the newest event time, milliseconds, -1 for none.
SUMMARY = struct.Struct(f"<?hI{len(FAMILIES)}q")
_FAMILIES = tuple(FAMILIES)
_CODES = {"N": 0, "S": 1, "F": 2}
_NOUGHTS, _UNSEEN = repeat(0), repeat(-1)


@lru_cache(maxsize=1024)
def coverage_number(told: str) -> int:
    """Return a coverage that was told as a number, -1 for none.

    Examples
    --------
    >>> coverage_number("NNNSF"), coverage_number("")
    (5, -1)
    """
    number = 0
    for code in told:
        number = number * 3 + _CODES[code]
    return number if told else -1


def summary_of(state: EnterpriseState, series: Mapping[str, int]) -> bytes:
    """Return the summary of a memory, packed; ``series`` has the bit of each."""
    return SUMMARY.pack(
        bool(state.evidence or state.level or state.score),
        coverage_number(state.told),
        sum(map(series.get, state.closed, _NOUGHTS)),
        *map(state.newest.get, _FAMILIES, _UNSEEN),
    )


def summary_record(raw: bytes) -> tuple[int, bytes]:
    """Return the row that a cold record begins with, and the summary; -1 for schema 1, which has neither."""
    if raw[0] >= 0x80:  # a msgpack array: schema 1
        return -1, b""
    if raw[0] > SCHEMA:
        raise _newer(raw[0])
    _, row = _HEAD.unpack_from(raw)
    return row, raw[_HEAD.size : _HEAD.size + SUMMARY.size]


def dump_hot(opened: Mapping[str, Mapping[int, Open]]) -> bytes:
    """Return the hot record of what is open outside the tables of open days."""
    return _pack([SCHEMA, {name: [one.dump() for _, one in sorted(opened[name].items())] for name in sorted(opened)}])


def load_hot(raw: bytes) -> dict[str, dict[int, Open]]:
    """Restore what :func:`dump_hot` returned."""
    opened = _versioned(raw)[1]
    return {series: {one.period: one for one in map(Open.load, periods)} for series, periods in opened.items()}


def dump_cold(state: EnterpriseState, summary: bytes, detectors: Mapping[str, AnyDetector]) -> bytes:
    """Return the cold record; ``summary`` is that of the memory."""
    memories = state.memories
    dumped = {name: detectors[name].dump(memories[name]) for name in sorted(memories)}
    return (
        _HEAD.pack(SCHEMA, state.row)
        + summary
        + _pack(
            [
                state.entry.packed(),
                {series: state.closed[series].packed() for series in sorted(state.closed)},
                dumped,
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
    )


def load_cold(row: int, raw: bytes, detectors: Mapping[str, AnyDetector]) -> EnterpriseState:
    """Restore a memory; what belongs to detectors that are gone is left behind."""
    content = _cold_content(raw)
    entry, closed, memories, evidence, seen, newest, seen_day, level, *rest = content
    names, industry, region, size, revision = entry
    entered_at, score, told, notified, risk_sequence, sequence, alert_number, opened_at = rest
    return EnterpriseState(
        row,
        Entry(Profile(tuple(names), industry, region, size), revision),
        {series: Closed.load(plain) for series, plain in closed.items()},
        {name: detectors[name].load(plain) for name, plain in memories.items() if name in detectors},
        [held for held in map(_load_held, evidence) if held.detector in detectors],
        dict(seen),
        newest,
        seen_day,
        Level(level),
        entered_at,
        score,
        told,
        notified,
        risk_sequence,
        sequence,
        alert_number,
        opened_at,
    )


def closed_of(raw: bytes, series: str) -> tuple[Profile, Closed | None]:
    """Return of a cold record what a survey of peers needs: a third of the time that the whole memory takes."""
    content = _cold_content(raw)
    (names, industry, region, size, _), closed = content[:2]
    plain = closed.get(series)
    return Profile(tuple(names), industry, region, size), None if plain is None else Closed.load(plain)


def pack_group(content: Mapping[str, Any]) -> bytes:
    """Return a group's own record: offsets, clock, schedule and peers."""
    return _pack([SCHEMA, content])


def unpack_group(raw: bytes) -> dict[str, Any]:
    """Restore what :func:`pack_group` packed."""
    content: dict[str, Any] = _versioned(raw)[1]
    return content


def _cold_content(raw: bytes) -> list[Any]:
    """Return what a cold record holds, behind its summary or, of schema 1, its version."""
    if raw[0] >= 0x80:
        return _versioned(raw)[1:]
    content: list[Any] = _unpack(memoryview(raw)[_HEAD.size + SUMMARY.size :])
    return content


def _versioned(raw: bytes) -> list[Any]:
    content: list[Any] = _unpack(raw)
    if content[0] > SCHEMA:
        raise _newer(content[0])
    return content


def _newer(schema: int) -> UnknownSchemaError:
    return UnknownSchemaError(f"state record of schema {schema}; this program knows up to {SCHEMA}: upgrade it first")


_PLAIN_FIELDS = (
    "detector", "family", "reason", "subject", "severity", "confidence", "observed", "expected", "unit", "since", "at",
    "lasting", "half_life_days", "closed", "ended", "weight", "backfill", "newest", "raised",
)  # fmt: skip


_plain_fields = attrgetter(*_PLAIN_FIELDS)


def _dump_held(held: Held) -> list[Any]:
    clearance = held.clearance
    return [
        *_plain_fields(held),
        int(held.floor),
        int(held.reach),
        clearance and [clearance.series, clearance.threshold, clearance.unit, clearance.periods, clearance.above],
        dict(held.facts),
        held.refs,
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
