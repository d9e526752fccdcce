"""``forewarn scorer``: score the signals of some partition groups."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli.common import DataDir, fail, settings_for_worker


def scorer(
    worker_id: Annotated[
        int, typer.Option("--worker-id", min=0, help="Number of this scorer, different for each one of the stack.")
    ] = 0,
    data_dir: DataDir = None,
) -> None:
    """Score signals until stopped (SIGTERM, Ctrl-C). Start as many as you like; they share the partition groups.

    Exit code 3: more records were refused within a minute than FOREWARN_DEAD_LETTER_LIMIT allows; a person must look.
    Exit code 2: the scorers that run read other topics; stop them all before you start a version with another set.
    Exit code 1: something only a restart can heal. What has been written is exact in either case.
    """
    import asyncio

    from connectors.topics import INPUTS
    from streams.clock import SystemClock
    from streams.health import Beacon
    from streams.membership import OtherTopicsError, refuse_other_topics
    from streams.ownership import StopError
    from streams.runtime import endpoints
    from streams.scorer import score

    part = f"scorer-{worker_id}"
    settings = settings_for_worker(part, data_dir=data_dir)
    clock = SystemClock()
    places = endpoints(settings)
    try:
        refuse_other_topics(places.kafka, settings.app, INPUTS, clock)
    except OtherTopicsError as error:
        fail(str(error), 2)
    try:
        asyncio.run(score(settings, places, worker_id, clock, Beacon(settings.data_dir, part, clock)))
    except StopError as error:
        fail(str(error), error.code)
