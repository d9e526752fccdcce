"""Counts the requests of the HTTP server."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams import metrics
from streams.clock import Clock
from streams.metrics import Metrics


class Counted:
    """Counts every HTTP request by the first digit of its status, and measures how long it took.

    Parameters
    ----------
    app
        What it stands in front of.
    metrics
        Where it counts.
    clock
        Measures.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, clock: Clock) -> None:
        self._app, self._counts, self._clock = app, metrics, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = self._clock.monotonic(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self._counts.count(metrics.REQUESTS, 1, f"{status // 100}xx")
            self._counts.observe(metrics.REQUEST_SECONDS, self._clock.monotonic() - began)
