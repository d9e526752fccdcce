"""What a detector is shown of an enterprise: made only of what it asks for, since most ask for little."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from detectors.contract import PeerBaseline, Profile, Series
from detectors.peers import Baselines
from streams.rules import Rules
from streams.series import Closed

#: By series and period: how the peers did.
Kept: TypeAlias = Mapping[tuple[str, int], Baselines]


class SeriesView(Mapping[str, Series]):
    """By name: an enterprise's closed series, made only when a detector asks."""

    __slots__ = ("_closed", "_made", "_rules")

    def __init__(self, closed: Mapping[str, Closed], rules: Rules) -> None:
        self._closed, self._rules = closed, rules
        self._made: dict[str, Series] = {}

    def get(self, name: str, default: Any = None) -> Any:
        """Return a series, or the default if nothing of it has closed."""
        made = self._made.get(name)
        if made is None:
            closed = self._closed.get(name)
            if closed is None:
                return default
            made = self._made[name] = Series(closed.last, closed.values, self._rules.series[name].unit)
        return made

    def __getitem__(self, name: str) -> Series:
        made: Series | None = self.get(name)
        if made is None:
            raise KeyError(name)
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._closed)

    def __len__(self) -> int:
        return len(self._closed)


class PeerView(Mapping[str, Sequence[PeerBaseline | None]]):
    """By series: the baselines of the enterprise's peers, looked up only when a detector asks."""

    def __init__(self, kept: Kept, profile: Profile, closed: Mapping[str, Closed]) -> None:
        self._kept, self._profile, self._closed = kept, profile, closed

    def __getitem__(self, series: str) -> Sequence[PeerBaseline | None]:
        return _Baselines(self._kept, self._profile, series, self._closed[series])

    def __iter__(self) -> Iterator[str]:
        return iter(self._closed)

    def __len__(self) -> int:
        return len(self._closed)


class _Baselines(Sequence[PeerBaseline | None]):
    """One series' baselines, one for each closed period."""

    __slots__ = ("_first", "_kept", "_length", "_profile", "_series")

    def __init__(self, kept: Kept, profile: Profile, series: str, closed: Closed) -> None:
        self._kept, self._profile, self._series = kept, profile, series
        self._first, self._length = closed.first, len(closed.values)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._length))]
        place = index + self._length if index < 0 else index
        if not 0 <= place < self._length:
            raise IndexError(index)
        made = self._kept.get((self._series, self._first + place))
        return None if made is None else made.for_profile(self._profile)
