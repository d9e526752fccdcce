"""Training of the model of headlines: regularised logistic regression, the same from run to run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.sentiment.model import BITS, HeadlineModel, hashed_runs

#: Strength of the pull towards zero, against the summed loss.
_PENALTY: Final = 0.1
_STEPS: Final = 150
#: Adam (Kingma and Ba 2015) on all examples at once: nothing is drawn, so nothing varies.
_RATE, _MOMENTUM, _SCALE_MEMORY, _TINY = 0.1, 0.9, 0.999, 1e-8


class Example(NamedTuple):
    """A headline, whom it is about, and whether it is bad news for them."""

    title: str
    names: tuple[str, ...]
    bad: bool


def train(examples: Sequence[Example], tell: Callable[[int, int], None] = lambda done, total: None) -> HeadlineModel:
    """Return the model of these examples.

    Parameters
    ----------
    examples
        At least one bad and one other.
    tell
        Is told how many steps of how many are done.

    Raises
    ------
    ValueError
        All examples are bad, or none is.

    Examples
    --------
    >>> goods = [Example("某厂中标大单", (), False), Example("某厂利润增长", (), False)]
    >>> model = train([*goods, Example("某厂利润下滑", (), True)])
    >>> model.log_odds("销量下滑", ()) > model.log_odds("销量增长", ())
    True
    """
    bad = np.array([example.bad for example in examples], np.float64)
    if not 0 < bad.sum() < len(bad):
        message = f"training needs bad and other headlines: {int(bad.sum())} of {len(bad)} are bad"
        raise ValueError(message)
    runs = [hashed_runs(example.title, example.names) for example in examples]
    lengths = np.array([len(found) for found in runs])
    places, columns = np.unique(np.concatenate(runs), return_inverse=True)
    rows = np.repeat(np.arange(len(runs)), lengths)
    values = np.repeat(1 / np.sqrt(lengths), lengths)
    fitted = _fit(rows, columns, values, bad, tell)
    weights = np.zeros(2**BITS, np.float16)
    weights[places] = fitted[:-1].astype(np.float16)
    return HeadlineModel(weights, float(fitted[-1]))


def _fit(
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    values: NDArray[np.float64],
    bad: NDArray[np.float64],
    tell: Callable[[int, int], None],
) -> NDArray[np.float64]:
    """Return the weight of each column, and the bias last."""
    size = int(columns.max()) + 1
    found = np.zeros(size + 1)
    mean, scale = np.zeros(size + 1), np.zeros(size + 1)
    for step in range(1, _STEPS + 1):
        odds = np.bincount(rows, values * found[columns], len(bad)) + found[-1]
        excess = 1 / (1 + np.exp(-np.clip(odds, -50, 50))) - bad
        slope = np.bincount(columns, values * excess[rows], size) + _PENALTY * found[:-1]
        slope = np.append(slope, excess.sum())
        mean = _MOMENTUM * mean + (1 - _MOMENTUM) * slope
        scale = _SCALE_MEMORY * scale + (1 - _SCALE_MEMORY) * slope**2
        rate = _RATE * (1 - (step - 1) / _STEPS)
        ahead = mean / (1 - _MOMENTUM**step)
        found -= rate * ahead / (np.sqrt(scale / (1 - _SCALE_MEMORY**step)) + _TINY)
        tell(step, _STEPS)
    return found
