"""Wide daily electricity: one row a day, the date first, then one column an enterprise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from connectors.contract import Item, Rejected
from connectors.decoding import ANCIENT_MS, LARGEST
from connectors.files import cells
from connectors.files.reading import Read, Reading, observation_id, utc
from connectors.files.table import Row
from connectors.models import Signal

_METRIC = "daily_kwh"
_ENTERPRISE = re.compile(r"[!-~]{1,64}")


def read_wide(rows: Iterator[Row], reading: Reading) -> Iterator[Read]:
    """Yield the signals of each row; an empty cell is no signal, and a bad one costs itself."""
    header = next(rows, None)
    if header is None:
        return
    if header.fault:
        yield Read(header.number, [_rejected(header, reading, "", header.fault, header.detail, header.text)])
        return
    enterprises, faults = _enterprises(header, reading)
    yield Read(header.number, faults)
    for row in rows:
        if row.fault:
            yield Read(row.number, [_rejected(row, reading, "", row.fault, row.detail, row.text)])
        else:
            yield Read(row.number, list(_items(row, header.cells[0], enterprises, reading)))


def days_ascend(rows: Iterator[Row], reading: Reading) -> bool:
    """Return whether the rows of a wide file are in the order of their days; rows without a day do not matter."""
    last = None
    for row in islice(rows, 1, None):
        try:
            day = cells.moment(row.cells[0], reading.zone) if row.cells else last
        except ValueError:
            continue
        if last is not None and day is not None and day < last:
            return False
        last = day
    return True


def _enterprises(header: Row, reading: Reading) -> tuple[list[tuple[int, str]], list[Rejected]]:
    """Return the columns that hold an enterprise, and what is wrong with the others."""
    good: list[tuple[int, str]] = []
    faults: list[Rejected] = []
    seen: set[str] = set()
    for place, name in enumerate(header.cells[1:], 1):
        if not _ENTERPRISE.fullmatch(name):
            if name or place < len(header.cells) - 1:  # a trailing comma is no column
                faults.append(_rejected(header, reading, name, "bad-enterprise-id", f"column {place + 1}", name))
        elif name in seen:
            faults.append(_rejected(header, reading, name, "duplicate-column", f"column {place + 1}", name))
        else:
            seen.add(name)
            good.append((place, name))
    return good, faults


def _items(row: Row, date_column: str, enterprises: list[tuple[int, str]], reading: Reading) -> Iterator[Item]:
    try:
        day = cells.moment(row.cells[0], reading.zone)
    except ValueError as error:
        yield _rejected(row, reading, date_column, "bad-date", str(error), row.text)
        return
    if day.timestamp() * 1000 < ANCIENT_MS:
        yield _rejected(row, reading, date_column, "ancient-time", "before 1990", row.text)
        return
    label = utc(day)
    template = Signal(
        enterprise_id="-",
        family="electricity",
        metric=_METRIC,
        value=0.0,
        unit="kWh",
        event_time=day,
        source=reading.source,
        source_id="-",
        revision=reading.revision,
        backfill=reading.backfill,
    )
    for place, enterprise in enterprises:
        cell = row.cells[place]
        try:
            value = float(cell) if cell.isdigit() and cell.isascii() else cells.number(cell)
        except ValueError as error:
            if not cells.is_blank(cell):
                yield _rejected(row, reading, enterprise, "bad-value", str(error), cell)
            continue
        if abs(value) > LARGEST:
            yield _rejected(row, reading, enterprise, "out-of-range", f"beyond ±{LARGEST:g}", cell)
            continue
        source_id = observation_id(reading.source, enterprise, _METRIC, label)
        yield template.model_copy(update={"enterprise_id": enterprise, "value": value, "source_id": source_id})


def _rejected(row: Row, reading: Reading, column: str, reason: str, detail: str, text: str) -> Rejected:
    return Rejected(reading.file, row.number, column, reason, detail, text[:2_000])
