"""``forewarn up``: run the whole stack on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from streams.cli.common import DataDir, err, fail, settings_for

if TYPE_CHECKING:
    from streams.settings import Settings
    from streams.supervisor import Show

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta")
_NAME_WIDTH = 11


def up(
    scorers: Annotated[int, typer.Option(min=0, max=64, help="How many scorer processes; 0: others run them.")] = 1,
    http_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the API and board.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Run everything until stopped: Kafka, ClickHouse, scorers, recorder, notifier, API and board.

    Ctrl-C (or SIGTERM) stops it in order; a second one ends it at once.
    """
    import asyncio

    from connectors.clickhouse import AccessError, EditedMigrationError, UnavailableError
    from connectors.embedded import ServerError
    from connectors.kafka.admin import KafkaAwayError, TopicMismatchError
    from connectors.webhook import RefusedUrlError
    from streams.runtime import StackMismatchError
    from streams.stack import StackBusyError
    from streams.supervisor import StartError

    settings = settings_for("up", data_dir=data_dir, http_port=http_port)
    try:
        asyncio.run(_run(settings, scorers))
    except (StackBusyError, StackMismatchError) as error:
        fail(str(error), 2)
    except RefusedUrlError as error:
        fail(f"FOREWARN_DEADMAN_URL: {error}", 2)
    except (
        AccessError,
        EditedMigrationError,
        KafkaAwayError,
        ServerError,
        StartError,
        TopicMismatchError,
        UnavailableError,
    ) as error:
        fail(str(error))


async def _run(settings: Settings, scorers: int) -> None:
    import asyncio
    import signal

    from streams.clock import SystemClock
    from streams.overseeing import overseeing
    from streams.stack import stack

    show, clock = combined_log(), SystemClock()
    stop = asyncio.Event()
    async with stack(settings, clock, show, scorers) as supervisor, overseeing(settings, clock, supervisor):

        def asked() -> None:
            if stop.is_set():
                show("up", "ending everything at once")
                supervisor.kill()
            else:
                show("up", "stopping; once more to end it at once")
                stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, asked)
        address = f"http://{settings.http_host}:{settings.http_port}/"
        await supervisor.run(stop, lambda: show("up", f"ready: board and API at {address}"))
        show("up", "stopped")


def combined_log() -> Show:
    """Return a function that prints a line of a part on stderr, each part in a colour of its own."""
    colours: dict[str, str] = {"up": "bold"}

    def show(part: str, line: str) -> None:
        colour = colours.setdefault(part, _COLOURS[(len(colours) - 1) % len(_COLOURS)])
        err.print(Text.assemble((f"{part:<{_NAME_WIDTH}}│ ", colour), line), soft_wrap=True)

    return show
