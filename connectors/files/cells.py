"""What people put into cells: full-width digits, invisible characters, dates of many shapes, numbers with commas."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

#: What stands for "nothing" in a cell. Nothing is not zero: no signal is made of it.
BLANKS = frozenset({"", "-", "--", "—", "/", "\\n", "n/a", "na", "nan", "null", "none", "无", "空"})

_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?([eE][+-]?\d{1,3})?|[+-]?\.\d+")
_DATE = re.compile(
    r"(?P<year>\d{4})\s*[-/.年]\s*(?P<month>\d{1,2})(\s*[-/.月]\s*(?P<day>\d{1,2})\s*日?|\s*月)?"
    r"([ T]\s*(?P<hour>\d{1,2})[:时](?P<minute>\d{1,2})([:分](?P<second>\d{1,2})(\.(?P<fraction>\d{1,9}))?秒?)?分?"
    r"\s*(?P<offset>Z|[+-]\d{2}:?\d{2})?)?"
)
_COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})?")
_EPOCH = re.compile(r"\d{10}(\d{3})?")


def clean(text: str) -> str:
    """Return a text without invisible characters and outer blanks. Chinese punctuation stays.

    Examples
    --------
    >>> clean(chr(0xFEFF) + " 宏远（集团）" + chr(0x200B))
    '宏远（集团）'
    """
    if text.isascii():
        return text.strip()
    return "".join(c for c in text if unicodedata.category(c) != "Cf").strip()


def narrow(text: str) -> str:
    """Return a cleaned text with full-width characters as their usual selves: for ids, numbers and dates.

    Examples
    --------
    >>> narrow("１２３．５")
    '123.5'
    """
    return text.strip() if text.isascii() else clean(unicodedata.normalize("NFKC", text))


def is_blank(text: str) -> bool:
    """Return whether a cell says nothing.

    Examples
    --------
    >>> is_blank(" NULL "), is_blank("0")
    (True, False)
    """
    return narrow(text).lower() in BLANKS


def number(text: str) -> float:
    """Return the number in a cell; thousands may be set off by commas.

    Raises
    ------
    ValueError
        If it is none, or too large for a double.

    Examples
    --------
    >>> number("１,234.5")
    1234.5
    """
    narrowed = narrow(text)
    if not _NUMBER.fullmatch(narrowed):
        message = "not a number"
        raise ValueError(message)
    value = float(narrowed.replace(",", ""))
    if value in (float("inf"), float("-inf")):
        message = "too large"
        raise ValueError(message)
    return value


@lru_cache(maxsize=16_384)
def moment(text: str, zone: ZoneInfo) -> datetime:
    """Return the moment in a cell, in UTC.

    Understood are ``2015-01-02``, ``2015/1/2``, ``2015.1.2``, ``2015年1月2日``, ``20150102``; a month alone
    (``2015年08月``, ``2015-08``, ``201508``) means its first day; a time of day may follow, and an offset; and seconds
    or milliseconds since the epoch (10 or 13 digits).

    Parameters
    ----------
    text
        The cell.
    zone
        Of what has no offset.

    Raises
    ------
    ValueError
        If it is none of these.

    Examples
    --------
    >>> moment("2015年08月", ZoneInfo("Asia/Shanghai")).isoformat()
    '2015-07-31T16:00:00+00:00'
    """
    narrowed = narrow(text)
    try:
        if _EPOCH.fullmatch(narrowed):
            return datetime.fromtimestamp(int(narrowed) / (1000 if len(narrowed) == 13 else 1), UTC)
        found = _COMPACT.fullmatch(narrowed) or _DATE.fullmatch(narrowed)
        if found is None:
            message = "not a date: write it like 2015-01-31 or 2015-01-31 13:45:00"
            raise ValueError(message)
        parts = found.groupdict()
        fraction = (parts.get("fraction") or "").ljust(6, "0")[:6]
        return datetime(
            int(parts["year"]),
            int(parts["month"]),
            int(parts["day"] or 1),
            int(parts.get("hour") or 0),
            int(parts.get("minute") or 0),
            int(parts.get("second") or 0),
            int(fraction),
            _offset(parts.get("offset")) or zone,
        ).astimezone(UTC)
    except OverflowError as error:
        message = "a date outside the calendar"
        raise ValueError(message) from error


def _offset(text: str | None) -> timezone | None:
    if not text:
        return None
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "")
    shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-shift if text[0] == "-" else shift)
