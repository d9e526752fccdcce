"""Monthly filings: tax on one of three days of the next month, social security on one day for all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date

from connectors.models import Signal
from connectors.simulator.city import City, at
from connectors.simulator.enterprises import Resident
from connectors.simulator.seasons import spring_festival
from connectors.simulator.stories import Story, owed_factor, sales_factor, staff_factor

TAX_DAYS = (8, 12, 15)
SOCIAL_SECURITY_DAY = 20
GRADES_DAY = (4, 22)
"""Month and day on which the credit grades of a year are published."""
HOUR = 9
_MISSING = 0.004
_STEADY_STAFF = 30
"""Below, one person more or less would be a wave; so nobody comes or goes without a story."""


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
        if (day.month, day.day) == GRADES_DAY:
            yield from self._grades(day, backfill)
        for index, story in self._city.heroes.items():
            if story.name == "tax-to-zero" and (day - story.begins).days == 120:
                payload = {"kind": "abnormal_household", "authority": "青澜市税务局"}
                yield self._event(self._city.residents[index], "tax_notice", payload, day, backfill)

    def social_security(self, day: date, backfill: bool) -> Iterator[Signal]:
        """Yield the social-security signals that are published on a day."""
        if day.day != SOCIAL_SECURITY_DAY:
            return
        month = _month_before(day)
        rng = self._city.chance("social-security", month)
        template = self._reading("social_security", month, day, backfill)
        for resident in self._city.residents:
            luck, missing = rng.gauss(0.0, 1.0), rng.random() < _MISSING
            story = self._city.heroes.get(resident.index)
            if missing and story is None:
                continue
            staff = self._staff(resident, story, month)
            base = staff * resident.wage * (1.0 + 0.01 * luck)
            owed = round(base * owed_factor(story.name, _months(story.begins, month)), 2) if story else 0.0
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
        template = self._reading("tax", month, day, backfill)
        for resident in self._city.residents:
            if resident.filing_slot != slot or not resident.taxed:
                continue
            luck, missing, burden = rng.gauss(0.0, 1.0), rng.random() < _MISSING, rng.uniform(0.85, 1.15)
            story = self._city.heroes.get(resident.index)
            if missing and story is None:
                continue
            sales = self._sales(resident, story, month, luck)
            issued = round(sales / resident.ticket) if sales else 0
            issued = max(issued, 1) if sales else 0
            yield from _readings(
                template,
                resident,
                (
                    ("vat_sales", round(sales, 2), "CNY"),
                    ("vat_payable", round(sales * resident.burden * burden, 2), "CNY"),
                    ("invoices_issued", float(issued), "count"),
                    ("invoices_voided", float(round(issued * resident.voids)), "count"),
                ),
            )

    def _sales(self, resident: Resident, story: Story | None, month: date, luck: float) -> float:
        number = (month - self._city.start).days
        festival = 0.75 if month.month == spring_festival(month.year).month else 1.0
        growth = 1.0 + resident.growth * number / 365
        spread = 0.06 if resident.size in ("large", "medium") else 0.12
        sales = resident.sales * festival * growth * math.exp(spread * luck)
        return sales * sales_factor(story.name, _months(story.begins, month)) if story else sales

    def _staff(self, resident: Resident, story: Story | None, month: date) -> int:
        number = (month - self._city.start).days
        swing = 1.0 + 0.02 * math.sin(6.283 * number / 300 + resident.phase) + 0.3 * resident.growth * number / 365
        staff = resident.staff * (swing if resident.staff >= _STEADY_STAFF else 1.0)
        if story is not None:
            staff *= staff_factor(story.name, _months(story.begins, month))
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


def _months(begins: date, month: date) -> int:
    return (month.year - begins.year) * 12 + month.month - begins.month


def _month_before(day: date) -> date:
    return date(day.year - (day.month == 1), (day.month - 2) % 12 + 1, 1)
