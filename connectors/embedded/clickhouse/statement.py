"""What kind of statement a request carries, judged by its text; safety is not judged here but in ``policy``."""

from __future__ import annotations

import re
from typing import NamedTuple

_LEAD = r"^(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*"
_SELECT = re.compile(_LEAD + r"(?:SELECT|WITH|FROM)\b", re.IGNORECASE | re.DOTALL)
_READS = re.compile(_LEAD + r"(?:SELECT|WITH|FROM|SHOW|DESC|DESCRIBE|EXISTS|EXPLAIN)\b", re.IGNORECASE | re.DOTALL)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*(?:SETTINGS\b[^;]*)?;?\s*$", re.IGNORECASE)
#: INSERT INTO … FORMAT x, then the data. Not INSERT … SELECT and INSERT … VALUES, which the engine takes as text.
_INSERT = re.compile(
    rb"(?P<head>\s*INSERT\s+INTO\b(?:(?!\b(?:SELECT|VALUES|FROM)\b)[^'])*?)\s*"
    rb"\bFORMAT\s+(?P<format>\w+)[ \t;]*(?:\r?\n|$)",
    re.IGNORECASE | re.DOTALL,
)
_HEAD_BYTES = 65_536
_TAIL_CHARACTERS = 400
#: Formats whose blocks may stand one after the other, so that a result can be sent while it is made.
STREAMABLE = frozenset({"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow"})


class Insert(NamedTuple):
    """An insert with its data apart."""

    head: str
    format: str
    data: bytes


def split_insert(statement: bytes, body: bytes) -> Insert | None:
    r"""Return the parts of ``INSERT INTO … FORMAT x`` with data; None for any other statement.

    Parameters
    ----------
    statement
        The URL's ``query``; empty if the body has it.
    body
        The rest: the data, with the statement before it if the URL has none.

    Examples
    --------
    >>> split_insert(b"INSERT INTO t (a) FORMAT TSV", b"1\n")
    Insert(head='INSERT INTO t (a)', format='TSV', data=b'1\n')
    >>> split_insert(b"", b"INSERT INTO t FORMAT TSV\n1\n").data
    b'1\n'
    >>> split_insert(b"", b"INSERT INTO t SELECT 1 FORMAT TSV") is None
    True
    """
    found = _INSERT.match(statement or body[:_HEAD_BYTES])
    if found is None or (statement and statement[found.end() :].strip()):
        return None
    data = body if statement else body[found.end() :]
    return Insert(found["head"].decode().strip(), found["format"].decode(), data)


def reads(sql: str) -> bool:
    """Return whether the statement gives a result: SELECT, SHOW, DESCRIBE, EXISTS or EXPLAIN."""
    return _READS.match(sql) is not None


def selects(sql: str) -> bool:
    """Return whether the statement is a SELECT, whose result may be streamed."""
    return _SELECT.match(sql) is not None


def format_of(sql: str) -> str | None:
    """Return the format that a statement asks for itself.

    Examples
    --------
    >>> format_of("SELECT 1 FORMAT JSONEachRow SETTINGS max_threads = 1")
    'JSONEachRow'
    """
    found = _FORMAT.search(sql[-_TAIL_CHARACTERS:])
    return found.group(1) if found else None
