"""NDJSON: one signal or registry entry a line, as on the wire; or an array of signals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from connectors.contract import Item, Rejected
from connectors.files.lines import Line
from connectors.files.reading import Read, Reading, check_message, utc


def read_ndjson(lines: Iterable[Line], reading: Reading, known_since: datetime | None) -> Iterator[Read]:
    """Yield what each line holds, or the rejected line; ``source``, ids and revisions are the messages' own.

    Parameters
    ----------
    lines, reading
        The file. ``reading.backfill`` marks signals that do not say.
    known_since
        ``published_at`` of registry entries that have none.
    """
    for line in lines:
        if line.fault:
            yield Read(line.number, [_rejected(line, reading, line.fault, line.detail)])
        elif line.text.strip():
            yield Read(line.number, list(_items(line, reading, known_since)))


def _items(line: Line, reading: Reading, known_since: datetime | None) -> Iterator[Item]:
    try:
        content = from_json(line.text, allow_inf_nan=False)
    except ValueError as error:
        yield _rejected(line, reading, "bad-json", str(error))
        return
    for fields in content if isinstance(content, list) else [content]:
        if not isinstance(fields, dict):
            yield _rejected(line, reading, "not-an-object", "a JSON object is needed")
        else:
            yield check_message(_completed(fields, reading, known_since), reading, line.number, line.text)


def _completed(fields: dict[str, Any], reading: Reading, known_since: datetime | None) -> dict[str, Any]:
    if "names" in fields:
        if known_since is not None and fields.get("published_at") is None:
            fields["published_at"] = utc(known_since)
    elif reading.backfill:
        fields.setdefault("backfill", True)
    return fields


def _rejected(line: Line, reading: Reading, reason: str, detail: str) -> Rejected:
    return Rejected(reading.file, line.number, "", reason, detail, line.text[:2_000])
