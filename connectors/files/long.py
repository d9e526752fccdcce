"""Long form: one row a signal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from pydantic_core import from_json

from connectors.catalogue import metrics
from connectors.contract import Item, Rejected
from connectors.files import cells
from connectors.files.reading import Read, Reading, check_message, columns, observation_id, utc
from connectors.files.table import Row

#: Other names that a column may have.
ALIASES = MappingProxyType(
    {
        "统一社会信用代码": "enterprise_id",
        "企业代码": "enterprise_id",
        "类别": "family",
        "指标": "metric",
        "数值": "value",
        "值": "value",
        "单位": "unit",
        "日期": "event_time",
        "时间": "event_time",
        "发布时间": "published_at",
        "公布时间": "published_at",
        "来源": "source",
        "编号": "source_id",
        "版本": "revision",
        "内容": "payload_json",
    }
)
KNOWN = frozenset(
    {"enterprise_id", "family", "metric", "value", "unit", "event_time", "published_at", "source", "source_id",
     "revision", "backfill", "payload_json"}
)  # fmt: skip
NEEDED = ("enterprise_id", "metric", "event_time")
_FAMILY_OF = {metric.name: (family.name, metric.unit) for family, metric in metrics()}
_TRUE, _FALSE = frozenset({"1", "true", "yes", "是"}), frozenset({"0", "false", "no", "否"})


class _CellError(ValueError):
    """Which column is wrong, a reason code, and what is wrong."""

    def __init__(self, column: str, reason: str, detail: object) -> None:
        super().__init__(str(detail))
        self.column, self.reason = column, reason


def read_long(rows: Iterator[Row], reading: Reading) -> Iterator[Read]:
    """Yield one signal a row, or the rejected row."""
    header = next(rows, None)
    if header is None:
        return
    originals = columns(header, ALIASES, NEEDED, reading)
    if isinstance(originals, Rejected):
        yield Read(header.number, [originals])
        return
    for row in rows:
        yield Read(row.number, [_item(row, originals, reading)])


def _item(row: Row, originals: Mapping[str, str], reading: Reading) -> Item:
    if row.fault:
        return Rejected(reading.file, row.number, "", row.fault, row.detail, row.text)
    try:
        fields = _fields(dict(zip(originals, row.cells, strict=True)), reading)
    except _CellError as error:
        column = originals.get(error.column, error.column)
        return Rejected(reading.file, row.number, column, error.reason, str(error), row.text)
    return check_message(fields, reading, row.number, row.text, originals)


def _fields(told: Mapping[str, str], reading: Reading) -> dict[str, Any]:
    """Return a signal's fields; what is not told is completed from the catalogue and the circumstances."""
    metric = cells.narrow(told["metric"])
    family, unit = _FAMILY_OF.get(metric, ("", ""))
    if metric and not family and not cells.narrow(told.get("family", "")):
        column = "metric"
        raise _CellError(column, "unknown-metric", f"unknown metric {metric!r}; known: {', '.join(_FAMILY_OF)}")
    fields: dict[str, Any] = {
        "enterprise_id": cells.narrow(told["enterprise_id"]),
        "family": cells.narrow(told.get("family", "")) or family,
        "metric": metric,
        "event_time": _moment("event_time", told, reading),
        "source": cells.narrow(told.get("source", "")) or reading.source,
        "revision": _revision(told, reading),
        "backfill": _flag("backfill", told, reading.backfill),
    }
    if not cells.is_blank(told.get("published_at", "")):
        fields["published_at"] = _moment("published_at", told, reading)
    if not cells.is_blank(told.get("value", "")):
        fields["value"] = _number("value", told)
        fields["unit"] = cells.narrow(told.get("unit", "")) or unit
    payload = cells.clean(told.get("payload_json", ""))
    if payload:
        fields["payload"] = _json(payload)
    fields["source_id"] = cells.clean(told.get("source_id", "")) or _identity(fields, payload)
    attributes = {name: cells.clean(text) for name, text in told.items() if name and name not in KNOWN}
    if attributes:
        fields["attributes"] = {name: text for name, text in attributes.items() if text}
    return fields


def _identity(fields: Mapping[str, Any], payload: str) -> str:
    """Return the id of a signal that has none: events of one moment differ by what they say."""
    said = json.dumps(fields["payload"], sort_keys=True) if payload else ""
    parts = (fields["source"], fields["enterprise_id"], fields["metric"], fields["event_time"])
    return observation_id(*parts, said) if said else observation_id(*parts)


def _moment(column: str, told: Mapping[str, str], reading: Reading) -> str:
    try:
        return utc(cells.moment(told[column], reading.zone))
    except ValueError as error:
        raise _CellError(column, "bad-date", error) from error


def _number(column: str, told: Mapping[str, str]) -> float:
    try:
        return cells.number(told[column])
    except ValueError as error:
        raise _CellError(column, "bad-value", error) from error


def _revision(told: Mapping[str, str], reading: Reading) -> int:
    text = cells.narrow(told.get("revision", ""))
    if not text:
        return reading.revision
    if not text.isdecimal() or len(text) > 10:
        column = "revision"
        raise _CellError(column, "bad-value", "a whole number from 0 is needed")
    return int(text)


def _flag(column: str, told: Mapping[str, str], default: bool) -> bool:
    text = cells.narrow(told.get(column, "")).lower()
    if not text:
        return default
    if text not in _TRUE | _FALSE:
        raise _CellError(column, "bad-value", "true or false is needed")
    return text in _TRUE


def _json(text: str) -> Any:
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        column = "payload_json"
        raise _CellError(column, "bad-json", error) from error
