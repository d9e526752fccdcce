"""``forewarn recorder``: store everything in ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.common import DataDir, fail, settings_for

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
    """Store everything from Kafka in ClickHouse, until stopped (SIGTERM, Ctrl-C). Start several to share the work."""
    import asyncio

    from connectors.clickhouse import AccessError, MissingSchemaError
    from streams.recorder import RefusedRecordsError
    from streams.recording import NewerMessageError, Place

    settings = settings_for("recorder", data_dir=data_dir)
    try:
        places = [Place.parse(text) for text in skip or []]
        asyncio.run(_record(settings, places))
    except (RefusedRecordsError, NewerMessageError, MissingSchemaError, AccessError, ValueError) as error:
        fail(str(error))


async def _record(settings: Settings, skip: list[Place]) -> None:
    import asyncio
    import signal

    from streams.clock import SystemClock
    from streams.health import Beacon
    from streams.recorder import recorder_for
    from streams.runtime import endpoints

    part = recorder_for(settings, endpoints(settings), SystemClock(), skip)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, part.stop)
    async with Beacon(settings.data_dir, "recorder").lit(part.detail):
        await part.run()
