"""``forewarn backtest``: two detection configurations over the same history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from streams.cli.city import DEFAULT_START, Days, Enterprises, Seed, Start
from streams.cli.common import AsJson, DataDir, err, fail, print_json, settings_for
from streams.cli.ingest import FileEncoding, FileFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from connectors.contract import Source
    from detectors.config import DetectionConfig
    from streams.backtesting import Difference, Run
    from streams.settings import Settings

_CURRENT = "current"
#: So many spells that differ are shown.
_SHOWN = 20


def backtest(
    files: Annotated[list[Path] | None, typer.Argument(help="History: files as 'ingest' reads them.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file with the new detection settings.", show_default=False)
    ] = None,
    against: Annotated[
        str, typer.Option(help="What it is compared with: current (this stack's settings), or another TOML file.")
    ] = _CURRENT,
    file_format: Annotated[FileFormat, typer.Option("--format", help="auto: by the first line.")] = FileFormat.AUTO,
    encoding: Annotated[FileEncoding, typer.Option(help="auto: by the bytes.")] = FileEncoding.AUTO,
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
    source: Source | None = None
    if city:
        source = _city(enterprises, days, seed, start.date())
    elif files:
        source = _files(settings, files, file_format, encoding)
    _make_room(out, plots)
    before = _run(settings, old, source, f"with {old.version}")
    after = _run(settings, new, source, f"with {new.version}")
    _tell(before, after, out, plots, ZoneInfo(settings.zone), as_json=as_json)


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


def _city(enterprises: int, days: int, seed: int, start: date) -> Source:
    from connectors.simulator import CitySource
    from streams.cli.feeding import told_plainly

    with told_plainly():
        return CitySource(enterprises=enterprises, days=days, seed=seed, start=start)


def _files(settings: Settings, files: Sequence[Path], file_format: FileFormat, encoding: FileEncoding) -> Source:
    from connectors.files import FileSource
    from streams.cli.feeding import told_plainly

    with told_plainly():
        return FileSource(files, format=file_format.value, encoding=encoding.value, zone=settings.zone)


def _make_room(out: Path | None, plots: Path | None) -> None:
    """See to it that what comes of a long run can be written."""
    from streams.cli.feeding import told_plainly

    with told_plainly():
        if plots is not None:
            plots.mkdir(parents=True, exist_ok=True)
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.open("a", encoding="utf-8").close()


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
    from aiokafka.errors import KafkaConnectionError, KafkaError  # type: ignore[import-untyped]  # ships no types

    from streams.journal import InputLostError
    from streams.shard import EngineFaultError

    try:
        return score()
    except (ValueError, InputLostError, EngineFaultError) as error:
        fail(str(error))
    except KafkaConnectionError:
        fail("Kafka does not answer: start the stack with 'forewarn up', or name FILES or --city")
    except KafkaError as error:
        fail(f"Kafka: {error!r}")


def _tell(before: Run, after: Run, out: Path | None, plots: Path | None, zone: ZoneInfo, *, as_json: bool) -> None:
    from connectors.models import Level
    from streams.backtest_plot import levels_svg, months_svg, write
    from streams.backtesting import HEADER, differences, monthly, rows, summary
    from streams.evaluation.suite import write_rows

    found = list(differences(before, after))
    result = summary(before, after, found)
    if after.rejected:
        err.print(
            f"[yellow]{after.rejected:,} rows or messages were refused[/] and count in neither: "
            "'forewarn ingest --dry-run' and 'forewarn replay' tell of them"
        )
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
        _show(result, after, found, zone)


def _show(result: dict[str, Any], after: Run, found: Sequence[Difference], zone: ZoneInfo) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    first, last = (f"{moment.astimezone(zone):%Y-%m-%d}" for moment in (after.first, after.last))
    console.print(
        f"{result['config']} against {result['against']}: {result['enterprises']:,} enterprises, {first} … {last}",
        soft_wrap=True,
    )
    table = Table()
    columns = ("before", "after", "gained", "lost", "again", "merged", "earlier", "later", "median_days_later")
    for name in ("or above", *columns):
        table.add_column("days later" if name == "median_days_later" else name, justify="right")
    for level, each in result["levels"].items():
        table.add_row(level, *(f"{each[name]:g}" for name in columns))
    console.print(table)
    for level, each in result["levels"].items():
        old, new = each["per_officer_day_before"], each["per_officer_day_after"]
        console.print(f"{level} or above, per officer and day: {old:g} before, {new:g} after")
    changed = [one for one in found if one.change != "same"]
    for one in changed[:_SHOWN]:
        console.print(_line(one, zone), markup=False, soft_wrap=True)
    if len(changed) > _SHOWN:
        console.print(f"… {len(changed) - _SHOWN} more; --out FILE.csv has all")


def _line(one: Difference, zone: ZoneInfo) -> str:
    """Return one spell that differs, in the stack's zone."""
    days = [f"{spell.began.at.astimezone(zone):%Y-%m-%d}" for spell in (one.before, one.after) if spell is not None]
    alert = one.spell.began
    why = alert.reasons[0].en if alert.reasons else ""
    who = alert.enterprise_name or alert.enterprise_id
    return f"{one.change:<8} {one.level.value:<7} {' → '.join(days):<23}  {who}  {why}"
