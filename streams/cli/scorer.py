"""``forewarn scorer``: score the signals of some partition groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from streams.cli.common import DataDir, fail, settings_for
from streams.health import Beacon, State

#: What a scorer is doing, as the supervisor and ``status`` know it.
_STATES: Mapping[str, State] = {
    "starting": "starting",
    "rebalancing": "starting",
    "ready": "running",
    "stopping": "stopping",
}


def scorer(
    worker_id: Annotated[
        int, typer.Option("--worker-id", min=0, help="Number of this scorer, different for each one of the stack.")
    ] = 0,
    data_dir: DataDir = None,
) -> None:
    """Score signals until stopped (SIGTERM, Ctrl-C). Start as many as you like; they share the partition groups."""
    import asyncio

    from streams.clock import SystemClock
    from streams.ownership import StopError
    from streams.runtime import endpoints
    from streams.scorer import score

    settings = settings_for(f"scorer-{worker_id}", data_dir=data_dir)
    beacon = Beacon(settings.data_dir, f"scorer-{worker_id}")

    def beat(state: str, detail: Mapping[str, Any]) -> None:
        beacon.beat(_STATES[state], phase=state, **detail)

    try:
        asyncio.run(score(settings, endpoints(settings), worker_id, SystemClock(), beat))
    except StopError as error:
        fail(str(error), error.code)
