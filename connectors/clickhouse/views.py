"""The documented views: what analysts, Grafana and the board should read.

Every one is right before parts have merged: it reads with FINAL, or keeps one row of each key itself. Views hold no
data, so they have no migrations: ``migrate`` replaces those whose text has changed.
"""

from __future__ import annotations

from connectors.catalogue import FAMILIES
from connectors.clickhouse.columns import quoted
from connectors.clickhouse.operations import CreateView

# Within one (enterprise, source, source_id) the highest revision is the valid one. Repetitions of a revision are one
# row under FINAL, its first record. A filter on enterprise_id reaches the table through LIMIT BY.
_LATEST_REVISION = "ORDER BY revision DESC, record_time, `offset`, idx LIMIT 1 BY enterprise_id, source, source_id"
_SIGNAL = """enterprise_id, family, metric, value, unit, payload, event_time, published_at, source, source_id, revision,
    backfill, attributes, flags, topic, `partition`, `offset`, idx, record_time, known_at"""

SIGNALS_LATEST = CreateView(
    "signals_latest",
    "Signals in their latest revision.",
    f"SELECT {_SIGNAL}\nFROM signals FINAL\n{_LATEST_REVISION}",
)

SIGNALS_AS_KNOWN_AT = CreateView(
    "signals_as_known_at",
    "Signals as they were known at a moment (UTC), in the revision known then: signals_as_known_at(at ="
    " '2026-01-31 16:00:00'). Nothing that became known later shows.",
    f"SELECT {_SIGNAL}\nFROM signals FINAL\nWHERE known_at <= {{at:DateTime64(3, 'UTC')}}\n{_LATEST_REVISION}",
)

_FINER_THAN_DAYS = [m.name for family in FAMILIES.values() for m in family.metrics.values() if m.slots > 1]

METRICS_HOURLY = CreateView(
    "metrics_hourly",
    "Figures of an hour (UTC) of one metric, of readings that come several times a day, in their latest revision. A"
    " quarter-hour counts once, whoever reports it.",
    f"""
SELECT enterprise_id, family, metric, toStartOfHour(event_time) AS start, count() AS count, sum(value) AS sum,
    min(value) AS min, max(value) AS max, argMax(value, event_time) AS last
FROM (
    SELECT enterprise_id, family, metric, event_time, assumeNotNull(signals.value) AS value
    FROM signals FINAL
    WHERE metric IN ({", ".join(map(quoted, _FINER_THAN_DAYS))})
    ORDER BY revision DESC, record_time, `offset`, idx
    LIMIT 1 BY enterprise_id, metric, event_time
)
GROUP BY enterprise_id, family, metric, start
""",
)

ENTERPRISES_LATEST = CreateView(
    "enterprises_latest",
    "Enterprises by their valid registry entry; name is the one in use.",
    """
SELECT enterprise_id, names[1] AS name, names, industry, region, size, relations, published_at, source, source_id,
    revision, flags, record_time
FROM enterprises FINAL
ORDER BY revision DESC, record_time DESC, `offset` DESC
LIMIT 1 BY enterprise_id
""",
)

RISK_LATEST = CreateView(
    "risk_latest",
    "The fused risk of every enterprise as it stands.",
    """
SELECT enterprise_id, sequence, at, score, low, high, level, coverage, families, config_version, record_time
FROM risk
ORDER BY enterprise_id, sequence DESC, record_time DESC, `offset` DESC
LIMIT 1 BY enterprise_id
""",
)

_TRANSITIONS = """(
    SELECT *
    FROM alerts
    ORDER BY enterprise_id, sequence, record_time, `offset`
    LIMIT 1 BY enterprise_id, sequence
)"""

OPEN_ALERTS = CreateView(
    "open_alerts",
    "Alerts that are open, as they stand after their newest transition, with who the enterprise is and who has"
    " acknowledged it.",
    """
SELECT a.alert_id AS alert_id, a.enterprise_id AS enterprise_id,
    if(e.name != '', e.name, a.enterprise_name) AS enterprise_name,
    e.industry AS industry, e.region AS region, e.size AS size,
    a.level AS level, a.previous_level AS previous_level, a.score AS score, a.transition AS transition,
    a.sequence AS sequence, a.at AS at, a.opened_at AS opened_at, a.decided_on AS decided_on, a.rule AS rule,
    a.reasons AS reasons, a.counterfactual_zh AS counterfactual_zh, a.counterfactual_en AS counterfactual_en,
    a.notify AS notify, k.actor AS acknowledged_by, k.at AS acknowledged_at
FROM (
    SELECT *
    FROM alerts
    ORDER BY sequence DESC, record_time, `offset`
    LIMIT 1 BY enterprise_id, alert_id
) AS a
LEFT JOIN enterprises_latest AS e ON e.enterprise_id = a.enterprise_id
LEFT JOIN (
    SELECT object_id, actor, toNullable(at) AS at
    FROM actions
    WHERE object_kind = 'alert' AND kind = 'alert.acknowledged'
    ORDER BY actions.at, `offset`
    LIMIT 1 BY object_id
) AS k ON k.object_id = a.alert_id
WHERE a.transition NOT IN ('resolved', 'retracted')
""",
)

ALERT_HISTORY = CreateView(
    "alert_history",
    "Every transition of every alert, once; until is when the next one of the same alert came.",
    f"""
SELECT a.alert_id AS alert_id, a.enterprise_id AS enterprise_id,
    if(e.name != '', e.name, a.enterprise_name) AS enterprise_name,
    e.industry AS industry, e.region AS region, e.size AS size,
    a.sequence AS sequence, a.transition AS transition, a.level AS level, a.previous_level AS previous_level,
    a.score AS score, a.at AS at, a.until AS until, a.opened_at AS opened_at, a.decided_on AS decided_on,
    a.rule AS rule, a.reasons AS reasons, a.counterfactual_zh AS counterfactual_zh,
    a.counterfactual_en AS counterfactual_en, a.config_version AS config_version, a.notify AS notify
FROM (
    SELECT *, leadInFrame(toNullable(at)) OVER (
        PARTITION BY enterprise_id, alert_id ORDER BY sequence ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
    ) AS until
    FROM {_TRANSITIONS}
) AS a
LEFT JOIN enterprises_latest AS e ON e.enterprise_id = a.enterprise_id
""",
)

ENTERPRISE_TIMELINE = CreateView(
    "enterprise_timeline",
    "What happened to an enterprise, of every kind: events of sources, findings, alerts, deliveries, actions."
    " Filter by enterprise_id and order by at.",
    f"""
SELECT enterprise_id, event_time AS at, 'event' AS kind, family, metric AS what, CAST('none', 'String') AS level,
    CAST(NULL, 'Nullable(Float64)') AS severity, payload AS text_zh, payload AS text_en, source AS actor,
    topic, `partition`, `offset`, idx
FROM signals_latest
WHERE payload != ''
UNION ALL
SELECT enterprise_id, at, 'finding', family, concat(reason, ' ', state), 'none', severity, text_zh, text_en, detector,
    topic, `partition`, `offset`, idx
FROM findings FINAL
UNION ALL
SELECT enterprise_id, at, 'alert', '', transition, CAST(level, 'String'), score,
    arrayStringConcat(reasons.zh, '；'), arrayStringConcat(reasons.en, '; '), rule, topic, `partition`, `offset`, idx
FROM {_TRANSITIONS}
UNION ALL
SELECT enterprise_id, at, 'delivery', '', status, 'none', NULL, error, error, subscription_id,
    topic, `partition`, `offset`, idx
FROM deliveries FINAL
UNION ALL
SELECT enterprise_id, at, 'action', '', kind, 'none', NULL, details, details, actor, topic, `partition`, `offset`, idx
FROM actions FINAL
WHERE enterprise_id != ''
""",
)

# How far back the newest signals of a source are looked for: monthly figures arrive well within it.
_RECENT_DAYS = 100

SOURCE_FRESHNESS = CreateView(
    "source_freshness",
    "How fresh each source and family is: its newest heartbeat and its newest signals. Sources silent for longer than"
    f" {_RECENT_DAYS} days of event time show by their heartbeat alone.",
    f"""
SELECT if(h.source != '', h.source, s.source) AS source, s.family AS family,
    h.at AS heartbeat_at, h.status AS status, h.position AS position, h.lag_seconds AS lag_seconds,
    h.sent AS sent, h.rejected AS rejected, h.message AS message,
    greatest(h.newest_event_time, s.newest_event_time) AS newest_event_time,
    s.newest_record_time AS newest_record_time,
    dateDiff('second', greatest(h.at, s.newest_record_time), now64(3, 'UTC')) AS age_seconds
FROM (
    SELECT source, toNullable(at) AS at, status, position, lag_seconds, sent, rejected, message, newest_event_time
    FROM sources
    ORDER BY sources.at DESC, `offset` DESC
    LIMIT 1 BY source
) AS h
FULL OUTER JOIN (
    SELECT source, family, toNullable(max(event_time)) AS newest_event_time,
        toNullable(max(record_time)) AS newest_record_time
    FROM signals
    WHERE event_time > (SELECT max(event_time) FROM signals) - toIntervalDay({_RECENT_DAYS})
    GROUP BY source, family
) AS s ON s.source = h.source
""",
)

#: Every view, in the order in which they can be created: some read others.
VIEWS = (
    SIGNALS_LATEST,
    SIGNALS_AS_KNOWN_AT,
    METRICS_HOURLY,
    ENTERPRISES_LATEST,
    RISK_LATEST,
    OPEN_ALERTS,
    ALERT_HISTORY,
    ENTERPRISE_TIMELINE,
    SOURCE_FRESHNESS,
)
