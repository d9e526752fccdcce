"""Reading event payloads, whose values may be of any JSON type: what is not as expected is unknown, never an error."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

_LONGEST: Final = 2000
_HIGHEST: Final = 10**40


def text_of(payload: Mapping[str, Any], key: str, longest: int = _LONGEST) -> str:
    """Return a text of the payload in its normal form (full-width letters and brackets made narrow), or ``""``.

    Examples
    --------
    >>> text_of({"case_no": "（２０２６）闽01执12号 "}, "case_no"), text_of({"case_no": ["x"]}, "case_no")
    ('(2026)闽01执12号', '')
    """
    value = payload.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _HIGHEST:
            return ""  # Python refuses to write numbers of thousands of digits
        value = str(value)
    value = value[:longest]
    return (value if value.isascii() else unicodedata.normalize("NFKC", value)).strip()


def amount_of(payload: Mapping[str, Any], key: str) -> float | None:
    """Return a finite, non-negative number of the payload, also where it came as text; else None.

    Examples
    --------
    >>> amount_of({"amount": "1,200.50"}, "amount"), amount_of({"amount": None}, "amount")
    (1200.5, None)
    """
    value = payload.get(key)
    if value is None or isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        number = float(value[:40].replace(",", "").replace("，", "")) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
