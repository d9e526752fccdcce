"""The read side: every question that the board and the API ask ClickHouse, with bound parameters only."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

from connectors.decoding import INPUT_LOST
from connectors.models import Counterfactual, Evidence, Level, Reason, Relation
from dashboards.figures import (
    AlertDetail,
    AlertPage,
    AlertState,
    AlertTransition,
    DailyValue,
    EnterpriseDetail,
    EnterprisePage,
    EnterpriseSummary,
    FamilyState,
    FindingState,
    Registry,
    RiskPoint,
    RiskState,
    SignalRow,
    SourceFreshness,
)
from dashboards.store import BadCursorError, Store

P = ParamSpec("P")
T = TypeVar("T")

#: Most open alerts that the wall holds; more are counted, not shown.
MOST_ALERTS = 1000
_MOST_POINTS = 500
_MOST_DAYS = 180
_MOST_SIGNALS = 40
_MOST_FINDINGS = 60
_MOST_TRANSITIONS = 100

_ALERT_COLUMNS = """
    alert_id, enterprise_id, enterprise_name, sequence, transition, level, previous_level, score, at, opened_at, rule,
    reasons, counterfactual_zh, counterfactual_en, notify
"""
_CLOSING = "('resolved', 'retracted')"
# The newest transition of each alert; a review changes nothing about whether it is open.
_NEWEST = f"""
    SELECT {_ALERT_COLUMNS}, transition NOT IN {_CLOSING} AS open
    FROM (SELECT * FROM alerts FINAL {{where}} ORDER BY sequence DESC LIMIT 1 BY enterprise_id, alert_id)
"""


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts are wanted.

    Parameters
    ----------
    only_open
        Leave out those that are resolved or retracted.
    level
        Only those of this level; None: all.
    enterprise_id
        Only those of this enterprise; empty: all.
    """

    only_open: bool = True
    level: Level | None = None
    enterprise_id: str = ""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh the store is.

    Parameters
    ----------
    sources
        Each by its newest heartbeat.
    heard
        When a source was last heard of; None: never.
    decided
        The newest stack time at which anything was decided; None: nothing was.
    """

    sources: list[SourceFreshness]
    heard: datetime | None
    decided: datetime | None


@dataclass(frozen=True, slots=True)
class Curves:
    """What the enterprise page draws, oldest first; signals newest first."""

    scores: list[RiskPoint]
    daily: list[DailyValue]
    signals: list[SignalRow]


class Queries:
    """Typed questions over the documented tables and views. All but ``run`` block.

    Parameters
    ----------
    store
        Where they are asked.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask one of the questions below without blocking the event loop."""
        return await self._store.run(read, *args, **kwargs)

    def close(self) -> None:
        """Let go of the store's threads."""
        self._store.close()

    def open_alerts(self) -> tuple[list[AlertState], dict[Level, int]]:
        """Return the open alerts, the worst and newest first, and how many there are of each level."""
        # Not from the view open_alerts: it joins the whole registry, which is too much for every other second.
        newest = _NEWEST.format(where="")
        rows = self._store.rows(
            f"SELECT * FROM ({newest}) WHERE open ORDER BY level DESC, opened_at DESC, alert_id LIMIT {{most:UInt32}}",
            {"most": MOST_ALERTS},
        )
        counts = self._store.rows(f"SELECT level, count() AS alerts FROM ({newest}) WHERE open GROUP BY level")
        return self._named([_alert(row) for row in rows]), {Level(row["level"]): row["alerts"] for row in counts}

    def freshness(self) -> Freshness:
        """Return how the sources do, and the newest times that the store knows."""
        # max() of the column that the table is partitioned by is answered from the parts' indexes.
        times = self._store.rows(
            """
            SELECT
                (SELECT max(at) FROM sources) AS heard,
                (SELECT max(at) FROM risk) AS scored,
                (SELECT max(at) FROM alerts) AS warned
            """
        )[0]
        sources = self._store.rows(
            """
            SELECT source, status, at, newest_event_time, lag_seconds, sent, rejected, message FROM sources
            WHERE at > {heard:DateTime64(3, 'UTC')} - toIntervalDay(30)
            ORDER BY source, at DESC, `offset` DESC LIMIT 1 BY source
            """,
            {"heard": times["heard"]},
        )
        return Freshness(
            sources=[SourceFreshness(**row) for row in sources],
            heard=_known(times["heard"]),
            decided=max((w for w in map(_known, (times["scored"], times["warned"])) if w is not None), default=None),
        )

    def ping(self) -> None:
        """Raise UnreachableError if the store does not answer."""
        self._store.rows("SELECT 1")

    def losses(self, since: datetime) -> int:
        """Return how many gaps in the input were noted since a time: Kafka deleted records before we had them."""
        sql = """
            SELECT uniqExact(of_topic, of_partition, of_offset) AS gaps FROM dead_letters
            WHERE reason = {reason:String} AND record_time > {since:DateTime64(3, 'UTC')}
            """
        return int(self._store.rows(sql, {"reason": INPUT_LOST, "since": since})[0]["gaps"])

    def alerts(self, wanted: AlertFilter, limit: int, cursor: str | None) -> AlertPage:
        """Return a page of alerts, the ones that changed last first.

        Raises
        ------
        BadCursorError
            If the cursor is not one of ours.
        """
        parameters: dict[str, Any] = {"limit": limit + 1}
        inner, outer = [], []
        if wanted.enterprise_id:
            inner.append("enterprise_id = {enterprise:String}")
            parameters["enterprise"] = wanted.enterprise_id
        if wanted.only_open:
            outer.append("open")
        if wanted.level is not None:
            outer.append("level = {level:String}")
            parameters["level"] = wanted.level.value
        if cursor is not None:
            at_ms, alert_id = _decode_cursor(cursor, int, str)
            outer.append("(toUnixTimestamp64Milli(at), alert_id) < ({at_ms:Int64}, {after:String})")
            parameters |= {"at_ms": at_ms, "after": alert_id}
        newest = _NEWEST.format(where=_where(inner))
        rows = self._store.rows(
            f"SELECT *, toUnixTimestamp64Milli(at) AS at_ms FROM ({newest}) {_where(outer)} "
            "ORDER BY at_ms DESC, alert_id DESC LIMIT {limit:UInt32}",
            parameters,
        )
        more = len(rows) > limit
        rows = rows[:limit]
        following = _encode_cursor(rows[-1]["at_ms"], rows[-1]["alert_id"]) if more else None
        return AlertPage(items=self._named([_alert(row) for row in rows]), next_cursor=following)

    def alert(self, alert_id: str) -> AlertDetail | None:
        """Return one alert with its transitions, the newest first."""
        rows = self._store.rows(
            f"SELECT {_ALERT_COLUMNS} FROM alerts FINAL WHERE alert_id = {{alert:String}} ORDER BY sequence DESC",
            {"alert": alert_id},
        )
        if not rows:
            return None
        state = _alert(rows[0] | {"open": rows[0]["transition"] not in ("resolved", "retracted")})
        return AlertDetail(**dict(state), transitions=[_transition(row) for row in rows], acknowledgements=[])

    def enterprises(self, text: str, limit: int, cursor: str | None) -> EnterprisePage:
        """Return a page of enterprises whose name or code contains the text, ordered by code.

        Raises
        ------
        BadCursorError
            If the cursor is not one of ours.
        """
        (after,) = _decode_cursor(cursor, str) if cursor is not None else ("",)
        matches = (
            "AND (positionCaseInsensitiveUTF8(enterprise_id, {text:String}) > 0 "
            "OR arrayExists(n -> positionCaseInsensitiveUTF8(n, {text:String}) > 0, names))"
        )
        # Enterprises that were scored before their registry entry came are there too, without a name.
        ids = self._store.rows(
            f"""
            SELECT enterprise_id FROM (
                SELECT enterprise_id, names FROM enterprises
                UNION ALL SELECT enterprise_id, [] FROM risk
            ) WHERE enterprise_id > {{after:String}} {matches if text else ""}
            GROUP BY enterprise_id ORDER BY enterprise_id LIMIT {{limit:UInt32}}
            """,
            {"after": after, "text": text, "limit": limit + 1},
        )
        page = [row["enterprise_id"] for row in ids[:limit]]
        following = _encode_cursor(page[-1]) if len(ids) > limit else None
        return EnterprisePage(items=self._summaries(page), next_cursor=following)

    def enterprise(self, enterprise_id: str) -> EnterpriseDetail | None:
        """Return all about one enterprise; None if there is neither a registry entry nor a score nor an alert."""
        one = {"id": enterprise_id}
        entries = self._store.rows(
            "SELECT names, industry, region, size, relations FROM enterprises_latest WHERE enterprise_id = {id:String}",
            one,
        )
        risks = self._store.rows(
            "SELECT at, score, low, high, level, coverage, families FROM risk_latest WHERE enterprise_id = {id:String}",
            one,
        )
        alerts = self._store.rows(
            f"SELECT {_ALERT_COLUMNS} FROM alerts FINAL WHERE enterprise_id = {{id:String}} "
            "ORDER BY sequence DESC LIMIT {most:UInt32}",
            one | {"most": _MOST_TRANSITIONS},
        )
        if not (entries or risks or alerts):
            return None
        registry = _registry(entries[0]) if entries else None
        newest = (
            _alert(alerts[0] | {"open": alerts[0]["transition"] not in ("resolved", "retracted")}) if alerts else None
        )
        known = registry.names[0] if registry and registry.names else ""
        return EnterpriseDetail(
            enterprise_id=enterprise_id,
            name=known or (newest.name if newest else enterprise_id),
            registry=registry,
            risk=_risk(risks[0]) if risks else None,
            alert=newest if newest and newest.open else None,
            history=[_transition(row) for row in alerts],
            findings=self._findings(enterprise_id),
        )

    def curves(self, enterprise_id: str) -> Curves:
        """Return what the enterprise page draws."""
        one = {"id": enterprise_id}
        scores = self._store.rows(
            """
            SELECT DISTINCT sequence, at, score, level FROM risk WHERE enterprise_id = {id:String}
            ORDER BY sequence DESC LIMIT {most:UInt32}
            """,
            one | {"most": _MOST_POINTS},
        )
        daily = self._store.rows(
            """
            SELECT start, sum AS value, expected FROM metrics FINAL
            WHERE enterprise_id = {id:String} AND metric = 'daily_kwh' AND `window` = '1d'
            ORDER BY start DESC LIMIT {most:UInt32}
            """,
            one | {"most": _MOST_DAYS},
        )
        signals = self._store.rows(
            """
            SELECT family, metric, value, unit, payload, event_time, source FROM signals_latest
            WHERE enterprise_id = {id:String} ORDER BY event_time DESC LIMIT {most:UInt32}
            """,
            one | {"most": _MOST_SIGNALS},
        )
        return Curves(
            scores=[RiskPoint(at=row["at"], score=row["score"], level=row["level"]) for row in reversed(scores)],
            daily=[DailyValue(**row) for row in reversed(daily)],
            signals=[SignalRow(**row) for row in signals],
        )

    def _findings(self, enterprise_id: str) -> list[FindingState]:
        rows = self._store.rows(
            """
            SELECT * FROM (
                SELECT finding_id, family, metric, detector, reason, state, severity, confidence, observed, expected,
                    unit, since, at, text_zh, text_en
                FROM findings FINAL WHERE enterprise_id = {id:String}
                ORDER BY at DESC, `offset` DESC LIMIT 1 BY finding_id
            ) ORDER BY state IN ('raised', 'changed') DESC, severity DESC, at DESC LIMIT {most:UInt32}
            """,
            {"id": enterprise_id, "most": _MOST_FINDINGS},
        )
        return [FindingState(**row) for row in rows]

    def _named(self, alerts: list[AlertState]) -> list[AlertState]:
        """Return the alerts with the names that the registry has now."""
        if not alerts:
            return []
        rows = self._store.rows(
            "SELECT enterprise_id, name FROM enterprises_latest WHERE enterprise_id IN {ids:Array(String)}",
            {"ids": sorted({alert.enterprise_id for alert in alerts})},
        )
        names = {row["enterprise_id"]: row["name"] for row in rows}
        return [
            alert.model_copy(update={"enterprise_name": names.get(alert.enterprise_id) or alert.enterprise_name})
            for alert in alerts
        ]

    def _summaries(self, ids: Sequence[str]) -> list[EnterpriseSummary]:
        if not ids:
            return []
        entries = self._store.rows(
            "SELECT enterprise_id, name, industry, region, size FROM enterprises_latest "
            "WHERE enterprise_id IN {ids:Array(String)}",
            {"ids": list(ids)},
        )
        risks = self._store.rows(
            "SELECT enterprise_id, level, score FROM risk_latest WHERE enterprise_id IN {ids:Array(String)}",
            {"ids": list(ids)},
        )
        known = {row["enterprise_id"]: row for row in entries}
        scored = {row["enterprise_id"]: row for row in risks}
        return [_summary(one, known.get(one, {}), scored.get(one, {})) for one in ids]


def _where(conditions: Sequence[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _known(when: datetime | None) -> datetime | None:
    """Return a time, or None for the epoch, which is what max() makes of no rows."""
    return None if when is None or when <= datetime.fromtimestamp(0, UTC) else when


def _summary(enterprise_id: str, entry: Mapping[str, Any], risk: Mapping[str, Any]) -> EnterpriseSummary:
    return EnterpriseSummary(
        enterprise_id=enterprise_id,
        name=entry.get("name") or enterprise_id,
        industry=entry.get("industry", ""),
        region=entry.get("region", ""),
        size=entry.get("size", ""),
        level=risk.get("level", Level.NONE),
        score=risk.get("score"),
    )


def _registry(row: Mapping[str, Any]) -> Registry:
    return Registry(
        names=row["names"],
        industry=row["industry"],
        region=row["region"],
        size=row["size"],
        relations=[Relation(**relation) for relation in row["relations"]],
    )


def _risk(row: Mapping[str, Any]) -> RiskState:
    return RiskState(**{**row, "families": [FamilyState(**family) for family in row["families"]]})


def _alert(row: Mapping[str, Any]) -> AlertState:
    return AlertState(**_with_texts(row))


def _transition(row: Mapping[str, Any]) -> AlertTransition:
    return AlertTransition(**_with_texts(row))


def _with_texts(row: Mapping[str, Any]) -> dict[str, Any]:
    zh, en = row["counterfactual_zh"], row["counterfactual_en"]
    return {
        **row,
        "reasons": [_reason(reason) for reason in row["reasons"]],
        "counterfactual": Counterfactual(zh=zh, en=en) if zh or en else None,
    }


def _reason(row: Mapping[str, Any]) -> Reason:
    evidence = [
        Evidence(topic=one["topic"], partition=one["partition"], offset=one["offset"], index=one["idx"])
        for one in row["evidence"]
    ]
    return Reason(**{**row, "evidence": evidence})


def _encode_cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _decode_cursor(cursor: str, *types: type) -> tuple[Any, ...]:
    """Return the values of a cursor.

    Examples
    --------
    >>> _decode_cursor(_encode_cursor(7, "a"), int, str)
    (7, 'a')
    """
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        json.dumps(values, ensure_ascii=False).encode()  # half a surrogate pair cannot be asked for
    except (binascii.Error, ValueError):
        values = None
    fits = isinstance(values, list) and [type(value) for value in values] == list(types)
    if not fits or any(isinstance(value, int) and abs(value) >= 2**63 for value in values):
        message = "the cursor is not one of ours: leave it out to start from the first page"
        raise BadCursorError(message)
    return tuple(values)
