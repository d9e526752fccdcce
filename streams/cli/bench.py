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


@bench_app.command("state")
def state(
    enterprises: Enterprises = 1_000_000,
    minutes: Annotated[float, typer.Option(min=0.01, max=60, help="How many minutes' worth of load.")] = 10.0,
    rate: Annotated[int, typer.Option(min=100, help="Signals a second of that load.")] = 100_000,
    form: WireForm = "compact",
    as_json: AsJson = False,
) -> None:
    """Measure a scorer's memory, its checkpoints, and how soon it goes on after SIGKILL; not on a fresh topic.

    Every enterprise has two closed days and an open one, one in five something of each other family, one in 500 two
    months of days and a year of months. The load is scored as fast as it goes, and ends 17 minutes after the
    start, however much is left.

    Examples:

      forewarn bench state --json

      forewarn bench state --enterprises 50000 --minutes 1
    """
    from streams.bench.state import Load, bench_state
    from streams.clock import SystemClock

    load = Load(enterprises, minutes, rate, form)
    _measured(lambda directory, say: bench_state(directory, load, SystemClock(), say), as_json)


@bench_app.command("growth")
def growth(
    quick: Annotated[bool, typer.Option("--quick", help="Only 1,000 and 10,000 enterprises, 1 and 2 scorers.")] = False,
    form: WireForm = "json",
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the result into this SVG file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the processor time per signal against the bare loop's, from 1,000 to 1,000,000 enterprises.

    In the compact form a few enterprises fill only small records, so that what is compared is their size.

    Examples:

      forewarn bench growth --json --plot growth.svg

      forewarn bench growth --quick
    """
    from streams.bench.growth import bench_growth
    from streams.bench.plot import growth_svg
    from streams.clock import SystemClock

    def measure(directory: Path, say: Callable[[str], None]) -> Mapping[str, Any]:
        result = bench_growth(directory, quick, form, SystemClock(), say)
        if plot is not None:
            plot.write_text(growth_svg(result["points"]), encoding="utf-8")
        return result

    _measured(measure, as_json)


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
    from kafka.errors import KafkaError  # type: ignore[import-untyped]  # ships no types

    from connectors.embedded import ServerError
    from streams.private import StackError

    with TemporaryDirectory(prefix="forewarn-bench-") as directory, err.status("starting") as status:
        try:
            result = measure(Path(directory), status.update)
        except (KafkaError, ServerError, StackError, TimeoutError) as error:
            fail(str(error))
    if as_json:
        print_json(result)
    else:
        err.print_json(data=result)
