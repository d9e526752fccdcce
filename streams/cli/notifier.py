"""``forewarn notifier``: deliver alerts to the subscribers."""

from __future__ import annotations

from streams.cli.common import DataDir, settings_for


def notifier(data_dir: DataDir = None) -> None:
    """Deliver alerts to the subscribers as signed webhooks, until stopped (SIGTERM, Ctrl-C)."""
    import asyncio
    import signal

    from connectors.control import ControlStore
    from streams.clock import SystemClock
    from streams.notifier import Notifier
    from streams.runtime import endpoints

    settings = settings_for("notifier", data_dir=data_dir)
    places = endpoints(settings)
    store = ControlStore(places.control_url)
    store.upgrade()

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await Notifier(settings, places, store, SystemClock()).run(stop)

    asyncio.run(run())
    store.close()
