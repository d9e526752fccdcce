"""What is usual for every enterprise of a group in one series, in arrays.

A survey of peers needs it of everybody at once, at the moment at which a day closes. Taking it from the memories would
mean to decode a million of them; it is known anyway whenever an enterprise's period has closed. Nothing here is saved:
what is not known is looked up in the memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.contract import Profile
from detectors.peers import Identity, identity_of

_FIRST_ROWS = 256
_UNKNOWN = np.iinfo(np.int32).min


class Usuals:
    """The usual values of one series, by number of the enterprise."""

    def __init__(self) -> None:
        self._values = np.zeros(_FIRST_ROWS)
        self._periods = np.full(_FIRST_ROWS, _UNKNOWN, dtype=np.int32)

    def note(self, rows: Sequence[int], period: int, values: Sequence[float]) -> None:
        """Remember what is usual of some enterprises when a period has closed; NaN: nothing is."""
        if not rows:
            return
        more = max(rows) + 1 - len(self._values)
        if more > 0:
            more = max(more, len(self._values))
            self._values = np.concatenate([self._values, np.zeros(more)])
            self._periods = np.concatenate([self._periods, np.full(more, _UNKNOWN, dtype=np.int32)])
        self._values[rows], self._periods[rows] = values, period

    def forget(self, row: int) -> None:
        """Forget one whose past has changed."""
        if row < len(self._values):
            self._periods[row] = _UNKNOWN

    def after(self, period: int) -> dict[int, float]:
        """Return by enterprise what is usual where that period was the last one to close."""
        rows = np.flatnonzero(self._periods == period)
        return dict(zip(rows.tolist(), self._values[rows].tolist(), strict=True))


class Identities:
    """By number of the enterprise: what decides who its peers are."""

    def __init__(self) -> None:
        self._shared: dict[Identity, Identity] = {}
        self._of: list[Identity | None] = []

    def note(self, row: int, profile: Profile) -> Identity:
        """Remember who an enterprise is."""
        identity = identity_of(profile)
        identity = self._shared.setdefault(identity, identity)
        self._of.extend([None] * (row + 1 - len(self._of)))
        self._of[row] = identity
        return identity

    def get(self, row: int) -> Identity | None:
        """Return what is known of an enterprise."""
        return self._of[row] if row < len(self._of) else None
