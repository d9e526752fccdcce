"""The demonstration: a whole stack, a simulated city streaming into it, every alert told, every story accounted for."""

from __future__ import annotations

import asyncio
import shutil
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from connectors.contract import Batch
from connectors.models import Alert, Level, Transition
from connectors.simulator import CitySource
from connectors.simulator.city import ZONE, at
from connectors.simulator.stories import Story
from streams.checkup import caught_up, look
from streams.clock import SystemClock, millis, moment
from streams.ingest import Progress
from streams.overseeing import overseeing
from streams.pacing import Interrupted, Pace
from streams.runtime import endpoints
from streams.settings import Settings
from streams.stack import claimed, stack
from streams.supervisor import Supervisor
from streams.watching import follow

#: What a stack keeps in its data directory: all that starting over removes.
STACK_FILES = (
    "kafka", "clickhouse", "run", "logs", "ingest", "quarantine", "secrets", "control.db", "control.db-shm",
    "control.db-wal", "stack.toml",
)  # fmt: skip
#: After everything is scored, alerts are followed until none came for so long. Seconds.
QUIET_S = 3.0

#: Sends the source from where it stood; calls back after each stored batch.
Feed = Callable[[Callable[[Progress, Batch], None]], Progress]


class Found(NamedTuple):
    """What became of a planted story.

    Parameters
    ----------
    story
        What was planted.
    first, enough
        The first alert at all, and the first at the story's level or above.
    ended
        The transition with which that alert ended, if it did.
    """

    story: Story
    first: Alert | None
    enough: Alert | None
    ended: Alert | None


class Screen(Protocol):
    """Where a demonstration shows itself."""

    def ready(self, address: str, logs: Path) -> None:
        """Say that everything runs."""
        ...

    def log(self, part: str, line: str) -> None:
        """Show a line of the combined log."""
        ...

    def moved(self, day: str, share: float, sent: int) -> None:
        """Show that the city has come to a day; ``share`` of its time has passed."""
        ...

    def alert(self, alert: Alert) -> None:
        """Show a transition."""
        ...

    def earlier(self, count: int) -> None:
        """Say that there are alerts from an earlier run."""
        ...

    def catching_up(self) -> None:
        """Say that the city has been sent and the scorers catch up."""
        ...

    def done(self, found: list[Found], others: int, *, stays: bool) -> None:
        """Account for the stories; ``others`` enterprises outside them reached yellow; ``stays``: the stack goes on."""
        ...


def forget(data_dir: Path) -> None:
    """Remove a stack from its data directory, and nothing else.

    Raises
    ------
    StackBusyError
        If it is running.
    """
    if not data_dir.exists():
        return
    with claimed(data_dir):
        for name in STACK_FILES:
            path = data_dir / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


class Demonstration:
    """One run of it.

    Parameters
    ----------
    settings
        Of a simulated stack.
    source
        The city.
    feed
        Sends it into the stack.
    speed
        Simulated days per second, at most; 0: no limit.
    screen
        Where it shows itself.
    until_done
        Whether to stop once the city has been streamed.
    """

    def __init__(
        self, settings: Settings, source: CitySource, feed: Feed, speed: float, screen: Screen, *, until_done: bool
    ) -> None:
        self._settings = settings
        self._city = source.city
        self._feed = feed
        self._screen = screen
        self._until_done = until_done
        self._halt = threading.Event()
        self._pace = Pace(speed, millis(at(self._city.start)), SystemClock(), self._halt)
        self._stories = {story.enterprise_id: story for story in source.stories()}
        self._first: dict[str, Alert] = {}
        self._enough: dict[str, Alert] = {}
        self._ended: dict[str, Alert] = {}
        self._others: set[str] = set()
        self._earlier = 0
        self._heard = 0.0

    async def run(self, scorers: int) -> None:
        """Start everything, stream the city, and stop when asked (SIGINT, SIGTERM) or done.

        Raises
        ------
        StartError, StackBusyError, StackMismatchError, ServerError
            As :func:`streams.stack.stack`.
        """
        stop, ready = asyncio.Event(), asyncio.Event()
        clock = SystemClock()
        async with (
            stack(self._settings, clock, self._screen.log, scorers) as supervisor,
            overseeing(self._settings, clock, supervisor),
        ):
            streaming = asyncio.create_task(self._stream(ready))
            # In this order, so that nobody is left talking to a broker that has gone.
            streaming.add_done_callback(lambda _task: stop.set())
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, self._asked, streaming, supervisor)
            try:
                await supervisor.run(stop, ready.set)
            finally:
                self._halt.set()
                streaming.cancel()
                with suppress(asyncio.CancelledError):
                    await streaming

    def _asked(self, streaming: asyncio.Task[None], supervisor: Supervisor) -> None:
        if self._halt.is_set():
            supervisor.kill()
        self._halt.set()
        streaming.cancel()

    async def _stream(self, ready: asyncio.Event) -> None:
        await ready.wait()
        settings = self._settings
        self._screen.ready(f"http://{settings.http_host}:{settings.http_port}/", settings.data_dir / "logs")
        following = asyncio.create_task(self._follow())
        try:
            # Not awaited directly: a cancelled to_thread leaves its thread behind, and this one must end in order.
            sending = asyncio.create_task(asyncio.to_thread(self._send))
            try:
                complete = await asyncio.shield(sending)
            except asyncio.CancelledError:
                self._halt.set()
                await sending
                raise
            if complete:
                self._screen.catching_up()
                await self._quiet()
                self._screen.done(self._found(), len(self._others), stays=not self._until_done)
            if not self._until_done:
                await following
        finally:
            following.cancel()

    def _send(self) -> bool:
        """Send the city; return whether its end was reached."""
        try:
            return self._feed(self._after_batch).done
        except Interrupted:
            return False

    def _after_batch(self, done: Progress, _batch: Batch) -> None:
        now = moment(done.now).astimezone(ZONE).date()
        span = (self._city.end - self._city.first_day).days
        self._screen.moved(str(now), (now - self._city.first_day).days / span, done.sent.total())
        self._pace.wait(done.now)

    async def _follow(self) -> None:
        async for alert, fresh in follow(endpoints(self._settings).kafka, from_start=True):
            self._heard = SystemClock().monotonic()
            self._account(alert)
            if fresh:
                self._screen.alert(alert)
            else:
                self._earlier += 1
                self._screen.earlier(self._earlier)

    async def _quiet(self) -> None:
        """Wait until all is scored and recorded, and no alert has come for a while."""
        places = endpoints(self._settings)
        while not caught_up(await asyncio.to_thread(look, self._settings, places, SystemClock())):
            await asyncio.sleep(1.0)
        self._heard = SystemClock().monotonic()
        while (left := self._heard + QUIET_S - SystemClock().monotonic()) > 0:
            await asyncio.sleep(left)

    def _account(self, alert: Alert) -> None:
        enterprise, rank = alert.enterprise_id, alert.level.rank
        if enterprise in self._enough and alert.level is Level.NONE:
            self._ended[enterprise] = alert
        if alert.transition not in (Transition.OPENED, Transition.ESCALATED):
            return
        story = self._stories.get(enterprise)
        if story is None:
            if rank >= Level.YELLOW.rank:
                self._others.add(enterprise)
        elif alert.at.astimezone(ZONE).date() >= story.begins:
            self._first.setdefault(enterprise, alert)
            self._ended.pop(enterprise, None)
            if rank >= story.level.rank:
                self._enough.setdefault(enterprise, alert)

    def _found(self) -> list[Found]:
        return [Found(s, self._first.get(e), self._enough.get(e), self._ended.get(e)) for e, s in self._stories.items()]
