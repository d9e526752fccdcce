"""The dead man's ping: a monitor outside is called while all is well, and raises the alarm when the calls stop.

It covers what nothing inside can tell: that the machine, its network or the supervisor itself is gone. The supervisor
calls, because it alone sees every process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from connectors.webhook import Verdict, WebhookSender, check_url
from streams import metrics
from streams.clock import Clock
from streams.logs import logger
from streams.metrics import Metrics
from streams.settings import Settings

_TIMEOUT_S = 10.0
_POLL_S = 0.5

_log = logger(__name__)


class DeadMan:
    """Calls the monitor.

    Parameters
    ----------
    settings
        ``deadman_url``, ``deadman_interval_s`` and ``webhook_allow_private`` count.
    clock
        Measures.
    counts
        Where the calls are counted.

    Raises
    ------
    RefusedUrlError
        If the URL may not be called; the message does not repeat it.
    """

    def __init__(self, settings: Settings, clock: Clock, counts: Metrics) -> None:
        self._url = settings.deadman_url
        self._interval_s = settings.deadman_interval_s
        self._allow_private = settings.webhook_allow_private
        self._clock = clock
        self._counts = counts
        if self._url.get_secret_value():
            check_url(self._url.get_secret_value(), allow_private=self._allow_private)

    async def run(self, not_ready: Callable[[], str]) -> None:
        """Call while all is ready; for ever. Returns at once if there is no URL.

        Parameters
        ----------
        not_ready
            Tells why not all is ready; empty if all is.
        """
        if not self._url.get_secret_value():
            return
        sender = WebhookSender(self._clock.now_ms, timeout_s=_TIMEOUT_S, allow_private=self._allow_private)
        try:
            while True:
                await self._until_ready(not_ready)
                await self._call(sender)
                await asyncio.sleep(self._interval_s)
        finally:
            await sender.close()

    async def _until_ready(self, not_ready: Callable[[], str]) -> None:
        counted_at: float | None = None
        while reason := not_ready():
            now = self._clock.monotonic()
            if counted_at is None or now - counted_at >= self._interval_s:
                counted_at = now
                self._counts.count(metrics.PINGS, 1, "held")
                _log.warning("the dead man's ping is held back", reason=reason)
            await asyncio.sleep(_POLL_S)

    async def _call(self, sender: WebhookSender) -> None:
        outcome = await sender.ping(self._url.get_secret_value())
        if outcome.verdict is Verdict.DELIVERED:
            self._counts.count(metrics.PINGS, 1, "sent")
            self._counts.set(metrics.LAST_PING, self._clock.now_ms() / 1000)
        else:
            self._counts.count(metrics.PINGS, 1, "failed")
            _log.warning("the dead man's ping failed; FOREWARN_DEADMAN_URL may be wrong", reason=outcome.reason)
