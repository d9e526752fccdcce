"""A whole frame in one pass: its readings as columns, everything else as messages.

Readings of days (the electricity of a province, every quarter of an hour) are the flood. They are checked column by
column, without a model object for each. What is valid and what is not is decided as in ``connectors.decoding``, which
gets every record that does not pass here at first sight, and thus all that is new, odd or wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from connectors.catalogue import FAMILIES, Family, Kind, Period
from connectors.compact import Block, CompactError, derived_ids, is_compact
from connectors.compact import decode as decode_block
from connectors.decoding import ANCIENT_MS, LARGEST, Decoder, Received, Refused
from connectors.models import NAME_PATTERN, Signal
from connectors.topics import MAX_RECORD_BYTES

Ints: TypeAlias = NDArray[np.int64]

#: A time that was not told.
NO_TIME = np.iinfo(np.int64).min
_SOURCE_ID_LENGTH, _LARGEST_REVISION = 256, 2**31 - 1
#: Different times, and sources, that are remembered; a frame has a handful.
_CACHE = 65_536
#: Lists of enterprises whose numbers are remembered, in one partition group.
_LISTS = 512
_NAME = re.compile(NAME_PATTERN)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class KafkaRecord(Protocol):
    """What is read of a record. ``time`` is the record's, milliseconds."""

    @property
    def offset(self) -> int:
        """Its offset."""
        ...

    @property
    def time(self) -> int:
        """Its time, milliseconds."""
        ...

    @property
    def key(self) -> bytes | None:
        """Its key."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its value."""
        ...


class Apart(NamedTuple):
    """A record that was decoded by itself, and what it holds."""

    record: KafkaRecord
    entries: list[Received | Refused]


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Valid readings of one metric from consecutive records of a partition, as columns of n.

    Parameters
    ----------
    topic, partition, metric
        The same for all.
    enterprises, sources, source_ids
        Texts. No ``source_ids``: they follow from the others, see :meth:`ids`.
    rows
        The number by which the reader knows the enterprise, -1 for one that it does not know.
    values, event_times, revisions, backfill
        As in a signal; times in milliseconds.
    published
        Milliseconds, :data:`NO_TIME` where the source does not say; None when it never does.
    offsets, indexes, times
        Where each stands: offset, place in the envelope, record time.
    """

    topic: str
    partition: int
    metric: str
    enterprises: Sequence[str]
    rows: Ints
    values: NDArray[np.float64]
    event_times: Ints
    published: Ints | None
    sources: Sequence[str]
    source_ids: Sequence[str] | None
    revisions: Ints
    backfill: NDArray[np.bool_]
    offsets: Ints
    indexes: Ints
    times: Ints

    def __len__(self) -> int:
        return len(self.enterprises)

    def ids(self) -> Sequence[str]:
        """Return the source ids, made up where they were not given."""
        if self.source_ids is not None:
            return self.source_ids
        return derived_ids(self.enterprises, self.metric, self.event_times)

    def part(self, first: int, last: int) -> Readings:
        """Return the readings ``[first, last)``."""
        if first == 0 and last == len(self):
            return self
        cut = slice(first, last)
        return Readings(
            self.topic,
            self.partition,
            self.metric,
            self.enterprises[cut],
            self.rows[cut],
            self.values[cut],
            self.event_times[cut],
            None if self.published is None else self.published[cut],
            self.sources[cut],
            None if self.source_ids is None else self.source_ids[cut],
            self.revisions[cut],
            self.backfill[cut],
            self.offsets[cut],
            self.indexes[cut],
            self.times[cut],
        )

    def received(self, place: int, flags: tuple[str, ...]) -> Received:
        """Return one reading as a message."""
        published = NO_TIME if self.published is None else int(self.published[place])
        metric = _QUICK[self.topic].metrics[self.metric]
        message = Signal.model_construct(
            enterprise_id=self.enterprises[place],
            family=self.topic.removeprefix("signals."),
            metric=self.metric,
            value=float(self.values[place]),
            unit=metric,
            event_time=_moment(int(self.event_times[place])),
            published_at=None if published == NO_TIME else _moment(published),
            source=self.sources[place],
            source_id=self.part(place, place + 1).ids()[0],
            revision=int(self.revisions[place]),
            backfill=bool(self.backfill[place]),
        )
        where = int(self.offsets[place]), int(self.indexes[place]), int(self.times[place])
        return Received(message, self.topic, self.partition, *where, flags)


def joined(parts: Sequence[Readings]) -> Readings:
    """Return readings of the same metric, one after the other, as one."""
    if len(parts) == 1:
        return parts[0]
    published = None
    if any(part.published is not None for part in parts):
        unknown = [np.full(len(part), NO_TIME) if part.published is None else part.published for part in parts]
        published = np.concatenate(unknown)
    return Readings(
        parts[0].topic,
        parts[0].partition,
        parts[0].metric,
        [text for part in parts for text in part.enterprises],
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.event_times for part in parts]),
        published,
        [text for part in parts for text in part.sources],
        None if all(part.source_ids is None for part in parts) else [text for part in parts for text in part.ids()],
        np.concatenate([part.revisions for part in parts]),
        np.concatenate([part.backfill for part in parts]),
        np.concatenate([part.offsets for part in parts]),
        np.concatenate([part.indexes for part in parts]),
        np.concatenate([part.times for part in parts]),
    )


def rows_in(known: Mapping[str, int], enterprises: Sequence[str]) -> Ints:
    """Return the number of each enterprise, -1 for one that is not known."""
    return np.fromiter(map(known.get, enterprises, repeat(-1)), dtype=np.int64, count=len(enterprises))


class FrameDecoder:
    """Decodes frames.

    Parameters
    ----------
    decoder
        Decides about every record that is not plain.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._times = _Cache(_milliseconds)
        self._names = _Cache(lambda name: bool(_NAME.fullmatch(name)))
        self._rows: dict[Sequence[str], tuple[Mapping[str, int], Ints]] = {}

    def rows_of(self, enterprises: Sequence[str], known: Mapping[str, int]) -> Ints:
        """Return the numbers of the enterprises of a block, as :meth:`decode` gives them; read-only.

        A list that has come before need not be looked up again: numbers do not change while ``known`` is the same.
        """
        numbered, rows = self._rows.get(enterprises, (None, None))
        if rows is not None and numbered is known:
            return rows
        rows = rows_in(known, enterprises)
        if len(rows) and rows.min() >= 0:
            if len(self._rows) >= _LISTS:
                self._rows.clear()
            self._rows[enterprises] = known, rows
        return rows

    def decode(
        self, topic: str, partition: int, records: Sequence[KafkaRecord], known: Mapping[str, int]
    ) -> Iterator[Readings | Apart]:
        """Yield what the records hold, in their order.

        Parameters
        ----------
        topic, partition
            Where the records are from.
        records
            In order of their offsets.
        known
            Enterprises that the reader has seen in this partition, with a number of its own (0 or more) for each.
        """
        quick = _QUICK.get(topic)
        if quick is None:
            for record in records:
                yield self._apart(topic, partition, record)
            return
        frame = _Frame(self, topic, partition, known, quick)
        parts: list[Readings] = []
        for one in frame.decode(records):
            if parts and (isinstance(one, Apart) or one.metric != parts[0].metric):
                yield joined(parts)
                parts = []
            if isinstance(one, Apart):
                yield one
            else:
                parts.append(one)
        if parts:
            yield joined(parts)

    def _apart(self, topic: str, partition: int, record: KafkaRecord) -> Apart:
        where = topic, partition, record.offset
        return Apart(record, self._decoder.decode(*where, record.key, record.value, record.time))


class _Frame:
    """The decoding of one frame: consecutive plain JSON records are gathered, and checked at once."""

    def __init__(
        self, owner: FrameDecoder, topic: str, partition: int, known: Mapping[str, int], quick: _QuickFamily
    ) -> None:
        self._owner = owner
        self._topic = topic
        self._partition = partition
        self._known = known
        self._quick = quick
        self._readings: list[Any] = []
        self._holders: list[KafkaRecord] = []
        self._counts: list[int] = []

    def decode(self, records: Sequence[KafkaRecord]) -> Iterator[Readings | Apart]:
        if not self._all_single(records):
            for record in records:
                yield from self._add(record)
        yield from self._gathered()

    def _all_single(self, records: Sequence[KafkaRecord]) -> bool:
        """Gather all records at once if each is a single reading of the same metric."""
        if not records or (first := records[0].value) is None or first[:1] != b"{":
            return False
        values = [record.value or b"" for record in records]
        try:
            readings = list(map(self._quick.one, values))
        except _NOT_PLAIN:
            return False
        metrics = [reading.metric for reading in readings]
        if metrics.count(metrics[0]) < len(metrics) or max(map(len, values)) > MAX_RECORD_BYTES:
            return False
        self._readings, self._holders, self._counts = readings, list(records), [1] * len(readings)
        return True

    def _add(self, record: KafkaRecord) -> Iterator[Readings | Apart]:
        """Gather a record; first yield what was gathered before if it does not go with it."""
        value = record.value if record.value and len(record.value) <= MAX_RECORD_BYTES else b""
        if is_compact(value):
            yield from self._gathered()
            yield self._block(record, value)
            return
        readings = self._plain_json(value)
        if not readings or (self._readings and self._readings[0].metric != readings[0].metric):
            yield from self._gathered()
        if readings:
            self._readings.extend(readings)
            self._holders.append(record)
            self._counts.append(len(readings))
        else:
            yield self._owner._apart(self._topic, self._partition, record)

    def _plain_json(self, value: bytes) -> list[Any]:
        """Return the reading of a record, or those of an envelope if they are of one metric; else none."""
        try:
            return [self._quick.one(value)]
        except _NOT_PLAIN:
            return self._envelope(value)

    def _envelope(self, value: bytes) -> list[Any]:
        try:
            readings: list[Any] = self._quick.many(value)
        except _NOT_PLAIN:
            return []
        metrics = [reading.metric for reading in readings]
        return readings if readings and metrics.count(metrics[0]) == len(metrics) else []

    # ---- columns -------------------------------------------------------------------------------------------------

    def _gathered(self) -> Iterator[Readings | Apart]:
        """Yield what has been gathered; records with a reading that is not plain after all are decoded apart."""
        if not self._readings:
            return
        readings, holders, counts = self._readings, self._holders, self._counts
        self._readings, self._holders, self._counts = [], [], []
        columns, plain = self._columns(readings, holders, counts)
        if bool(plain.all()):
            yield columns
            return
        ends = np.cumsum(counts)
        begins = ends - np.asarray(counts)
        begin = 0
        for number in np.flatnonzero(~np.logical_and.reduceat(plain, begins)).tolist():
            if begins[number] > begin:
                yield columns.part(begin, int(begins[number]))
            yield self._owner._apart(self._topic, self._partition, holders[number])
            begin = int(ends[number])
        if begin < len(readings):
            yield columns.part(begin, len(readings))

    def _columns(
        self, readings: list[Any], holders: list[KafkaRecord], counts: list[int]
    ) -> tuple[Readings, NDArray[np.bool_]]:
        """Return the readings as columns, and which of them are plain: valid without a doubt."""
        n, times = len(readings), self._owner._times
        published = [r.published_at for r in readings]
        told = None if published.count(None) == n else _ints([NO_TIME if p is None else times[p] for p in published])
        enterprises = [r.enterprise_id for r in readings]
        single = n == len(holders)
        offsets, moments = _ints([h.offset for h in holders]), _ints([h.time for h in holders])
        columns = Readings(
            self._topic,
            self._partition,
            readings[0].metric,
            enterprises,
            rows_in(self._known, enterprises),
            np.array([r.value for r in readings], dtype=np.float64),
            _ints([times[r.event_time] for r in readings]),
            told,
            [r.source for r in readings],
            [r.source_id for r in readings],
            _ints([r.revision for r in readings]),
            np.array([r.backfill for r in readings], dtype=np.bool_),
            offsets if single else np.repeat(offsets, counts),
            np.zeros(n, dtype=np.int64) if single else _places(counts),
            moments if single else np.repeat(moments, counts),
        )
        return columns, self._plain(columns)

    def _block(self, record: KafkaRecord, value: bytes) -> Readings | Apart:
        try:
            block = decode_block(value)
        except CompactError:
            block = None
        if block is None or not len(block) or not self._fits(block):
            return self._owner._apart(self._topic, self._partition, record)
        columns = self._block_columns(record, block)
        if not bool(self._plain(columns).all()):
            return self._owner._apart(self._topic, self._partition, record)
        return columns

    def _fits(self, block: Block) -> bool:
        told = block.published_times()
        return (
            block.family == self._quick.family
            and self._quick.metrics.get(block.metric) == block.unit
            and (told is None or not bool((told == NO_TIME).any()))
        )

    def _block_columns(self, record: KafkaRecord, block: Block) -> Readings:
        n = len(block)
        return Readings(
            self._topic,
            self._partition,
            block.metric,
            block.enterprises,
            self._owner.rows_of(block.enterprises, self._known),
            block.values,
            block.times(),
            block.published_times(),
            list(repeat(block.source, n)),
            block.source_ids,
            np.zeros(n, dtype=np.int64) if block.revisions is None else block.revisions.astype(np.int64),
            np.full(n, block.backfill),
            np.full(n, record.offset, dtype=np.int64),
            np.arange(n, dtype=np.int64),
            np.full(n, record.time, dtype=np.int64),
        )

    def _plain(self, columns: Readings) -> NDArray[np.bool_]:
        """Tell which readings are valid without a doubt; a doubtful one is decided by the other decoder."""
        told, times = columns.event_times, columns.times
        plain: NDArray[np.bool_] = (told <= times) & (told >= ANCIENT_MS) & (np.abs(columns.values) <= LARGEST)
        plain &= columns.revisions >= 0
        if columns.published is not None:
            known = columns.published != NO_TIME
            plain &= ~known | ((columns.published <= times) & (columns.published >= ANCIENT_MS))
        accepts = self._owner._decoder.accepts
        for place in np.flatnonzero(columns.rows < 0).tolist():
            plain[place] &= accepts(columns.enterprises[place], self._partition)
        names = self._owner._names
        if not all(names[source] for source in set(columns.sources)):
            plain &= np.array([names[source] for source in columns.sources], dtype=np.bool_)
        if columns.source_ids is not None and not _all_fine(columns.source_ids):
            plain &= np.array([_all_fine([one]) for one in columns.source_ids], dtype=np.bool_)
        return plain


_NOT_PLAIN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def _all_fine(ids: Sequence[str]) -> bool:
    return "".join(ids).isprintable() and all(ids) and max(map(len, ids)) <= _SOURCE_ID_LENGTH


class _Nothing(msgspec.Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """An empty object: readings with attributes are decided by the other decoder."""


class _QuickFamily(NamedTuple):
    family: str
    metrics: Mapping[str, str]  # metric → unit
    one: Callable[[bytes], Any]
    many: Callable[[bytes], list[Any]]


def _quick_family(family: Family) -> _QuickFamily | None:
    units = {m.name: m.unit for m in family.metrics.values() if m.kind is Kind.READING and m.period is Period.DAY}
    if not units or len(set(units.values())) > 1:
        return None
    reading = msgspec.defstruct(
        "Reading",
        [
            ("enterprise_id", str),
            ("family", Literal[family.name]),
            ("metric", Literal[tuple(units)]),
            ("value", float),
            ("unit", Literal[next(iter(units.values()))]),
            ("event_time", str),
            ("source", str),
            ("source_id", str),
            ("v", Literal[1], 1),
            ("payload", None, None),
            ("published_at", str | None, None),
            ("revision", Annotated[int, msgspec.Meta(ge=0, le=_LARGEST_REVISION)], 0),
            ("backfill", bool, False),
            ("attributes", _Nothing, _Nothing()),
        ],
        forbid_unknown_fields=True,
        gc=False,
    )
    one, many = msgspec.json.Decoder(reading).decode, msgspec.json.Decoder(list[reading]).decode  # type: ignore[valid-type]  # made at run time
    return _QuickFamily(family.name, MappingProxyType(units), one, many)


#: Input topic → how its plain readings are decoded.
_QUICK: Mapping[str, _QuickFamily] = MappingProxyType(
    {f"signals.{f.name}": quick for f in FAMILIES.values() if (quick := _quick_family(f)) is not None}
)


class _Cache(dict[str, Any]):
    """Remembers what a function made of a text, forgetting everything when it has seen too many."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, text: str) -> Any:
        if len(self) >= _CACHE:
            self.clear()
        made = self[text] = self._make(text)
        return made


def _milliseconds(text: str) -> int:
    """Return an ISO 8601 time in milliseconds; what is no such time, or finer, as one that is never plain."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return NO_TIME + 1
    if moment.tzinfo is None or moment.microsecond % 1000:
        return NO_TIME + 1
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


def _ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _places(counts: list[int]) -> Ints:
    """Return 0 … c-1 for every count c, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1]) - np.repeat(ends - counts, counts)
