"""Labelled headlines and sentences, as the suites ``news`` and ``floors`` and the training read them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from streams.evaluation.suite import Task

#: The sentences of the other suite lie in the same directory.
FLOORS = "floors.csv"
_DATE = re.compile(r"(\d{4})\D+(\d{1,2})\D+(\d{1,2})")


class Headline(NamedTuple):
    """A headline: when, about whom, whether it is bad for them, and its words."""

    day: date
    company: str
    bad: bool
    title: str


class Sentence(NamedTuple):
    """A sentence: about whom, its words, whether it puts a floor under them, and of which kind it is."""

    subject: str
    text: str
    floor: bool
    kind: str


def headlines(task: Task) -> list[Headline]:
    """Return the headlines of every CSV file of ``news`` in the order of the files' names, floors aside.

    Raises
    ------
    MissingDataError
        There is no such directory or file.
    ValueError
        A row cannot be read; the message names it.
    """
    files = sorted(path for path in task.file("news").glob("*.csv") if path.name != FLOORS)
    if not files:
        task.file("news", "headlines.csv")
    return [headline for path in files for headline in _headlines(path)]


def _headlines(path: Path) -> Iterator[Headline]:
    for number, row in _rows(path, ("日期", "公司", "正/负面", "标题")):
        found = _DATE.search(row["日期"])
        try:
            day = date(*map(int, found.groups())) if found else None
        except ValueError:
            day = None
        if day is None or row["正/负面"].strip() not in ("0", "1"):
            message = f"{path}, row {number}: needs a date (日期) and 0 or 1 (正/负面)"
            raise ValueError(message)
        yield Headline(day, row["公司"], row["正/负面"].strip() == "0", row["标题"])


def sentences(task: Task) -> list[Sentence]:
    """Return the sentences of ``news/floors.csv``.

    Raises
    ------
    MissingDataError
        The file is not there.
    ValueError
        A row cannot be read; the message names it.
    """
    path = task.file("news", FLOORS)
    found = []
    for number, row in _rows(path, ("subject", "text", "floor")):
        if row["floor"].strip() not in ("0", "1"):
            message = f"{path}, row {number}: floor must be 0 or 1"
            raise ValueError(message)
        found.append(Sentence(row["subject"], row["text"], row["floor"].strip() == "1", row.get("kind") or ""))
    return found


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows from 1 on; fields may hold quotes and line breaks."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                message = f"{path}: lacks the columns {', '.join(missing)}"
                raise ValueError(message)
            yield from enumerate(reader, 1)
    except (csv.Error, UnicodeDecodeError) as error:
        message = f"{path}: not a CSV file in UTF-8: {error}"
        raise ValueError(message) from error
