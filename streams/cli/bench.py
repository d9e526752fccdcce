"""``forewarn bench``: measurements that an operator can repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import typer

from streams.cli.common import AsJson, err, fail, print_json

bench_app = typer.Typer(name="bench", help="Measure a private stack on this machine.", no_args_is_help=True)

Enterprises = Annotated[int, typer.Option(min=100, max=5_000_000, help="How many enterprises the signals speak of.")]
WireForm = Annotated[
    Literal["json", "compact"], typer.Option("--form", help="Of the readings: a JSON record each, or blocks of 500.")
]
Measure = Callable[[Path, Callable[[str], None]], Mapping[str, Any]]


@bench_app.command("score")
def score(
    enterprises: Enterprises = 100_000,
    signals: Annotated[
        int, typer.Option(min=1_000, help="Signals at least; rounded up to whole turns of all enterprises.")
    ] = 3_000_000,
    form: WireForm = "json",
    peers: Annotated[bool, typer.Option("--peers", help="Measure other libraries, too.")] = False,
    days: Annotated[int, typer.Option(min=1, max=60, help="Closed days that each enterprise has behind it.")] = 4,
    as_json: AsJson = False,
) -> None:
    """Measure one scorer process against a bare loop over the same records.

    The bare loop decodes with msgspec and updates River's EWMean and EWVar for each enterprise, read with aiokafka; it
    checks nothing, remembers nothing and writes nothing. The peers (`pip install 'forewarn[bench]'`) do the same work.

    Examples:

      forewarn bench score --peers --json

      forewarn bench score --enterprises 1000000 --signals 6000000 --form compact
    """
    from streams.bench.score import Task, bench_score
    from streams.clock import SystemClock

    task = Task(enterprises, signals, form, days)
    _measured(lambda directory, say: bench_score(directory, task, peers, SystemClock(), say), as_json)


@bench_app.command("live")
def live(
    rate: Annotated[int, typer.Option(min=100, help="Signals a second.")] = 100_000,
    seconds: Annotated[float, typer.Option(min=2, max=3_600, help="How long to send.")] = 60.0,
    enterprises: Enterprises = 100_000,
    form: WireForm = "compact",
    scorers: Annotated[int, typer.Option(min=1, max=16, help="How many scorer processes.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Measure a whole live stack under a steady rate: what it keeps up with, and how soon a decision can be read.

    One signal in 1,000 is a court record, one court record in ten a bankruptcy, which opens a red alert. p50_ms and
    p99_ms are from the moment at which the broker appends it until a reader of committed records has the alert.

    Examples:

      forewarn bench live --rate 100000 --seconds 60 --json

      forewarn bench live --rate 20000 --form json
    """
    from streams.bench.live import Task, bench_live
    from streams.clock import SystemClock

    task = Task(rate, seconds, enterprises, form, scorers)
    _measured(lambda directory, say: bench_live(directory, task, SystemClock(), say), as_json)


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

    _measured(lambda directory, say: bench_pipeline(directory, signals, scorers, SystemClock(), say), as_json)


def _measured(measure: Measure, as_json: bool) -> None:
    """Measure in a directory of its own and print the result: on stdout as JSON, else for people."""
    from streams.private import StackError

    with TemporaryDirectory(prefix="forewarn-bench-") as directory, err.status("starting") as status:
        try:
            result = measure(Path(directory), status.update)
        except (StackError, TimeoutError) as error:
            fail(str(error))
    if as_json:
        print_json(result)
    else:
        err.print_json(data=result)
