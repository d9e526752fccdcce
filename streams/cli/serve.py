"""``forewarn serve``: the REST API and the built-in board."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.common import DataDir, err, fail, settings_for

if TYPE_CHECKING:
    import uvicorn

    from connectors.control import ControlStore
    from streams.probes import Vitals
    from streams.settings import Settings

#: A query of the board that takes longer counts as failed. Seconds.
_QUERY_S = 15
#: Open connections are cut after so long at a stop: a board that is looked at is one. Seconds.
_STOP_S = 2


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; other than loopback needs the token.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Serve the REST API and the warning board until stopped (SIGTERM, Ctrl-C)."""
    from connectors.control import ControlStore
    from connectors.embedded import PortTakenError, ensure_free
    from streams.runtime import endpoints

    settings = settings_for("serve", http_host=host, http_port=port, data_dir=data_dir)
    try:
        ensure_free(settings.http_port, "the board", "FOREWARN_HTTP_PORT", settings.http_host)
    except PortTakenError as error:
        fail(str(error))
    control = ControlStore(endpoints(settings).control_url)
    control.upgrade()
    try:
        _run(settings, control)
    finally:
        control.close()


def _run(settings: Settings, control: ControlStore) -> None:
    import asyncio
    import signal

    from streams.health import Beacon
    from streams.metrics import Metrics
    from streams.probes import Vitals, shown

    beacon = Beacon(settings.data_dir, "serve")
    beacon.probes = shown(settings.http_host, settings.http_port)
    server = _server(settings, control, Vitals(Metrics("serve"), beacon))

    def stop(number: int) -> None:
        server.handle_exit(number, None)

    async def run() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop, number)
        async with beacon.lit():
            await server.serve()

    asyncio.run(run())


def _server(settings: Settings, control: ControlStore, vitals: Vitals) -> uvicorn.Server:
    import contextlib
    from collections.abc import Iterator

    import uvicorn

    from dashboards.api import Access, is_loopback
    from dashboards.app import create_app
    from streams.clock import SystemClock
    from streams.lookout import Lookout
    from streams.runtime import endpoints, own_secret

    clock = SystemClock()
    token = "" if is_loopback(settings.http_host) else own_secret(settings.data_dir, "api-token")
    if token:
        place = settings.data_dir / "secrets" / "api-token"
        err.print(f"Callers need the token in {place}", markup=False, soft_wrap=True)
    app = create_app(
        _connect(settings),
        control,
        clock,
        Access.to(settings.http_host, token),
        zone=settings.zone,
        simulated=settings.simulated,
        look=Lookout(settings, endpoints(settings), clock).look,
        vitals=vitals,
    )
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_STOP_S,
    )

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield  # uvicorn's own would raise the signal again after a clean stop, and the process would die of it

    return Server(config)


def _connect(settings: Settings) -> Callable[[], Any]:
    from connectors.clickhouse import client
    from streams.runtime import endpoints

    return lambda: client(endpoints(settings), connect_timeout_s=3, timeout_s=_QUERY_S)
