"""The compact wire form: one record for a block of readings, as columns.

A head-end that uploads a city's meters sends the same metric for hundreds of enterprises at once. In JSON that is
about 280 bytes and several microseconds each; as columns it is about 30 bytes and a fraction of one. Next to JSON, not
instead of it: both mean the same signals, and whatever reads a topic reads both.

A record is a msgpack map, so its first byte is 0x80 to 0x8f, which no JSON text begins with:

============  =======================================================================================================
``v``         1
``family``    text, as in :class:`connectors.models.Signal`; so are ``metric``, ``unit`` and ``source``
enterprises   list of n texts
values        n little-endian 64-bit floats as bytes
event_times   one integer for all, or n little-endian 64-bit integers as bytes: milliseconds since 1970, UTC
published     nil, or as ``event_times``
source_ids    nil, or a list of n texts. Nil means ``{enterprise_id}/{metric}/{event time in milliseconds}``
revisions     nil (all 0), or n little-endian 32-bit integers as bytes
backfill      true or false, for all
============  =======================================================================================================

All enterprises of a record belong to its partition. A program that finds an unknown field or version refuses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from connectors.models import Signal

Floats: TypeAlias = NDArray[np.float64]
Times: TypeAlias = NDArray[np.int64]


class CompactError(ValueError):
    """The bytes are no block of readings."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Readings of one metric from one source, as columns of the same length.

    Parameters
    ----------
    family, metric, unit, source
        As in a signal, the same for all.
    enterprises
        Whose readings they are.
    values
        The readings.
    event_times
        Milliseconds since 1970, UTC; one number when all are the same.
    published
        Likewise; None when the source does not say.
    source_ids
        None for ``{enterprise_id}/{metric}/{event_time}``.
    revisions
        None when all are 0.
    backfill
        Whether they are history.
    """

    family: str
    metric: str
    unit: str
    source: str
    enterprises: Sequence[str]
    values: Floats
    event_times: Times | int
    published: Times | int | None = None
    source_ids: Sequence[str] | None = None
    revisions: NDArray[np.int32] | None = None
    backfill: bool = False

    def __len__(self) -> int:
        return len(self.enterprises)

    def times(self) -> Times:
        """Return the event times as a column."""
        return _column(self.event_times, len(self))

    def published_times(self) -> Times | None:
        """Return the times of publication as a column, None if the source does not say."""
        return None if self.published is None else _column(self.published, len(self))

    def ids(self) -> Sequence[str]:
        """Return the source ids, made up where they were not given."""
        if self.source_ids is not None:
            return self.source_ids
        return derived_ids(self.enterprises, self.metric, self.event_times)

    def take(self, chosen: NDArray[np.int64]) -> Block:
        """Return the block of the chosen places, in their order."""
        places = chosen.tolist()
        return Block(
            self.family,
            self.metric,
            self.unit,
            self.source,
            [self.enterprises[i] for i in places],
            self.values[chosen],
            self.event_times if isinstance(self.event_times, int) else self.event_times[chosen],
            self.published if self.published is None or isinstance(self.published, int) else self.published[chosen],
            None if self.source_ids is None else [self.source_ids[i] for i in places],
            None if self.revisions is None else self.revisions[chosen],
            self.backfill,
        )


class _Wire(msgspec.Struct, forbid_unknown_fields=True):
    v: Literal[1]
    family: str
    metric: str
    unit: str
    source: str
    enterprises: msgspec.Raw  # a list of texts
    values: bytes
    event_times: int | bytes
    published: int | bytes | None = None
    source_ids: list[str] | None = None
    revisions: bytes | None = None
    backfill: bool = False


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Wire).decode
_decode_names = msgspec.msgpack.Decoder(tuple[str, ...]).decode
#: Lists of enterprises that are remembered: those of a million enterprises in records of 500, about 40 KB each.
_LISTS = 2_500


@lru_cache(maxsize=_LISTS)
def _names(raw: bytes) -> tuple[str, ...]:
    """Return a list of enterprises. A head-end reads the same meters each time, so most lists come again."""
    return _decode_names(raw)


def is_compact(value: bytes) -> bool:
    """Whether a record's value is of this form rather than JSON.

    Examples
    --------
    >>> is_compact(b'{"v": 1}')
    False
    """
    return 0x80 <= value[0] <= 0x8F if value else False


def encode(block: Block) -> bytes:
    """Return the record of a block.

    Examples
    --------
    >>> two = Block("electricity", "kwh_15min", "kWh", "grid", ["a", "b"], np.array([1.5, 2.5]), 1_700_000_000_000)
    >>> decode(encode(two)).values.tolist()
    [1.5, 2.5]
    """
    return _encode(
        _Wire(
            1,
            block.family,
            block.metric,
            block.unit,
            block.source,
            msgspec.Raw(_encode(list(block.enterprises))),
            block.values.astype("<f8").tobytes(),
            _bytes_of(block.event_times),
            None if block.published is None else _bytes_of(block.published),
            None if block.source_ids is None else list(block.source_ids),
            None if block.revisions is None else block.revisions.astype("<i4").tobytes(),
            block.backfill,
        )
    )


def decode(value: bytes) -> Block:
    """Return the block of a record.

    Raises
    ------
    CompactError
        If it is none; the message says what is wrong.
    """
    try:
        wire = _decode(value)
        enterprises = _names(bytes(wire.enterprises))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CompactError(str(error)) from None
    n = len(enterprises)
    if wire.source_ids is not None and len(wire.source_ids) != n:
        message = f"source_ids has {len(wire.source_ids)} entries, enterprises {n}"
        raise CompactError(message)
    return Block(
        wire.family,
        wire.metric,
        wire.unit,
        wire.source,
        enterprises,
        _array(wire.values, "<f8", n, "values").astype(np.float64),
        _times(wire.event_times, n, "event_times"),
        None if wire.published is None else _times(wire.published, n, "published"),
        wire.source_ids,
        None if wire.revisions is None else _array(wire.revisions, "<i4", n, "revisions").astype(np.int32),
        wire.backfill,
    )


def head_of(signal: Signal) -> tuple[str, ...] | None:
    """Return what readings must share to make a block.

    None for what fits no block: an event, a reading with attributes, a time that is finer than a millisecond.
    """
    published = signal.published_at
    if signal.value is None or signal.unit is None or signal.attributes or signal.event_time.microsecond % 1000:
        return None
    if published is not None and published.microsecond % 1000:
        return None
    told = "" if published is None else "published"
    return signal.family, signal.metric, signal.unit, signal.source, told, "backfill" if signal.backfill else ""


def block_of(signals: Sequence[Signal]) -> Block:
    """Return readings of one metric and one source as a block; not empty.

    Raises
    ------
    ValueError
        If they do not fit together, or one of them fits no block; see :func:`head_of`.
    """
    first = signals[0]
    for s in signals:
        if head_of(s) is None:
            message = f"{s.source_id}: only readings without attributes, at whole milliseconds, can be compact"
            raise ValueError(message)
        if head_of(s) != head_of(first):
            message = "a block holds readings of one metric and one source"
            raise ValueError(message)
    return Block(
        first.family,
        first.metric,
        first.unit or "",
        first.source,
        [s.enterprise_id for s in signals],
        np.array([s.value for s in signals], dtype=np.float64),
        np.array([_whole_ms(s.event_time) for s in signals], dtype=np.int64),
        None if first.published_at is None else _known_times([s.published_at for s in signals]),
        [s.source_id for s in signals],
        np.array([s.revision for s in signals], dtype=np.int32) if any(s.revision for s in signals) else None,
        first.backfill,
    )


def derived_ids(enterprises: Sequence[str], metric: str, event_times: Times | int) -> list[str]:
    """Return the source ids of readings that came without: enterprise, metric and event time in milliseconds."""
    if isinstance(event_times, int):
        end = f"/{metric}/{event_times}"
        return [enterprise + end for enterprise in enterprises]
    return [f"{e}/{metric}/{time}" for e, time in zip(enterprises, event_times.tolist(), strict=True)]


def as_items(block: Block) -> Iterator[dict[str, Any]]:
    """Yield each reading as the JSON object that means the same; an impossible time stays a number."""
    ids, times, values = block.ids(), block.times().tolist(), block.values.tolist()
    told = block.published_times()
    published = None if told is None else told.tolist()
    revisions = [0] * len(block) if block.revisions is None else block.revisions.tolist()
    for i, enterprise in enumerate(block.enterprises):
        yield {
            "v": 1,
            "enterprise_id": enterprise,
            "family": block.family,
            "metric": block.metric,
            "value": values[i],
            "unit": block.unit,
            "event_time": _iso(times[i]),
            "published_at": None if published is None else _iso(published[i]),
            "source": block.source,
            "source_id": ids[i],
            "revision": revisions[i],
            "backfill": block.backfill,
        }


def _iso(ms: int) -> str | int:
    try:
        return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000).isoformat()
    except (OverflowError, ValueError, OSError):
        return ms


def _whole_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _known_times(moments: Sequence[datetime | None]) -> Times:
    return np.array([_whole_ms(moment) for moment in moments if moment is not None], dtype=np.int64)


def _column(times: Times | int, n: int) -> Times:
    return np.full(n, times, dtype=np.int64) if isinstance(times, int) else times


def _bytes_of(times: Times | int) -> int | bytes:
    return times if isinstance(times, int) else times.astype("<i8").tobytes()


def _times(given: int | bytes, n: int, name: str) -> Times | int:
    if isinstance(given, bytes):
        return _array(given, "<i8", n, name).astype(np.int64)
    if not -(2**62) <= given <= 2**62:
        message = f"{name}: {given} is no time"
        raise CompactError(message)
    return given


def _array(raw: bytes, kind: str, n: int, name: str) -> NDArray[Any]:
    width = int(kind[-1])
    if len(raw) != n * width:
        message = f"{name} has {len(raw)} bytes, {n} enterprises need {n * width}"
        raise CompactError(message)
    return np.frombuffer(raw, dtype=kind)
