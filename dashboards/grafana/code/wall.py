"""The warning wall: what is open, what nobody has looked at yet, and whether the numbers are fresh."""

from __future__ import annotations

from dashboards.grafana.code import panels
from dashboards.grafana.code.names import INDUSTRIES, LEVELS, PROVINCES, WARNING_LEVELS, Shade
from dashboards.grafana.code.panels import AMBER, GREEN, RED, coloured_background, mapped, option, place, titled
from dashboards.grafana.code.query import NEWEST_RECORD, Query, source
from dashboards.grafana.code.sdk import barchart, common_models, dashboard, stat, statetimeline, table, timeseries

#: An unacknowledged alert of these levels is overdue after so many minutes.
OVERDUE_LEVEL, OVERDUE_MINUTES = "orange", 30
TOP = 20

# Every transition takes one alert out of its old level and puts it into the new one, so running sums over the
# transitions give the number of open alerts at any time. A point for every hour keeps the line without gaps.
_LEVEL_COUNT = """
    SELECT time, sum(change) OVER (ORDER BY time) AS {level}
    FROM (
        SELECT time, sum(change) AS change
        FROM (
            SELECT greatest(toStartOfHour(at), toStartOfHour(now() - INTERVAL 24 HOUR)) AS time,
                toInt64(level = '{level}') - toInt64(previous_level = '{level}') AS change
            FROM alert_history
            UNION ALL
            SELECT arrayJoin(arrayMap(hour -> toStartOfHour(now() - toIntervalHour(hour)), range(25))) AS time,
                toInt64(0) AS change
        )
        GROUP BY time
    )
    ORDER BY time
"""

_UNACKNOWLEDGED = "SELECT count() AS unacknowledged FROM open_alerts WHERE acknowledged_at IS NULL"

_OVERDUE = f"""
    SELECT count() AS overdue
    FROM open_alerts
    WHERE acknowledged_at IS NULL AND level >= '{OVERDUE_LEVEL}' AND at < now() - INTERVAL {OVERDUE_MINUTES} MINUTE
"""

_OPEN = """
    SELECT toString(level) AS warning, enterprise_name, score, arrayElement(reasons.zh, 1) AS reason,
        counterfactual_zh AS clears, opened_at, at AS changed_at, substring(industry, 1, 1) AS sector,
        substring(region, 1, 2) AS province, acknowledged_by, enterprise_id
    FROM open_alerts
    ORDER BY level DESC, score DESC, opened_at, enterprise_id
    LIMIT 500
"""

# State at the beginning of the range, then every change in it, then the state at its end.
_TOP_LEVELS = f"""
    WITH top AS (
        SELECT enterprise_id, enterprise_name
        FROM open_alerts
        ORDER BY level DESC, score DESC, enterprise_id
        LIMIT {TOP}
    )
    SELECT time, concat(top.enterprise_name, ' ', right(enterprise_id, 4)) AS enterprise, level
    FROM (
        SELECT toDateTime64($__fromTime, 3) AS time, enterprise_id, toInt64(argMax(level, sequence)) AS level
        FROM alert_history
        WHERE at < $__fromTime
        GROUP BY enterprise_id
        UNION ALL
        SELECT at AS time, enterprise_id, toInt64(level) AS level
        FROM alert_history
        WHERE $__timeFilter(at)
        UNION ALL
        SELECT toDateTime64($__toTime, 3) AS time, enterprise_id, toInt64(argMax(level, sequence)) AS level
        FROM alert_history
        WHERE at <= $__toTime
        GROUP BY enterprise_id
    ) AS changes
    INNER JOIN top ON top.enterprise_id = changes.enterprise_id
    ORDER BY time, enterprise
"""

_FLOW = """
    SELECT toStartOfHour(at) AS time, countIf(transition = 'opened') AS opened,
        countIf(transition = 'escalated') AS escalated, -toInt64(countIf(transition = 'resolved')) AS resolved,
        -toInt64(countIf(transition = 'retracted')) AS retracted
    FROM alert_history
    WHERE $__timeFilter(at)
    GROUP BY time
    ORDER BY time
"""

_COUNTS = ", ".join(f"countIf(level = '{shade.name}') AS {shade.name}" for shade in reversed(WARNING_LEVELS))

_BY_INDUSTRY = f"""
    SELECT transform(substring(industry, 1, 1), {list(INDUSTRIES)}, {list(INDUSTRIES.values())}, industry) AS sector,
        {_COUNTS}
    FROM open_alerts
    GROUP BY sector
    ORDER BY count() DESC, sector
"""

_BY_REGION = f"""
    SELECT substring(region, 1, 2) AS province, {_COUNTS}, count() AS total
    FROM open_alerts
    GROUP BY province
    ORDER BY total DESC, province
"""


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    wall = panels.board(
        "forewarn-wall",
        "预警墙 Warning wall",
        "Open warnings of all enterprises, by level; whether they were looked at; whether the data is fresh.",
        since="now-7d",
        refresh="10s",
    )
    for number, shade in enumerate(reversed(WARNING_LEVELS)):
        wall = wall.with_panel(_level(shade).grid_pos(place(4 * number, 0, 4, 5)))
    return (
        wall.with_panel(_unacknowledged().grid_pos(place(16, 0, 3, 5)))
        .with_panel(_overdue().grid_pos(place(19, 0, 2, 5)))
        .with_panel(_data_age().grid_pos(place(21, 0, 3, 5)))
        .with_panel(_open().grid_pos(place(0, 5, 15, 14)))
        .with_panel(_top().grid_pos(place(15, 5, 9, 14)))
        .with_panel(_flow().grid_pos(place(0, 19, 9, 9)))
        .with_panel(_by_industry().grid_pos(place(9, 19, 8, 9)))
        .with_panel(_by_region().grid_pos(place(17, 19, 7, 9)))
    )


def _level(shade: Shade) -> stat.Panel:
    return (
        panels.count_tile(
            f"{shade.text[0]}色预警 {shade.name}",
            f"Open {shade.name} alerts now; the line is their number over the last 24 hours.",
            shade.colour,
        )
        .time_from("24h")
        .hide_time_override(True)
        .with_target(Query(_LEVEL_COUNT.format(level=shade.name), series=True))
    )


def _unacknowledged() -> stat.Panel:
    return panels.judged_tile(
        "未确认 Unacknowledged", "Open alerts that nobody has acknowledged.", (None, GREEN), (1, AMBER), (20, RED)
    ).with_target(Query(_UNACKNOWLEDGED))


def _overdue() -> stat.Panel:
    return panels.judged_tile(
        "超时 Overdue",
        f"Alerts of level {OVERDUE_LEVEL} or above that nobody has acknowledged for {OVERDUE_MINUTES} minutes.",
        (None, GREEN),
        (1, RED),
    ).with_target(Query(_OVERDUE))


def _data_age() -> stat.Panel:
    return (
        panels.judged_tile(
            "数据龄 Data age",
            "How long ago anything, heartbeats included, last reached ClickHouse. Red: this wall is frozen, and its "
            "calm means nothing.",
            (None, GREEN),
            (120, AMBER),
            (600, RED),
        )
        .unit("s")
        .with_target(Query(f"SELECT dateDiff('second', max(record_time), now()) AS data_age FROM {NEWEST_RECORD}"))
    )


def _open() -> table.Panel:
    panel = panels.plain_table(
        "未解除预警 Open alerts", "Every open alert, the gravest first. A click on the name opens the enterprise."
    ).with_target(Query(_OPEN))
    return panels.with_columns(
        panel,
        {
            "level": titled(
                "等级 level", mapped(panels.level_names()), coloured_background(), option("custom.width", 90)
            ),
            "enterprise_name": titled("企业 enterprise", panels.to_enterprise(), option("custom.minWidth", 180)),
            "score": titled("评分 score", option("decimals", 2), option("custom.width", 80)),
            "reason": titled("首要原因 main reason", option("custom.minWidth", 260), option("custom.inspect", True)),
            "clears": titled("解除条件 would clear", option("custom.inspect", True)),
            "opened_at": titled("触发 opened", option("custom.width", 150)),
            "changed_at": titled("最近变化 changed", option("custom.width", 150)),
            "sector": titled("行业 industry", mapped(panels.value_map(INDUSTRIES))),
            "province": titled("地区 region", mapped(panels.value_map(PROVINCES))),
            "acknowledged_by": titled("确认人 acknowledged by"),
            "enterprise_id": titled("统一社会信用代码 id"),
        },
    )


def _top() -> statetimeline.Panel:
    return (
        panels.level_timeline(
            f"前{TOP}企业等级 Level of the top {TOP}", "How the level of the gravest open alerts moved in the range."
        )
        .display_name("${__field.labels.enterprise}")
        .with_target(Query(_TOP_LEVELS, series=True))
    )


def _flow() -> timeseries.Panel:
    panel = panels.bars(
        "每小时触发与解除 Opened and closed per hour", "Above the line: opened, escalated. Below: resolved, retracted."
    ).with_target(Query(_FLOW, series=True))
    shades = {"opened": ("触发 opened", RED), "escalated": ("升级 escalated", LEVELS[3].colour),
              "resolved": ("解除 resolved", GREEN), "retracted": ("撤回 retracted", LEVELS[0].colour)}  # fmt: skip
    for name, (title, colour) in shades.items():
        panel = panel.override_by_name(name, titled(title, option("color", {"mode": "fixed", "fixedColor": colour})))
    return panel


def _by_industry() -> barchart.Panel:
    panel = (
        barchart.Panel()
        .title("行业分布 By industry")
        .description("Open alerts by section of GB/T 4754 and level.")
        .datasource(source())
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .stacking(common_models.StackingMode.NORMAL)
        .x_field("sector")
        .with_target(Query(_BY_INDUSTRY))
    )
    for shade in WARNING_LEVELS:
        colour = option("color", {"mode": "fixed", "fixedColor": shade.colour})
        panel = panel.override_by_name(shade.name, titled(shade.text, colour))
    return panel


def _by_region() -> table.Panel:
    panel = panels.plain_table(
        "地区 × 等级 Region by level", "Open alerts by province (GB/T 2260) and level."
    ).with_target(Query(_BY_REGION))
    columns = {"province": titled("地区 region", mapped(panels.value_map(PROVINCES))), "total": titled("合计 total")}
    for shade in WARNING_LEVELS:
        heat = {
            "mode": "absolute",
            "steps": [{"value": None, "color": "transparent"}, {"value": 1, "color": shade.colour}],
        }
        columns[shade.name] = titled(shade.text, coloured_background(), option("thresholds", heat))
    return panels.with_columns(panel, columns)
