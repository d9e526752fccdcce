"""Court and public records: one opinion per case, by its gravest open record; and bursts of cases."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from math import log, log10
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from detectors.config import LitigationConfig
from detectors.contract import Context, Event, Level, Opinion, Plain
from detectors.estimators import EWVar
from detectors.payloads import amount_of, text_of

_DAY_MS: Final = 86_400_000
_RECORDS_PER_CASE: Final = 6
_MOST_STEPS: Final = 3.0
_RECENT: Final = 16
_LEAST_GAPS: Final = 3
#: The standard deviation of the log gaps is taken to be at least this: a clockwork pace is no reason for alarm.
_LEAST_DEVIATION: Final = 0.25
_BRACKETS: Final = str.maketrans("〔［【[（〕］】]）", "((((()))))")
_BLANKS: Final = re.compile(r"\s+")

_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bankruptcy": "litigation.bankruptcy",
        "dishonest": "litigation.dishonest",
        "consumption_ban": "litigation.consumption-ban",
        "terminated_execution": "litigation.terminated-execution",
        "enforcement": "litigation.enforcement",
        "equity_freeze": "litigation.equity-freeze",
        "filing": "litigation.lawsuit",
        "hearing": "litigation.lawsuit",
        "judgment": "litigation.lawsuit",
    }
)
_FLOORS: Final[Mapping[str, Level]] = MappingProxyType({"bankruptcy": Level.RED, "dishonest": Level.ORANGE})


def case_identity(number: str) -> str:
    """Return what the records of one case have in common: brackets and blanks aside, a resumed enforcement is its case.

    Examples
    --------
    >>> case_identity("（2026）闽0102执恢 12号") == case_identity("(2026)闽0102执12号")
    True
    """
    return _BLANKS.sub("", number.translate(_BRACKETS)).replace("执恢", "执")


def _identity(event: Event) -> str:
    """Return the case of an event; a resumed enforcement may name the number that it resumes."""
    number = text_of(event.payload, "original_case_no", 80) or text_of(event.payload, "case_no", 80)
    return case_identity(number)


class _Record(NamedTuple):
    """One record of a case: what, in which role, whether it stands, since when (milliseconds), how much; its report."""

    kind: str
    role: str
    stands: bool
    since: int
    amount: float | None
    report: int = 0


#: By case, oldest first: its records.
CaseMemory = dict[str, tuple[_Record, ...]]


def _record(event: Event) -> tuple[str, _Record] | None:
    """Return which case an event is about and what it says, or None for no record of a case."""
    kind, role = text_of(event.payload, "kind", 40), text_of(event.payload, "role", 40)
    case = _identity(event) if kind in _REASONS else ""
    if not case:
        return None
    stands = text_of(event.payload, "status", 40) != "closed"
    return case, _Record(kind, role, stands, event.event_time, amount_of(event.payload, "amount"), event.report)


def _with(records: tuple[_Record, ...], new: _Record) -> tuple[_Record, ...]:
    """Return a case's records with a new one in place of the earlier one of the same kind and role."""
    others = tuple(r for r in records if (r.kind, r.role) != (new.kind, new.role))
    return (*others[-_RECORDS_PER_CASE + 1 :], new)


def _corrected(memory: CaseMemory, event: Event) -> CaseMemory:
    """Return the cases that an earlier version of a report spoke of, without what it said of them."""
    if not event.revision or not event.report:
        return {}
    left = {case: tuple(r for r in records if r.report != event.report) for case, records in memory.items()}
    return {case: records for case, records in left.items() if len(records) < len(memory[case])}


def _differ(earlier: _Record, record: _Record) -> bool:
    """Tell whether a report speaks of another kind of record, or another role, than before."""
    return earlier.report == record.report != 0 and (earlier.kind, earlier.role) != (record.kind, record.role)


class Cases:
    """One opinion per case: severity by kind, role and amount of its gravest record that stands.

    The records of one case number (enforcement, ban, dishonest debtor; filing, hearing, judgment) are one matter. When
    a record is removed, the case falls back to the next one, and in the end fades as a matter that is over. What the
    source corrects (another kind, role or number) replaces what it had said. Bankruptcy and a dishonest-debtor record
    of the debtor itself set a floor. The plaintiff is not the debtor.

    Parameters
    ----------
    config
        Severities, half-lives, how many cases are remembered.
    """

    name = "litigation-cases"
    version = 3
    family = "litigation"
    events = ("case",)

    def __init__(self, config: LitigationConfig) -> None:
        self._config = config

    def memory(self) -> CaseMemory:
        """Return the memory of an enterprise that was never seen."""
        return {}

    def dump(self, memory: CaseMemory) -> list[Plain]:
        """Return the memory as plain values."""
        return [[case, [list(record) for record in records]] for case, records in memory.items()]

    def load(self, state: list[Plain]) -> CaseMemory:
        """Return the memory that ``dump`` described."""
        pairs: list[tuple[str, list[list[Plain]]]] = state  # type: ignore[assignment]  # as dump wrote them
        return {case: tuple(_Record(*record) for record in records) for case, records in pairs}  # type: ignore[arg-type]  # as dump wrote them

    def judge_one(self, memory: CaseMemory, event: Event, context: Context) -> Sequence[Opinion]:
        """Return the case as it stands with this event; before it, what the source has corrected with it."""
        corrected, found = _corrected(memory, event), _record(event)
        stands = {case: self._opinion(case, records, {}) for case, records in corrected.items() if records}
        if found is not None:
            case, record = found
            # Else the removal of a record that was never seen, rather than forgotten.
            if record.stands or case in memory or len(memory) >= self._config.max_cases:
                records = _with(corrected.get(case, memory.get(case, ())), record)
                stands[case] = self._opinion(case, records, event.payload)
            if not any(_differ(earlier, record) for earlier in memory.get(case, ())):
                corrected.pop(case, None)
        wrong = [Opinion("litigation.lawsuit", 0.0, event.event_time, subject=case, refuted=True) for case in corrected]
        return (*wrong, *stands.values())

    def learn_one(self, memory: CaseMemory, event: Event, context: Context) -> None:
        """Remember the record, within the configured number of cases."""
        for case, records in _corrected(memory, event).items():
            if records:
                memory[case] = records
            else:
                del memory[case]
        found = _record(event)
        if found is None:
            return
        case, record = found
        memory[case] = _with(memory.pop(case, ()), record)
        while len(memory) > self._config.max_cases:
            del memory[self._least(memory)]

    def _least(self, memory: CaseMemory) -> str:
        """Return the oldest case that sets no floor, else the oldest one."""
        free = (case for case, records in memory.items() if not any(r.stands and r.kind in _FLOORS for r in records))
        return next(free, next(iter(memory)))

    def _severity(self, record: _Record) -> float:
        config = self._config
        if record.role == "plaintiff":
            return config.plaintiff_severity
        severity = config.severities.get(record.kind, 0.0)
        if record.amount:
            steps = log10(record.amount / config.amount_from)
            severity += config.amount_step * min(max(steps, -_MOST_STEPS), _MOST_STEPS)
        severity = min(max(severity, 0.0), 1.0)
        return severity if record.role == "defendant" else severity * config.third_party_factor

    def _opinion(self, case: str, records: tuple[_Record, ...], payload: Mapping[str, Any]) -> Opinion:
        """Return what a case is, by the gravest of its records that stand, else of those that stood.

        What else the texts name comes from the payload of a record, if one is at hand.
        """
        standing = [record for record in records if record.stands]
        record, closed = max(standing or records, key=self._severity), not standing
        half_life = self._config.half_lives_days.get(record.kind)
        debtor = record.role == "defendant"
        facts: dict[str, str | float] = {"case_no": text_of(payload, "case_no", 80) or case}
        if record.kind in ("filing", "hearing", "judgment"):
            facts |= {"stage": record.kind, "role": record.role}
        if record.amount:
            facts["amount"] = record.amount
        court = text_of(payload, "court", 80)
        if court:
            facts["court"] = court
        return Opinion(
            "litigation.plaintiff" if record.role == "plaintiff" else _REASONS[record.kind],
            self._severity(record),
            subject=case,
            since=record.since,
            lasting=half_life is None and not closed,
            half_life_days=self._config.closed_half_life_days if closed else half_life,
            closed=closed,
            floor=_FLOORS.get(record.kind, Level.NONE) if debtor and not closed else Level.NONE,
            reach=Level.RED if debtor else Level.YELLOW,
            facts=facts,
        )


class RateMemory:
    """River's EWVar of the log days between cases, when the newest cases began, and which cases were counted."""

    __slots__ = ("gaps", "known", "recent")

    def __init__(self, fade: float) -> None:
        self.gaps = EWVar(fade)
        self.recent: list[int] = []
        self.known: list[int] = []


class CaseRate:
    """Many new cases against the enterprise in a short time, by its own pace.

    The number of lawsuits says little; that they suddenly come one after the other says more. River's EWVar over the
    logarithm of the days between cases is the pace.

    Parameters
    ----------
    config
        Window, number, sigmas, severity.
    """

    name = "litigation-rate"
    version = 1
    family = "litigation"
    events = ("case",)

    def __init__(self, config: LitigationConfig) -> None:
        self._config = config

    def memory(self) -> RateMemory:
        """Return the memory of an enterprise that was never seen."""
        return RateMemory(self._config.rate_fade)

    def dump(self, memory: RateMemory) -> list[Plain]:
        """Return the memory as plain values."""
        return [memory.gaps.dump(), [*memory.recent], [*memory.known]]

    def load(self, state: list[Plain]) -> RateMemory:
        """Return the memory that ``dump`` described."""
        memory = self.memory()
        gaps, recent, known = state
        memory.gaps = EWVar.load(self._config.rate_fade, gaps)  # type: ignore[arg-type]  # as dump wrote them
        memory.recent, memory.known = list(recent), list(known)  # type: ignore[arg-type]  # as dump wrote them
        return memory

    def judge_one(self, memory: RateMemory, event: Event, context: Context) -> Sequence[Opinion]:
        """Return the burst that this case completes, if it does."""
        config = self._config
        if self._new(memory, event) is None:
            return ()
        window = [t for t in memory.recent if 0 <= event.event_time - t <= config.burst_days * _DAY_MS]
        cases = len(window) + 1
        if cases < config.burst_cases:
            return ()
        pace = log(config.burst_days / cases)
        slower = memory.gaps.mean - config.burst_sigmas * max(memory.gaps.deviation, _LEAST_DEVIATION)
        if memory.gaps.count >= _LEAST_GAPS + config.burst_cases and pace > slower:
            return ()
        return (
            Opinion(
                "litigation.case-burst",
                config.burst_severity,
                observed=float(cases),
                unit="cases",
                since=min(window),
                lasting=False,
                half_life_days=config.burst_half_life_days,
                facts={"days": float(config.burst_days)},
            ),
        )

    def learn_one(self, memory: RateMemory, event: Event, context: Context) -> None:
        """Count a new case, and the days since the one before."""
        case = self._new(memory, event)
        if case is None:
            return
        moment = event.event_time
        if memory.recent and moment >= memory.recent[-1]:
            memory.gaps.update(_clipped(memory.gaps, log(max((moment - memory.recent[-1]) / _DAY_MS, 0.5))))
        memory.recent = sorted([*memory.recent, moment])[-_RECENT:]
        memory.known = [*memory.known, case][-self._config.max_cases :]

    def _new(self, memory: RateMemory, event: Event) -> int | None:
        """Return the hash of a case against the enterprise that was not counted yet, or None."""
        found = _record(event)
        if found is None or found[1].role != "defendant" or not found[1].stands:
            return None
        hashed = _hash_of(found[0])
        return None if hashed in memory.known else hashed


def _clipped(gaps: EWVar, gap: float) -> float:
    """Return a log gap that does not run away from what is known, so that a burst is not excused by itself."""
    if gaps.count < _LEAST_GAPS:
        return gap
    step = max(2.0 * gaps.deviation, _LEAST_DEVIATION)
    return min(max(gap, gaps.mean - step), gaps.mean + step)


def _hash_of(case: str) -> int:
    return int.from_bytes(blake2b(case.encode(), digest_size=6).digest(), "little")
