"""Monthly declarations: sales that fall, turn to zero or are not declared, and invoices that are voided."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Final

from detectors.cohort import OneByOne
from detectors.config import TaxConfig
from detectors.contract import Clearance, Context, Opinion, Plain
from detectors.estimators import EWVar
from detectors.memoryless import Memoryless
from detectors.usual import from_log, usual

_YEAR: Final = 12
#: A peer median below this means that the whole trade had a bad month.
_PEERS_LOW: Final = 0.6


class SalesFall(OneByOne):
    """Declared sales far below their usual value, and below the same month a year before where that is known.

    River's EWVar over log sales tells what is unusual for this enterprise. The year-ago comparison takes care of
    seasons; Spring Festival moves between January and February, so the better of the two months counts.

    Parameters
    ----------
    config
        Shares, sigmas and severities.
    """

    name = "tax-sales-fall"
    version = 1
    family = "tax"
    series = ("vat_sales",)

    def __init__(self, config: TaxConfig) -> None:
        self._config = config

    def memory(self) -> EWVar:
        """Return the memory of an enterprise that was never seen."""
        return EWVar(self._config.fade)

    def dump(self, memory: EWVar) -> list[Plain]:
        """Return the memory as plain values."""
        return memory.dump()

    def load(self, state: list[Plain]) -> EWVar:
        """Return the memory that ``dump`` described."""
        return EWVar.load(self._config.fade, state)

    def learn_one(self, memory: EWVar, context: Context, series: str, index: int) -> None:
        """Learn a settled month with sales."""
        value = context.series[series].values[index]
        if value > 0:
            memory.update(log(value))

    def judge_one(self, memory: EWVar, context: Context) -> Sequence[Opinion]:
        """Return the fall that stands, if one does."""
        config = self._config
        known = context.series.get("vat_sales")
        if known is None or memory.count < config.min_history_months:
            return ()
        values, newest = known.values, known.values[-1]
        level = from_log(memory.mean)
        # Zero sales of one or two months are a fall; longer runs are the zero-filing detector's.
        if not 0 <= newest < config.fall_share * level or self._zero_run(values) >= config.zero_check_months:
            return ()
        if newest > 0 and log(newest) > memory.mean - config.fall_sigmas * memory.deviation:
            return ()
        year_ago = self._year_ago(values)
        if year_ago is not None and newest >= config.fall_share * year_ago:
            return ()
        peers = context.peers.get("vat_sales", ())
        if peers and peers[-1] is not None and peers[-1].median < _PEERS_LOW:
            return ()
        deep = newest < config.deep_fall_share * level
        return (
            Opinion(
                "tax.sales-fall",
                config.deep_fall_severity if deep else config.fall_severity,
                observed=newest,
                expected=level,
                unit=known.unit,
                since=context.calendar.month_start(known.last),
                half_life_days=config.half_life_days,
                clearance=Clearance("vat_sales", config.fall_share * level, known.unit, periods=1),
            ),
        )

    def _zero_run(self, values: Sequence[float]) -> int:
        run = 0
        while run < len(values) and values[-1 - run] == 0:
            run += 1
        return run

    def _year_ago(self, values: Sequence[float]) -> float | None:
        """Return the lower of the same month and the one after it, a year before; None when unknown."""
        candidates = [v for v in (*values[-1 - _YEAR : -_YEAR], *values[-_YEAR : 1 - _YEAR]) if v > 0]
        return min(candidates) if len(values) > _YEAR and candidates else None


class ZeroFiling(Memoryless):
    """Months in a row of zero declared sales, by an enterprise that used to have some.

    Parameters
    ----------
    config
        Months to check and months that are key, and their severities.
    """

    name = "tax-zero-filing"
    version = 1
    family = "tax"
    series = ("vat_sales",)

    def __init__(self, config: TaxConfig) -> None:
        self._config = config

    def judge_one(self, memory: tuple[()], context: Context) -> Sequence[Opinion]:
        """Return the run of zero filings, if there is one."""
        config = self._config
        known = context.series.get("vat_sales")
        if known is None:
            return ()
        values, months, oldest = known.values, 0, 0
        for back in range(len(values)):
            value = values[-1 - back]
            if value == 0:
                months, oldest = months + 1, back
            elif value == value:
                break
        if months < config.zero_check_months:
            return ()
        before = usual(values[: len(values) - 1 - oldest], least=1)
        if not before > 0:
            return ()
        key = months >= config.zero_key_months
        return (
            Opinion(
                "tax.zero-filing",
                config.zero_key_severity if key else config.zero_check_severity,
                observed=0.0,
                expected=before,
                unit=known.unit,
                since=context.calendar.month_start(known.last - oldest),
                half_life_days=config.half_life_days,
                clearance=Clearance("vat_sales", 0.0, known.unit, periods=1),
                facts={"months": float(months)},
            ),
        )


class MissingFiling(Memoryless):
    """Months without a declaration, by an enterprise that used to file, while its peers file.

    Parameters
    ----------
    config
        How many months, and the severity.
    """

    name = "tax-missing-filing"
    version = 1
    family = "tax"
    series = ("vat_sales",)

    def __init__(self, config: TaxConfig) -> None:
        self._config = config

    def judge_one(self, memory: tuple[()], context: Context) -> Sequence[Opinion]:
        """Return the missing filings, if there are any."""
        config = self._config
        known = context.series.get("vat_sales")
        if known is None or not known.values or known.values[-1] == known.values[-1]:
            return ()
        values, months = known.values, 0
        while months < len(values) and values[-1 - months] != values[-1 - months]:
            months += 1
        if months < config.missing_months or not self._filed_regularly(values[: len(values) - months]):
            return ()
        peers = context.peers.get("vat_sales", ())
        if not peers or peers[-1] is None:
            return ()
        return (
            Opinion(
                "tax.missing-filing",
                config.missing_severity,
                unit=known.unit,
                since=context.calendar.month_start(known.last - months + 1),
                half_life_days=config.half_life_days,
                facts={"months": float(months)},
            ),
        )

    def _filed_regularly(self, before: Sequence[float]) -> bool:
        """Tell whether every one of the months before was declared: a quarterly filer has gaps by nature."""
        recent = before[-self._config.min_history_months :]
        return len(recent) >= self._config.min_history_months and all(value == value for value in recent)


class VoidRate(Memoryless):
    """A share of voided invoices that is high, and many times the enterprise's own.

    Parameters
    ----------
    config
        Share, factor, least number of invoices, severity.
    """

    name = "tax-void-rate"
    version = 1
    family = "tax"
    series = ("invoices_issued", "invoices_voided")

    def __init__(self, config: TaxConfig) -> None:
        self._config = config

    def judge_one(self, memory: tuple[()], context: Context) -> Sequence[Opinion]:
        """Return the high share of the newest month that both series know, if it is."""
        config = self._config
        issued, voided = context.series.get("invoices_issued"), context.series.get("invoices_voided")
        if issued is None or voided is None:
            return ()
        month = min(issued.last, voided.last)
        of_issued, of_voided = issued.upto(month), voided.upto(month)
        rates = [
            v / i
            for i, v in zip(reversed(of_issued), reversed(of_voided), strict=False)
            if i >= config.void_min_invoices and v == v
        ]
        if len(rates) <= config.min_history_months or not of_issued[-1] >= config.void_min_invoices:
            return ()
        newest, before = of_voided[-1] / of_issued[-1], sorted(rates[1:])
        typical = before[len(before) // 2]
        limit = max(config.void_rate, config.void_factor * typical)
        if not newest >= limit:
            return ()
        return (
            Opinion(
                "tax.void-rate",
                config.void_severity,
                observed=newest,
                expected=typical,
                unit="%",
                since=context.calendar.month_start(month),
                half_life_days=config.half_life_days,
                clearance=Clearance("invoices_voided", limit * of_issued[-1], "count", periods=1, above=False),
                facts={"voided": of_voided[-1]},
            ),
        )
