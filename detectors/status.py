"""Standing conditions told by events: one event begins a condition, another one lifts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from detectors.config import MeterConfig, TaxConfig
from detectors.contract import Context, Event, Level, Opinion, Plain
from detectors.payloads import amount_of, text_of
from detectors.usual import usual

#: What stands, oldest first: subject → when it began, milliseconds.
Standing = dict[str, int]


class _Lasting:
    """The memory part of the contract for what stands until it is lifted."""

    def memory(self) -> Standing:
        """Return the memory of an enterprise that was never seen."""
        return {}

    def dump(self, memory: Standing) -> list[Plain]:
        """Return the memory as plain values."""
        return [[subject, since] for subject, since in memory.items()]

    def load(self, state: list[Plain]) -> Standing:
        """Return the memory that ``dump`` described."""
        return dict(state)  # type: ignore[arg-type]  # pairs, as dump wrote them


def _remember(memory: Standing, subject: str, since: int, most: int) -> None:
    memory.setdefault(subject, since)
    while len(memory) > most:
        del memory[next(iter(memory))]


#: By status: the matter that it is about. The statuses of one matter replace each other.
_MATTERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "arrears": "bill", "paid": "bill", "suspended": "supply", "resumed": "supply", "restored": "supply",
        "closed": "account", "capacity_reduced": "capacity",
    }
)  # fmt: skip
_ENDS: Final = frozenset({"paid", "resumed", "restored"})
_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bill": "electricity.arrears", "supply": "electricity.suspended", "account": "electricity.account-closed",
        "capacity": "electricity.capacity-reduced",
    }
)  # fmt: skip
#: What nothing takes back.
_FADING: Final = frozenset({"account", "capacity"})
#: Newest days that tell whether an enterprise runs, and how many of them must be known.
_RECENT_DAYS: Final = 7
_LEAST_RECENT: Final = 4
_LEAST_HISTORY: Final = 14


class MeterStatus(_Lasting):
    """Arrears and suspension of power accounts, lasting until paid or resumed; closures and reductions, which fade.

    An account that is closed while the enterprise runs on others means little. What an outage or a meter that is
    offline means is told by :class:`Excuses`.

    Parameters
    ----------
    config
        Severities and half-lives.
    """

    name = "electricity-meter-status"
    version = 2
    family = "electricity"
    events = ("meter_status",)

    def __init__(self, config: MeterConfig) -> None:
        self._config = config
        self._severities = {
            "bill": config.arrears, "supply": config.suspended, "account": config.closed,
            "capacity": config.capacity_reduced,
        }  # fmt: skip

    def judge_one(self, memory: Standing, event: Event, context: Context) -> Sequence[Opinion]:
        """Return the condition that the event begins or ends."""
        status, account = text_of(event.payload, "status"), text_of(event.payload, "account", 40)
        matter = _MATTERS.get(status)
        if matter is None:
            return ()
        subject = f"{account}:{matter}"
        ended = status in _ENDS
        if ended and subject not in memory:
            return ()
        facts: dict[str, str | float] = {"account": account} if account else {}
        owed = amount_of(event.payload, "amount")
        if owed:
            facts["amount"] = owed
        fading = matter in _FADING
        severity = self._severities[matter]
        if matter == "account" and self._running(context):
            severity = min(severity, self._config.closed_running)
        opinion = Opinion(
            _REASONS[matter],
            severity,
            subject=subject,
            since=event.event_time,
            lasting=not ended and not fading,
            half_life_days=self._config.capacity_half_life_days if fading else self._config.half_life_days,
            closed=ended,
            facts=facts,
        )
        return (opinion,)

    def _running(self, context: Context) -> bool:
        """Tell whether the enterprise still uses power much as usual."""
        known = context.series.get("daily_kwh")
        if known is None:
            return False
        recent = [value for value in known.values[-_RECENT_DAYS:] if value == value]
        typical = usual(known.values, _LEAST_HISTORY)
        return len(recent) >= _LEAST_RECENT and sum(recent) >= self._config.running_share * typical * len(recent) > 0

    def learn_one(self, memory: Standing, event: Event, context: Context) -> None:
        """Remember what stands."""
        status, account = text_of(event.payload, "status"), text_of(event.payload, "account", 40)
        matter = _MATTERS.get(status)
        if matter is not None and status in _ENDS:
            memory.pop(f"{account}:{matter}", None)
        elif matter is not None:
            _remember(memory, f"{account}:{matter}", event.event_time, 4 * self._config.max_accounts)


#: By status: what it explains.
_EXCUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "planned_outage": "electricity.planned-outage", "outage": "electricity.outage",
        "offline": "electricity.meter-offline",
    }
)  # fmt: skip
_LIFTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"restored": ("electricity.planned-outage", "electricity.outage"), "online": ("electricity.meter-offline",)}
)
#: Worth next to nothing, and so no reason for a level; but enough to be kept for some days after its end.
_TOKEN: Final = 0.009


class Excuses(_Lasting):
    """Outages, planned or not, and meters that are offline: low readings while they last say nothing.

    It holds no opinion on the enterprise. Fusion counts nothing that power detectors say of the days within, for as
    long as ``MeterConfig`` lets it; a fall that goes on afterwards counts.

    Parameters
    ----------
    config
        How long each explains.
    """

    name = "electricity-excuses"
    version = 1
    family = "electricity"
    events = ("meter_status",)

    def __init__(self, config: MeterConfig) -> None:
        self._config = config

    def judge_one(self, memory: Standing, event: Event, context: Context) -> Sequence[Opinion]:
        """Return the explanation that the event brings, or those that it ends."""
        status, account = text_of(event.payload, "status"), text_of(event.payload, "account", 40)
        reason = _EXCUSES.get(status)
        if reason is not None:
            began = memory.get(f"{account}:{reason}", event.event_time)
            return (self._opinion(reason, account, began, began, ended=False),)
        return [
            self._opinion(over, account, memory[f"{account}:{over}"], event.event_time, ended=True)
            for over in _LIFTS.get(status, ())
            if f"{account}:{over}" in memory
        ]

    def _opinion(self, reason: str, account: str, began: int, since: int, *, ended: bool) -> Opinion:
        facts: dict[str, str | float] = {"began": float(began)}
        return Opinion(
            reason,
            _TOKEN,
            subject=f"{account}:{reason}",
            since=since,
            lasting=not ended,
            half_life_days=self._config.half_life_days,
            facts=facts | {"account": account} if account else facts,
        )

    def learn_one(self, memory: Standing, event: Event, context: Context) -> None:
        """Remember what stands."""
        status, account = text_of(event.payload, "status"), text_of(event.payload, "account", 40)
        for over in _LIFTS.get(status, ()):
            memory.pop(f"{account}:{over}", None)
        if status in _EXCUSES:
            _remember(memory, f"{account}:{_EXCUSES[status]}", event.event_time, self._config.max_accounts)


_NOTICES: Final[Mapping[str, tuple[str, bool]]] = MappingProxyType(
    {
        "arrears": ("tax.arrears", True),
        "arrears_paid": ("tax.arrears", False),
        "abnormal_household": ("tax.abnormal-household", True),
        "abnormal_lifted": ("tax.abnormal-household", False),
    }
)


class TaxNotices(_Lasting):
    """Public notices of tax arrears and abnormal households, lasting until paid or lifted.

    Parameters
    ----------
    config
        Severities and half-life.
    """

    name = "tax-notices"
    version = 1
    family = "tax"
    events = ("tax_notice",)

    def __init__(self, config: TaxConfig) -> None:
        self._config = config

    def judge_one(self, memory: Standing, event: Event, context: Context) -> Sequence[Opinion]:
        """Return the notice that the event brings or lifts."""
        reason, begins = _NOTICES.get(text_of(event.payload, "kind"), ("", False))
        if not reason or (not begins and reason not in memory):
            return ()
        facts: dict[str, str | float] = {}
        owed = amount_of(event.payload, "amount")
        if owed:
            facts["amount"] = owed
        category = text_of(event.payload, "tax_category", 40)
        if category:
            facts["tax_category"] = category
        opinion = Opinion(
            reason,
            self._config.arrears if reason == "tax.arrears" else self._config.abnormal_household,
            subject=reason,
            since=event.event_time,
            lasting=begins,
            half_life_days=self._config.half_life_days,
            closed=not begins,
            facts=facts,
        )
        return (opinion,)

    def learn_one(self, memory: Standing, event: Event, context: Context) -> None:
        """Remember what stands."""
        reason, begins = _NOTICES.get(text_of(event.payload, "kind"), ("", False))
        if begins:
            _remember(memory, reason, event.event_time, len(_NOTICES))
        else:
            memory.pop(reason, None)


_GRADES: Final = frozenset("ABMCD")


def _grade(event: Event) -> str:
    grade = text_of(event.payload, "grade", 8)
    return grade if grade in _GRADES else ""


class CreditGrade:
    """The yearly tax credit grade: C and D are signs, A, B and M are none. M means new, not medium.

    Parameters
    ----------
    config
        Severities and half-life.
    """

    name = "tax-credit-grade"
    version = 1
    family = "tax"
    events = ("credit_grade",)

    def __init__(self, config: TaxConfig) -> None:
        self._severities = {"C": config.grade_c, "D": config.grade_d}
        self._half_life_days = config.half_life_days

    def memory(self) -> list[str]:
        """Return the memory of an enterprise that was never seen: no grade."""
        return []

    def dump(self, memory: list[str]) -> list[Plain]:
        """Return the memory as plain values."""
        return [*memory]

    def load(self, state: list[Plain]) -> list[str]:
        """Return the memory that ``dump`` described."""
        return [str(grade) for grade in state]

    def judge_one(self, memory: list[str], event: Event, context: Context) -> Sequence[Opinion]:
        """Return the grade if it is a sign, or that it no longer is one."""
        grade = _grade(event)
        previous = memory[0] if memory else ""
        bad = grade in self._severities
        if not grade or (not bad and previous not in self._severities):
            return ()
        facts: dict[str, str | float] = {"grade": grade}
        if previous and previous != grade:
            facts["previous"] = previous
        opinion = Opinion(
            "tax.credit-grade",
            self._severities[grade if bad else previous],
            since=event.event_time,
            lasting=bad,
            half_life_days=self._half_life_days,
            closed=not bad,
            reach=Level.YELLOW,
            facts=facts,
        )
        return (opinion,)

    def learn_one(self, memory: list[str], event: Event, context: Context) -> None:
        """Remember the grade."""
        grade = _grade(event)
        if grade:
            memory[:] = [grade]
