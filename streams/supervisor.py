"""Keeps child processes running: starts them in order, restarts what fails, stops them in the reverse order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from connectors.embedded.leash import leashed
from streams.clock import Clock

#: Told each line of the combined log: part, line.
Show = Callable[[str, str], None]

_POLL_S = 0.2
_CHECK_S = 5.0
_LONGEST_LINE = 1 << 20
_LOG_BYTES = 10_000_000
_LOG_FILES = 4
_TAIL_LINES = 12
#: A part that fails so often before it was ever ready will not come up.
_FUTILE = 5
SUPERVISOR = "up"


class StartError(RuntimeError):
    """A part does not come up; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Part:
    """One child process.

    Parameters
    ----------
    name
        Names it in the log, and its log file.
    command, env
        What to run, and variables in addition to this process's own. Secrets belong in ``env``.
    ready
        Asked, with the process id, until it says that the part does its work. May block for seconds; runs in a thread.
    healthy
        Asked from then on; the part is restarted once it has said no for ``patience_s`` seconds. May block.
    not_ready
        Asked why a part that is well cannot do its work now; empty if it can. Nothing is done about it. May block.
    stop_grace_s
        Between SIGTERM and SIGKILL.
    final_codes
        Exit codes after which a restart would not help: an operator has to act.
    orphan_signal
        What the part gets if this process is killed: SIGTERM for one that has files to close.
    nice
        How far it stands back when the processors are busy: 0 to 19.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[int], bool] = lambda _pid: True
    healthy: Callable[[int], bool] = lambda _pid: True
    not_ready: Callable[[int], str] = lambda _pid: ""
    patience_s: float = 10.0
    stop_grace_s: float = 10.0
    start_timeout_s: float = 120.0
    final_codes: frozenset[int] = frozenset({2})
    orphan_signal: int = signal.SIGKILL
    nice: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """Something to be done once, in a thread, before the next stage starts; whatever it raises ends the start."""

    name: str
    run: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a restart.

    Parameters
    ----------
    first_s, cap_s
        Wait after the first failure, doubled after each further one, up to the cap.
    stable_s
        A part that has run so long starts over with the first wait.

    Examples
    --------
    >>> [Backoff().delay(failures) for failures in (1, 2, 3, 20)]
    [0.5, 1.0, 2.0, 30.0]
    """

    first_s: float = 0.5
    cap_s: float = 30.0
    stable_s: float = 120.0

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row."""
        return float(min(self.cap_s, self.first_s * 2 ** min(failures - 1, 30)))


class Supervisor:
    """Runs stages of parts and steps.

    All of a stage starts at once; the next one starts when all of it is ready. Stopping goes the other way round.
    Children are in sessions of their own, so that Ctrl-C reaches only this process, and end if it is killed.

    Parameters
    ----------
    stages
        What to run, in order.
    log_dir
        ``<part>.log`` of each part, 40 MB at most in four files.
    show
        Told every line, too.
    clock
        For how long something ran.
    backoff
        Waits before restarts.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Part | Step]],
        log_dir: Path,
        show: Show,
        clock: Clock,
        backoff: Backoff | None = None,
    ) -> None:
        self._stages = stages
        self._log_dir = log_dir
        self._show = show
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._keepers: list[list[_Keeper]] = []
        self._started = False

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each part that runs."""
        return {keeper.name: pid for stage in self._keepers for keeper in stage if (pid := keeper.pid) is not None}

    @property
    def restarts(self) -> dict[str, int]:
        """How often each part was started again after it had failed."""
        return {keeper.name: keeper.restarts for stage in self._keepers for keeper in stage}

    @property
    def up(self) -> dict[str, bool]:
        """Whether each part runs and is well."""
        return {keeper.name: keeper.well for stage in self._keepers for keeper in stage}

    async def not_ready(self) -> str:
        """Return why not everything does its work now, with the part's name; empty if everything does."""
        if not self._started:
            return "starting"
        for stage in self._keepers:
            for keeper in stage:
                if reason := await keeper.not_ready():
                    return f"{keeper.name}: {reason}"
        return ""

    async def start(self) -> None:
        """Start everything; return when all is ready.

        Raises
        ------
        StartError
            If a part cannot be brought up. Whatever runs by then still runs: call :meth:`stop`.
        Exception
            Whatever a step raises.
        """
        for stage in self._stages:
            keepers = [
                _Keeper(part, self._log_dir, self._show, self._clock, self._backoff)
                for part in stage
                if isinstance(part, Part)
            ]
            self._keepers.append(keepers)
            await _all(
                [
                    *(keeper.come_up() for keeper in keepers),
                    *(asyncio.to_thread(step.run) for step in stage if isinstance(step, Step)),
                ]
            )
            for item in stage:
                self._show(SUPERVISOR, f"{item.name}: {'ready' if isinstance(item, Part) else 'done'}")
        self._started = True

    async def stop(self) -> None:
        """Stop everything, the last stage first: SIGTERM, and after each part's grace SIGKILL."""
        self._started = False
        while self._keepers:
            await asyncio.gather(*(keeper.stop() for keeper in self._keepers[-1]))
            self._keepers.pop()

    def kill(self) -> None:
        """End everything at once; :meth:`stop` then has nothing to wait for."""
        for stage in self._keepers:
            for keeper in stage:
                keeper.kill()

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Start everything, keep it running until asked to stop, and stop it.

        Parameters
        ----------
        stop
            Set by whoever asks; heard during the start, too.
        ready
            Called once all is ready.

        Raises
        ------
        StartError
            If a part cannot be brought up; all is stopped by then.
        """
        asked = asyncio.create_task(stop.wait())
        starting = asyncio.create_task(self.start())
        try:
            await asyncio.wait({asked, starting}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
                ready()
                await asked
        finally:
            asked.cancel()
            starting.cancel()
            await asyncio.wait({starting})
            await self.stop()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Supervisor]:
        """Run everything for as long as the block lasts."""
        try:
            await self.start()
            yield self
        finally:
            await self.stop()


async def _all(waits: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Wait for all; the first failure cancels the others."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


class _Keeper:
    """Keeps one part running."""

    def __init__(self, part: Part, log_dir: Path, show: Show, clock: Clock, backoff: Backoff) -> None:
        self.name = part.name
        self._part = part
        self._log = _PartLog(log_dir / f"{part.name}.log", part.name, show)
        self._show = show
        self._clock = clock
        self._backoff = backoff
        self._child: asyncio.subprocess.Process | None = None
        self._ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._up = False  # this child has been ready
        self._sick_since: float | None = None
        self.restarts = 0

    @property
    def well(self) -> bool:
        """Whether it runs, has come up, and was not found sick when it was last looked at."""
        return self.pid is not None and self._up and self._sick_since is None

    async def not_ready(self) -> str:
        pid = self.pid
        if pid is None:
            return "is not there"
        if not self.well:
            return "starts" if self._sick_since is None else "gives no sign of life"
        return await asyncio.to_thread(self._part.not_ready, pid)

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.returncode is None else None

    async def come_up(self) -> None:
        """Start, and wait until ready; a part that fails meanwhile is restarted until its time is over."""
        self._task = asyncio.create_task(self._keep())
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait(
                {ready, self._task}, timeout=self._part.start_timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            ready.cancel()
        if self._task.done():
            await self._task
        if not self._ready.is_set():
            message = f"{self.name} is not ready; the end of {self._log.path}:\n{self._log.tail()}"
            raise StartError(message)

    async def stop(self) -> None:
        """End the part and its keeping."""
        self._stopping.set()
        child = self._child
        if child is not None and child.returncode is None:
            self._say("stopping")
            _signal(child, signal.SIGTERM)
            try:
                await asyncio.wait_for(child.wait(), self._part.stop_grace_s)
            except TimeoutError:
                self._say(f"did not stop within {self._part.stop_grace_s:g} s: killed")
                _signal(child, signal.SIGKILL)
                await child.wait()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, StartError):
                await self._task
        self._log.close()

    def kill(self) -> None:
        self._stopping.set()
        if self._child is not None:
            _signal(self._child, signal.SIGKILL)

    async def _keep(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            started = self._clock.monotonic()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            if code in self._part.final_codes:
                self._say(f"ended with code {code} and stays down: see {self._log.path}, then run `forewarn up` again")
                return
            if not self._ready.is_set() and failures + 1 >= _FUTILE:
                return  # come_up tells why
            failures = 1 if self._clock.monotonic() - started >= self._backoff.stable_s else failures + 1
            delay = self._backoff.delay(failures)
            self.restarts += 1
            self._say(f"ended with {_ending(code)}; started again in {delay:g} s")
            await asyncio.sleep(delay)

    async def _run_once(self) -> int:
        child = await asyncio.create_subprocess_exec(
            *leashed(self._part.command, self._part.orphan_signal, self._part.nice),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **self._part.env},
            start_new_session=True,
        )
        self._child = child
        self._up, self._sick_since = False, None
        watching = asyncio.create_task(self._watch(child))
        try:
            if self._stopping.is_set():  # asked to stop while it started
                _signal(child, signal.SIGTERM)
            if child.stdout is not None:
                await self._log.follow(child.stdout)
            return await child.wait()
        finally:
            watching.cancel()

    async def _watch(self, child: asyncio.subprocess.Process) -> None:
        while not await asyncio.to_thread(self._part.ready, child.pid):
            await asyncio.sleep(_POLL_S)
        self._ready.set()
        self._up = True
        while True:
            await asyncio.sleep(min(_CHECK_S, self._part.patience_s))
            if await asyncio.to_thread(self._part.healthy, child.pid):
                self._sick_since = None
                continue
            self._sick_since = self._clock.monotonic() if self._sick_since is None else self._sick_since
            if self._clock.monotonic() - self._sick_since >= self._part.patience_s:
                self._say("gives no sign of life: restarting it")
                _signal(child, signal.SIGTERM)
                await asyncio.sleep(self._part.stop_grace_s)
                _signal(child, signal.SIGKILL)

    def _say(self, text: str) -> None:
        self._show(SUPERVISOR, f"{self.name}: {text}")


class _PartLog:
    """The lines of one part: to its file, which is rotated, and to the combined log."""

    def __init__(self, path: Path, part: str, show: Show) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._part = part
        self._show = show
        self._tail: list[str] = []
        self._file = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES - 1, encoding="utf-8")
        self._file.setFormatter(logging.Formatter("%(message)s"))

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Take lines until the stream ends; one that is too long is cut."""
        rest = b""
        while piece := await stream.read(65_536):
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._take(line)
        if rest:
            self._take(rest)

    def _take(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        self._tail = [*self._tail[1 - _TAIL_LINES :], text]
        self._file.emit(logging.makeLogRecord({"msg": text}))
        self._show(self._part, text)

    def tail(self) -> str:
        return "\n".join(self._tail)

    def close(self) -> None:
        self._file.close()


def _signal(child: asyncio.subprocess.Process, number: int) -> None:
    """Send a signal to the part and all that it has started."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
