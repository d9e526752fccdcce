"""The open days of all enterprises of a group, as one table of numbers.

Readings arrive by the hundred thousand a second, and each only adds to a sum. So an enterprise's open day is no object
but a *cell*: two of them per enterprise, one for even days and one for odd ones, since a day stays open while the next
has begun. A batch of readings is gathered, added and scattered at once.

In the topic ``state`` the table is a rolling log, not a record per enterprise: that would be a record per reading.
Checkpoint *n* writes the cells that were touched since the one before, as a *delta* under a key that is used again
after :data:`ROLL` checkpoints, and one of :data:`ROLL` *slices* of the table in full. Whatever a delta held that is
overwritten has been written since, as part of its slice; so the newest record of each key, read in the order of the
log, is the table.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from connectors.readings import Ints
from streams.series import ENOUGH, Open

#: Slices of the table, and deltas that are kept: after so many checkpoints everything has been written anew.
ROLL = 64
#: Rows of a slice, and cells of a delta, that make one record: it must fit a batch of the producer.
_SLICE_ROWS, _DELTA_CELLS = 4_096, 8_192
_SCHEMA = 1
_FIRST_ROWS = 256

CELL = np.dtype(
    [
        ("total", "<f8"),
        ("low", "<f8"),
        ("high", "<f8"),
        ("last", "<f8"),
        ("slots", "<u8", (2,)),
        ("offset", "<i8"),
        ("period", "<i4"),
        ("revision", "<i4"),
        ("index", "<i4"),
        ("partition", "<i4"),
        ("count", "u1"),
        ("backfill", "?"),
        ("pad", "V6"),
    ]
)
_BYTES = np.dtype(f"V{CELL.itemsize}")
_EMPTY = np.zeros((), dtype=CELL)
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_PART = struct.Struct(">HI")


class OpenDays:
    """The open days of one series.

    Parameters
    ----------
    rank
        Index of the topic that its readings come from, in ``connectors.topics.INPUTS``.
    slots
        How many readings make a day.

    Attributes
    ----------
    cells
        Two for each enterprise, by its number.
    crowded
        Whose open days are not all here: more than two were open at once.
    """

    def __init__(self, rank: int, slots: int) -> None:
        self._rank = rank
        self._slots = slots
        self._whole = np.array([(1 << slots) - 1 & 2**64 - 1, (1 << slots) - 1 >> 64], dtype=np.uint64)
        self.crowded = np.zeros(_FIRST_ROWS, dtype=np.bool_)
        self._set_cells(np.zeros(2 * _FIRST_ROWS, dtype=CELL))
        self._touched = np.zeros(2 * _FIRST_ROWS, dtype=np.bool_)

    def _set_cells(self, cells: NDArray[Any]) -> None:
        # Numpy moves records field by field, sixteen times slower than the same bytes without fields.
        self.cells, self._bytes = cells, cells.view(_BYTES)

    def reserve(self, rows: int) -> None:
        """Make room for so many enterprises."""
        have = len(self.cells) // 2
        if rows > have:
            grown = np.zeros(2 * max(rows, have * 3 // 2), dtype=CELL)
            grown[: len(self.cells)] = self.cells
            self._set_cells(grown)
            self._touched = np.concatenate([self._touched, np.zeros(len(grown) - 2 * have, dtype=np.bool_)])
            self.crowded = np.concatenate([self.crowded, np.zeros(len(grown) // 2 - have, dtype=np.bool_)])

    # ---- one by one ----------------------------------------------------------------------------------------------

    def find(self, row: int, day: int) -> Open | None:
        """Return a copy of an enterprise's open day, None if it is not here."""
        if not self.holds(row, day):
            return None
        return self._open(self.cells[2 * row + (day & 1)].item())

    def _open(self, cell: tuple[Any, ...]) -> Open:
        total, low, high, last, slots, offset, period, revision, index, partition, count, backfill, _ = cell
        bits = int(slots[0]) | int(slots[1]) << 64
        ref = self._rank, partition, offset, index
        return Open(period, count, total, low, high, last, bits, revision, backfill, ref)

    def holds(self, row: int, day: int) -> bool:
        """Whether an enterprise's open day is here."""
        cell = self.cells[2 * row + (day & 1)]
        return bool(cell["count"]) and bool(cell["period"] == day)

    def is_free(self, row: int, day: int) -> bool:
        """Whether the cell for a day holds no other one."""
        return not self.cells[2 * row + (day & 1)]["count"]

    def put(self, row: int, opened: Open) -> None:
        """Write an enterprise's open day; its cell must be free or hold this day."""
        place = 2 * row + (opened.period & 1)
        _, partition, offset, index = opened.ref
        self.cells[place] = (
            opened.total, opened.low, opened.high, opened.last,
            (opened.slots & 2**64 - 1, opened.slots >> 64),
            offset, opened.period, opened.revision, index, partition, opened.count, opened.backfill, b"",
        )  # fmt: skip
        self._touched[place] = True

    def newest(self, row: int) -> int | None:
        """Return the newest open day of an enterprise."""
        pair = self.cells[2 * row : 2 * row + 2]
        days = pair["period"][pair["count"] > 0]
        return int(days.max()) if len(days) else None

    # ---- many at once --------------------------------------------------------------------------------------------

    def add(
        self,
        rows: Ints,
        days: Ints,
        slots: Ints,
        values: NDArray[np.float64],
        backfill: NDArray[np.bool_],
        partition: int,
        offsets: Ints,
        indexes: Ints,
    ) -> NDArray[np.bool_]:
        """Count one more reading of each of some days.

        Parameters
        ----------
        rows
            The enterprises; none twice.
        days, slots, values, backfill, offsets, indexes
            Of each reading: its day, which part of it, its value, and where it stands.
        partition
            Of all.

        Returns
        -------
        ndarray of bool
            Which of them were counted. The others change nothing: that part had been counted, or the cell holds
            another day.
        """
        places = 2 * rows + (days & 1)
        cells = self._gather(places)
        word, bit = _bits(slots)
        fresh = cells["count"] == 0
        have = cells["slots"][np.arange(len(rows)), word]
        counted: NDArray[np.bool_] = (fresh | (cells["period"] == days)) & ((have & bit) == 0)
        if not counted.all():
            places, cells, fresh = places[counted], cells[counted], fresh[counted]
            word, bit = word[counted], bit[counted]
            days, values, backfill = days[counted], values[counted], backfill[counted]
            offsets, indexes = offsets[counted], indexes[counted]
        values = values + 0.0  # no negative zero, as in Open.add
        cells["total"] += values
        cells["low"] = np.where(fresh, values, np.minimum(cells["low"], values))
        cells["high"] = np.where(fresh, values, np.maximum(cells["high"], values))
        cells["last"] = values
        cells["slots"][np.arange(len(places)), word] |= bit
        cells["count"] += 1
        cells["backfill"] = (fresh | cells["backfill"]) & backfill
        self._scatter(places, cells, days, partition, offsets, indexes)
        return counted

    def add_all(
        self,
        rows: Ints,
        days: Ints,
        slots: Ints,
        values: NDArray[np.float64],
        backfill: NDArray[np.bool_],
        partition: int,
        offsets: Ints,
        indexes: Ints,
    ) -> bool:
        """Count readings as :meth:`add` would one after the other; an enterprise may be among them any number of times.

        Returns
        -------
        bool
            Whether they were counted, all of them. Else nothing has changed: a part had been counted or comes twice, or
            a cell holds another day.
        """
        places = 2 * rows + (days & 1)
        used, first, of = np.unique(places, return_index=True, return_inverse=True)
        cells, its_days = self._gather(used), days[first]
        word, bit = _bits(slots)
        fresh = cells["count"] == 0
        taken = cells["slots"].copy()
        fits = bool((fresh | (cells["period"] == its_days)).all()) and bool((its_days[of] == days).all())
        if not fits or bool((taken[of, word] & bit).any()) or len(np.unique(places << 7 | slots)) < len(places):
            return False
        values = values + 0.0  # no negative zero, as in Open.add
        total = cells["total"].copy()
        low, high = np.where(fresh, np.inf, cells["low"]), np.where(fresh, -np.inf, cells["high"])
        np.add.at(total, of, values)  # in their order, as one after the other
        np.minimum.at(low, of, values)
        np.maximum.at(high, of, values)
        np.bitwise_or.at(taken, (of, word), bit)
        live = np.zeros(len(used), dtype=np.bool_)
        live[of[~backfill]] = True
        cells["total"], cells["low"], cells["high"], cells["slots"] = total, low, high, taken
        cells["last"][of] = values  # of those for one cell the last one stays
        cells["count"] += np.bincount(of, minlength=len(used)).astype(np.uint8)
        cells["backfill"] = (fresh | cells["backfill"]) & ~live
        last = np.zeros(len(used), dtype=np.int64)
        last[of] = np.arange(len(of))
        self._scatter(used, cells, its_days, partition, offsets[last], indexes[last])
        return True

    def replace(
        self,
        rows: Ints,
        days: Ints,
        values: NDArray[np.float64],
        backfill: NDArray[np.bool_],
        revisions: Ints,
        partition: int,
        offsets: Ints,
        indexes: Ints,
    ) -> NDArray[np.bool_]:
        """Take one figure each for the whole of some days, as :meth:`add` takes parts of them.

        A day of which the whole has been given before is left alone.
        """
        places = 2 * rows + (days & 1)
        cells = self._gather(places)
        fresh = cells["count"] == 0
        given = (cells["count"] == 1) & (cells["slots"] == self._whole).all(axis=1)
        taken: NDArray[np.bool_] = (fresh | (cells["period"] == days)) & ~given
        if not taken.all():
            places, cells, fresh = places[taken], cells[taken], fresh[taken]
            days, values, backfill, revisions = days[taken], values[taken], backfill[taken], revisions[taken]
            offsets, indexes = offsets[taken], indexes[taken]
        for name in ("total", "low", "high", "last"):
            cells[name] = values
        cells["slots"] = self._whole
        cells["count"] = 1
        cells["revision"] = revisions
        cells["backfill"] = (fresh | cells["backfill"]) & backfill
        self._scatter(places, cells, days, partition, offsets, indexes)
        return taken

    def _scatter(
        self, places: Ints, cells: NDArray[Any], days: Ints, partition: int, offsets: Ints, indexes: Ints
    ) -> None:
        cells["period"], cells["partition"], cells["offset"], cells["index"] = days, partition, offsets, indexes
        self._bytes[places] = cells.view(_BYTES)
        self._touched[places] = True

    def _gather(self, places: Ints) -> NDArray[Any]:
        """Return copies of some cells."""
        return self._bytes[places].view(CELL)

    def have_open(self, day: int, first: int = 0, last: int | None = None) -> NDArray[np.bool_]:
        """Tell of the enterprises ``[first, last)`` whether they have a day open."""
        cells = self.cells[2 * first + (day & 1) : None if last is None else 2 * last : 2]
        have: NDArray[np.bool_] = (cells["count"] > 0) & (cells["period"] == day)
        return have

    def pop(self, day: int, first: int, last: int) -> dict[int, Open]:
        """Take a day that is open away from the enterprises ``[first, last)``; return it by enterprise."""
        rows = first + np.flatnonzero(self.have_open(day, first, last))
        places = 2 * rows + (day & 1)
        cells = self._gather(places).tolist()
        self._bytes[places] = _EMPTY.view(_BYTES)
        self._touched[places] = True
        return dict(zip(rows.tolist(), map(self._open, cells), strict=True))

    def figures(self, day: int) -> dict[int, float]:
        """Return by enterprise what a day that is open would close with, as :meth:`streams.series.Open.figure` does."""
        rows = np.flatnonzero(self.have_open(day))
        cells = self._gather(2 * rows + (day & 1))
        totals, counts = cells["total"], cells["count"]
        # As many parts came as bits are set, unless one figure stands for all.
        whole = (counts == 1) & (cells["slots"] == self._whole).all(axis=1) if self._slots > 1 else counts > 0
        share = np.where(whole, 1.0, counts / self._slots)
        with np.errstate(over="ignore"):
            figures = np.where(share >= ENOUGH, totals / share, np.nan)
        return dict(zip(rows.tolist(), figures.tolist(), strict=True))

    def newest_starts(self, first: int, last: int, start: Callable[[int], int]) -> Ints:
        """Return of the enterprises ``[first, last)`` when the newest open day began, -1 where none is open.

        Parameters
        ----------
        first, last
            Numbers of enterprises.
        start
            Tells of a day when it begins, milliseconds.
        """
        cells = self.cells[2 * first : 2 * last]
        days = np.where(cells["count"] > 0, cells["period"], np.iinfo(np.int32).min).reshape(-1, 2).max(axis=1)
        different, places = np.unique(days, return_inverse=True)
        known = [start(day) if day > np.iinfo(np.int32).min else -1 for day in different.tolist()]
        return np.array(known, dtype=np.int64)[places] if last > first else np.zeros(0, dtype=np.int64)

    # ---- the rolling log -----------------------------------------------------------------------------------------

    def take(self, number: int, rows: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield the records of checkpoint ``number``, key and value: the delta, then a slice of the first ``rows``."""
        turn = number % ROLL
        touched = np.flatnonzero(self._touched)
        self._touched[touched] = False
        for part, first in enumerate(range(0, len(touched), _DELTA_CELLS)):
            yield b"d" + _PART.pack(turn, part), self._dump(touched[first : first + _DELTA_CELLS])
        yield from self._slice(turn, rows)

    def whole(self, rows: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield the table as records, for comparisons; slices without an open day are left out."""
        for turn in range(ROLL):
            for key, value in self._slice(turn, rows):
                if len(_unpack(value)[1]):
                    yield key, value

    def _slice(self, turn: int, rows: int) -> Iterator[tuple[bytes, bytes]]:
        for part, first in enumerate(range(turn, rows, ROLL * _SLICE_ROWS)):
            ours = np.arange(first, min(first + ROLL * _SLICE_ROWS, rows), ROLL, dtype=np.int64)
            places = np.concatenate([2 * ours, 2 * ours + 1])
            yield b"s" + _PART.pack(turn, part), self._dump(places[self.cells["count"][places] > 0])

    def restore(self, key: bytes, value: bytes) -> None:
        """Take in one record, in the order of the log."""
        _, raw_places, raw_cells = _unpack(value)
        places = np.frombuffer(raw_places, dtype="<u4").astype(np.int64)
        if len(places):
            self.reserve(int(places.max()) // 2 + 1)
        if key[:1] == b"s":  # what is not named in a slice is empty
            turn, part = _PART.unpack(key[1:])
            begin = turn + part * ROLL * _SLICE_ROWS
            rows = np.arange(begin, min(begin + ROLL * _SLICE_ROWS, len(self.cells) // 2), ROLL, dtype=np.int64)
            self._bytes[2 * rows] = self._bytes[2 * rows + 1] = _EMPTY.view(_BYTES)
        self._bytes[places] = np.frombuffer(raw_cells, dtype=_BYTES)

    def _dump(self, places: Ints) -> bytes:
        return _pack([_SCHEMA, places.astype("<u4").tobytes(), self._bytes[places].tobytes()])


def _bits(slots: Ints) -> tuple[Ints, NDArray[np.uint64]]:
    """Return in which word of a cell's bitmap each part of a day stands, and as which bit."""
    return slots >> 6, np.left_shift(np.uint64(1), (slots & 63).astype(np.uint64))
