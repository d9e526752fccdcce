"""Monthly filings: tax on one of three days of the next month, social security on one day for all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from statistics import NormalDist

from connectors.models import Signal
from connectors.simulator.city import City, at
from connectors.simulator.enterprises import Resident
from connectors.simulator.plots import Part
from connectors.simulator.seasons import spring_festival

TAX_DAYS = (8, 12, 15)
SOCIAL_SECURITY_DAY = 20
GRADES_DAY = (4, 22)
"""Month and day on which the credit grades of a year are published."""
HOUR = 9
_MISSING, _MISSING_IN_DISTRESS, _RESTATED = 0.004, 0.04, 0.005
_QUARTER_MONTHS = (3, 6, 9, 12)
_STEADY_STAFF = 30
"""Below, one person more or less would be a wave; so nobody comes or goes without a story."""


#: How many times as many invoices are red-letter in December.
_REBATES = 2.0
#: How much the largest buyer's share moves from month to month: large and medium firms, others. Log odds.
_ORDERS, _FEW_ORDERS = 0.25, 0.45
#: How much a customer adds to it that is larger than all others. Log odds.
_WON_BY = 1.5
#: From so many on, a count is drawn from the normal distribution.
_MANY = 50
#: The largest buyer's share where it is nearly all.
_NEARLY_ALL = 0.95


class Filings:
    """Makes the tax and social-security signals of a city.

    Parameters
    ----------
    city
        Whose.
    """

    def __init__(self, city: City) -> None:
        self._city = city

    def tax(self, day: date, backfill: bool) -> Iterator[Signal]:
        """Yield the tax signals that are published on a day."""
        if day.day in TAX_DAYS:
            yield from self._declarations(day, TAX_DAYS.index(day.day), backfill)
            yield from self._restatements(day, TAX_DAYS.index(day.day), backfill)
        if (day.month, day.day) == GRADES_DAY:
            yield from self._grades(day, backfill)
        for index, part in self._city.parts.items():
            for notice in part.plot.notices:
                if part.due(notice.after, day):
                    payload = {"kind": notice.what, "authority": "青澜市税务局"}
                    yield self._event(self._city.residents[index], "tax_notice", payload, day, backfill)

    def social_security(self, day: date, backfill: bool) -> Iterator[Signal]:
        """Yield the social-security signals that are published on a day."""
        if day.day != SOCIAL_SECURITY_DAY:
            return
        month = _month_before(day)
        rng = self._city.chance("social-security", month)
        template = self._reading("social_security", month, day, backfill)
        for resident in self._city.residents:
            luck, lot = rng.gauss(0.0, 1.0), rng.random()
            part = self._city.parts.get(resident.index)
            if lot < _missing(part, month):
                continue
            staff = self._staff(resident, part, month)
            base = staff * resident.wage * (1.0 + 0.01 * luck)
            owed = round(base * part.share(part.plot.owed, part.month(month)), 2) if part else 0.0
            yield from _readings(
                template,
                resident,
                (
                    ("insured_headcount", float(staff), "persons"),
                    ("contribution_base", round(base, 2), "CNY"),
                    ("contribution_owed", owed, "CNY"),
                ),
            )

    def _declarations(self, day: date, slot: int, backfill: bool) -> Iterator[Signal]:
        month = _month_before(day)
        rng = self._city.chance(f"tax-{slot}", month)
        dealings = self._city.chance(f"dealings-{slot}", month)
        template = self._reading("tax", month, day, backfill)
        for resident in self._filers(slot):
            luck, lot, burden = rng.gauss(0.0, 1.0), rng.random(), rng.uniform(0.85, 1.15)
            returns, orders = dealings.random(), dealings.gauss(0.0, 1.0)
            part = self._city.parts.get(resident.index)
            if lot < _missing(part, month) or (resident.quarterly and month.month not in _QUARTER_MONTHS):
                continue
            sales = self._sales(resident, part, month, luck) * (3.0 if resident.quarterly else 1.0)
            issued = max(round(sales / resident.ticket), 1) if sales else 0
            reds = _count(issued * self._reds(resident, part, month), returns)
            top = max(self._top_share(resident, part, month, orders), 1.0 / max(issued, 1))
            voids = resident.voids + (part.share(part.plot.voids, part.month(month)) if part else 0.0)
            yield from _readings(
                template,
                resident,
                (
                    ("vat_sales", round(sales, 2), "CNY"),
                    ("vat_payable", round(sales * resident.burden * burden, 2), "CNY"),
                    ("invoices_issued", float(issued), "count"),
                    ("invoices_voided", float(round(issued * voids)), "count"),
                    ("invoices_red", float(min(reds, issued)), "count"),
                    ("top_buyer_sales", round(sales * top, 2), "CNY"),
                ),
            )

    def _restatements(self, day: date, slot: int, backfill: bool) -> Iterator[Signal]:
        """Yield corrected declarations of the month before the one that is declared now."""
        month = _month_before(_month_before(day))
        rng = self._city.chance(f"restated-{slot}", month)
        template = self._reading("tax", month, day, backfill).model_copy(update={"revision": 1})
        for resident in self._filers(slot):
            luck, lot = rng.gauss(0.0, 1.0), rng.random()
            if lot < _RESTATED and resident.index not in self._city.parts and not resident.quarterly:
                sales = self._sales(resident, None, month, luck)
                yield from _readings(template, resident, (("vat_sales", round(sales, 2), "CNY"),))

    def _filers(self, slot: int) -> Iterator[Resident]:
        return (one for one in self._city.residents if one.filing_slot == slot and one.taxed)

    def _sales(self, resident: Resident, part: Part | None, month: date, luck: float) -> float:
        number = (month - self._city.start).days
        festival = 0.75 if month.month == spring_festival(month.year).month else 1.0
        growth = 1.0 + resident.growth * number / 365
        spread = 0.06 if resident.size in ("large", "medium") else 0.12
        if part is not None and part.plot.lumpy:
            spread = part.plot.lumpy
        sales = resident.sales * festival * growth * math.exp(spread * luck)
        return sales * part.factor(part.plot.sales, part.month(month)) if part else sales

    def _reds(self, resident: Resident, part: Part | None, month: date) -> float:
        """Return the share of the invoices that takes others back, on average."""
        usual = resident.reds * (_REBATES if month.month == 12 else 1.0)
        return min(usual + (part.share(part.plot.reds, part.month(month)) if part else 0.0), 1.0)

    def _top_share(self, resident: Resident, part: Part | None, month: date, luck: float) -> float:
        """Return the largest buyer's share in a month's sales."""
        odds = resident.buyer if part is None or not part.plot.sole else math.log(part.plot.sole / (1 - part.plot.sole))
        if part is None and (month - self._city.start).days >= resident.wins:
            odds += _WON_BY
        spread = _ORDERS if resident.size in ("large", "medium") else _FEW_ORDERS
        usual = 1.0 / (1.0 + math.exp(-odds - spread * luck))
        moved = part.share(part.plot.buyer, part.month(month)) if part else 0.0
        return usual + max(_NEARLY_ALL - usual, 0.0) * moved

    def _staff(self, resident: Resident, part: Part | None, month: date) -> int:
        number = (month - self._city.start).days
        swing = 1.0 + 0.02 * math.sin(6.283 * number / 300 + resident.phase) + 0.3 * resident.growth * number / 365
        staff = resident.staff * (swing if resident.staff >= _STEADY_STAFF else 1.0)
        if part is not None:
            staff *= part.factor(part.plot.staff, part.month(month))
        return max(round(staff), 1)

    def _grades(self, day: date, backfill: bool) -> Iterator[Signal]:
        rng = self._city.chance("grades", day)
        for resident in self._city.residents:
            grade = rng.choices("ABM", (0.2, 0.6, 0.2))[0]
            if resident.taxed:
                payload = {"grade": grade, "year": str(day.year - 1)}
                yield self._event(resident, "credit_grade", payload, day, backfill)

    def _event(self, resident: Resident, metric: str, payload: dict[str, str], day: date, backfill: bool) -> Signal:
        return Signal(
            enterprise_id=resident.enterprise_id,
            family="tax",
            metric=metric,
            payload=dict(payload),
            event_time=at(day),
            published_at=at(day, HOUR),
            source=self._city.name,
            source_id=f"{metric}/{day.isoformat()}/{resident.enterprise_id}",
            backfill=backfill,
        )

    def _reading(self, family: str, month: date, day: date, backfill: bool) -> Signal:
        return Signal(
            enterprise_id="-",
            family=family,
            metric="x",
            value=0.0,
            unit="-",
            event_time=at(month),
            published_at=at(day, HOUR),
            source=self._city.name,
            source_id=f"{month.year}-{month.month:02}",
            backfill=backfill,
        )


def _readings(template: Signal, resident: Resident, values: tuple[tuple[str, float, str], ...]) -> Iterator[Signal]:
    for metric, value, unit in values:
        yield template.model_copy(
            update={
                "enterprise_id": resident.enterprise_id,
                "metric": metric,
                "value": value,
                "unit": unit,
                "source_id": f"{metric}/{template.source_id}/{resident.enterprise_id}",
            }
        )


def _count(mean: float, chance: float) -> int:
    """Return how many rare things happen, by their mean and a number from 0 to 1: Poisson, normal for many.

    Examples
    --------
    >>> _count(0.0, 0.9), _count(2.0, 0.5), _count(400.0, 0.5)
    (0, 2, 400)
    """
    if mean > _MANY:
        return max(round(mean + math.sqrt(mean) * NormalDist().inv_cdf(min(max(chance, 1e-9), 1 - 1e-9))), 0)
    count, probability = 0, math.exp(-mean)
    while chance >= probability and count < 10 * _MANY:
        chance -= probability
        count += 1
        probability *= mean / count
    return count


def _missing(part: Part | None, month: date) -> float:
    """Return how likely a filing is to be missing."""
    return _MISSING_IN_DISTRESS if part is not None and part.distress and part.month(month) >= 0 else _MISSING


def _month_before(day: date) -> date:
    return date(day.year - (day.month == 1), (day.month - 2) % 12 + 1, 1)
