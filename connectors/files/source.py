"""Files as one source: which format, where it stands, and in which order."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property, partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from connectors.catalogue import FAMILIES
from connectors.contract import Batch, Item, Rejected, SourceConfigError
from connectors.files import long, ndjson, registry, wide
from connectors.files.lines import Encoding, Gauge, read_lines
from connectors.files.ordering import in_order
from connectors.files.reading import Read, Reading
from connectors.files.table import Row, read_rows
from connectors.models import Enterprise

Format: TypeAlias = Literal["auto", "wide-electricity", "long", "ndjson", "registry"]
_BATCH = 5_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
_DATE_COLUMNS = frozenset({"record_date", "date", "day", "日期", "数据日期"})


class FileSource:
    """Reads files, plain or gzipped, and rejects what is not a message row by row.

    Reading the same data twice, from the same or another file, gives signals with the same ids, so that ingesting it
    twice does no harm. A corrected value replaces the earlier one only with a higher ``revision``.

    Parameters
    ----------
    paths
        One file or several.
    format
        ``auto``: by the first line of each file.
    encoding
        ``auto``: UTF-8, with or without a byte-order mark, unless the bytes say GB18030.
    name
        The ``source`` of signals that name none; part of their ids.
    zone
        Of times without an offset.
    ordered
        Whether to yield in the order that a simulated stack needs, over all files; otherwise in the files' own.
    backfill
        Whether it is history that builds baselines and notifies nobody.
    revision
        Of values that name none.
    known_since
        When registry entries that do not say were published; a simulated stack needs it.

    Raises
    ------
    SourceConfigError
        If a file cannot be read, or its format cannot be told.
    """

    def __init__(
        self,
        paths: Sequence[Path] | Path,
        *,
        format: Format = "auto",  # noqa: A002  # the word that users know
        encoding: Encoding = "auto",
        name: str = "files",
        zone: str = "Asia/Shanghai",
        ordered: bool = False,
        backfill: bool = False,
        revision: int = 0,
        known_since: datetime | None = None,
    ) -> None:
        if not _NAME.fullmatch(name):
            message = f"source name {name!r}: use letters, digits and ._:/@+-, at most 128"
            raise SourceConfigError(message)
        self._paths = [paths] if isinstance(paths, Path) else list(paths)
        self._encoding: Encoding = encoding
        self._zone = ZoneInfo(zone)
        self._ordered = ordered
        self._backfill = backfill
        self._revision = revision
        self._known_since = known_since.replace(tzinfo=known_since.tzinfo or self._zone) if known_since else None
        self.name = name
        self.gauge = Gauge()
        try:
            self._formats = [_format_of(path, encoding) if format == "auto" else format for path in self._paths]
        except OSError as error:
            message = f"{error.filename}: {error.strerror}"
            raise SourceConfigError(message) from error

    @property
    def families(self) -> Sequence[str]:
        """What such files can hold: a wide file only electricity, a registry none."""
        if set(self._formats) <= {"wide-electricity", "registry"}:
            return ("electricity",) if "wide-electricity" in self._formats else ()
        return tuple(FAMILIES)

    @cached_property
    def identity(self) -> str:
        """What tells these contents, read in this way, from all others. Reads the files once."""
        how = (self._formats, self._encoding, self.name, self._zone.key, self._ordered, self._backfill)
        digest = sha256(repr((*how, self._revision, self._known_since)).encode())
        for path in self._paths:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
            digest.update(b"\0")
        return digest.hexdigest()[:16]

    @property
    def size(self) -> int:
        """Bytes of all files as they lie on disk; ``gauge.done`` of them have been read."""
        return sum(path.stat().st_size for path in self._paths)

    def read(self, position: str = "") -> Iterator[Batch]:
        """Yield the messages behind a position; see :class:`connectors.contract.Source`."""
        done = self._place(position)
        self.gauge.before = self.gauge.done = 0
        items = self._in_order() if self._ordered else self._as_they_come()
        for _ in islice(items, done):
            pass
        while chunk := list(islice(items, _BATCH)):
            done += len(chunk)
            yield Batch(chunk, f"{self.identity}/{done}")

    def _place(self, position: str) -> int:
        """Return how many items are done at a position."""
        if not position:
            return 0
        identity, _, done = position.partition("/")
        if identity != self.identity or not done.isdecimal():
            message = f"position {position!r} belongs to other files or options: start afresh, with --fresh"
            raise SourceConfigError(message)
        return int(done)

    def _as_they_come(self) -> Iterator[Item]:
        for number in range(len(self._paths)):
            yield from self._items(number, self.gauge)

    def _in_order(self) -> Iterator[Item]:
        streams = (
            in_order(partial(self._datable, number), self._zone, self._known_order(number))
            for number in range(len(self._paths))
        )
        for keyed in heapq.merge(*streams, key=lambda keyed: keyed.key):
            yield keyed.item

    def _known_order(self, number: int) -> bool | None:
        """Return whether a file is in order, where that is quickly told."""
        if self._formats[number] != "wide-electricity":
            return None
        return wide.days_ascend(read_rows(read_lines(self._paths[number], self._encoding)), self._reading(number))

    def _datable(self, number: int) -> Iterator[Item]:
        """Yield a file's items; a registry entry of which nobody says when it was known has no place in the order."""
        row = 0
        for read in self._reads(number, None):
            row = read.row
            for item in read.items:
                if isinstance(item, Enterprise) and item.published_at is None:
                    detail = "a simulated stack must know when the entry was published: say so with --known-since"
                    text = item.wire().decode()
                    yield Rejected(self._paths[number].name, row, "published_at", "no-record-time", detail, text)
                else:
                    yield item

    def _items(self, number: int, gauge: Gauge | None) -> Iterator[Item]:
        for read in self._reads(number, gauge):
            yield from read.items

    def _reading(self, number: int) -> Reading:
        return Reading(self._paths[number].name, self.name, self._zone, self._revision, self._backfill)

    def _reads(self, number: int, gauge: Gauge | None) -> Iterator[Read]:
        reading = self._reading(number)
        lines = read_lines(self._paths[number], self._encoding, gauge)
        match self._formats[number]:
            case "wide-electricity":
                return wide.read_wide(read_rows(lines), reading)
            case "long":
                return long.read_long(read_rows(lines), reading)
            case "registry":
                return registry.read_registry(read_rows(lines), reading, self._known_since)
            case _:
                return ndjson.read_ndjson(lines, reading, self._known_since)


def _format_of(path: Path, encoding: Encoding) -> Format:
    """Return what a file's first line looks like."""
    lines = (line for line in read_lines(path, encoding) if line.text.strip() or line.fault)
    head = list(islice(lines, 1))
    if not head or head[0].text.lstrip().startswith(("{", "[")):
        return "ndjson"
    header: Row = next(read_rows(head))
    names = {long.ALIASES.get(name, name.lower()) for name in header.cells}
    if set(long.NEEDED) <= names:
        return "long"
    if set(registry.NEEDED) <= {registry.ALIASES.get(name, name.lower()) for name in header.cells}:
        return "registry"
    if header.cells and header.cells[0].lower() in _DATE_COLUMNS:
        return "wide-electricity"
    message = (
        f"{path}: cannot tell the format from the header {header.text[:120]!r}: say --format wide-electricity, long, "
        "registry or ndjson; docs/data-engineer.md shows each"
    )
    raise SourceConfigError(message)
