"""Alert rules that watch the watchers: Grafana tells when this system itself falls silent or behind.

Warnings about enterprises come from the product, never from here.
"""

from __future__ import annotations

import textwrap
from typing import Any

from dashboards.grafana import shipped
from dashboards.grafana.code.query import NEWEST_RECORD, PLUGIN_VERSION

# Macros that only Grafana's pages expand must not stand in these.
_SOURCE_SILENT = """
    SELECT now() AS time, source, dateDiff('second', max(record_time), now()) AS seconds
    FROM sources
    WHERE record_time > now() - INTERVAL 30 DAY
    GROUP BY source
    HAVING argMax(status, tuple(record_time, `offset`)) != 'done'
    ORDER BY time
"""
_NOTHING_RECORDED = f"""
    SELECT now() AS time, dateDiff('second', max(record_time), now()) AS seconds
    FROM {NEWEST_RECORD}
    ORDER BY time
"""
_DELIVERIES_FAILED = """
    SELECT now() AS time, countIf(status = 'failed') AS failed
    FROM deliveries FINAL
    WHERE at > now() - INTERVAL 15 MINUTE
    ORDER BY time
"""


def document() -> dict[str, Any]:
    """Return the rules as a Grafana provisioning file."""
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": "watch the watchers",
                "folder": shipped.FOLDER_TITLE,
                "interval": "1m",
                "rules": [
                    _rule(
                        "forewarn-source-silent",
                        "数据源静默 A source is silent",
                        _SOURCE_SILENT,
                        above=900,
                        summary="{{ $labels.source }} has been silent for {{ $values.B }} s. Look at the connector.",
                    ),
                    _rule(
                        "forewarn-nothing-recorded",
                        "入库停滞 Nothing is recorded",
                        _NOTHING_RECORDED,
                        above=300,
                        summary="Nothing has reached ClickHouse for {{ $values.B }} s. Look at the recorder and Kafka.",
                    ),
                    _rule(
                        "forewarn-deliveries-failed",
                        "推送失败 Deliveries have failed",
                        _DELIVERIES_FAILED,
                        above=0,
                        summary="{{ $values.B }} deliveries were given up in 15 minutes. Look at the notifier.",
                        silence="OK",
                    ),
                ],
            }
        ],
    }


def _rule(uid: str, title: str, sql: str, *, above: float, summary: str, silence: str = "Alerting") -> dict[str, Any]:
    """Return a rule that fires above a value; ``silence`` is the state when the query returns nothing."""
    return {
        "uid": uid,
        "title": title,
        "condition": "C",
        "data": [
            _query(sql),
            _expression("B", {"type": "reduce", "expression": "A", "reducer": "last", "settings": {"mode": ""}}),
            _expression(
                "C",
                {
                    "type": "threshold",
                    "expression": "B",
                    "conditions": [{"evaluator": {"type": "gt", "params": [above]}}],
                },
            ),
        ],
        "noDataState": silence,
        "execErrState": "Error",
        "for": "2m",
        "annotations": {"summary": summary},
        "labels": {"system": "forewarn"},
    }


def _query(sql: str) -> dict[str, Any]:
    return {
        "refId": "A",
        "relativeTimeRange": {"from": 3600, "to": 0},
        "datasourceUid": shipped.DATA_SOURCE_UID,
        "model": {
            "refId": "A",
            "editorType": "sql",
            "pluginVersion": PLUGIN_VERSION,
            "queryType": "timeseries",
            "format": 0,
            "rawSql": textwrap.dedent(sql).strip(),
        },
    }


def _expression(ref_id: str, model: dict[str, Any]) -> dict[str, Any]:
    return {
        "refId": ref_id,
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": "__expr__",
        "model": {"refId": ref_id, "datasource": {"type": "__expr__", "uid": "__expr__"}} | model,
    }
