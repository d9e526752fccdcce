"""``forewarn demo``: the whole stack on this machine, and a simulated city streaming into it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from streams.cli.city import DEFAULT_START, Days, Enterprises, Seed, Start
from streams.cli.common import DataDir, err, fail, settings_for
from streams.clock import SystemClock

#: How often a demonstration without a terminal says how far it is. Seconds.
_TELL_S = 10.0

if TYPE_CHECKING:
    from connectors.models import Alert
    from streams.demo import Found


def demo(
    enterprises: Enterprises = 2_000,
    days: Days = 240,
    seed: Seed = 1,
    start: Start = DEFAULT_START,
    speed: Annotated[float, typer.Option(min=0, help="Simulated days per second at most; 0: no limit.")] = 4.0,
    scorers: Annotated[int, typer.Option(min=1, max=16, help="How many scorer processes.")] = 2,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget everything and begin again.")] = False,
    until_done: Annotated[bool, typer.Option("--until-done", help="Stop once the city has been streamed.")] = False,
    http_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the API and board.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Start everything, stream a city in which stories are planted, and print a line for each alert.

    Ctrl-C stops everything in order; the next 'forewarn demo' goes on where this one stopped.

    Examples:

      forewarn demo

      forewarn demo --fresh --enterprises 300 --seed 7
    """
    import asyncio

    from connectors.embedded import ServerError
    from connectors.simulator import CitySource
    from connectors.webhook import RefusedUrlError
    from streams.cli.feeding import feed, told_plainly
    from streams.demo import Demonstration, forget
    from streams.runtime import StackMismatchError
    from streams.stack import StackBusyError
    from streams.supervisor import StartError

    settings = settings_for("demo", data_dir=data_dir, http_port=http_port, stack_time="simulated")
    try:
        if fresh:
            forget(settings.data_dir)
        with told_plainly(), _Terminal() as screen:
            source = CitySource(enterprises=enterprises, days=days, seed=seed, start=start.date())
            run = Demonstration(
                settings,
                source,
                lambda after_batch: feed(settings, source, source.identity, after_batch=after_batch),
                speed,
                screen,
                until_done=until_done,
            )
            asyncio.run(run.run(scorers))
    except (StackBusyError, StackMismatchError) as error:
        fail(str(error), 2)
    except RefusedUrlError as error:
        fail(f"FOREWARN_DEADMAN_URL: {error}", 2)
    except (ServerError, StartError) as error:
        fail(str(error))
    err.print("stopped; 'forewarn demo' goes on from here, 'forewarn demo --fresh' begins again")


class _Terminal:
    """Shows a demonstration on stderr: a bar with the simulated date at the bottom, alerts scrolling above it."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[sent]}"), TimeElapsedColumn(),
            console=err, transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task("starting", total=1.0, sent="")
        self._told = 0.0
        self._earlier = 0

    def __enter__(self) -> _Terminal:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def ready(self, address: str, logs: Path) -> None:
        self._say(f"[bold]board and API:[/] {address}   [dim]logs: {logs}[/]")

    def log(self, part: str, line: str) -> None:
        """Show what the supervisor says; the parts' own lines are in their files."""
        if part == "up":
            self._bar.console.print(line, style="dim", markup=False, soft_wrap=True)

    def moved(self, day: str, share: float, sent: int) -> None:
        self._bar.update(self._task, description=f"simulating {day}", completed=share, sent=f"{sent:,} messages")
        now = SystemClock().monotonic()
        if not err.is_terminal and now - self._told >= _TELL_S:  # a file shows no bar
            self._told = now
            self._say(f"simulating {day}: {share:.0%}, {sent:,} messages")

    def earlier(self, count: int) -> None:
        self._earlier = count

    def alert(self, alert: Alert) -> None:
        from streams.watching import STYLES, line

        self._bar.console.print(line(alert), style=STYLES.get(alert.level, "green"), markup=False, soft_wrap=True)

    def catching_up(self) -> None:
        self._bar.update(self._task, description="the city has been sent; scoring the rest", completed=1.0)
        if not err.is_terminal:
            self._say("the city has been sent; scoring the rest")

    def done(self, found: list[Found], others: int, *, stays: bool) -> None:
        if self._earlier:
            self._say(f"{self._earlier} transitions came in an earlier run and are on the board; --fresh begins again")
        self._say("\n[bold]the planted stories[/]")
        for one in found:
            self._say(f"  {one.story.name:<18} {one.story.enterprise_name}: {_outcome(one)}")
        self._say(f"other enterprises that reached yellow or above: {others}")
        if stays:
            self._say("[bold]the stack keeps running: look at the board; Ctrl-C stops everything[/]")
            self._bar.update(self._task, description="running; Ctrl-C stops everything")

    def _say(self, text: str) -> None:
        self._bar.console.print(text, soft_wrap=True)


def _outcome(found: Found) -> str:
    story, enough = found.story, found.enough
    if enough is None:
        first = found.first
        return "[red]not found[/]" if first is None else f"[yellow]only {first.level.value}[/] on {first.at.date()}"
    lead = (story.default_date - enough.at.date()).days
    again = "" if found.ended is None else f"; over again on {found.ended.at.date()}"
    return f"[green]{enough.level.value}[/] on {enough.at.date()}, {lead} days before its default{again}"
