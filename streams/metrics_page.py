"""The documented list of all metrics: ``python -m streams.metrics_page docs/metrics.md [--check]``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from streams.generated_page import GeneratedPage
from streams.metrics import BUILD_INFO, BUILD_LABELS, DECLARED, READY, Metric, Role

_HEAD = f"""\
# Metrics · 指标

Every process answers `GET /metrics` in Prometheus's text format, on an address that `forewarn status` shows. The list
is closed: there is nothing else beside Prometheus's own `process_*` (CPU, memory, open files). A label takes the values
named here and no others, so the number of series does not grow with the data; no enterprise, source or subscriber is
ever a label. Counters begin at 0 with their process.

This page is generated from `streams/metrics.py` by `make metrics`, and a test compares the two. What to do with them:
[operator.md](operator.md#health-and-metrics).

## Every process

| metric | type | labels | meaning |
| --- | --- | --- | --- |
| `{BUILD_INFO}` | gauge | {", ".join(f"`{label}`" for label in BUILD_LABELS)} | Always 1; the labels tell what runs. |
"""

_TITLES: Mapping[Role, str] = MappingProxyType(
    {
        "scorer": "Scorer · 评分",
        "recorder": "Recorder · 存储",
        "notifier": "Notifier · 通知",
        "serve": "API and board · 接口与看板",
        "supervisor": "Supervisor (`forewarn up`) · 守护",
    }
)


def page() -> str:
    """Return the whole page, Markdown."""
    parts = [_HEAD, _row(READY)]
    for role, metrics in DECLARED.items():
        parts.append(f"\n## {_TITLES[role]}\n\n| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n")
        parts += [_row(metric) for metric in metrics if metric is not READY]
    return "".join(parts)


def _row(metric: Metric) -> str:
    labels = f"`{metric.label}`: {', '.join(f'`{value}`' for value in metric.values)}" if metric.label else ""
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} |\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or with ``--check`` only say whether it differs; 1 if it does."""
    return GeneratedPage("streams.metrics_page", __doc__, page, "streams/metrics.py", "metrics").main(arguments)


if __name__ == "__main__":
    sys.exit(main())
