"""``forewarn notifier``: deliver alerts to the subscribers."""

from __future__ import annotations

from streams.cli.common import DataDir, settings_for


def notifier(data_dir: DataDir = None) -> None:
    """Deliver alerts to the subscribers as signed webhooks, until stopped (SIGTERM, Ctrl-C)."""
    import asyncio
    import signal

    from streams.cli.control_store import open_control_store
    from streams.clock import SystemClock
    from streams.health import Beacon
    from streams.notifier import Notifier
    from streams.runtime import endpoints

    settings = settings_for("notifier", data_dir=data_dir)
    beacon = Beacon(settings.data_dir, "notifier")
    beacon.beat("starting")
    store = open_control_store(settings)

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        one = Notifier(settings, endpoints(settings), store, SystemClock())
        async with beacon.lit(one.figures):
            await one.run(stop)

    asyncio.run(run())
    store.close()
