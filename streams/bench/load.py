"""What the measurements send: a fleet of enterprises whose meters report every quarter of an hour, as bytes.

Built by formatting text, since a model per reading would cost more than what is measured. A test holds the bytes
against the decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from connectors.catalogue import DAY_MS
from connectors.compact import Block, encode
from connectors.kafka.partitioner import partition_of
from connectors.models import Signal
from streams.clock import moment

Form: TypeAlias = Literal["json", "compact"]
Records: TypeAlias = Sequence[tuple[bytes | None, bytes]]

SOURCE = "bench"
FLOOD, COURT = "signals.electricity", "signals.litigation"
SLOT_MS = DAY_MS // 96
#: Readings of one compact record, and the most that are sent at once.
BLOCK = 500
#: One signal in so many is a court record.
CASE_EVERY = 1_000
#: One court record in so many decides: a bankruptcy, which opens a red alert whatever else is known.
DECIDES_EVERY = 10
_MINUTE_MS = 60_000
_VALUES = tuple(round(2.0 + n / 50, 2) for n in range(100))
_TEXTS = tuple(repr(value).encode() for value in _VALUES)
_NUMBERS = np.array(_VALUES)
_CODES = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_FIRST_CODE = 91_350_100_000_000_000


class Chunk(NamedTuple):
    """Records for one partition with one record time (None: the broker's clock), and how many signals they hold."""

    topic: str
    partition: int
    time: int | None
    records: Records
    signals: int


def enterprise_ids(count: int) -> list[str]:
    """Return unified social credit codes with right check characters, in order.

    Examples
    --------
    >>> enterprise_ids(2)
    ['91350100000000000H', '91350100000000001L']
    """
    numbers = _FIRST_CODE + np.arange(count, dtype=np.int64)
    total = sum((numbers // 10 ** (16 - place) % 10) * weight for place, weight in enumerate(_WEIGHTS))
    checks = ((31 - total % 31) % 31).tolist()
    return [f"{number}{_CODES[check]}" for number, check in zip(numbers.tolist(), checks, strict=True)]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Enterprises by partition group.

    Parameters
    ----------
    groups
        The enterprises of each partition.
    """

    groups: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, enterprises: int, partitions: int) -> Fleet:
        """Return so many enterprises, each in the partition that its id belongs to."""
        groups: list[list[str]] = [[] for _ in range(partitions)]
        for enterprise in enterprise_ids(enterprises):
            groups[partition_of(enterprise, partitions)].append(enterprise)
        return cls(tuple(map(tuple, groups)))

    def __len__(self) -> int:
        return sum(map(len, self.groups))

    def sample(self, one_in: int) -> Fleet:
        """Return the first of so many of each group, at least one."""
        return Fleet(tuple(group[: -(-len(group) // one_in)] for group in self.groups))

    def pieces(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield all enterprises once, as partition and up to ``BLOCK`` of its enterprises, groups in turn."""
        longest = max(map(len, self.groups))
        for first in range(0, longest, BLOCK):
            for partition, group in enumerate(self.groups):
                if piece := group[first : first + BLOCK]:
                    yield partition, piece


def readings(enterprises: Sequence[str], slot: int, event_ms: int, form: Form) -> Records:
    """Return the quarter-hour readings of some enterprises of one partition for one slot.

    Parameters
    ----------
    enterprises
        At most ``BLOCK``.
    slot
        Number of the quarter of an hour, for values and ids; any integer that is unique per ``event_ms``.
    event_ms
        Its start, milliseconds.
    form
        A JSON record for each, or one compact record for all.
    """
    return _records("kwh_15min", enterprises, slot, event_ms, form)


def day_totals(enterprises: Sequence[str], day: int, event_ms: int, form: Form) -> Records:
    """Return daily readings of some enterprises of one partition; parameters as of :func:`readings`."""
    return _records("daily_kwh", enterprises, day, event_ms, form)


def _records(metric: str, enterprises: Sequence[str], number: int, event_ms: int, form: Form) -> Records:
    scale = 96 if metric == "daily_kwh" else 1
    if form == "compact":
        places = (np.arange(len(enterprises)) * 31 + number * 7) % 100
        block = Block("electricity", metric, "kWh", SOURCE, enterprises, _NUMBERS[places] * scale, event_ms)
        return [(None, encode(block))]
    template = (
        f'{{"v":1,"enterprise_id":"%b","family":"electricity","metric":"{metric}","value":%b,"unit":"kWh",'
        f'"payload":null,"event_time":"{_iso(event_ms)}","published_at":null,"source":"{SOURCE}",'
        f'"source_id":"%b/{metric[0]}{number}","revision":0,"backfill":false,"attributes":{{}}}}'
    ).encode()
    texts = _TEXTS if scale == 1 else tuple(repr(round(value * scale, 2)).encode() for value in _VALUES)
    keys = [enterprise.encode() for enterprise in enterprises]
    start = number * 7
    return [(key, template % (key, texts[(place * 31 + start) % 100], key)) for place, key in enumerate(keys)]


def case(enterprise: str, number: int, event_ms: int, *, decides: bool) -> tuple[bytes, bytes]:
    """Return a court record: of a bankruptcy if it decides, else of a harmless suit."""
    kind, role = ("bankruptcy", "defendant") if decides else ("filing", "plaintiff")
    signal = Signal(
        enterprise_id=enterprise,
        family="litigation",
        metric="case",
        payload={"case_no": f"（2026）闽0102民初{number}号", "kind": kind, "role": role, "status": "open"},
        event_time=moment(event_ms),
        source=SOURCE,
        source_id=f"case/{number}",
    )
    return enterprise.encode(), signal.wire()


@dataclass(frozen=True, slots=True)
class Timetable:
    """When the partition groups of a simulated stack live: staggered over the day, so that days close evenly.

    Group *p* of *n* is *p*/*n* of a day ahead. In each ``step`` slots exactly one group passes the moment at which its
    day closes: since every enterprise reports once a slot, exactly one signal in 96 then closes a day (as far as groups
    are of equal size).

    Parameters
    ----------
    partitions
        How many groups: a divisor of 96.
    begin_ms
        A midnight: the event time of group 0's slot 0.
    uploads
        How many quarters of an hour a meter reports at once: 1, or ``step``.
    """

    partitions: int
    begin_ms: int
    uploads: int = 1

    @property
    def step(self) -> int:
        """Slots between the closings of two groups."""
        return 96 // self.partitions

    def event_ms(self, partition: int, slot: int) -> int:
        """Return when a slot of a group begins; slots before 0 complete the day that is open then."""
        return self.begin_ms + (slot + self.step * partition) * SLOT_MS

    def record_ms(self, partition: int, slot: int) -> int:
        """Return when its readings are known: at the end of the last slot that is reported with it."""
        last = ((slot - 1) // self.uploads + 1) * self.uploads
        return self.event_ms(partition, last) + SLOT_MS

    def closes_at(self, partition: int) -> int:
        """Return the slot whose readings close the group's first whole day: 24 slots and a minute after its end."""
        return 120 - self.step * partition

    def whole(self, slots: int) -> int:
        """Return the least multiple of ``step`` that is no smaller."""
        return -(-slots // self.step) * self.step


def history(fleet: Fleet, table: Timetable, days: range, form: Form) -> Iterator[Chunk]:
    """Yield the daily totals of days, counted from the first one: each is known a minute after its day's end."""
    for day in days:
        event_ms = table.begin_ms + day * DAY_MS
        for partition, piece in fleet.pieces():
            records = day_totals(piece, day, event_ms, form)
            yield Chunk(FLOOD, partition, event_ms + DAY_MS + _MINUTE_MS, records, len(piece))


def open_days(fleet: Fleet, table: Timetable, slots: int, form: Form) -> Iterator[Chunk]:
    """Yield what the first day of each group lacks before slot 0, if that day will close within so many slots."""
    for partition, group in enumerate(fleet.groups):
        if table.closes_at(partition) <= slots:
            for slot in range(-table.step * partition, 0):
                yield from _slot(partition, group, table, slot, form)


def quarters(fleet: Fleet, table: Timetable, slots: range, form: Form) -> Iterator[Chunk]:
    """Yield the readings of whole slots, and after those of a group a court record for each ``CASE_EVERY``th."""
    for partition, group in enumerate(fleet.groups):
        for slot in slots:
            yield from _slot(partition, group, table, slot, form)
            before, after = slot * len(group) // CASE_EVERY, (slot + 1) * len(group) // CASE_EVERY
            for turn in range(before, after):
                enterprise = group[turn * 7_919 % len(group)]
                time = table.record_ms(partition, slot)
                number = turn * len(fleet.groups) + partition
                record = case(enterprise, number, time - DAY_MS, decides=not turn % DECIDES_EVERY)
                yield Chunk(COURT, partition, time, [record], 1)


def _slot(partition: int, group: Sequence[str], table: Timetable, slot: int, form: Form) -> Iterator[Chunk]:
    event_ms, time = table.event_ms(partition, slot), table.record_ms(partition, slot)
    for first in range(0, len(group), BLOCK):
        piece = group[first : first + BLOCK]
        yield Chunk(FLOOD, partition, time, readings(piece, slot, event_ms, form), len(piece))


#: Of each other family something: a metric with its value and unit, or an event's payload.
_MONTHLY = {"tax": ("vat_sales", "1200000.0", "CNY"), "social_security": ("insured_headcount", "42.0", "persons")}
_EVENTS = {
    "litigation": ("case", '{"case_no":"%b","kind":"filing","role":"plaintiff","status":"open"}'),
    "sentiment": ("news", '{"title":"%b 扩建新厂房"}'),
}


def other_families(fleet: Fleet, time: int, month_ms: int) -> Iterator[Chunk]:
    """Yield for every enterprise a month's tax and social security, a harmless suit and a piece of news, as JSON.

    Parameters
    ----------
    fleet
        Whose.
    time
        The record time of all, milliseconds.
    month_ms
        The start of the month that the monthly figures are about.
    """
    for family, (metric, value, unit) in _MONTHLY.items():
        yield from _for_all(fleet, time, family, metric, (f'{value},"unit":"{unit}"', "null"), month_ms)
    for family, (metric, payload) in _EVENTS.items():
        yield from _for_all(fleet, time, family, metric, ('null,"unit":null', payload), time - DAY_MS)


def _for_all(
    fleet: Fleet, time: int, family: str, metric: str, content: tuple[str, str], event_ms: int
) -> Iterator[Chunk]:
    value, payload = content
    template = (
        f'{{"v":1,"enterprise_id":"%b","family":"{family}","metric":"{metric}","value":{value},"payload":{payload},'
        f'"event_time":"{_iso(event_ms)}","published_at":null,"source":"{SOURCE}","source_id":"%b/{metric}/{event_ms}",'
        f'"revision":0,"backfill":false,"attributes":{{}}}}'
    ).encode()
    places = template.count(b"%b")
    for partition, piece in fleet.pieces():
        keys = [enterprise.encode() for enterprise in piece]
        yield Chunk(f"signals.{family}", partition, time, [(k, template % ((k,) * places)) for k in keys], len(keys))


def counted(chunks: Iterable[Chunk], tell: Callable[[int], None]) -> Iterator[Chunk]:
    """Yield the chunks, and tell after each how many signals have been yielded."""
    total = 0
    for chunk in chunks:
        yield chunk
        total += chunk.signals
        tell(total)


def _iso(ms: int) -> str:
    return moment(ms).strftime("%Y-%m-%dT%H:%M:%SZ")
