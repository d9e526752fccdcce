"""``forewarn backtest``: two detection configurations over the same history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.city import DEFAULT_START, Days, Enterprises, Seed, Start
from streams.cli.common import AsJson, DataDir, err, fail, print_json, settings_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connectors.contract import Source
    from detectors.config import DetectionConfig
    from streams.backtesting import Difference, Run
    from streams.settings import Settings

_CURRENT = "current"


def backtest(
    files: Annotated[list[Path] | None, typer.Argument(help="History: files as 'ingest' reads them.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file with the new detection settings.", show_default=False)
    ] = None,
    against: Annotated[
        str, typer.Option(help="What it is compared with: current (this stack's settings), or another TOML file.")
    ] = _CURRENT,
    journal: Annotated[
        bool, typer.Option("--journal", help="History: what the running stack has applied. The default.")
    ] = False,
    city: Annotated[bool, typer.Option("--city", help="History: a simulated city.")] = False,
    enterprises: Enterprises = 400,
    days: Days = 365,
    seed: Seed = 1,
    start: Start = DEFAULT_START,
    out: Annotated[Path | None, typer.Option(help="Write every alert that differs to this CSV.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Draw pictures into this directory.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Compare two detection configurations over the same history, as known at the time.

    It tells which alerts the new one gains, loses, gives earlier or later, by level, and how many an officer with 100
    enterprises gets in a day. Nothing of the running stack is changed.

    Examples:

      forewarn backtest --config calm.toml --city --seed 3

      forewarn backtest history.ndjson.gz --config calm.toml --against bold.toml --out changes.csv

      forewarn backtest --config calm.toml --against current --json
    """
    if config is None:
        fail("name the new settings with --config FILE.toml; docs/detectors.md has them", 2)
    if bool(files) + journal + city > 1:
        fail("name one history: FILES, --journal or --city", 2)
    settings = settings_for("backtest", data_dir=data_dir)
    new, old = _configs(settings, config, against)
    if new == old:
        err.print("[yellow]both configurations are equal[/]: nothing can differ")
    source = _source(settings, files or [], city=city, of=(enterprises, days, seed, start.date()))
    before = _run(settings, old, source, f"with {old.version}")
    after = _run(settings, new, source, f"with {new.version}")
    _tell(before, after, out, plots, as_json=as_json)


def _configs(settings: Settings, config: Path, against: str) -> tuple[DetectionConfig, DetectionConfig]:
    """Return the new configuration and the one that it is compared with."""
    from streams.backtesting import WrongConfigError, config_of
    from streams.rules import rules_for

    try:
        new = config_of(config)
        old = rules_for(settings).config if against == _CURRENT else config_of(Path(against))
    except (WrongConfigError, ValueError) as error:
        fail(str(error), 2)
    return new, old


def _source(settings: Settings, files: Sequence[Path], *, city: bool, of: tuple[int, int, int, Any]) -> Source | None:
    """Return the history; None for the journal."""
    from connectors.files import FileSource
    from connectors.simulator import CitySource
    from streams.cli.feeding import told_plainly

    with told_plainly():
        if city:
            enterprises, days, seed, start = of
            return CitySource(enterprises=enterprises, days=days, seed=seed, start=start)
        return FileSource(files, zone=settings.zone) if files else None


def _run(settings: Settings, config: DetectionConfig, source: Source | None, label: str) -> Run:
    """Score the history with one configuration, under a bar."""
    from detectors.calendar import Calendar
    from streams.backtesting import run_journal, run_sources
    from streams.cli.feeding import progress_bar, told_plainly
    from streams.rules import Rules
    from streams.runtime import endpoints

    rules = Rules(settings.partitions, Calendar(settings.zone), config)
    with told_plainly(), progress_bar() as bar:
        task = bar.add_task(label, total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if source is not None:
            return _plainly(lambda: run_sources([source], rules, settings.zone, tell))
        return _plainly(lambda: run_journal(endpoints(settings), rules, tell))


def _plainly(score: Callable[[], Run]) -> Run:
    """Turn what may be wrong with a history into one line."""
    from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # ships no types

    from streams.journal import InputLostError
    from streams.shard import EngineFaultError

    try:
        return score()
    except (ValueError, InputLostError, EngineFaultError) as error:
        fail(str(error))
    except KafkaError as error:
        fail(f"Kafka does not answer: {error!r}; start the stack with 'forewarn up'")


def _tell(before: Run, after: Run, out: Path | None, plots: Path | None, *, as_json: bool) -> None:
    from connectors.models import Level
    from streams.backtest_plot import levels_svg, months_svg, write
    from streams.backtesting import HEADER, differences, monthly, rows, summary
    from streams.evaluation.suite import write_rows

    found = list(differences(before, after))
    result = summary(before, after, found)
    if out is not None:
        write_rows(out, HEADER, rows(found))
    if plots is not None:
        yellow = Level.YELLOW
        pictures = [
            ("levels.svg", levels_svg(result)),
            ("months.svg", months_svg(monthly(before, yellow), monthly(after, yellow), yellow.value)),
        ]
        result["plots"] = write(pictures, plots)
    if as_json:
        print_json(result)
    else:
        _show(result, found)


def _show(result: dict[str, Any], found: Sequence[Difference]) -> None:
    from rich.console import Console
    from rich.table import Table

    from streams.backtesting import rows

    console = Console()
    console.print(
        f"{result['config']} against {result['against']}: {result['enterprises']:,} enterprises, "
        f"{result['first'][:10]} … {result['last'][:10]}"
    )
    table = Table()
    columns = ("before", "after", "gained", "lost", "earlier", "later", "median_days_later")
    for name in ("or above", *columns):
        table.add_column("days" if name == "median_days_later" else name, justify="right")
    for level, each in result["levels"].items():
        table.add_row(level, *(f"{each[name]:g}" for name in columns))
    console.print(table)
    for level, each in result["levels"].items():
        old, new = each["per_officer_day_before"], each["per_officer_day_after"]
        console.print(f"{level} or above, per officer and day: {old:g} before, {new:g} after")
    changed = list(rows(found))
    for row in changed[:20]:
        console.print(f"{row[3]:<8} {row[2]:<7} {row[4] or row[5]!s:.10} {row[1] or row[0]}  {row[8] or row[7]}",
                      markup=False, soft_wrap=True)  # fmt: skip
    if len(changed) > 20:
        console.print(f"… {len(changed) - 20} more; --out FILE.csv has all")
