"""What ships: the generated dashboards and alert rules, read without the tool that generates them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
DASHBOARDS = _HERE / "json"
RULES = _HERE / "rules"

#: The data source that alert rules and provisioning use; dashboards take any ClickHouse one by a variable.
DATA_SOURCE_UID = "forewarn-clickhouse"
DATA_SOURCE_TYPE = "grafana-clickhouse-datasource"
FOLDER_UID = "forewarn"
FOLDER_TITLE = "forewarn 企业风险预警"


def dashboards() -> list[dict[str, Any]]:
    """Return every dashboard, by file name.

    Examples
    --------
    >>> [dashboard["uid"] for dashboard in dashboards()]
    ['forewarn-enterprise', 'forewarn-pipeline', 'forewarn-wall']
    """
    return [_read(path) for path in sorted(DASHBOARDS.glob("*.json"))]


def rule_groups() -> list[dict[str, Any]]:
    """Return every alert rule group, in the form of Grafana's provisioning files."""
    return [group for path in sorted(RULES.glob("*.json")) for group in _read(path)["groups"]]


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
