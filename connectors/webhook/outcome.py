"""What an attempt's answer means: a pure table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum


class Verdict(StrEnum):
    """What is to follow an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended.

    Parameters
    ----------
    verdict
        Delivered; to be retried; or the receiver wants no more, ever.
    reason
        A short name of our own, such as ``http-503``, ``timeout`` or ``forbidden-address``: never the receiver's words.
    status_code
        Of the answer, if there was one.
    retry_after_ms
        How long the receiver asked us to wait, in milliseconds.
    """

    verdict: Verdict
    reason: str
    status_code: int | None = None
    retry_after_ms: int | None = None


def judge(status_code: int, retry_after: str | None, now_ms: int) -> Outcome:
    """Return what a status code means.

    2xx is delivered and 410 ends the subscription. Everything else is retried, redirects and refusals such as 401 or
    404 too: a receiver's mistake is mended sooner than a lost warning, and only this enterprise's messages wait.

    Examples
    --------
    >>> judge(204, None, 0).verdict.value, judge(410, None, 0).verdict.value, judge(429, "7", 0).retry_after_ms
    ('delivered', 'gone', 7000)
    """
    if 200 <= status_code < 300:
        return Outcome(Verdict.DELIVERED, "delivered", status_code)
    if status_code == 410:
        return Outcome(Verdict.GONE, "gone", status_code)
    reason = "redirect" if 300 <= status_code < 400 else f"http-{status_code}"
    return Outcome(Verdict.RETRY, reason, status_code, wait_asked(retry_after, now_ms))


def wait_asked(retry_after: str | None, now_ms: int) -> int | None:
    """Return what a ``Retry-After`` header asks for, in milliseconds from now; None if it is absent or unreadable.

    Examples
    --------
    >>> wait_asked("120", 0), wait_asked("Thu, 01 Jan 1970 00:00:09 GMT", 1_000), wait_asked("soon", 0)
    (120000, 8000, None)
    """
    if not retry_after:
        return None
    text = retry_after.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return int(text) * 1000
    try:
        when = parsedate_to_datetime(text)
        at_ms = round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return max(0, at_ms - now_ms)
