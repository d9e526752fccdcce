"""``forewarn recorder``: store everything in ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.common import DataDir, fail, settings_for_worker

if TYPE_CHECKING:
    from streams.recording import Place
    from streams.settings import Settings


def recorder(
    skip: Annotated[
        list[str] | None,
        typer.Option(
            help="topic:partition:offset of a record that ClickHouse refuses: keep it as a dead letter and go on. "
            "Repeatable."
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Store everything from Kafka in ClickHouse, until stopped (SIGTERM, Ctrl-C). Start several to share the work.

    Exit code 1: an operator has to look, or records wait and nothing moves, which a restart heals.
    """
    import asyncio

    from connectors.clickhouse import AccessError, MissingSchemaError
    from streams.recorder import RefusedRecordsError
    from streams.recording import NewerMessageError, Place
    from streams.watchdog import StandstillError

    settings = settings_for_worker("recorder", data_dir=data_dir)
    try:
        places = [Place.parse(text) for text in skip or []]
        asyncio.run(_record(settings, places))
    except (
        AccessError,
        MissingSchemaError,
        NewerMessageError,
        RefusedRecordsError,
        StandstillError,
        ValueError,
    ) as error:
        fail(str(error))


async def _record(settings: Settings, skip: list[Place]) -> None:
    import asyncio
    import signal

    from streams.clock import SystemClock
    from streams.health import Beacon
    from streams.metrics import Metrics
    from streams.probes import Vitals, answering
    from streams.recorder import recorder_for
    from streams.runtime import endpoints
    from streams.watchdog import ending_hard

    counts = Metrics("recorder")
    part = recorder_for(settings, endpoints(settings), SystemClock(), counts, skip)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, part.stop)
    beacon = Beacon(settings.data_dir, "recorder")
    beacon.not_ready = part.not_ready
    async with answering(settings, Vitals(counts, beacon)), beacon.lit(part.detail):
        with ending_hard():
            await part.run()
