"""The open list of signal families and metrics: what a valid signal may say, in which unit, and when its period closes.

A family is data. Adding one means adding a :class:`Family` here and a detector set in ``detectors/families``; no code
path elsewhere knows the names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Kind(StrEnum):
    """Whether a metric is a number or something that happened."""

    READING = "reading"
    EVENT = "event"


class Period(StrEnum):
    """The calendar period over which a metric is judged."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that a signal may report.

    Parameters
    ----------
    name
        As it stands in a signal's ``metric``.
    kind
        Reading (a number) or event (a payload).
    unit
        The one accepted unit of a reading; empty for an event.
    period
        The period that a value belongs to and is judged in.
    slots
        How many readings fill one period: 1 for a daily or monthly figure, 96 for quarter-hours of a day.
    series
        The series that closed periods are kept under. Readings of several resolutions may feed one series
        (``kwh_15min`` feeds ``daily_kwh``); an event that is also counted per day names its count series.
    lag_ms
        The source's usual lag: the period closes once the stack clock has passed its end by this much. Milliseconds.
    required
        Keys that an event's payload must have.
    values
        For payload keys with a closed list of values: the list.
    """

    name: str
    kind: Kind
    unit: str = ""
    period: Period = Period.DAY
    slots: int = 1
    series: str = ""
    lag_ms: int = 6 * HOUR_MS
    required: tuple[str, ...] = ()
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of evidence with its own topic, ``signals.<name>``."""

    name: str
    title_zh: str
    title_en: str
    metrics: Mapping[str, Metric]
    fresh_ms: int
    """How old the newest signal may be before coverage counts the family as stale. Milliseconds."""


def _family(name: str, zh: str, en: str, fresh_days: int, *metrics: Metric) -> Family:
    return Family(name, zh, en, MappingProxyType({m.name: m for m in metrics}), fresh_days * DAY_MS)


def _event(name: str, *required: str, series: str = "", **values: frozenset[str]) -> Metric:
    return Metric(name, Kind.EVENT, required=required, series=series, values=MappingProxyType(values))


def _monthly(name: str, unit: str, lag_days: int) -> Metric:
    return Metric(name, Kind.READING, unit, Period.MONTH, series=name, lag_ms=lag_days * DAY_MS)


def _daily(name: str, unit: str) -> Metric:
    return Metric(name, Kind.READING, unit, series=name)


METER_STATES = frozenset(
    {"offline", "online", "outage", "planned_outage", "restored", "arrears", "paid", "closed", "suspended",
     "resumed", "capacity_reduced"}
)  # fmt: skip
TAX_NOTICES = frozenset({"arrears", "arrears_paid", "abnormal_household", "abnormal_lifted"})
CREDIT_GRADES = frozenset({"A", "B", "M", "C", "D"})
CASE_KINDS = frozenset(
    {"bankruptcy", "dishonest", "consumption_ban", "terminated_execution", "enforcement", "equity_freeze", "filing",
     "hearing", "judgment"}
)  # fmt: skip
CASE_ROLES = frozenset({"defendant", "plaintiff", "third_party"})
CASE_STATES = frozenset({"open", "closed"})
RELATIONS = frozenset({"investor", "investee"})
PARTY_STATES = frozenset({"left", "active"})

# The monthly lags follow the filing calendar: VAT of a month is declared by the 15th of the next one, social-security
# contributions some days later. A figure carries the first day of its month, and stands until the next one is due: two
# months and the lag later, 82 days for social security.
FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.name: family
        for family in (
            _family(
                "electricity", "用电", "Electricity", 3,
                _daily("daily_kwh", "kWh"),
                Metric("kwh_15min", Kind.READING, "kWh", slots=96, series="daily_kwh"),
                _event("meter_status", "status", status=METER_STATES),
            ),
            _family(
                "tax", "纳税", "Tax", 80,
                _monthly("vat_sales", "CNY", 16),
                _monthly("vat_payable", "CNY", 16),
                _monthly("invoices_issued", "count", 16),
                _monthly("invoices_voided", "count", 16),
                _monthly("invoices_red", "count", 16),
                _monthly("top_buyer_sales", "CNY", 16),
                _event("tax_notice", "kind", kind=TAX_NOTICES),
                _event("credit_grade", "grade", grade=CREDIT_GRADES),
            ),
            _family(
                "social_security", "社保", "Social security", 85,
                _monthly("insured_headcount", "persons", 20),
                _monthly("contribution_base", "CNY", 20),
                _monthly("contribution_owed", "CNY", 20),
            ),
            _family(
                "litigation", "司法", "Litigation", 3650,
                _event("case", "case_no", "kind", "role", "status",
                       kind=CASE_KINDS, role=CASE_ROLES, status=CASE_STATES),
                _event("related_party", "relation", "status", relation=RELATIONS, status=PARTY_STATES),
            ),
            _family("sentiment", "舆情", "Sentiment", 365, _event("news", "title", series="news_count")),
        )
    }
)  # fmt: skip


def metrics() -> Iterator[tuple[Family, Metric]]:
    """Every metric with its family, in the declared order.

    Examples
    --------
    >>> [m.name for f, m in metrics() if f.name == "litigation"]
    ['case', 'related_party']
    """
    for family in FAMILIES.values():
        for metric in family.metrics.values():
            yield family, metric
