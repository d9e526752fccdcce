"""Why an enterprise has its level: the evidence of each family, what it is worth, and which rule decided.

Two ways lead to an explanation. From ClickHouse: what was written at the time, quickly and for any stack. From a shard
that has been brought to the moment (:func:`streams.journal.bring`): exactly what the engine held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from math import log2
from types import MappingProxyType
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from connectors.catalogue import FAMILIES
from connectors.models import Alert, Risk
from connectors.topics import INPUTS
from detectors.config import DetectionConfig
from detectors.contract import Level
from detectors.fusion import Held, fuse, worth
from detectors.levels import level_without
from detectors.reasons import counterfactual, text
from streams.clock import millis, moment
from streams.journal import Brought
from streams.rules import Rules

#: Evidence worth less than this is told no more, and counts as faded.
FADED: Final = 0.02
_DAY = timedelta(days=1)

#: By rule: what it means, in Chinese and English.
RULES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "score": ("综合分达到该级别", "the score reached the level"),
        "legal-floor": ("法律事实设定下限", "a legal fact that stands sets the least level"),
        "single-family-cap": ("单一类别信号封顶", "one family alone does not reach further"),
        "steady": ("没有变化", "nothing changed"),
        "hysteresis": ("低于进入线，但尚未低到可以离开", "below the level, but not by enough to leave it"),
        "dwell": ("该级别持续时间尚短，暂不下调", "the level has not stood long enough to fall"),
        "awaits-tick": ("等待下一次时钟判定", "levels fall on ticks only"),
        "subsided": ("证据衰减，级别下调", "the evidence faded, and the level fell"),
        "retracted": ("依据被更正撤回，级别即时下调", "the evidence was withdrawn, and the level fell at once"),
        "restated-beyond-horizon": ("历史数据被更正，待人工复核", "older figures were restated: review it"),
    }
)


class UnknownEnterpriseError(LookupError):
    """Nothing is known of the enterprise, at all or at that time; the message says which."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence as it stood.

    Parameters
    ----------
    reason, detector, subject
        What says it; ``subject`` tells several matters of one reason apart.
    zh, en
        The sentences that officers read.
    severity, confidence, observed, expected, unit
        The numbers behind it.
    since, at
        When the condition began, and when this was last said.
    worth
        What it counts now, 0 to 1.
    standing
        Whether it counts undiminished until it ends; None: an earlier program did not write how it fades, and what it
        was worth when it was last said is shown.
    half_life_days
        How fast it fades once it does; None: never.
    fades_at
        When it will be worth less than :data:`FADED` if nothing new comes; None: not before it ends.
    records
        The Kafka records behind it: topic, partition, offset, place in the envelope.
    """

    reason: str
    detector: str
    subject: str
    zh: str
    en: str
    severity: float
    confidence: float
    observed: float | None
    expected: float | None
    unit: str
    since: datetime
    at: datetime
    worth: float
    standing: bool | None
    half_life_days: float | None
    fades_at: datetime | None
    records: tuple[tuple[str, int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """One family's part: its score, how well it is covered, and its evidence, what counts most first."""

    family: str
    zh: str
    en: str
    score: float
    coverage: str
    newest: datetime | None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an enterprise has its level at a moment.

    Parameters
    ----------
    enterprise_id, name, industry, region, size
        Who it is; empty where the registry does not say.
    at
        The moment.
    exact
        Whether it comes from the engine's own state rather than from what was written.
    level, since, rule
        The level, when it was entered, and the rule that decided it.
    score, low, high, coverage
        The fused score, its interval, and the share of the families that are fresh.
    families
        All that the stack watches.
    clears
        What would clear the warning, in Chinese and English; None where no number would.
    config_version
        Version of the configuration that decided.
    alert_id, opened_at
        The open alert; empty and None without one.
    """

    enterprise_id: str
    name: str
    industry: str
    region: str
    size: str
    at: datetime
    exact: bool
    level: str
    since: datetime | None
    rule: str
    score: float
    low: float
    high: float
    coverage: float
    families: tuple[Family, ...]
    clears: tuple[str, str] | None
    config_version: str
    alert_id: str = ""
    opened_at: datetime | None = None


# ---- from ClickHouse -----------------------------------------------------------------------------------------------


def newest(store: Client) -> datetime | None:
    """Return the newest moment at which anything was decided; None: nothing was."""
    rows = _ask(
        store,
        "SELECT max(at) AS at FROM (SELECT max(at) AS at FROM risk UNION ALL SELECT max(at) FROM alerts UNION ALL "
        "SELECT max(at) FROM findings UNION ALL SELECT max(at) FROM metrics)",
        {},
    )
    found: datetime = rows[0]["at"]
    return found if found.year > 1970 else None


def from_store(store: Client, enterprise: str, at: datetime, rules: Rules) -> Explanation:
    """Return the explanation that ClickHouse holds.

    Parameters
    ----------
    store
        Connected to the stack's database.
    enterprise
        Its id.
    at
        The moment; errors tell times in its zone.
    rules
        In force: which detectors read events, and how much less a matter counts that is over.

    Raises
    ------
    UnknownEnterpriseError
        If nothing was known of the enterprise by then.
    """
    bound = {"enterprise": enterprise, "at": at}
    who = _first(store, "SELECT * FROM enterprises_latest WHERE enterprise_id = {enterprise:String}", bound)
    _require_known(store, bound, registered=bool(who))
    where = "WHERE enterprise_id = {enterprise:String} AND at <= {at:DateTime64(3)}"
    risk = _first(store, f"SELECT * FROM risk {where} ORDER BY sequence DESC LIMIT 1", bound)
    alert = _first(
        store, f"SELECT * FROM alerts FINAL {where} AND transition != 'review' ORDER BY sequence DESC LIMIT 1", bound
    )
    findings = _ask(
        store, f"SELECT * FROM findings FINAL {where} ORDER BY at DESC, `offset` DESC LIMIT 1 BY finding_id", bound
    )
    evidence: dict[str, list[Evidence]] = {}
    for row in findings:
        one = _evidence_of(row, at, rules.config)
        if not _replaced(row, rules) and one.worth >= FADED:
            evidence.setdefault(row["family"], []).append(one)
    seen = _ask(
        store,
        "SELECT family, max(event_time) AS newest FROM signals "
        "WHERE enterprise_id = {enterprise:String} AND known_at <= {at:DateTime64(3)} GROUP BY family",
        bound,
    )
    newest_of = {row["family"]: row["newest"] for row in seen}
    scores = {part["family"]: part for part in risk.get("families", ())}
    open_ = bool(alert) and alert["transition"] not in ("resolved", "retracted")
    clears = (alert["counterfactual_zh"], alert["counterfactual_en"]) if open_ else ("", "")
    return Explanation(
        enterprise_id=enterprise,
        name=who.get("name", ""),
        industry=who.get("industry") or "",
        region=who.get("region") or "",
        size=who.get("size") or "",
        at=at,
        exact=False,
        level=str(alert["level"]) if alert else "none",
        since=alert.get("at"),
        rule=alert.get("rule", "steady"),
        score=risk.get("score", 0.0),
        low=risk.get("low", 0.0),
        high=risk.get("high", 0.0),
        coverage=risk.get("coverage", 0.0),
        families=tuple(
            _family(
                name,
                float(scores.get(name, {}).get("score", 0.0)),
                str(scores.get(name, {}).get("coverage", "never")),
                newest_of.get(name),
                evidence.get(name, ()),
            )
            for name in FAMILIES
        ),
        clears=clears if any(clears) else None,
        config_version=(risk or alert).get("config_version", ""),
        alert_id=alert["alert_id"] if open_ else "",
        opened_at=alert["opened_at"] if open_ else None,
    )


def _require_known(store: Client, bound: Mapping[str, Any], *, registered: bool) -> None:
    """Refuse an enterprise of which nothing was known by then."""
    found = _first(
        store,
        "SELECT count() AS signals, min(known_at) AS first FROM signals WHERE enterprise_id = {enterprise:String}",
        bound,
    )
    name = bound["enterprise"]
    if not found["signals"]:
        if registered:
            message = f"{name} is registered, but no signal about it has come in yet: nothing to explain"
        else:
            message = f"no enterprise {name!r}: check the id ('forewarn sql' lists them: enterprises_latest)"
        raise UnknownEnterpriseError(message)
    if found["first"] > bound["at"]:
        first = f"{found['first'].astimezone(bound['at'].tzinfo):%Y-%m-%d %H:%M %z}"
        message = f"nothing was known of {name} at that time: its first signal came on {first}"
        raise UnknownEnterpriseError(message)


def _ask(store: Client, question: str, bound: Mapping[str, Any]) -> list[dict[str, Any]]:
    answer = store.query(question, parameters=dict(bound))
    return [dict(zip(answer.column_names, row, strict=True)) for row in answer.result_rows]


def _first(store: Client, question: str, bound: Mapping[str, Any]) -> dict[str, Any]:
    rows = _ask(store, question, bound)
    return rows[0] if rows else {}


def _evidence_of(row: Mapping[str, Any], at: datetime, config: DetectionConfig) -> Evidence:
    """Return a finding as evidence, with what it was worth."""
    ended = row["state"] == "ended"
    held = Held(
        row["detector"], row["family"], row["reason"], row["subject"], row["severity"], row["confidence"],
        row["observed"], row["expected"], row["unit"], millis(row["since"]), millis(row["at"]),
        lasting=bool(row["lasting"]), half_life_days=row["half_life_days"], closed=row["closed"],
        floor=Level.NONE, reach=Level.YELLOW, ended=millis(row["at"]) if ended else 0,
    )  # fmt: skip
    refs = tuple((one["topic"], one["partition"], one["offset"], one["idx"]) for one in row["evidence"])
    told = _told(held, row["text_zh"], row["text_en"], millis(at), config, refs)
    return replace(told, standing=None) if row["lasting"] is None else told


def _replaced(row: Mapping[str, Any], rules: Rules) -> bool:
    """Tell whether a finding was withdrawn or gave way to another on the same matter: what events bring has no end.

    One that ended, and of which nobody wrote how it fades, is not shown either.
    """
    by_event = hasattr(rules.detectors.get(row["detector"]), "events")
    return row["state"] == "withdrawn" or (row["state"] == "ended" and (by_event or row["lasting"] is None))


# ---- from the engine -----------------------------------------------------------------------------------------------


def from_replay(brought: Brought, rules: Rules, enterprise: str, at: datetime) -> Explanation:
    """Return the explanation that the engine's own state gives.

    Parameters
    ----------
    brought
        The enterprise's partition group, brought to the moment.
    rules
        Those of its shard.
    enterprise
        Its id.
    at
        The moment.

    Raises
    ------
    UnknownEnterpriseError
        If the group had not heard of the enterprise by then.
    """
    roster = brought.shard.engine.enterprises
    if enterprise not in roster.rows:
        message = f"nothing was known of {enterprise!r} by {at:%Y-%m-%d %H:%M %z}, as far back as the journal goes"
        raise UnknownEnterpriseError(message)
    state, now = roster.state(roster.rows[enterprise]), millis(at)
    risk = None if brought.risk is None else Risk.model_validate_json(brought.risk)
    alert = None if brought.alert is None else Alert.model_validate_json(brought.alert)
    parts = {part.family: part for part in risk.families} if risk else {}
    coverage = {name: parts[name].coverage.value if name in parts else "never" for name in FAMILIES}
    fused = fuse(state.evidence, coverage, now, rules.config)
    ranked = [state.evidence[place] for place in fused.ranked]
    without = partial(level_without, state.evidence, now=now, config=rules.config)
    entry = state.entry.profile
    evidence: dict[str, list[Evidence]] = {}
    for held in ranked:
        zh, en = text(held.reason, held, rules.calendar)
        refs = tuple((INPUTS[rank], *place) for rank, *place in held.refs)
        if worth(held, now, rules.config) >= FADED:
            evidence.setdefault(held.family, []).append(_told(held, zh, en, now, rules.config, refs))  # type: ignore[arg-type]  # three numbers each
    return Explanation(
        enterprise_id=enterprise,
        name=entry.names[0] if entry.names else "",
        industry=entry.industry,
        region=entry.region,
        size=entry.size,
        at=at,
        exact=True,
        level=state.level.name.lower(),
        since=alert.at if alert else None,
        rule=alert.rule if alert else "steady",
        score=fused.score,
        low=fused.low,
        high=fused.high,
        coverage=fused.coverage,
        families=tuple(
            _family(
                name,
                fused.families.get(name, 0.0),
                status,
                moment(state.newest[name]) if name in state.newest else None,
                evidence.get(name, ()),
            )
            for name, status in coverage.items()
        ),
        clears=counterfactual(ranked, state.level, without) if state.level else None,
        config_version=rules.config.version,
        alert_id=f"{enterprise}-{state.alert_number}" if state.level else "",
        opened_at=moment(state.opened_at) if state.level else None,
    )


# ---- both ----------------------------------------------------------------------------------------------------------


def _told(
    held: Held, zh: str, en: str, now: int, config: DetectionConfig, records: tuple[tuple[str, int, int, int], ...]
) -> Evidence:
    value = worth(held, now, config)
    standing = held.half_life_days is None or (held.lasting and not held.ended)
    fades = None
    if not standing and held.half_life_days is not None and value > FADED:
        fades = moment(now) + _DAY * (held.half_life_days * log2(value / FADED))
    return Evidence(
        held.reason, held.detector, held.subject, zh, en, held.severity, held.confidence, held.observed, held.expected,
        held.unit, moment(held.since), moment(held.at), value, standing, held.half_life_days, fades, records,
    )  # fmt: skip


def _family(name: str, score: float, coverage: str, seen: datetime | None, evidence: Sequence[Evidence]) -> Family:
    known = FAMILIES.get(name)
    titles = (known.title_zh, known.title_en) if known else (name, name)
    ranked = tuple(sorted(evidence, key=lambda one: (-one.worth, one.reason, one.subject)))
    return Family(name, *titles, score, coverage, seen, ranked)
