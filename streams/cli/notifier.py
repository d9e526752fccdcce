"""``forewarn notifier``: deliver alerts to the subscribers."""

from __future__ import annotations

from streams.cli.common import DataDir, fail, settings_for_worker


def notifier(data_dir: DataDir = None) -> None:
    """Deliver alerts to the subscribers as signed webhooks, until stopped (SIGTERM, Ctrl-C).

    Exit code 1: alerts or deliveries wait and nothing moves, which a restart heals.
    """
    import asyncio
    import signal

    from streams.cli.control_store import open_control_store
    from streams.clock import SystemClock
    from streams.health import Beacon
    from streams.metrics import Metrics
    from streams.notifier import Notifier
    from streams.probes import Vitals, answering
    from streams.runtime import endpoints
    from streams.watchdog import StandstillError, ending_hard

    settings = settings_for_worker("notifier", data_dir=data_dir)
    beacon = Beacon(settings.data_dir, "notifier")
    beacon.beat("starting")
    store = open_control_store(settings)

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        counts = Metrics("notifier")
        one = Notifier(settings, endpoints(settings), store, SystemClock(), counts=counts)
        beacon.not_ready = one.not_ready
        async with answering(settings, Vitals(counts, beacon)), beacon.lit(one.figures):
            with ending_hard():
                await one.run(stop)

    try:
        asyncio.run(run())
    except StandstillError as error:
        fail(str(error))
    finally:
        store.close()
