"""What the engine says to the world: findings, risks, alert transitions and metric rows, from its own state."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from hashlib import blake2b

import msgspec

from connectors.models import (
    Alert,
    Counterfactual,
    Coverage,
    Evidence,
    FamilyRisk,
    Finding,
    Reason,
    Risk,
    Transition,
)
from connectors.models import Level as LevelName
from connectors.topics import INPUTS
from detectors.contract import Level
from detectors.fusion import Fused, Held
from detectors.levels import level_without
from detectors.reasons import counterfactual, text
from streams.clock import moment
from streams.evidence import Change
from streams.rules import Rules, SeriesRule
from streams.series import Open, Ref
from streams.state import EnterpriseState

#: Reasons that an alert names, what matters most first.
MOST_REASONS = 6

NAMES: Mapping[Level, LevelName] = {level: LevelName(level.name.lower()) for level in Level}


_encode = msgspec.json.Encoder().encode


class DayRow(msgspec.Struct, frozen=True, gc=False):
    """A :class:`connectors.models.MetricRow` of a day as it goes on the wire.

    One is written for every enterprise and day: too many to validate figures that the engine itself has added up.
    """

    v: int
    enterprise_id: str
    family: str
    metric: str
    window: str
    start: datetime
    count: int
    sum: float
    min: float
    max: float
    last: float
    expected: float | None
    at: datetime

    def wire(self) -> bytes:
        """Return the JSON that goes on the wire, UTF-8."""
        return _encode(self)


@lru_cache(maxsize=64)
def _shared_moment(ms: int) -> datetime:
    """Return a moment that many messages share."""
    return moment(ms)


class Teller:
    """Builds the messages of one engine; it also counts an enterprise's transitions and risk records."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._version = rules.config.version

    def finding(self, enterprise: str, version: int, metric: str, change: Change, at: int) -> Finding:
        """Return what became of one piece of evidence. Times in milliseconds."""
        held = change.held
        zh, en = text(held.reason, held, self._rules.calendar)
        identity = f"{enterprise}\0{held.detector}\0{held.reason}\0{held.subject}\0{held.raised}"
        return Finding(
            finding_id=blake2b(identity.encode(), digest_size=12).hexdigest(),
            enterprise_id=enterprise,
            family=held.family,
            metric=metric,
            detector=held.detector,
            detector_version=version,
            config_version=self._version,
            state=change.state,
            reason=held.reason,
            subject=held.subject,
            severity=held.severity,
            confidence=held.confidence,
            observed=held.observed,
            expected=held.expected,
            unit=held.unit,
            since=moment(held.since),
            at=moment(at),
            lasting=held.lasting,
            half_life_days=held.half_life_days,
            closed=held.closed,
            text_zh=zh,
            text_en=en,
            evidence=_evidence(held.refs),
            backfill=held.backfill,
        )

    def risk(
        self,
        enterprise: str,
        state: EnterpriseState,
        fused: Fused,
        coverage: Mapping[str, str],
        newest: Mapping[str, int],
        at: int,
    ) -> Risk:
        """Return the enterprise's fused state."""
        state.risk_sequence += 1
        families = [
            FamilyRisk(
                family=family,
                score=fused.families.get(family, 0.0),
                coverage=Coverage(status),
                newest_event_time=moment(newest[family]) if family in newest else None,
            )
            for family, status in coverage.items()
        ]
        return Risk(
            enterprise_id=enterprise,
            sequence=state.risk_sequence,
            at=moment(at),
            score=fused.score,
            low=fused.low,
            high=fused.high,
            level=NAMES[state.level],
            coverage=fused.coverage,
            families=families,
            config_version=self._version,
        )

    def transition(
        self,
        enterprise: str,
        state: EnterpriseState,
        fused: Fused,
        level: Level,
        rule: str,
        at: int,
        *,
        retracted: bool,
    ) -> Alert:
        """Move the enterprise to ``level`` and return the transition of its alert."""
        previous, ranked = state.level, [state.evidence[i] for i in fused.ranked]
        kind = _kind(previous, level, retracted=retracted)
        if kind is Transition.OPENED:
            state.alert_number, state.opened_at, state.notified = state.alert_number + 1, at, False
        if level > previous and not all(held.backfill for held in ranked):
            state.notified = True
        state.level, state.entered_at = level, at
        alert = self._alert(enterprise, state, kind, previous, fused.score, rule, ranked, at)
        if level is Level.NONE:
            state.opened_at = 0
        return alert

    def review(self, enterprise: str, state: EnterpriseState, at: int, *, backfill: bool) -> Alert:
        """Return the mark that an open alert may rest on figures that were restated beyond the horizon.

        Restated history marks it, too, but notifies nobody.
        """
        alert = self._alert(
            enterprise, state, Transition.REVIEW, state.level, state.score, "restated-beyond-horizon", [], at
        )
        return alert.model_copy(update={"notify": False}) if backfill else alert

    def _alert(
        self,
        enterprise: str,
        state: EnterpriseState,
        kind: Transition,
        previous: Level,
        score: float,
        rule: str,
        ranked: Sequence[Held],
        at: int,
    ) -> Alert:
        state.sequence += 1
        names, calendar = state.entry.profile.names, self._rules.calendar
        without = partial(level_without, state.evidence, now=at, config=self._rules.config)
        cleared = counterfactual(ranked, state.level, without) if state.level else None
        return Alert(
            alert_id=f"{enterprise}-{state.alert_number}",
            enterprise_id=enterprise,
            enterprise_name=names[0] if names else "",
            sequence=state.sequence,
            transition=kind,
            level=NAMES[state.level],
            previous_level=NAMES[previous],
            score=score,
            at=moment(at),
            opened_at=moment(state.opened_at),
            decided_on=calendar.date_of(state.seen_day).isoformat(),
            rule=rule,
            reasons=[self._reason(held) for held in ranked[:MOST_REASONS]],
            counterfactual=Counterfactual(zh=cleared[0], en=cleared[1]) if cleared else None,
            config_version=self._version,
            notify=state.notified,
        )

    def _reason(self, held: Held) -> Reason:
        zh, en = text(held.reason, held, self._rules.calendar)
        return Reason(
            reason=held.reason,
            family=held.family,
            zh=zh,
            en=en,
            severity=held.severity,
            observed=held.observed,
            expected=held.expected,
            unit=held.unit,
            since=moment(held.since),
            evidence=_evidence(held.refs),
        )

    def day(
        self, enterprise: str, rule: SeriesRule, opened: Open, value: float, share: float, start: int, at: int
    ) -> DayRow | None:
        """Return the row of a day that began at ``start`` and has closed; None of a sum beyond floats."""
        if not math.isfinite(opened.total):
            return None
        usual = value / share if share > 0 else None  # not for NaN
        return DayRow(
            1,
            enterprise,
            rule.family,
            rule.name,
            "1d",
            _shared_moment(start),
            opened.count,
            opened.total,
            opened.low,
            opened.high,
            opened.last,
            usual if usual is not None and math.isfinite(usual) else None,
            _shared_moment(at),
        )


def _kind(previous: Level, level: Level, *, retracted: bool) -> Transition:
    if previous is Level.NONE:
        return Transition.OPENED
    if level > previous:
        return Transition.ESCALATED
    if level is Level.NONE:
        return Transition.RETRACTED if retracted else Transition.RESOLVED
    return Transition.EASED


def _evidence(refs: Sequence[Ref]) -> list[Evidence]:
    return [Evidence(topic=INPUTS[rank], partition=p, offset=o, index=i) for rank, p, o, i in refs]
