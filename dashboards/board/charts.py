"""Options of the charts, as ECharts wants them. No text from outside becomes a key or a formatter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from connectors.models import Level
from dashboards.board.texts import Texts
from dashboards.figures import DailyValue, RiskPoint
from streams.clock import millis

#: Where each level begins; for the lines in the chart only, the decision is the scorer's.
THRESHOLDS = {Level.BLUE: 0.25, Level.YELLOW: 0.45, Level.ORANGE: 0.65, Level.RED: 0.85}
COLOURS = {
    Level.RED: "#ff7a70",
    Level.ORANGE: "#ffa64d",
    Level.YELLOW: "#ffdb4d",
    Level.BLUE: "#6db6ff",
    Level.NONE: "#8fa3b5",
}
_INK, _FAINT, _LINE = "#c9d5e0", "#2b3a49", "#7fd1c7"

_GRID: dict[str, Any] = {"left": 52, "right": 16, "top": 28, "bottom": 28}
_FRAME: dict[str, Any] = {
    "backgroundColor": "transparent",
    "animation": False,
    "textStyle": {"fontFamily": "inherit", "color": _INK},
    "grid": _GRID,
    "tooltip": {"trigger": "axis", "backgroundColor": "#17222e", "borderColor": _FAINT, "textStyle": {"color": _INK}},
}


def _axis(**more: Any) -> dict[str, Any]:
    return {
        "axisLabel": {"color": _INK, "hideOverlap": True},
        "axisLine": {"lineStyle": {"color": _FAINT}},
        "splitLine": {"lineStyle": {"color": _FAINT}},
        **more,
    }


def score_chart(points: Sequence[RiskPoint], texts: Texts) -> dict[str, Any]:
    """Return the chart of an enterprise's score, with the levels' thresholds as lines."""
    lines = [
        {
            "yAxis": threshold,
            "lineStyle": {"color": COLOURS[level], "type": "dashed", "opacity": 0.55},
            "label": {
                "formatter": texts(f"level.short.{level.value}"),
                "color": COLOURS[level],
                "position": "insideEndTop",
            },
        }
        for level, threshold in THRESHOLDS.items()
    ]
    return _FRAME | {
        "grid": _GRID | {"right": 48},
        # The axis of kind time is drawn by the browser in its own zone, which is the reader's.
        "xAxis": _axis(type="time", splitLine={"show": False}),
        "yAxis": _axis(type="value", min=0, max=1),
        "series": [
            {
                "type": "line",
                "name": texts("risk.score"),
                "step": "end",
                "symbolSize": 7,
                "lineStyle": {"color": _LINE, "width": 2.5},
                "areaStyle": {"color": _LINE, "opacity": 0.12},
                "data": [
                    {"value": [millis(point.at), round(point.score, 4)], "itemStyle": {"color": COLOURS[point.level]}}
                    for point in points
                ],
                "markLine": {"silent": True, "symbol": "none", "data": lines},
            }
        ],
    }


def daily_chart(days: Sequence[DailyValue], texts: Texts, zone: ZoneInfo) -> dict[str, Any]:
    """Return the chart of daily electricity use with what was expected; days are those of the source's zone."""
    return _FRAME | {
        "legend": {"textStyle": {"color": _INK}, "top": 0, "right": 0},
        "xAxis": _axis(type="category", data=[day.start.astimezone(zone).strftime("%Y-%m-%d") for day in days]),
        "yAxis": _axis(type="value", min=0),
        "series": [
            {
                "type": "bar",
                "name": texts("chart.daily.value"),
                "itemStyle": {"color": "#4f9fd6"},
                "barCategoryGap": "20%",
                "data": [round(day.value, 2) for day in days],
            },
            {
                "type": "line",
                "name": texts("chart.daily.expected"),
                "symbol": "none",
                "lineStyle": {"color": "#f2c14e", "width": 2},
                "itemStyle": {"color": "#f2c14e"},
                "data": [None if day.expected is None else round(day.expected, 2) for day in days],
            },
        ],
    }
