"""``forewarn bench``: measurements that an operator can repeat."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from streams.cli.common import AsJson, err, fail, print_json

bench_app = typer.Typer(name="bench", help="Measure a private stack on this machine.", no_args_is_help=True)


@bench_app.callback()
def _commands() -> None:
    """Keep `bench` a group while it has a single command."""


@bench_app.command("pipeline")
def pipeline(
    signals: Annotated[int, typer.Option(min=1_000, help="Signals per run.")] = 100_000,
    scorers: Annotated[int, typer.Option(min=1, max=16, help="How many scorer processes.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Measure how many signals a second become rows in ClickHouse, alone and in envelopes of 100.

    Examples:

      forewarn bench pipeline --json

      forewarn bench pipeline --signals 500000 --scorers 1
    """
    from streams.bench.pipeline import bench_pipeline
    from streams.clock import SystemClock
    from streams.private import StackError

    with TemporaryDirectory(prefix="forewarn-bench-") as directory, err.status("starting") as status:
        try:
            result = bench_pipeline(Path(directory), signals, scorers, SystemClock(), status.update)
        except (StackError, TimeoutError) as error:
            fail(str(error))
    if as_json:
        print_json(result)
    else:
        err.print_json(data=result)
