"""Figures of two families that do not fit together: one of them may be misstated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from detectors.calendar import Calendar
from detectors.cohort import Cohort
from detectors.config import CrossConfig
from detectors.contract import Context, Opinion, Series
from detectors.memoryless import Memoryless
from detectors.usual import usual

_QUARTER: Final = 3
#: Days of a month, and days before it, that must be known to compare power.
_LEAST_DAYS: Final = 12
#: Newest days after the declared month that tell whether power is back, and how many of them must be known.
_RECENT_DAYS: Final = 7
_LEAST_RECENT: Final = 4
#: Months of sales that make a usual value.
_LEAST_MONTHS: Final = 4
#: A month this near to Spring Festival is no guide.
_FESTIVAL: Final = 30
#: Growth from next to nothing is told as this much.
_MOST_GROWTH: Final = 1000.0


def _mean(values: Sequence[float]) -> float:
    return sum(value / len(values) for value in values)


class StaffAgainstSales(Memoryless):
    """Staff leave while declared sales grow: sales of a quarter against the quarter before, headcount across it.

    Parameters
    ----------
    config
        Shares and severities.
    """

    name = "cross-staff-sales"
    version = 2
    family = "social_security"
    series = ("insured_headcount", "vat_sales")

    def __init__(self, config: CrossConfig) -> None:
        self._config = config

    def judge_one(self, memory: tuple[()], context: Context) -> Sequence[Opinion]:
        """Return the divergence of the newest quarter that both series know, if there is one."""
        config = self._config
        staff, sales = context.series.get("insured_headcount"), context.series.get("vat_sales")
        if staff is None or sales is None:
            return ()
        month = min(staff.last, sales.last)
        heads, sold = staff.upto(month)[-_QUARTER - 1 :], sales.upto(month)[-2 * _QUARTER :]
        if len(heads) <= _QUARTER or len(sold) < 2 * _QUARTER or not heads[0] >= config.min_headcount:
            return ()
        before, now = _mean(sold[:_QUARTER]), _mean(sold[_QUARTER:])
        shed = 1 - heads[-1] / heads[0]
        growth = min(now / before - 1, _MOST_GROWTH) if before > 0 else 0.0
        beyond = (1 + growth) / max(self._trade(context, month), 1.0) - 1
        fell = shed >= config.shed_share and heads[0] - heads[-1] >= config.min_shed
        if not (fell and beyond >= config.growth_share):
            return ()
        least = config.shed_share + config.growth_share
        gap = shed + min(beyond, 2 * shed)
        depth = min(max(gap - least, 0.0) / (config.divergence_key_gap - least), 1.0)
        gain = config.divergence_key_severity - config.divergence_severity
        return (
            Opinion(
                "social_security.sales-divergence",
                config.divergence_severity + depth * gain,
                since=context.calendar.month_start(month - _QUARTER + 1),
                half_life_days=config.half_life_days,
                facts={"fall": shed, "growth": growth},
            ),
        )

    def _trade(self, context: Context, month: int) -> float:
        """Return by which factor the peers' sales grew over the same two quarters; 1 where that is unknown."""
        peers = context.peers.get("vat_sales", ())
        end = len(peers) - (context.series["vat_sales"].last - month)
        medians = [one.median for one in peers[max(end - 2 * _QUARTER, 0) : max(end, 0)] if one is not None]
        if len(medians) < 2 * _QUARTER or not _mean(medians[:_QUARTER]) > 0:
            return 1.0
        return _mean(medians[_QUARTER:]) / _mean(medians[:_QUARTER])


class PowerAgainstSales(Memoryless):
    """Power falls far below the weeks before a month whose declared sales are as usual, and has not come back since.

    Parameters
    ----------
    config
        Shares and severity.
    """

    name = "cross-power-sales"
    version = 2
    family = "tax"
    series = ("vat_sales", "daily_kwh")

    def __init__(self, config: CrossConfig) -> None:
        self._config = config

    def suspects(self, memories: Sequence[Any], cohort: Cohort) -> Sequence[int]:
        """Return those who declared sales of a month that power can be compared with on this day."""
        sales, power = self.series
        both = [place for place, known in enumerate(cohort.known) if sales in known and power in known]
        return [place for place in both if self._month(cohort.context_of(place)) is not None]

    def _month(self, context: Context) -> tuple[int, int] | None:
        """Return the first day of the newest declared month and the one after its last, None if it tells nothing."""
        sales, power, calendar = context.series["vat_sales"], context.series["daily_kwh"], context.calendar
        if not sales.values[-1] > 0:
            return None
        first, after = calendar.first_day(sales.last), calendar.first_day(sales.last + 1)
        if power.last < after - 1 or power.last - len(power.values) + 1 > first - _LEAST_DAYS:
            return None
        return None if self._near_festival(calendar, first, after) else (first, after)

    def judge_one(self, memory: tuple[()], context: Context) -> Sequence[Opinion]:
        """Return the divergence of the newest declared month, if there is one."""
        config = self._config
        sales, power = context.series.get("vat_sales"), context.series.get("daily_kwh")
        month = None if sales is None or power is None else self._month(context)
        if sales is None or power is None or month is None:
            return ()
        first, after = month
        start = len(power.values) - 1 - power.last
        within = [v for v in power.values[first + start : after + start] if v == v]
        before = [v for v in power.values[: first + start] if v == v]
        if len(within) < _LEAST_DAYS or len(before) < _LEAST_DAYS or not _mean(before) > 0:
            return ()
        ratio = _mean(within) / _mean(before)
        if ratio >= config.power_share or self._back(power, after, _mean(before)):
            return ()
        typical = usual(sales.values[-13:-1], _LEAST_MONTHS)
        if not (typical > 0 and sales.values[-1] >= config.power_sales_share * typical):
            return ()
        return (
            Opinion(
                "tax.power-divergence",
                config.power_severity,
                observed=ratio,
                expected=1.0,
                unit="%",
                since=context.calendar.month_start(sales.last),
                half_life_days=config.half_life_days,
                facts={"sales_ratio": min(sales.values[-1] / typical, _MOST_GROWTH)},
            ),
        )

    def _back(self, power: Series, after: int, before: float) -> bool:
        """Tell whether power has come back by now: a firm that paused and went on selling from its stock."""
        since = [v for v in power.values[after + len(power.values) - 1 - power.last :][-_RECENT_DAYS:] if v == v]
        return len(since) >= _LEAST_RECENT and _mean(since) >= self._config.power_back_share * before

    def _near_festival(self, calendar: Calendar, first: int, after: int) -> bool:
        return any(abs(calendar.days_from_spring_festival(day)) <= _FESTIVAL for day in (first, (first + after) // 2))
