"""``forewarn scorer``: score the signals of some partition groups."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from streams.cli.common import DataDir, fail, settings_for
from streams.runtime import replace_file


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
    beacon = settings.data_dir / "run" / f"scorer-{worker_id}.json"

    def beat(state: str, detail: Mapping[str, Any]) -> None:
        replace_file(beacon, json.dumps({"state": state, **detail}).encode())

    try:
        asyncio.run(score(settings, endpoints(settings), worker_id, SystemClock(), beat))
    except StopError as error:
        fail(str(error), error.code)
