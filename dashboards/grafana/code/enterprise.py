"""One enterprise: where it stands, how it came there, and the numbers behind it."""

from __future__ import annotations

from dashboards.grafana.code import panels
from dashboards.grafana.code.names import FAMILIES, LEVELS
from dashboards.grafana.code.panels import GREEN, coloured_background, mapped, option, place, titled
from dashboards.grafana.code.query import Query, source
from dashboards.grafana.code.sdk import Builder, dashboard, models, stat, statetimeline, table, timeseries

_ENTERPRISE = "enterprise_id = ${enterprise:singlequote}"

_CHOICES = """
    SELECT enterprise_id AS __value, concat(any(enterprise_name), ' ', enterprise_id) AS __text
    FROM alert_history
    GROUP BY enterprise_id
    ORDER BY max(at) DESC
    LIMIT 2000
"""
_METRICS = f"SELECT DISTINCT metric FROM metrics WHERE {_ENTERPRISE} ORDER BY metric"

_NAME = f"SELECT name, enterprise_id, industry, region, size FROM enterprises_latest WHERE {_ENTERPRISE}"
_LEVEL = f"SELECT toInt64(level) AS level FROM risk_latest WHERE {_ENTERPRISE}"
_SCORE = f"SELECT score FROM risk_latest WHERE {_ENTERPRISE}"
_COVERAGE = f"SELECT coverage FROM risk_latest WHERE {_ENTERPRISE}"

_SCORES = f"""
    SELECT at AS time, score, low, high
    FROM risk FINAL
    WHERE {_ENTERPRISE} AND $__timeFilter(at)
    ORDER BY time
"""
_LEVELS = f"""
    SELECT at AS time, toInt64(level) AS level
    FROM (
        SELECT toDateTime64($__fromTime, 3) AS at, argMax(risk.level, risk.sequence) AS level
        FROM risk
        WHERE {_ENTERPRISE} AND risk.at < $__fromTime
        HAVING count() > 0
        UNION ALL
        SELECT at, level FROM risk FINAL WHERE {_ENTERPRISE} AND $__timeFilter(at)
        UNION ALL
        SELECT toDateTime64($__toTime, 3) AS at, argMax(risk.level, risk.sequence) AS level
        FROM risk
        WHERE {_ENTERPRISE} AND risk.at <= $__toTime
        HAVING count() > 0
    )
    ORDER BY time
"""
_FAMILY_SCORES = f"""
    SELECT at AS time, f.family AS family, f.score AS score
    FROM risk FINAL
    ARRAY JOIN families AS f
    WHERE {_ENTERPRISE} AND $__timeFilter(at)
    ORDER BY time, family
"""
_COVERAGES = f"""
    SELECT f.family AS family, f.score AS score, f.coverage AS coverage, f.newest_event_time AS newest_event_time
    FROM risk_latest
    ARRAY JOIN families AS f
    WHERE {_ENTERPRISE}
    ORDER BY score DESC, family
"""
_ALERTS = f"""
    SELECT at, transition, toString(level) AS warning, toString(previous_level) AS before, score,
        arrayStringConcat(reasons.zh, '；') AS reasons_zh, arrayStringConcat(reasons.en, '; ') AS reasons_en,
        counterfactual_zh AS clears, rule, sequence
    FROM alert_history
    WHERE {_ENTERPRISE}
    ORDER BY sequence DESC
    LIMIT 200
"""
_FINDINGS = f"""
    SELECT at, family, detector, state, severity, observed, expected, unit, since, text_zh, text_en
    FROM findings FINAL
    WHERE {_ENTERPRISE} AND $__timeFilter(at)
    ORDER BY at DESC
    LIMIT 500
"""
_READINGS = f"""
    SELECT start AS time, sum AS observed, expected
    FROM metrics FINAL
    WHERE {_ENTERPRISE} AND metric = ${{metric:singlequote}} AND window = '1d' AND $__timeFilter(start)
    ORDER BY time
"""
_TIMELINE = f"""
    SELECT at, kind, family, what, level, severity, text_zh, text_en, actor
    FROM enterprise_timeline
    WHERE {_ENTERPRISE} AND $__timeFilter(at)
    ORDER BY at DESC
    LIMIT 500
"""
_TRANSITIONS = f"""
    SELECT at AS time, concat(transition, ' → ', toString(level)) AS title,
        arrayStringConcat(reasons.zh, '；') AS text, toString(level) AS tags
    FROM alert_history
    WHERE {_ENTERPRISE} AND $__timeFilter(at)
    ORDER BY time
"""


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    return (
        panels.board(
            panels.ENTERPRISE_UID,
            "企业详情 Enterprise",
            "One enterprise: its level and score over time, its alerts and their reasons, the figures behind them.",
            since="now-90d",
            refresh="1m",
        )
        .with_variable(_variable("enterprise", "企业 enterprise", _CHOICES))
        .with_variable(_variable("metric", "指标 metric", _METRICS))
        .annotation(
            dashboard.AnnotationQuery()
            .name("预警 alerts")
            .datasource(source())
            .enable(True)
            .icon_color(LEVELS[3].colour)
            .target(Query(_TRANSITIONS, ref_id="Anno"))
        )
        .with_panel(_who().grid_pos(place(0, 0, 12, 4)))
        .with_panel(_level().grid_pos(place(12, 0, 4, 4)))
        .with_panel(_tile("评分 Score", "Fused risk, 0 to 1.", _SCORE).grid_pos(place(16, 0, 4, 4)))
        .with_panel(_coverage().grid_pos(place(20, 0, 4, 4)))
        .with_panel(_scores().grid_pos(place(0, 4, 14, 8)))
        .with_panel(_levels().grid_pos(place(0, 12, 14, 4)))
        .with_panel(_families().grid_pos(place(14, 4, 10, 6)))
        .with_panel(_family_scores().grid_pos(place(14, 10, 10, 6)))
        .with_panel(_alerts().grid_pos(place(0, 16, 24, 9)))
        .with_panel(_readings().grid_pos(place(0, 25, 12, 9)))
        .with_panel(_findings().grid_pos(place(12, 25, 12, 9)))
        .with_panel(_timeline().grid_pos(place(0, 34, 24, 9)))
    )


def _variable(name: str, label: str, sql: str) -> Builder[models.VariableModel]:
    query: dict[str, object] = {"editorType": "sql", "rawSql": Query(sql).build().sql}
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(source())
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .allow_custom_value(True)
    )


def _tile(title: str, description: str, sql: str) -> stat.Panel:
    return panels.judged_tile(
        title, description, (None, GREEN), (0.25, LEVELS[1].colour), (0.45, LEVELS[2].colour),
        (0.65, LEVELS[3].colour), (0.85, LEVELS[4].colour),
    ).decimals(2).with_target(Query(sql))  # fmt: skip


def _who() -> table.Panel:
    panel = panels.plain_table("登记信息 Registry", "Who the enterprise is, by its newest registry entry.")
    return panels.with_columns(
        panel.with_target(Query(_NAME)),
        {
            "name": titled("名称 name"),
            "enterprise_id": titled("统一社会信用代码 id"),
            "industry": titled("行业 industry"),
            "region": titled("地区 region"),
            "size": titled("规模 size"),
        },
    )


def _level() -> stat.Panel:
    colours = [(number or None, shade.colour) for number, shade in enumerate(LEVELS)]
    return (
        panels.judged_tile("等级 Level", "The level as it stands.", *colours)
        .mappings([panels.level_numbers()])
        .with_target(Query(_LEVEL))
    )


def _coverage() -> stat.Panel:
    return (
        panels.judged_tile(
            "数据覆盖 Coverage",
            "Share of the families with fresh data, by weight. Missing is not safe.",
            (None, LEVELS[4].colour),
            (0.4, LEVELS[2].colour),
            (0.8, GREEN),
        )
        .unit("percentunit")
        .with_target(Query(_COVERAGE))
    )


def _scores() -> timeseries.Panel:
    return (
        panels.curves(
            "评分走势 Score", "Fused score; low and high are what missing families leave possible. Marks are alerts."
        )
        .min(0)
        .max(1)
        .with_target(Query(_SCORES, series=True))
        .override_by_name("score", titled("评分 score", option("custom.lineWidth", 2)))
        .override_by_name("low", titled("下限 low"))
        .override_by_name("high", titled("上限 high"))
    )


def _levels() -> statetimeline.Panel:
    return (
        panels.level_timeline("等级走势 Level", "The level over time.")
        .display_name("等级 level")
        .with_target(Query(_LEVELS, series=True))
    )


def _families() -> table.Panel:
    panel = panels.plain_table(
        "各维度 Families", "Score and coverage of each family: fresh, stale, or never seen."
    ).with_target(Query(_COVERAGES))
    shown = panels.value_map(
        {"fresh": "有效 fresh", "stale": "过期 stale", "never": "从未有过 never"},
        {"fresh": GREEN, "stale": LEVELS[2].colour, "never": LEVELS[0].colour},
    )
    return panels.with_columns(
        panel,
        {
            "family": titled("维度 family", mapped(panels.value_map(FAMILIES))),
            "score": titled("评分 score", option("decimals", 2)),
            "coverage": titled("数据 coverage", mapped(shown), coloured_background()),
            "newest_event_time": titled("最新数据 newest"),
        },
    )


def _family_scores() -> timeseries.Panel:
    return (
        panels.curves("各维度评分 Score by family", "What each family contributes over time.")
        .display_name("${__field.labels.family}")
        .min(0)
        .max(1)
        .with_target(Query(_FAMILY_SCORES, series=True))
    )


def _alerts() -> table.Panel:
    panel = panels.plain_table("预警记录 Alerts", "Every transition of the enterprise's alerts, newest first.")
    levels = (mapped(panels.level_names()), coloured_background(), option("custom.width", 90))
    return panels.with_columns(
        panel.with_target(Query(_ALERTS)),
        {
            "at": titled("时间 at", option("custom.width", 150)),
            "transition": titled("变化 transition", option("custom.width", 100)),
            "warning": titled("等级 level", *levels),
            "before": titled("原等级 before", *levels),
            "score": titled("评分 score", option("decimals", 2), option("custom.width", 80)),
            "reasons_zh": titled("原因", option("custom.inspect", True)),
            "reasons_en": titled("reasons", option("custom.inspect", True)),
            "clears": titled("解除条件 would clear"),
            "rule": titled("规则 rule"),
            "sequence": titled("序号 sequence", option("custom.width", 70)),
        },
    )


def _readings() -> timeseries.Panel:
    return (
        panels.curves("指标 Metric", "Daily total of the chosen metric, and what was expected of it.")
        .with_target(Query(_READINGS, series=True))
        .override_by_name("observed", titled("实际 observed"))
        .override_by_name(
            "expected", titled("预期 expected", option("custom.lineStyle", {"fill": "dash", "dash": [8, 8]}))
        )
    )


def _findings() -> table.Panel:
    panel = panels.plain_table("检测结果 Findings", "What detectors found in the range, newest first.")
    return panels.with_columns(
        panel.with_target(Query(_FINDINGS)), {"family": titled("维度 family", mapped(panels.value_map(FAMILIES)))}
    )


def _timeline() -> table.Panel:
    panel = panels.plain_table(
        "时间线 Timeline", "Events, findings, alerts, deliveries and what people did, newest first."
    ).with_target(Query(_TIMELINE))
    return panels.with_columns(
        panel, {"level": titled("等级 level", mapped(panels.level_names()), coloured_background())}
    )
