"""Accumulating readings into periods, and keeping the closed ones: what a value replaces, fills or contradicts.

Pure bookkeeping on plain numbers. The engine decides when a period closes; the names ``period`` and ``last`` are
ordinals of days or months.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from connectors.decoding import Reason
from detectors.contract import Series
from detectors.peers import LEAST, WINDOW, relative
from detectors.usual import usual_of_ranked

#: Closed periods that are kept; decisions inside this horizon can be recomputed.
HORIZON = 60
#: A day with at least this share of its readings is taken, scaled up; one with fewer is unknown, not low.
ENOUGH = 0.8
#: Closed days whose slots are still known, so that a late quarter-hour can be told from a repeated one.
KNOWN_SLOTS = 7
NAN = math.nan

_pack = msgspec.msgpack.Encoder().encode

#: (index of the topic in connectors.topics.INPUTS, partition, offset, index)
Ref = tuple[int, int, int, int]


class RefusedError(Exception):
    """A reading that is valid by itself but not after what came before."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason


class RepeatedError(Exception):
    """A reading that was applied before: it changes nothing."""


@dataclass(slots=True)
class Open:
    """The open accumulator of one metric: a period that has not closed.

    ``slots`` is a bitmap of the readings that were counted.
    """

    period: int
    count: int = 0
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    last: float = NAN
    slots: int = 0
    revision: int = 0
    backfill: bool = True
    ref: Ref = (0, 0, 0, 0)

    def add(self, slot: int, value: float) -> None:
        """Count one more reading."""
        value += 0.0  # no negative zero: the sum of one has none, and the short record keeps only the sum
        self.count += 1
        self.total += value
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        self.last = value
        self.slots |= 1 << slot

    def replace(self, value: float, slots: int, revision: int) -> None:
        """Take ``value`` for the whole period instead of what was counted."""
        self.count, self.total, self.low, self.high, self.last = 1, value, value, value, value
        self.slots, self.revision = (1 << slots) - 1, revision

    def figure(self, slots: int) -> float:
        """Return what the period closes with: its figure, or its parts' sum scaled up; NaN if too few have come."""
        if slots == 1 or (self.count == 1 and self.slots == (1 << slots) - 1):
            return self.total
        return from_parts(self.slots, self.total, slots)

    def dump(self) -> list[Any]:
        """Return what :meth:`load` takes; a period with one reading is short."""
        head = [self.period, self.total, self.slots.to_bytes(12, "little").rstrip(b"\0"), self.revision, self.backfill]
        one = self.count == 1 and self.total == self.last
        return [*head, list(self.ref)] if one else [*head, list(self.ref), self.count, self.low, self.high, self.last]

    @classmethod
    def load(cls, state: list[Any]) -> Open:
        """Restore what :meth:`dump` returned."""
        period, total, slots, revision, backfill, ref = state[:6]
        count, low, high, last = state[6:] if len(state) > 6 else (1, total, total, total)
        bits = int.from_bytes(slots, "little")
        return cls(period, count, total, low, high, last, bits, revision, backfill, tuple(ref))


def add_reading(opened: Open, *, slot: int, slots: int, whole: bool, value: float, revision: int) -> None:
    """Apply a reading to an open period.

    Parameters
    ----------
    opened
        The accumulator; unchanged when an exception is raised.
    slot, slots
        Which of how many readings of the period it is.
    whole
        Whether it is the figure of the whole period: it then replaces what finer readings have added up to.
    value, revision
        The reading.

    Raises
    ------
    RepeatedError
        It was counted before.
    RefusedError
        ``conflict``: another value with the same revision. ``needs-day-total``: a correction of a part that was
        counted; its old value is not known.
    """
    known = bool(opened.slots >> slot & 1)
    if whole:
        given_before = opened.count == 1 and opened.slots == (1 << slots) - 1
        if given_before and revision <= opened.revision:
            _same_or_conflict(opened.total, value, revision, opened.revision)
        opened.replace(value, slots, revision)
    elif known and revision > opened.revision:
        # The old value is not kept: 96 of them would not fit the hot record.
        message = "this part of the period was counted; send the period's total with a higher revision"
        raise RefusedError("needs-day-total", message)
    elif known:
        raise RepeatedError
    else:
        opened.add(slot, value)


def _same_or_conflict(old: float, new: float, revision: int, applied: int) -> None:
    if revision < applied or old == new:
        raise RepeatedError
    message = f"{new:g} after {old:g} with the same revision {revision}; a correction needs a higher revision"
    raise RefusedError("conflict", message)


@dataclass(slots=True)
class Closed:
    """The closed periods of one series, the newest last.

    ``last`` is the ordinal of ``values[-1]``; ``settled`` of the newest one that the estimators have learned.
    ``parts`` has, for the newest days made of several readings, the bitmap of those that came and their sum;
    ``revisions`` the revision of restated periods.
    """

    last: int
    values: list[float] = field(default_factory=list)
    settled: int = 0
    backfill: bool = True
    ref: Ref = (0, 0, 0, 0)
    parts: dict[int, tuple[int, float]] = field(default_factory=dict)
    revisions: dict[int, int] = field(default_factory=dict)
    _packed: tuple[tuple[int, int, int, bool, Ref], msgspec.Raw] | None = field(default=None, repr=False, compare=False)
    _ranked: list[float] | None = field(default=None, repr=False, compare=False)

    @property
    def first(self) -> int:
        """Ordinal of ``values[0]``."""
        return self.last - len(self.values) + 1

    def knows(self, period: int) -> bool:
        """Whether there is a figure of a period."""
        return self.first <= period <= self.last and not math.isnan(self.values[period - self.first])

    @property
    def heard(self) -> int:
        """Ordinal of the newest period with a figure; before ``first`` if none is held."""
        known = len(self.values)
        while known and math.isnan(self.values[known - 1]):
            known -= 1
        return self.first + known - 1

    def upto(self, period: int) -> Closed:
        """Return what was closed by a period."""
        values = self.values[: max(period - self.first + 1, 0)]
        return Closed(min(period, self.last), values, min(period, self.settled), self.backfill, self.ref)

    def append(self, period: int, value: float) -> None:
        """Close ``period`` with ``value``; skipped periods in between had none (NaN)."""
        values, gap = self.values, period - self.last - 1
        if gap:
            self._ranked = None
            if gap >= HORIZON:
                values.clear()
            else:
                values.extend([NAN] * gap)
        elif self._ranked is not None:
            self._rank(self._ranked, value)
        values.append(value)
        if len(values) > HORIZON:
            del values[:-HORIZON]
        self.last = period
        if self.parts or self.revisions:
            self._forget()

    def _rank(self, ranked: list[float], value: float) -> None:
        """Move the window of the newest values on by one that is about to be appended."""
        oldest = self.values[-WINDOW] if len(self.values) >= WINDOW else NAN
        if oldest == oldest:
            del ranked[bisect_left(ranked, oldest)]
        if value == value:
            insort(ranked, value)

    def usual(self) -> float:
        """Return what is usual after the newest period, as :func:`detectors.peers.relative` has it; NaN if nothing is.

        The newest values stay ranked for the next time: sorting them anew each day costs ten times as much.
        """
        ranked = self._ranked
        if ranked is None:
            ranked = self._ranked = sorted([value for value in self.values[-WINDOW:] if value == value])
        return usual_of_ranked(ranked, LEAST)

    def share(self, period: int, figure: float) -> float:
        """Return a figure relative to the usual one (:func:`detectors.peers.relative`), as if its period closed now."""
        gap = period - self.last - 1
        if gap >= HORIZON:
            return NAN
        if gap:
            return relative(Series(period, [*self.values, *[NAN] * gap, figure][-HORIZON:]))
        base = self.usual()
        return figure / base if base > 0 else NAN

    def close(self, opened: Open, slots: int) -> None:
        """Close the period of an accumulator.

        Parameters
        ----------
        opened
            The accumulator.
        slots
            How many readings make the period complete.
        """
        self.append(opened.period, opened.figure(slots))
        if slots > 1 and not (opened.count == 1 and opened.slots == (1 << slots) - 1):
            self.parts[opened.period] = (opened.slots, opened.total)
        if opened.revision:
            self.revisions[opened.period] = opened.revision
        self.backfill, self.ref = opened.backfill, opened.ref

    def correct(self, period: int, *, slot: int, slots: int, whole: bool, value: float, revision: int) -> None:
        """Apply a late or restated reading to a closed period inside the horizon.

        Raises
        ------
        RepeatedError, RefusedError
            As :func:`add_reading`.
        """
        if period < self.first:
            self.values[:0] = [NAN] * (self.first - period)
        self._ranked = None
        index = period - self.first
        applied = self.revisions.get(period, 0)
        if whole:
            if not math.isnan(self.values[index]) and revision <= applied and period not in self.parts:
                _same_or_conflict(self.values[index], value, revision, applied)
            self.values[index] = value
            self.parts.pop(period, None)
        else:
            self._add_part(period, index, slot, slots, value, revision)
        if revision > applied:
            self.revisions[period] = revision

    def _add_part(self, period: int, index: int, slot: int, slots: int, value: float, revision: int) -> None:
        if period not in self.parts and not math.isnan(self.values[index]):
            if period > self.last - KNOWN_SLOTS and revision <= self.revisions.get(period, 0):
                raise RepeatedError  # its parts would be known, had they not given way to a total
            message = "the day has closed and its parts are not known any more: send its total with a higher revision"
            raise RefusedError("needs-day-total", message)
        bits, total = self.parts.get(period, (0, 0.0))
        if bits >> slot & 1:
            if revision <= self.revisions.get(period, 0):
                raise RepeatedError
            message = "the day has closed: send its total with a higher revision"
            raise RefusedError("needs-day-total", message)
        bits, total = bits | 1 << slot, total + value
        self.parts[period] = (bits, total)
        self.values[index] = from_parts(bits, total, slots)

    def _forget(self) -> None:
        for period in [p for p in self.parts if p <= self.last - KNOWN_SLOTS]:
            del self.parts[period]
        for period in [p for p in self.revisions if p < self.first]:
            del self.revisions[period]

    def dump(self) -> list[Any]:
        """Return what :meth:`load` takes."""
        values = _doubles(len(self.values)).pack(*self.values)
        parts = [[p, bits.to_bytes(12, "little"), total] for p, (bits, total) in sorted(self.parts.items())]
        return [self.last, values, self.settled, self.backfill, self.ref, parts, sorted(self.revisions.items())]

    def packed(self) -> msgspec.Raw:
        """Return :meth:`dump` as msgpack; made anew only if the series has changed, which most have not in a month.

        Nothing changes without one of these: a period closes (``last``), is learned (``settled``), or is corrected
        (``ref``).
        """
        key = len(self.values), self.last, self.settled, self.backfill, self.ref
        if self._packed is None or self._packed[0] != key:
            self._packed = key, msgspec.Raw(_pack(self.dump()))
        return self._packed[1]

    @classmethod
    def load(cls, state: list[Any]) -> Closed:
        """Restore what :meth:`dump` returned."""
        last, raw, settled, backfill, ref, parts, revisions = state
        values = list(struct.unpack(f"<{len(raw) // 8}d", raw))
        known = {period: (int.from_bytes(bits, "little"), total) for period, bits, total in parts}
        return cls(last, values, settled, backfill, tuple(ref), known, dict(revisions))


def from_parts(bits: int, total: float, slots: int) -> float:
    """Return a period's figure from the readings that came: scaled up when few are missing, else unknown (NaN).

    Examples
    --------
    >>> from_parts(0b1111, 8.0, 4), from_parts(0b0001, 2.0, 4)
    (8.0, nan)
    """
    share = bits.bit_count() / slots
    return total / share if share >= ENOUGH else NAN


@lru_cache(maxsize=HORIZON + 1)
def _doubles(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}d")
