"""``forewarn simulate``: the simulated city, into the stack or into a file."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.city import DEFAULT_START, Days, Enterprises, Seed, Start
from streams.cli.common import AsJson, DataDir, err, fail, print_json, settings_for
from streams.clock import SystemClock, millis, moment

if TYPE_CHECKING:
    from connectors.contract import Batch
    from connectors.simulator import CitySource
    from streams.ingest import Progress as Done
    from streams.settings import Settings


def simulate(
    enterprises: Enterprises = 2_000,
    days: Days = 240,
    seed: Seed = 1,
    start: Start = DEFAULT_START,
    speed: Annotated[float, typer.Option(min=0, help="Simulated days per second; 0: as fast as possible.")] = 4.0,
    backfill_days: Annotated[int, typer.Option(min=0, help="The first so many days notify nobody.")] = 0,
    repeats: Annotated[int, typer.Option(min=0, help="How often each story is told.")] = 1,
    envelope: Annotated[int, typer.Option(min=1, max=1000, help="Signals of one partition in one record.")] = 1,
    compact: Annotated[bool, typer.Option(help="Write readings as columns; with --envelope 2 or more.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write to this .ndjson or .ndjson.gz instead of the stack.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again instead of going on.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Stream a simulated city in which stories are planted; the same seed gives the same city.

    It goes on where it was interrupted. The stack has to be a simulated one (FOREWARN_STACK_TIME=simulated): the city
    lives in its own time.
    """
    from connectors.simulator import CitySource
    from streams.cli.feeding import told_plainly

    settings = settings_for("simulate", data_dir=data_dir)
    if out is None and not settings.simulated:
        fail(
            "this stack runs on the machine's clock and the city lives in its own time: start a stack with "
            "FOREWARN_STACK_TIME=simulated and a data directory of its own, or write the city to a file with --out",
            2,
        )
    with told_plainly():
        source = CitySource(
            enterprises=enterprises,
            days=days,
            seed=seed,
            start=start.date(),
            repeats=repeats,
            backfill_days=backfill_days,
        )
        _tell_stories(source)
        clock = SystemClock()
        began = clock.monotonic()
        sent = _write(source, out) if out is not None else _stream(settings, source, speed, envelope, fresh, compact)
        sent |= {"seconds": round(clock.monotonic() - began, 3)}
    if json:
        print_json(sent | truth(source))
    else:
        err.print(f"[green]done:[/] {sent['sent']:,} messages, {sent['seconds']:.1f} s")


def truth(source: CitySource) -> dict[str, Any]:
    """Return the planted stories and decoys as plain data."""
    return {
        "stories": [
            {
                "name": story.name,
                "enterprise_id": story.enterprise_id,
                "enterprise_name": story.enterprise_name,
                "begins": story.begins.isoformat(),
                "default_date": story.default_date.isoformat(),
                "level": story.level.value,
            }
            for story in source.stories()
        ],
        "decoys": [
            {
                "name": decoy.name,
                "begins": decoy.begins.isoformat(),
                "ends": decoy.ends.isoformat(),
                "region": decoy.region,
                "enterprises": len(decoy.enterprise_ids),
            }
            for decoy in source.decoys()
        ],
    }


def _tell_stories(source: CitySource) -> None:
    last = source.city.end - timedelta(days=1)
    err.print(f"a city of {source.city.enterprises:,} enterprises, {source.city.start} … {last}; planted:")
    for story in source.stories():
        err.print(f"  {story.begins}  {story.name:<16}  {story.enterprise_name}  {story.enterprise_id}")


def _stream(
    settings: Settings, source: CitySource, speed: float, envelope: int, fresh: bool, compact: bool
) -> dict[str, Any]:
    """Send the city into the stack at a pace, under a bar that shows the simulated date."""
    from rich.progress import TextColumn

    from connectors.simulator.city import ZONE, at
    from streams.cli.feeding import feed, progress_bar, summary
    from streams.pacing import Pace

    city = source.city
    with progress_bar(TextColumn("{task.fields[date]}"), TextColumn("{task.fields[sent]:,} messages")) as bar:
        task = bar.add_task("simulating", total=(city.end - city.first_day).days, date=str(city.first_day), sent=0)
        pace = Pace(speed, millis(at(city.start)), SystemClock(), threading.Event())

        def after_batch(done: Done, _batch: Batch) -> None:
            today = moment(done.now).astimezone(ZONE).date()
            bar.update(task, completed=(today - city.first_day).days, date=str(today), sent=done.sent.total())
            pace.wait(done.now)

        done = feed(
            settings,
            source,
            source.identity,
            fresh=fresh,
            envelope=envelope,
            compact=compact,
            after_batch=after_batch,
        )
    return summary(done)


def _write(source: CitySource, out: Path) -> dict[str, Any]:
    """Write the city to a file under a bar."""
    from connectors.contract import Rejected
    from connectors.files.writer import NdjsonWriter
    from streams.cli.feeding import progress_bar

    sent = 0
    with NdjsonWriter(out) as writer, progress_bar() as bar:
        task = bar.add_task(f"writing {out}", total=None)
        for batch in source.read():
            for item in batch.items:
                if not isinstance(item, Rejected):
                    writer.send(item)
            sent += len(batch.items)
            bar.update(task, completed=sent)
    return {"sent": sent, "file": str(out)}
