"""CSV rows that survive what is in real files: a bad row costs itself and never its neighbours."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from connectors.files.cells import narrow
from connectors.files.lines import Line

_SHOWN = 2_000


class Row(NamedTuple):
    """A row, numbered by its first line. With a fault, there are no cells."""

    number: int
    cells: list[str]
    text: str
    fault: str = ""
    detail: str = ""


class _FaultyLineError(Exception):
    """A line that cannot be read stands within a quoted cell."""


class _Feed:
    """Lines for the CSV reader; what it has taken for one row can be given back."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = iter(lines)
        self._returned: deque[Line] = deque()
        self.taken: list[Line] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.taken.append(line)
        if line.fault:
            raise _FaultyLineError
        return line.text + "\n"

    def give_back(self) -> Line:
        """Return the first line that was taken; the others are taken again later."""
        first, *rest = self.taken
        self._returned.extendleft(reversed(rest))
        self.taken.clear()
        return first


def read_rows(lines: Iterable[Line]) -> Iterator[Row]:
    """Yield the rows of a CSV file, its header first; empty ones are left out.

    The delimiter is the comma, semicolon or tab that the header has most of. A row has as many cells as the header. A
    quotation mark that is never closed, or a line break within a cell that makes no sense, costs one line.
    """
    feed = _Feed(lines)
    width = 0
    reader: Iterator[list[str]] | None = None
    delimiter = ","
    while True:
        feed.taken.clear()
        try:
            if reader is None:
                reader = csv.reader(feed, delimiter=delimiter, strict=True)
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _FaultyLineError) as error:
            reader = None
            first = feed.give_back()
            yield Row(first.number, [], first.text[:_SHOWN], first.fault or "bad-csv", first.detail or str(error))
            continue
        if not cells:
            continue
        if not width:
            delimiter = max(",;\t", key=feed.taken[0].text.count)
            if delimiter != ",":
                cells = next(csv.reader([line.text for line in feed.taken], delimiter=delimiter))
                reader = None
            width = len(cells)
            yield Row(feed.taken[0].number, [narrow(cell) for cell in cells], _text(feed.taken))
            continue
        if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            cells = cells[:width]
        if len(cells) != width:
            reader = None
            detail = f"{len(cells)} cells, the header has {width}"
            first = feed.give_back()
            yield Row(first.number, [], first.text[:_SHOWN], "bad-csv", detail)
            continue
        yield Row(feed.taken[0].number, cells, _text(feed.taken))


def _text(lines: list[Line]) -> str:
    return lines[0].text[:_SHOWN] if len(lines) == 1 else "\n".join(line.text for line in lines)[:_SHOWN]
