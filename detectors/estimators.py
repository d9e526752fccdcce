"""River's online estimators, kept as their state: small in memory, saved as plain numbers, restored bit for bit.

A stack keeps a million enterprises, each with several estimators. So an instance here holds only the numbers of its
estimator; River's own object is made from them for each update, which costs about a microsecond a day, and gives its
new numbers back. River keeps the state of its Rust estimators in a fixed layout of little-endian fields; a release
with another layout is refused on import rather than misread.
"""

from __future__ import annotations

import struct
from math import inf, sqrt
from typing import Any, Final

from river import drift, stats

from detectors.contract import Plain

#: RsEWVar: the mean and its two factors and whether it has begun, the same for the mean of squares, the factor twice.
_EWVAR: Final = struct.Struct("<ddd?ddd?dd")
_PAGE_HINKLEY: Final = ("_sum_increase", "_sum_decrease", "_min_increase", "_max_decrease", "_drift_detected")


class LayoutError(ImportError):
    """River keeps its state in another way than this module reads: install the release that pyproject.toml names."""


class EWVar:
    """Exponentially weighted mean and variance: River's EWVar, whose state holds both.

    Parameters
    ----------
    fading
        River's fading factor, 0 to 1: higher follows faster, and forgets faster.

    Examples
    --------
    >>> level = EWVar(fading=0.5)
    >>> for value in (2.0, 4.0):
    ...     level.update(value)
    >>> level.count, level.mean, level.deviation
    (2, 3.0, 1.0)
    >>> EWVar.load(0.5, level.dump()) == level
    True
    """

    __slots__ = ("count", "fading", "mean", "square")

    def __init__(self, fading: float) -> None:
        self.fading = fading
        self.count = 0
        self.mean = 0.0
        self.square = 0.0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EWVar) and (self.fading, self.dump()) == (other.fading, other.dump())

    __hash__ = None  # type: ignore[assignment]  # it changes

    @property
    def variance(self) -> float:
        """The weighted variance."""
        return max(self.square - self.mean * self.mean, 0.0)

    @property
    def deviation(self) -> float:
        """The weighted standard deviation."""
        return sqrt(self.variance)

    def update(self, value: float) -> None:
        """Take in a finite value."""
        river = stats.EWVar(self.fading)
        rust: Any = river._ewvar
        fading, begun = self.fading, self.count > 0
        keep = 1.0 - fading
        rust.__setstate__(_EWVAR.pack(self.mean, fading, keep, begun, self.square, fading, keep, begun, fading, fading))
        river.update(value)
        self.mean, _, _, _, self.square, *_ = _EWVAR.unpack(rust.__getstate__())
        self.count += 1

    def dump(self) -> list[Plain]:
        """Return what :meth:`load` takes."""
        return [self.count, self.mean, self.square]

    @classmethod
    def load(cls, fading: float, state: list[Plain]) -> EWVar:
        """Restore what :meth:`dump` returned."""
        loaded = cls(fading)
        loaded.count, loaded.mean, loaded.square = state  # type: ignore[assignment]  # as dump wrote them
        return loaded


class PageHinkley:
    """Detects that the mean of a stream has sunk: River's PageHinkley, downwards.

    Parameters
    ----------
    least
        Values before it may speak.
    delta
        Tolerated drift per value; higher is slower and calmer.
    threshold
        Accumulated fall that counts as a change; higher is slower and calmer.
    alpha
        Forgetting factor of the accumulated fall, 0 to 1: lower forgets old drift sooner.

    Examples
    --------
    >>> fall = PageHinkley(least=5, delta=0.05, threshold=1.0)
    >>> days = []
    >>> for day, value in enumerate([1.0] * 20 + [0.5] * 3):
    ...     fall.update(value)
    ...     days += [day] if fall.drifted else []
    >>> days
    [22]
    """

    __slots__ = ("alpha", "count", "delta", "least", "mean", "state", "threshold")

    def __init__(self, least: int, delta: float, threshold: float, alpha: float = 0.999) -> None:
        self.least, self.delta, self.threshold, self.alpha = least, delta, threshold, alpha
        self.count = 0.0
        self.mean = 0.0
        self.state: tuple[float, float, float, float, bool] = (0.0, 0.0, inf, -1.0, False)

    @property
    def drifted(self) -> bool:
        """Whether the newest value completed a change; the next one begins anew."""
        return self.state[-1]

    def update(self, value: float) -> None:
        """Take in a finite value."""
        river: Any = drift.PageHinkley(self.least, self.delta, self.threshold, self.alpha, mode="down")
        for name, number in zip(_PAGE_HINKLEY, self.state, strict=True):
            setattr(river, name, number)
        river._x_mean.n, river._x_mean._mean = self.count, self.mean
        river.update(value)
        self.count, self.mean = river._x_mean.n, river._x_mean._mean
        increase, decrease, lowest, highest, drifted = (getattr(river, name) for name in _PAGE_HINKLEY)
        self.state = (float(increase), float(decrease), float(lowest), float(highest), bool(drifted))

    def dump(self) -> list[Plain]:
        """Return what :meth:`restore` takes."""
        return [self.count, self.mean, *self.state]

    def restore(self, state: list[Plain]) -> None:
        """Take on what :meth:`dump` returned."""
        self.count, self.mean, *rest = state  # type: ignore[assignment]  # as dump wrote them
        self.state = tuple(rest)  # type: ignore[assignment]  # as dump wrote them


def check_layout() -> None:
    """Compare a few updates with River itself.

    Raises
    ------
    LayoutError
        River's state is laid out in another way.
    """
    mine, theirs = EWVar(0.3), stats.EWVar(0.3)
    fall = PageHinkley(2, 0.01, 0.5)
    reference: Any = drift.PageHinkley(2, 0.01, 0.5, 0.999, mode="down")
    try:
        for value in (2.0, 5.0, 3.5, 0.25):
            mine.update(value)
            theirs.update(value)
            fall.update(value)
            reference.update(value)
    except (AttributeError, TypeError, ValueError, struct.error) as error:
        message = f"River's estimators changed: {error}"
        raise LayoutError(message) from error
    if mine.variance != max(theirs.get(), 0.0) or fall.drifted != reference.drift_detected or not fall.drifted:
        message = "River's estimators keep their state in another layout"
        raise LayoutError(message)


check_layout()
