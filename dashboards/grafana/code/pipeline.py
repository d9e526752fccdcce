"""The health of the pipeline: what arrives, what is refused, what is sent, and how late."""

from __future__ import annotations

from dashboards.grafana.code import panels
from dashboards.grafana.code.panels import AMBER, GREEN, RED, coloured_background, option, place, titled
from dashboards.grafana.code.query import NEWEST_RECORD, Query
from dashboards.grafana.code.sdk import dashboard, stat, table, timeseries

_DATA_AGE = f"SELECT dateDiff('second', max(record_time), now()) AS data_age FROM {NEWEST_RECORD}"

_STALEST = "SELECT max(age_seconds) AS age FROM source_freshness WHERE status != 'done'"

_REFUSED = "SELECT count() AS refused FROM dead_letters FINAL WHERE $__timeFilter(at)"

_FAILED = "SELECT count() AS failed FROM deliveries FINAL WHERE status = 'failed' AND $__timeFilter(at)"

_SOURCES = """
    SELECT source, family, status, age_seconds, heartbeat_at, newest_event_time, lag_seconds, sent, rejected, message
    FROM source_freshness
    ORDER BY age_seconds DESC, source, family
"""

# A source counts from its start, so a smaller number than before is a restart.
_RATE = """
    SELECT time, source, sum(sent_now) / $__interval_s AS per_second
    FROM (
        SELECT $__timeInterval(record_time) AS time, source,
            greatest(0, sent - lagInFrame(sent, 1, sent) OVER (PARTITION BY source ORDER BY record_time)) AS sent_now
        FROM sources FINAL
        WHERE $__timeFilter(record_time)
    )
    GROUP BY time, source
    ORDER BY time, source
"""

_LAG = """
    SELECT $__timeInterval(record_time) AS time, source, max(lag_seconds) AS lag
    FROM sources FINAL
    WHERE $__timeFilter(record_time)
    GROUP BY time, source
    ORDER BY time, source
"""

_REASONS = """
    SELECT $__timeInterval(at) AS time, reason, count() AS refused
    FROM dead_letters FINAL
    WHERE $__timeFilter(at)
    GROUP BY time, reason
    ORDER BY time, reason
"""

_LETTERS = """
    SELECT at, reason, detail, field, of_topic, of_partition, of_offset, of_idx
    FROM dead_letters FINAL
    WHERE $__timeFilter(at)
    ORDER BY at DESC
    LIMIT 200
"""

_LATENCY = """
    SELECT $__timeInterval(at) AS time, quantile(0.5)(seconds) AS half, quantile(0.95)(seconds) AS most
    FROM (
        SELECT d.at AS at, dateDiff('millisecond', a.at, d.at) / 1000 AS seconds
        FROM deliveries AS d FINAL
        INNER JOIN alert_history AS a ON a.enterprise_id = d.enterprise_id AND a.sequence = d.sequence
        WHERE d.status = 'delivered' AND $__timeFilter(d.at)
    )
    GROUP BY time
    ORDER BY time
"""

_DELIVERIES = """
    SELECT $__timeInterval(at) AS time, status, count() AS attempts
    FROM deliveries FINAL
    WHERE $__timeFilter(at)
    GROUP BY time, status
    ORDER BY time, status
"""

_PARTS = """
    SELECT table, sum(rows) AS rows, count() AS parts, sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE active AND database = currentDatabase()
    GROUP BY table
    ORDER BY bytes DESC
"""


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    return (
        panels.board(
            "forewarn-pipeline",
            "管道健康 Pipeline health",
            "What arrives from each source, what is refused and why, what was sent to whom, and how late.",
            since="now-6h",
            refresh="30s",
        )
        .with_panel(_data_age().grid_pos(place(0, 0, 6, 4)))
        .with_panel(_stalest().grid_pos(place(6, 0, 6, 4)))
        .with_panel(_number("拒收 Refused", "Dead letters in the range.", _REFUSED).grid_pos(place(12, 0, 6, 4)))
        .with_panel(
            _number("推送失败 Deliveries failed", "Given up in the range.", _FAILED).grid_pos(place(18, 0, 6, 4))
        )
        .with_panel(_sources().grid_pos(place(0, 4, 24, 8)))
        .with_panel(_rate().grid_pos(place(0, 12, 12, 8)))
        .with_panel(_lag().grid_pos(place(12, 12, 12, 8)))
        .with_panel(_reasons().grid_pos(place(0, 20, 12, 8)))
        .with_panel(_letters().grid_pos(place(12, 20, 12, 8)))
        .with_panel(_deliveries().grid_pos(place(0, 28, 8, 8)))
        .with_panel(_latency().grid_pos(place(8, 28, 8, 8)))
        .with_panel(_parts().grid_pos(place(16, 28, 8, 8)))
    )


def _data_age() -> stat.Panel:
    return (
        panels.judged_tile(
            "数据龄 Data age",
            "How long ago anything last reached ClickHouse.",
            (None, GREEN),
            (120, AMBER),
            (600, RED),
        )
        .unit("s")
        .with_target(Query(_DATA_AGE))
    )


def _stalest() -> stat.Panel:
    return (
        panels.judged_tile(
            "最久静默 Longest silence",
            "Age of the newest word of the source that has been silent longest.",
            (None, GREEN),
            (900, AMBER),
            (3600, RED),
        )
        .unit("s")
        .with_target(Query(_STALEST))
    )


def _number(title: str, description: str, sql: str) -> stat.Panel:
    return panels.judged_tile(title, description, (None, GREEN), (1, AMBER), (1000, RED)).with_target(Query(sql))


def _sources() -> table.Panel:
    panel = panels.plain_table("数据源 Sources", "Each source and family, the stalest first.").with_target(
        Query(_SOURCES)
    )
    age = {"mode": "absolute", "steps": [{"value": None, "color": GREEN}, {"value": 900, "color": AMBER},
                                         {"value": 3600, "color": RED}]}  # fmt: skip
    return panels.with_columns(
        panel,
        {
            "source": titled("数据源 source"),
            "family": titled("维度 family"),
            "status": titled("状态 status"),
            "age_seconds": titled("静默 age", option("unit", "s"), option("thresholds", age), coloured_background()),
            "heartbeat_at": titled("心跳 heartbeat"),
            "newest_event_time": titled("最新数据 newest"),
            "lag_seconds": titled("落后 lag", option("unit", "s")),
            "sent": titled("已发送 sent"),
            "rejected": titled("已拒收 rejected"),
            "message": titled("说明 message"),
        },
    )


def _rate() -> timeseries.Panel:
    return (
        panels.curves("每秒信号 Signals per second", "By source, from the counts in its heartbeats.")
        .display_name("${__field.labels.source}")
        .with_target(Query(_RATE, series=True))
    )


def _lag() -> timeseries.Panel:
    return (
        panels.curves("数据源落后 Lag of sources", "How far each source says that it is behind.")
        .unit("s")
        .display_name("${__field.labels.source}")
        .with_target(Query(_LAG, series=True))
    )


def _reasons() -> timeseries.Panel:
    return (
        panels.bars("拒收原因 Refused by reason", "Dead letters by reason code.")
        .display_name("${__field.labels.reason}")
        .with_target(Query(_REASONS, series=True))
    )


def _letters() -> table.Panel:
    return panels.plain_table("拒收明细 Dead letters", "The newest refused records; forewarn can send them again once "
                              "corrected.").with_target(Query(_LETTERS))  # fmt: skip


def _deliveries() -> timeseries.Panel:
    return (
        panels.bars("推送 Deliveries", "Attempts by outcome.")
        .display_name("${__field.labels.status}")
        .with_target(Query(_DELIVERIES, series=True))
    )


def _latency() -> timeseries.Panel:
    return (
        panels.curves("推送延迟 Alert latency", "From the decision to the delivery, half and 95 % of them.")
        .unit("s")
        .with_target(Query(_LATENCY, series=True))
        .override_by_name("half", titled("中位 median"))
        .override_by_name("most", titled("95 %"))
    )


def _parts() -> table.Panel:
    panel = panels.plain_table("ClickHouse 存储 Storage", "Rows, parts and bytes of each table.")
    return panels.with_columns(
        panel.with_target(Query(_PARTS)),
        {
            "table": titled("表 table"),
            "rows": titled("行 rows", option("unit", "short")),
            "parts": titled("数据块 parts"),
            "bytes": titled("字节 bytes", option("unit", "bytes")),
        },
    )
