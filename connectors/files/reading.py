"""What the readers of all formats share: the file's circumstances, ids, and how a refusal becomes a rejected row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from connectors.contract import Item, Rejected
from connectors.decoding import Decoder, Refused
from connectors.files.table import Row
from connectors.topics import REGISTRY

_END_OF_TIME_MS = 253_402_300_799_000
_SHOWN = 2_000
#: Accepts exactly what the scorer would, but for what only the record's place and time can tell.
_DECODER = Decoder(1)


@dataclass(frozen=True, slots=True)
class Reading:
    """The circumstances under which a file is read.

    Parameters
    ----------
    file
        Its name, for rejected rows.
    source
        The ``source`` of its signals, unless they name one.
    zone
        Of times without an offset.
    revision
        Of its values, unless rows say: a file of corrections has a higher one.
    backfill
        Whether it is history that notifies nobody.
    """

    file: str
    source: str
    zone: ZoneInfo
    revision: int = 0
    backfill: bool = False


class Read(NamedTuple):
    """What one row gives."""

    row: int
    items: Sequence[Item]


def columns(
    header: Row, aliases: Mapping[str, str], needed: Sequence[str], reading: Reading
) -> Mapping[str, str] | Rejected:
    """Return the columns of a table in their order: our name for each, and the header's.

    Parameters
    ----------
    header
        The first row.
    aliases
        Our names of columns that may have others; all others are taken in lower case.
    needed
        Columns without which the file is of no use.
    reading
        Whose header it is.
    """
    names = [aliases.get(name, name.lower()) for name in header.cells]
    missing = [name for name in needed if name not in names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if header.fault or missing or twice:
        lacks = (
            f"the header lacks {', '.join(missing)}" if missing else f"columns stand there twice: {', '.join(twice)}"
        )
        reason = header.fault or "bad-header"
        return Rejected(reading.file, header.number, "", reason, header.detail or lacks, header.text)
    return dict(zip(names, header.cells, strict=True))


def observation_id(*parts: str) -> str:
    """Return the id of an observation: the same whenever and from whichever file it is read.

    Examples
    --------
    >>> observation_id("files", "E1", "daily_kwh", "2015-01-01")
    '7965cd1efb1fa18204d8f465'
    """
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def check_message(
    fields: Mapping[str, Any], reading: Reading, row: int, text: str, columns: Mapping[str, str] | None = None
) -> Item:
    """Return the message that some fields make, or the rejected row.

    Parameters
    ----------
    fields
        As in the JSON of a signal or, if ``names`` is among them, of a registry entry.
    reading, row, text
        Where they come from.
    columns
        Names of the columns that fields came from, where they differ.
    """
    topic = REGISTRY if "names" in fields else f"signals.{fields.get('family')}"
    [answer] = _DECODER.decode(topic, 0, 0, None, msgspec.json.encode(fields), _END_OF_TIME_MS)
    if not isinstance(answer, Refused):
        return answer.message
    field = answer.field or ""
    column = (columns or {}).get(field.split(".")[0], field)
    return Rejected(reading.file, row, column, answer.reason, answer.detail, text[:_SHOWN])


def utc(moment: datetime) -> str:
    """Return a moment as it stands in ids and JSON."""
    return moment.isoformat()
