"""River's online estimators as plain numbers: small in memory, quick, saved and restored bit for bit.

A stack keeps a million enterprises, each with several estimators, so an instance holds only the numbers of its
estimator. Its updates are River's arithmetic, operation by operation: making River's own objects from the numbers for
each update would cost ten times as much. On import a stream is run through both; a release of River whose results
differ in a single bit is refused rather than quietly disagreed with.
"""

from __future__ import annotations

from math import inf, sin, sqrt
from typing import Any, Final

from river import drift, stats

from detectors.contract import Plain

_FADING: Final = 0.3


class DisagreementError(ImportError):
    """River computes in another way than this module: install the release that pyproject.toml names."""


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
        if self.count:
            fading = self.fading
            keep = 1.0 - fading
            self.mean = fading * value + keep * self.mean
            self.square = fading * (value * value) + keep * self.square
        else:
            self.mean, self.square = value, value * value
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

    __slots__ = ("alpha", "count", "delta", "drifted", "least", "mean", "sums", "threshold")

    def __init__(self, least: int, delta: float, threshold: float, alpha: float = 0.999) -> None:
        self.least, self.delta, self.threshold, self.alpha = least, delta, threshold, alpha
        #: Whether the newest value completed a change; the next one begins anew.
        self.drifted = False
        self._begin()

    def _begin(self) -> None:
        self.count = 0.0
        self.mean = 0.0
        #: River's sum of increases and of decreases, the lowest of the former and the highest of the latter.
        self.sums: tuple[float, float, float, float] = (0.0, 0.0, inf, -1.0)

    def update(self, value: float) -> None:
        """Take in a finite value."""
        if self.drifted:
            self._begin()
        increase, decrease, lowest, highest = self.sums
        self.count += 1.0
        self.mean += (1.0 / self.count) * (value - self.mean)
        deviation = value - self.mean
        increase = self.alpha * increase + deviation - self.delta
        decrease = self.alpha * decrease + deviation + self.delta
        self.sums = (
            increase,
            decrease,
            increase if increase < lowest else lowest,
            decrease if decrease > highest else highest,
        )
        self.drifted = self.count >= self.least and self.sums[3] - decrease > self.threshold

    def dump(self) -> list[Plain]:
        """Return what :meth:`restore` takes."""
        return [self.count, self.mean, *self.sums, self.drifted]

    def restore(self, state: list[Plain]) -> None:
        """Take on what :meth:`dump` returned."""
        self.count, self.mean, *sums, self.drifted = state  # type: ignore[assignment]  # as dump wrote them
        self.sums = tuple(sums)  # type: ignore[assignment]  # as dump wrote them


def check_agreement() -> None:
    """Run one stream through River's estimators and through these.

    Raises
    ------
    DisagreementError
        River's results differ.
    """
    level, fall = EWVar(_FADING), PageHinkley(5, 0.01, 0.5)
    mean, variance = stats.EWMean(_FADING), stats.EWVar(_FADING)
    drifting: Any = drift.PageHinkley(5, 0.01, 0.5, 0.999, mode="down")
    for step in range(60):
        value = 2.0 + sin(step) - step // 20
        for estimator in (level, fall, mean, variance, drifting):
            estimator.update(value)
        mine = level.mean, level.variance, fall.drifted
        if mine != (mean.get(), max(variance.get(), 0.0), drifting.drift_detected):
            message = f"River's estimators give other results after {step + 1} values"
            raise DisagreementError(message)


check_agreement()
