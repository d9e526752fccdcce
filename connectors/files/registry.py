"""Registry tables: one row an enterprise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from connectors.contract import Item, Rejected
from connectors.files import cells
from connectors.files.reading import Read, Reading, check_message, columns, observation_id, utc
from connectors.files.table import Row

ALIASES = MappingProxyType(
    {
        "统一社会信用代码": "enterprise_id",
        "企业名称": "names",
        "名称": "names",
        "name": "names",
        "行业": "industry",
        "行业代码": "industry",
        "地区": "region",
        "地区代码": "region",
        "规模": "size",
        "关联企业": "relations",
        "发布时间": "published_at",
        "版本": "revision",
    }
)
NEEDED = ("enterprise_id", "names")
_SIZES = {"大型": "large", "中型": "medium", "小型": "small", "微型": "micro"}
_BETWEEN = re.compile(r"[|;；]")


def read_registry(rows: Iterator[Row], reading: Reading, known_since: datetime | None) -> Iterator[Read]:
    """Yield one registry entry a row, or the rejected row.

    Parameters
    ----------
    rows, reading
        The table.
    known_since
        ``published_at`` of entries that have none.
    """
    header = next(rows, None)
    if header is None:
        return
    originals = columns(header, ALIASES, NEEDED, reading)
    if isinstance(originals, Rejected):
        yield Read(header.number, [originals])
        return
    for row in rows:
        yield Read(row.number, [_item(row, originals, reading, known_since)])


def _item(row: Row, originals: Mapping[str, str], reading: Reading, known_since: datetime | None) -> Item:
    if row.fault:
        return Rejected(reading.file, row.number, "", row.fault, row.detail, row.text)
    told = dict(zip(originals, row.cells, strict=True))
    try:
        fields = _fields(told, reading, known_since)
    except ValueError as error:
        column, _, detail = str(error).partition(": ")
        return Rejected(reading.file, row.number, originals.get(column, column), "bad-value", detail, row.text)
    return check_message(fields, reading, row.number, row.text, originals)


def _fields(told: Mapping[str, str], reading: Reading, known_since: datetime | None) -> dict[str, Any]:
    enterprise = cells.narrow(told["enterprise_id"])
    names = [name for part in _BETWEEN.split(told["names"]) if (name := cells.clean(part))]
    fields: dict[str, Any] = {
        "enterprise_id": enterprise,
        "names": names,
        "relations": [_relation(part) for part in _BETWEEN.split(told.get("relations", "")) if cells.clean(part)],
        "source": reading.source,
        "source_id": observation_id(reading.source, enterprise, "registry"),
        "revision": _revision(told.get("revision", ""), reading.revision),
    }
    for name in ("industry", "region", "size"):
        if not cells.is_blank(told.get(name, "")):
            text = cells.narrow(told[name])
            fields[name] = _SIZES.get(text, text)
    published = told.get("published_at", "")
    if not cells.is_blank(published):
        fields["published_at"] = utc(_moment(published, reading))
    elif known_since is not None:
        fields["published_at"] = utc(known_since)
    return fields


def _relation(text: str) -> dict[str, Any]:
    """Return the relation that ``kind:enterprise_id`` or ``kind:enterprise_id:share`` names."""
    kind, _, rest = cells.narrow(text).partition(":")
    enterprise, _, share = rest.partition(":")
    relation: dict[str, Any] = {"kind": kind.strip(), "enterprise_id": enterprise.strip()}
    if share.strip():
        try:
            relation["share"] = cells.number(share)
        except ValueError:
            message = f"relations: the share of {enterprise} is not a number"
            raise ValueError(message) from None
    return relation


def _revision(text: str, default: int) -> int:
    text = cells.narrow(text)
    if text and (not text.isdecimal() or len(text) > 10):
        message = "revision: a whole number from 0 is needed"
        raise ValueError(message)
    return int(text) if text else default


def _moment(text: str, reading: Reading) -> datetime:
    try:
        return cells.moment(text, reading.zone)
    except ValueError as error:
        message = f"published_at: {error}"
        raise ValueError(message) from error
