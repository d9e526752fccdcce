"""When a delivery is tried again, and when it has failed: pure decisions."""

from __future__ import annotations

import random
from dataclasses import dataclass

from connectors.control import Attempt
from connectors.webhook import Outcome, Verdict

_SECOND_MS, _HOUR_MS = 1000, 3_600_000


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that grow by a factor up to a cap. With the defaults sixty attempts cover about two days.

    Parameters
    ----------
    first_ms, factor, cap_ms
        The first wait, how much longer each next one is, and the longest one. Milliseconds.
    spread
        Each wait is up to this part shorter or longer, so that what failed together does not come back together.

    Examples
    --------
    >>> calm = Backoff(spread=0.0)
    >>> [calm.wait_ms("msg_1", attempt) // 1000 for attempt in (1, 2, 3, 4, 12)]
    [2, 8, 32, 128, 3600]
    """

    first_ms: int = 2 * _SECOND_MS
    factor: float = 4.0
    cap_ms: int = _HOUR_MS
    spread: float = 0.2

    def wait_ms(self, webhook_id: str, attempt: int, asked_ms: int | None = None) -> int:
        """Return how long to wait after an attempt, in milliseconds; the same for the same delivery and attempt.

        Parameters
        ----------
        attempt
            Which attempt has just failed, from 1.
        asked_ms
            What the receiver asked for. It can lengthen the wait, up to the cap, but not shorten it.
        """
        grown = min(self.first_ms * self.factor ** min(attempt - 1, 64), self.cap_ms)
        jitter = 1 + self.spread * random.Random(f"{webhook_id}:{attempt}").uniform(-1, 1)
        return max(round(grown * jitter), min(asked_ms or 0, self.cap_ms))


def after(
    outcome: Outcome, *, webhook_id: str, attempt: int, most: int, backoff: Backoff, at: int, took_ms: int
) -> Attempt:
    """Return what an attempt's outcome means for its delivery.

    Parameters
    ----------
    attempt, most
        Which attempt this was, from 1, and how many there may be.
    at
        When it ended, in milliseconds since the epoch.
    """
    if outcome.verdict is Verdict.DELIVERED:
        return Attempt("delivered", outcome.reason, at, took_ms, outcome.status_code)
    if outcome.verdict is Verdict.GONE or attempt >= most:
        return Attempt("failed", outcome.reason, at, took_ms, outcome.status_code)
    wait_ms = backoff.wait_ms(webhook_id, attempt, outcome.retry_after_ms)
    return Attempt("retrying", outcome.reason, at, took_ms, outcome.status_code, at + wait_ms)
