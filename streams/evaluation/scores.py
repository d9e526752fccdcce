"""Figures of merit: how well scores put the bad before the good."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_DRAWS = 2_000


def auc(scores: ArrayLike, bad: ArrayLike) -> float:
    """Return the probability that a bad item has a higher score than a good one; equal scores count half.

    Parameters
    ----------
    scores
        Shape (n,): higher is worse.
    bad
        Shape (n,): truth.

    Raises
    ------
    ValueError
        If all items are bad, or none is.

    Examples
    --------
    >>> auc([3, 2, 2, 1], [True, True, False, False])
    0.875
    """
    values, truth = np.asarray(scores, float), np.asarray(bad, bool)
    n_bad, n_good = int(truth.sum()), int((~truth).sum())
    if not n_bad or not n_good:
        message = f"an AUC needs bad and good items: {n_bad} bad, {n_good} good"
        raise ValueError(message)
    return float((_ranks(values)[truth].sum() - n_bad * (n_bad + 1) / 2) / (n_bad * n_good))


def auc_interval(scores: ArrayLike, bad: ArrayLike, seed: int) -> tuple[float, float]:
    """Return the middle 95 % of the AUC over resamples that keep the numbers of bad and good items (bootstrap)."""
    values, truth = np.asarray(scores, float), np.asarray(bad, bool)
    worse, better = values[truth], np.sort(values[~truth])
    # Of each bad item the share of good ones below it: the AUC of a resample is their weighted mean.
    draw = np.random.default_rng(seed)
    found = np.empty(_DRAWS)
    for turn in range(_DRAWS):
        good = np.sort(draw.choice(better, len(better)))
        drawn = draw.choice(worse, len(worse))
        below = np.searchsorted(good, drawn, "left") + np.searchsorted(good, drawn, "right")
        found[turn] = below.mean() / (2 * len(good))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def recall_at(scores: ArrayLike, bad: ArrayLike, share: float) -> float:
    """Return which share of the bad items is among the so many highest scores; ties count as drawn by lot."""
    values, truth = np.asarray(scores, float), np.asarray(bad, bool)
    take = share * len(values)
    limit = np.sort(values)[::-1][max(0, int(np.ceil(take)) - 1)]
    above, level = values > limit, values == limit
    lot = (take - above.sum()) / level.sum()
    return float(((above & truth).sum() + lot * (level & truth).sum()) / truth.sum())


def recall_at_false_positives(scores: ArrayLike, bad: ArrayLike, share: float) -> float:
    """Return which share of the bad items lies above a threshold that at most ``share`` of the good ones reach.

    Examples
    --------
    >>> recall_at_false_positives([5, 4, 3, 2, 1, 0], [True, True, True, False, False, False], 0.0)
    1.0
    """
    values, truth = np.asarray(scores, float), np.asarray(bad, bool)
    good = np.sort(values[~truth])[::-1]
    limit = good[int(np.floor(share * len(good)))] if share < 1 else -np.inf
    return float((values[truth] > limit).mean())


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ranks from 1 on; equal values share their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean: NDArray[np.float64] = (last - (counts - 1) / 2)[inverse]
    return mean
