"""How an enterprise's peers are doing, from a hash sample of them: one partition group.

Every enterprise contributes its newest value relative to its own usual one, so that large and small ones compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import isfinite, nan
from typing import Any

from detectors.config import DetectionConfig, PeersConfig
from detectors.contract import PeerBaseline, Plain, Profile, Series
from detectors.usual import usual

#: Earlier values that the usual one is taken from, and how many must be known.
WINDOW, LEAST = 28, 3

_GROUP, _REGION, _ALL = "industry/region/size", "region", "all"
_Key = tuple[str, ...]
#: What decides who an enterprise's peers are: section of the industry, region, size.
Identity = tuple[str, str, str]


def relative(series: Series) -> float:
    """Return the newest value divided by the usual one of up to 28 earlier closed periods; NaN when unknown.

    Examples
    --------
    >>> relative(Series(last=3, values=[100.0, 102.0, 98.0, 50.0]))
    0.5
    """
    values = series.values
    if len(values) <= LEAST:
        return nan
    newest = values[-1]
    if newest != newest:
        return nan
    base = usual(values[-1 - WINDOW : -1], LEAST)
    return newest / base if base > 0 else nan


def identity_of(profile: Profile) -> Identity:
    """Return what decides who an enterprise's peers are.

    Examples
    --------
    >>> identity_of(Profile(industry="C3411", region="350102", size="small"))
    ('C', '350102', 'small')
    """
    return profile.industry[:1], profile.region, profile.size


@lru_cache(maxsize=4096)
def _keys(section: str, region: str, size: str) -> tuple[_Key, ...]:
    """Return the groups that an enterprise belongs to, narrowest first; a group needs all its parts known."""
    keys: list[_Key] = []
    if section and region and size:
        keys.append((_GROUP, section, region, size))
    if region:
        keys.append((_REGION, region))
    if len(region) > 4:
        keys.append((_REGION, region[:4]))
    keys.append((_ALL,))
    return tuple(keys)


class Baselines:
    """The peers' baselines of one period of one series.

    Parameters
    ----------
    groups
        By group key: baseline of its members.
    """

    __slots__ = ("_groups",)

    def __init__(self, groups: dict[_Key, PeerBaseline]) -> None:
        self._groups = groups

    def __len__(self) -> int:
        return len(self._groups)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Baselines) and self._groups == other._groups

    __hash__ = None  # type: ignore[assignment]  # compared by content, like a dictionary

    def for_profile(self, profile: Profile) -> PeerBaseline | None:
        """Return the baseline of the narrowest group that was large enough, or None."""
        for key in _keys(*identity_of(profile)):
            found = self._groups.get(key)
            if found is not None:
                return found
        return None

    def dump(self) -> list[Plain]:
        """Return what :meth:`load` takes: one short list per group."""
        return [[list(key), b.count, b.low, b.median, b.high] for key, b in sorted(self._groups.items())]

    @classmethod
    def load(cls, state: Sequence[Any]) -> Baselines:
        """Restore what :meth:`dump` returned."""
        groups: dict[_Key, PeerBaseline] = {}
        for key, count, low, median, high in state:
            groups[tuple(key)] = PeerBaseline(count, low, median, high, key[0])
        return cls(groups)


def baselines(members: Iterable[tuple[Identity, float]], config: DetectionConfig) -> Baselines:
    """Return the baselines of one period: quartiles of the members' relative values, by group.

    Parameters
    ----------
    members
        Identity and :func:`relative` of every enterprise of the sample; NaN where it has none, which is left out.
    config
        How many members a group needs.

    Examples
    --------
    >>> district = [(("", "350102", ""), 0.02)] * 6 + [(("", "350103", ""), 1.0)] * 30
    >>> found = baselines(district, DetectionConfig())
    >>> found.for_profile(Profile(region="350102")).median, found.for_profile(Profile()).median
    (0.02, 1.0)
    """
    alike: dict[Identity, list[float]] = {}
    grouped: dict[_Key, list[float]] = {}
    for identity, value in members:
        if isfinite(value):
            known = alike.get(identity)
            if known is None:
                alike[identity] = [value]
            else:
                known.append(value)
    for identity, values in alike.items():
        for key in _keys(*identity):
            grouped.setdefault(key, []).extend(values)
    large = {key: values for key, values in grouped.items() if _enough(key, values, config.peers)}
    return Baselines({key: _quartiles(values, key[0]) for key, values in large.items()})


def _enough(key: _Key, values: Sequence[float], config: PeersConfig) -> bool:
    return len(values) >= (config.min_region if key[0] == _REGION else config.min_group)


def _quartiles(values: list[float], scope: str) -> PeerBaseline:
    values.sort()
    low, median, high = (_interpolate(values, (len(values) - 1) * quarter / 4) for quarter in (1, 2, 3))
    return PeerBaseline(len(values), low, median, high, scope)


def _interpolate(values: Sequence[float], position: float) -> float:
    below = int(position)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (position - below)
