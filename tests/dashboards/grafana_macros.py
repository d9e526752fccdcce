"""What Grafana's ClickHouse plug-in does to a query before it is sent: a small copy of it, for tests."""

from __future__ import annotations

import re
from collections.abc import Mapping

START, END, STEP = 1_772_400_000, 1_773_200_000, 3600  # 2026-03-01 … 2026-03-11, UTC; seconds


def expand(sql: str, variables: Mapping[str, str]) -> str:
    """Return plain ClickHouse SQL; refuses macros and variables that it does not know."""
    sql = re.sub(r"\$__timeFilter\(([^()]+)\)", rf"\1 >= toDateTime({START}) AND \1 <= toDateTime({END})", sql)
    sql = re.sub(r"\$__timeInterval\(([^()]+)\)", rf"toStartOfInterval(toDateTime(\1), INTERVAL {STEP} second)", sql)
    for macro, value in (
        ("fromTime", f"toDateTime({START})"), ("toTime", f"toDateTime({END})"), ("interval_s", str(STEP))
    ):  # fmt: skip
        sql = re.sub(rf"\$__{macro}\b(?!_)", value, sql)
    for name, value in variables.items():
        sql = sql.replace(f"${{{name}:singlequote}}", "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'")
    left = re.search(r"\$__\w+|\$\{[^}]*\}", sql)
    if left:
        message = f"unknown macro or unquoted variable: {left.group()}"
        raise ValueError(message)
    return sql
