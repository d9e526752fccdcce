"""The enterprises of a group: their numbers, what is open, and their memories, decoded only when touched.

A million memories as Python objects would fill the machine, and most are needed once a day. So a memory that was read
from the topic ``state`` stays bytes until something happens to its enterprise, and becomes bytes again when it has been
written while more than :data:`RESIDENT` are in use. What has to be known of every enterprise at once (who is due for
the daily review, who has figures that close) stands in arrays beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from connectors.catalogue import FAMILIES
from detectors.contract import AnyDetector, Profile
from streams.series import Closed, Open
from streams.state import (
    SUMMARY,
    EnterpriseState,
    closed_of,
    dump_cold,
    load_cold,
    load_hot,
    summary_of,
    summary_record,
)

#: Memories of a group that stay decoded.
RESIDENT = 8_192
_FIRST_ROWS = 256

Opened = dict[str, dict[int, Open]]

#: As :data:`streams.state.SUMMARY` packs it.
_SUMMARY = np.dtype([("active", "?"), ("told", "<i2"), ("series", "<u4"), ("newest", "<i8", (len(FAMILIES),))])
_FAMILIES = {name: place for place, name in enumerate(FAMILIES)}


class Roster:
    """The enterprises of one partition group, numbered in the order in which they were first seen.

    Parameters
    ----------
    detectors
        Whose memories are kept.
    series
        Names of all series, in an order that never changes: their places are bits of a summary.
    resident
        How many memories stay decoded.

    Attributes
    ----------
    rows, names
        Number by enterprise, enterprise by number.
    opened
        By number: the open periods that are not in a table of open days; none for most.
    summaries
        By number: what the daily review and the closing of periods need to know of everyone, but who is stale.
    stale
        Whose summary has changed since it was made.
    """

    def __init__(self, detectors: Mapping[str, AnyDetector], series: Sequence[str], resident: int = RESIDENT) -> None:
        self.rows: dict[str, int] = {}
        self.names: list[str] = []
        self.opened: dict[int, Opened] = {}
        self.stale: set[int] = set()
        self._set_summaries(np.zeros(_FIRST_ROWS, dtype=_SUMMARY))
        self._detectors = detectors
        self._series = {name: 1 << place for place, name in enumerate(series)}
        self._resident = resident
        self._decoded = 0
        self._memories: list[EnterpriseState | bytes] = []
        self._unnumbered: dict[str, bytes] = {}
        self._hot: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, enterprise: str) -> EnterpriseState:
        return self.state(self.rows[enterprise])

    def add(self, enterprise: str) -> int:
        """Take in a new enterprise; return its number."""
        row = self._number(len(self.names), enterprise)
        self._memories[row] = EnterpriseState(row)
        self._decoded += 1
        self.stale.add(row)
        return row

    def state(self, row: int) -> EnterpriseState:
        """Return the memory of an enterprise."""
        memory = self._memories[row]
        if isinstance(memory, bytes):
            memory = self._memories[row] = load_cold(row, memory, self._detectors)
            self._decoded += 1
        return memory

    def states(self, rows: Sequence[int]) -> list[EnterpriseState]:
        """Return the memories of some enterprises."""
        found = [self._memories[row] for row in rows]
        return [
            self.state(row) if isinstance(memory, bytes) else memory for row, memory in zip(rows, found, strict=True)
        ]

    def peek(self, row: int, series: str) -> tuple[Profile, Closed | None]:
        """Return the profile and the closed periods of one series, to look at; nothing stays decoded."""
        memory = self._memories[row]
        if isinstance(memory, bytes):
            return closed_of(memory, series)
        return memory.entry.profile, memory.closed.get(series)

    def open(self, row: int, series: str) -> dict[int, Open]:
        """Return the open periods of a series, by period, to be added to."""
        return self.opened.setdefault(row, {}).setdefault(series, {})

    def having(self, series: Sequence[str], first: int = 0, last: int | None = None) -> NDArray[np.bool_]:
        """Tell of ``[first, last)`` who has closed periods of some series; of the stale ones, nothing."""
        bits = np.uint32(sum(self._series[name] for name in series))
        mine: NDArray[np.bool_] = (self.summaries["series"][first : len(self) if last is None else last] & bits) != 0
        return mine

    # ---- records -------------------------------------------------------------------------------------------------

    def note(self, first: int, last: int) -> None:
        """Bring the summaries of ``[first, last)`` up to date."""
        for row in [row for row in self.stale if first <= row < last]:
            self._summarise(row, summary_of(self.state(row), self._series))

    def note_newest(self, rows: Sequence[int], family: str, moment: int) -> None:
        """Note of some enterprises, in their summaries, that something of a family happened (milliseconds)."""
        newest = self.summaries["newest"][:, _FAMILIES[family]]
        newest[rows] = np.maximum(newest[rows], moment)

    def dump(self, row: int) -> bytes:
        """Return an enterprise's cold record."""
        memory = self._memories[row]
        if isinstance(memory, bytes):
            return memory
        return dump_cold(memory, summary_of(memory, self._series), self._detectors)

    def write(self, row: int) -> bytes:
        """Return the cold record of one that changed, and let go of the decoded memory if there are too many."""
        memory = self.state(row)
        if row in self.stale:
            self._summarise(row, summary_of(memory, self._series))
        summary = bytes(self._written[row * SUMMARY.size : (row + 1) * SUMMARY.size])
        raw = dump_cold(memory, summary, self._detectors)
        if self._decoded > self._resident:
            self._memories[row] = raw
            self._decoded -= 1
        return raw

    def restore(self, enterprise: str, raw: bytes) -> None:
        """Take in a cold record."""
        row, summary = summary_record(raw)
        if row < 0:
            self._unnumbered[enterprise] = raw
            return
        self._unnumbered.pop(enterprise, None)
        self._memories[self._number(row, enterprise)] = raw
        self._summarise(row, summary)

    def restore_open(self, enterprise: str, raw: bytes | None) -> None:
        """Take in a hot record; None means that nothing is open any more, whatever older records say."""
        if raw is None:
            self._hot.pop(enterprise, None)
        else:
            self._hot[enterprise] = raw

    def restored(self) -> set[int]:
        """Note that all records are in; return who has to be written anew, since an older version wrote them last."""
        renewed = set()
        for enterprise, raw in self._unnumbered.items():
            row = self._number(len(self.names), enterprise)
            self._memories[row] = load_cold(row, raw, self._detectors)
            self._decoded += 1
            self.stale.add(row)
            renewed.add(row)
        for enterprise, raw in self._hot.items():
            self.opened[self.rows[enterprise]] = load_hot(raw)
        self._unnumbered, self._hot = {}, {}
        return renewed

    def _set_summaries(self, summaries: NDArray[np.void]) -> None:
        self.summaries, self._written = summaries, summaries.view(np.uint8).data

    def _number(self, row: int, enterprise: str) -> int:
        while len(self.names) <= row:  # records come in the order of their last change, not of the numbers
            self.names.append("")
            self._memories.append(b"")
        if row >= len(self.summaries):
            more = np.zeros(max(row, _FIRST_ROWS), dtype=_SUMMARY)
            self._set_summaries(np.concatenate([self.summaries, more]))
        self.names[row], self.rows[enterprise] = enterprise, row
        return row

    def _summarise(self, row: int, summary: bytes) -> None:
        self._written[row * SUMMARY.size : (row + 1) * SUMMARY.size] = summary
        self.stale.discard(row)
