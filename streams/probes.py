"""What a process answers to those who watch it: ``/metrics``, ``/healthz`` and ``/readyz``.

The answers come from the event loop that does the work, so a loop that hangs does not answer, which is the point.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiohttp import web

from streams.health import Beacon
from streams.logs import logger
from streams.metrics import CONTENT_TYPE, READY, Metrics
from streams.settings import Settings

METRICS, HEALTH, READINESS = "/metrics", "/healthz", "/readyz"

_log = logger(__name__)
#: Ports behind ``metrics_port``; a scorer's number is added to its own.
_PLACES = {"supervisor": 0, "recorder": 1, "notifier": 2, "scorer": 10}


class Answer(NamedTuple):
    """One answer over HTTP."""

    status: int
    body: bytes
    content_type: str


class Vitals:
    """What there is to tell of a process.

    Parameters
    ----------
    metrics
        Its metrics.
    beacon
        Tells whether it lives, and whether it is ready.
    """

    def __init__(self, metrics: Metrics, beacon: Beacon) -> None:
        self.metrics = metrics
        self.beacon = beacon
        metrics.refresh_with(lambda: metrics.set(READY, 0.0 if beacon.not_ready() else 1.0))

    def answer(self, path: str) -> Answer:
        """Return the answer to one of the three paths."""
        if path == METRICS:
            return Answer(200, self.metrics.page(), CONTENT_TYPE)
        if path == HEALTH:
            if self.beacon.fresh:
                return Answer(200, b"ok\n", "text/plain")
            return Answer(503, b"no sign of life for too long\n", "text/plain")
        reason = self.beacon.not_ready()
        body = json.dumps({"ready": not reason, "reason": reason}, ensure_ascii=False).encode()
        return Answer(503 if reason else 200, body, "application/json")


def port_of(first: int, part: str) -> int:
    """Return where a part answers.

    Parameters
    ----------
    first
        ``metrics_port``; 0 for any free port.

    Examples
    --------
    >>> [port_of(9400, part) for part in ("supervisor", "recorder", "notifier", "scorer-3")], port_of(0, "recorder")
    ([9400, 9401, 9402, 9413], 0)
    """
    kind, _, number = part.partition("-")
    return first + _PLACES[kind] + int(number or 0) if first else 0


@asynccontextmanager
async def answering(settings: Settings, vitals: Vitals) -> AsyncIterator[None]:
    """Answer as long as the block lasts, and let the beacon tell where.

    A port that is taken is logged and another one used: nothing that only watches may keep a process from its work.
    """
    app = web.Application()

    async def answer(request: web.Request) -> web.Response:
        found = vitals.answer(request.path)
        return web.Response(status=found.status, body=found.body, headers={"Content-Type": found.content_type})

    for path in (METRICS, HEALTH, READINESS):
        app.router.add_get(path, answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        vitals.beacon.probes = await _listen(runner, settings, vitals.beacon.part)
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, settings: Settings, part: str) -> str:
    """Return the address that it listens on; empty if there is none."""
    wanted = port_of(settings.metrics_port, part)
    for port in (wanted, 0) if wanted else (0,):
        site = web.TCPSite(runner, settings.metrics_host, port)
        try:
            await site.start()
        except OSError as error:
            _log.warning("cannot answer probes here", host=settings.metrics_host, port=port, error=str(error))
            continue
        return shown(*runner.addresses[-1][:2])
    return ""


def shown(host: str, port: int) -> str:
    """Return the address at which this machine reaches a server that listens on a host and port.

    Examples
    --------
    >>> shown("0.0.0.0", 9400), shown("::1", 9400)
    ('http://127.0.0.1:9400', 'http://[::1]:9400')
    """
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"
