"""VAT payable that falls behind: below what declared sales used to bring or, where none are known, below its own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from math import isfinite
from typing import Final, NamedTuple

from detectors.config import TaxConfig
from detectors.contract import Clearance, Context, Opinion, Series
from detectors.memoryless import Memoryless
from detectors.payroll import as_every_year
from detectors.usual import usual

#: Months that tell what is usual.
_YEAR: Final = 12
#: Peers whose payable, or payable against sales, is below this share of their usual one had the same reason.
_PEERS_LOW: Final = 0.8


class _Fall(NamedTuple):
    """Newest months that are all low: how many, their mean, and what was usual before."""

    months: int
    mean: float
    before: float


class PayableFall(Memoryless):
    """VAT payable against declared sales (税负率) that is far below the enterprise's own for months.

    Each of some months in a row has to be low: one month with little or nothing payable is a purchase whose input tax
    is set off. Stock that was bought and an investment look the same as sales that earn nothing or are not all
    declared, so it is a faint sign. Where no sales are known, payable itself is judged, its season excepted.

    Parameters
    ----------
    config
        Share, months, least history, severity.
    """

    name = "tax-payable-fall"
    version = 1
    family = "tax"
    series = ("vat_payable", "vat_sales")

    def __init__(self, config: TaxConfig) -> None:
        self._config = config

    def judge_one(self, memory: tuple[()], context: Context) -> Sequence[Opinion]:
        """Return the fall that stands, if one does."""
        payable, sales = context.series.get("vat_payable"), context.series.get("vat_sales")
        if payable is None:
            return ()
        if sales is not None:
            return self._of_sales(payable, sales, context)
        if as_every_year(payable.values, 1 - self._config.fall_share) or self._share_of_peers(context) < _PEERS_LOW:
            return ()
        fall = self._fall([value for value in payable.values if value >= 0], self._config.fall_share)
        if fall is None or not payable.values[-1] >= 0:
            return ()
        limit = self._config.fall_share * fall.before
        clearance = Clearance("vat_payable", limit, payable.unit, periods=1)
        return (self._opinion("tax.payable-fall", fall, payable.unit, clearance, context, payable.last),)

    def _of_sales(self, payable: Series, sales: Series, context: Context) -> Sequence[Opinion]:
        month = min(payable.last, sales.last)
        burdens = [
            paid / sold if paid >= 0 and sold > 0 else -1.0
            for paid, sold in zip(reversed(payable.upto(month)), reversed(sales.upto(month)), strict=False)
        ]
        known = [burden for burden in reversed(burdens) if burden >= 0 and isfinite(burden)]
        share = self._config.burden_share * min(self._burden_of_peers(context), 1.0)
        fall = self._fall(known, share)
        if fall is None or burdens[0] < 0:
            return ()
        return (self._opinion("tax.burden-fall", fall, "%", None, context, month),)

    def _fall(self, known: Sequence[float], share: float) -> _Fall | None:
        """Return how many of the newest values are below a share of what was usual before, if enough are."""
        config = self._config
        before = usual(known[: -config.burden_months][-_YEAR:], config.min_history_months)
        low = list(takewhile(lambda value: value < share * before, reversed(known)))
        if not before > 0 or len(low) < config.burden_months:
            return None
        return _Fall(len(low), sum(value / len(low) for value in low), before)

    def _share_of_peers(self, context: Context, name: str = "vat_payable") -> float:
        """Return the peers' newest median against their usual one; 1 where it is unknown."""
        peers = context.peers.get(name, ())
        return peers[-1].median if peers and peers[-1] is not None else 1.0

    def _burden_of_peers(self, context: Context) -> float:
        """Return how payable of the peers fared against their sales, 1 where that is unknown: a rate may change."""
        sold = self._share_of_peers(context, "vat_sales")
        return self._share_of_peers(context) / sold if sold > 0 else 1.0

    def _opinion(
        self, reason: str, fall: _Fall, unit: str, clearance: Clearance | None, context: Context, month: int
    ) -> Opinion:
        return Opinion(
            reason,
            self._config.burden_severity,
            observed=fall.mean,
            expected=fall.before,
            unit=unit,
            since=context.calendar.month_start(month - fall.months + 1),
            half_life_days=self._config.half_life_days,
            clearance=clearance,
            facts={"months": float(fall.months)},
        )
