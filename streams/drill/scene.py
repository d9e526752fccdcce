"""What a fault acts on: a loaded private stack, a moody receiver, and a notebook for the account."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from connectors.webhook import Answer, Request
from streams.clock import Clock
from streams.drill.audit import Ledger
from streams.drill.load import SteadyLoad
from streams.drill.pauses import Mark
from streams.private import PrivateStack

#: A scorer that is told to stop has this long. Seconds.
_STOP_S = 20.0


class NotPossibleError(Exception):
    """The machine does not allow the drill; the message says what it lacks."""


class Moody:
    """Answers for a receiver that can be told to be down; notes when which message came."""

    def __init__(self, clock: Clock) -> None:
        self.down = False
        self.arrivals: list[tuple[int, Request]] = []  # milliseconds
        self._clock = clock

    def __call__(self, request: Request) -> Answer:
        """Answer 200, or 503 while down."""
        self.arrivals.append((self._clock.now_ms(), request))
        return Answer(503) if self.down else Answer()


class Scorers:
    """Scorers that a drill runs itself: no supervisor restarts them, or minds that they hang.

    Parameters
    ----------
    stack
        One that was made with ``scorers=0``.
    """

    def __init__(self, stack: PrivateStack) -> None:
        self._stack = stack
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(
        self,
        number: int,
        *arguments: str,
        module: str = "streams.cli",
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start one, by default ``forewarn scorer``."""
        command = ["scorer"] if module == "streams.cli" else []
        process = self._stack.spawn(
            *command, "--worker-id", str(number), *arguments, module=module, env=env, log=self.log(number)
        )
        self._running[number] = process
        return process

    def stop(self, number: int, how: int = signal.SIGTERM) -> None:
        """End one and wait for it; SIGKILL if it does not end."""
        process = self._running.pop(number)
        process.send_signal(how)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def signal(self, number: int, how: int) -> None:
        """Send a signal to one."""
        self._running[number].send_signal(how)

    def pids(self) -> dict[str, int]:
        """Return the process of each."""
        return {f"scorer-{number}": process.pid for number, process in self._running.items()}

    def log(self, number: int) -> Path:
        """Return where one's output goes."""
        return self._stack.settings.data_dir / "logs" / f"scorer-{number}.log"

    def close(self) -> None:
        """End them all."""
        for number, process in list(self._running.items()):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            self.stop(number)


class Scene:
    """One drill under way.

    Attributes
    ----------
    stack, load, receiver
        What is broken, what it works on, and whom it tells.
    scorers
        To run scorers outside ``forewarn up``.
    chance
        Decides random moments.
    clock
        To measure by.
    ledger
        Told what is sent beside the load.
    figures
        Filled by the fault: what it found, beside the account.
    """

    def __init__(
        self,
        name: str,
        stack: PrivateStack,
        load: SteadyLoad,
        receiver: Moody,
        scorers: Scorers,
        chance: random.Random,
        clock: Clock,
        ledger: Ledger,
    ) -> None:
        self.name = name
        self.stack = stack
        self.load = load
        self.receiver = receiver
        self.scorers = scorers
        self.chance = chance
        self.clock = clock
        self.ledger = ledger
        self.figures: dict[str, object] = {}
        self.marks: list[Mark] = []
        self._owners: dict[int, str] = {}

    @property
    def groups(self) -> range:
        """All partition groups."""
        return range(self.stack.settings.partitions)

    def sleep(self, seconds: float) -> None:
        """Let the load go on for a while."""
        time.sleep(seconds)

    def soon(self) -> None:
        """Let a random moment pass."""
        time.sleep(self.chance.uniform(0.2, 1.5))

    def mark(self, *parts: str, moved: Collection[int] | None = None) -> Mark:
        """Note that now something is done to the scorers that loses these parts their groups; by default nothing."""
        self._owners |= self.stack.owners()  # whoever is not back yet still has its groups: they are kept for it
        lost = {group for group, part in self._owners.items() if part in parts} if moved is None else moved
        made = Mark(self.clock.now_ms(), lost)
        self.marks.append(made)
        return made

    def wait_until_shared(self, *parts: str) -> dict[int, str]:
        """Wait until these scorers, and no others, have all partition groups; return who has which."""

        def shared() -> dict[int, str] | None:
            owners = self.stack.owners()
            return owners if set(owners) == set(self.groups) and set(owners.values()) == set(parts) else None

        return self.stack.wait_for(f"all groups taken over by {', '.join(parts)}", shared)

    def kill(self, part: str) -> None:
        """SIGKILL a part that the supervisor keeps; return when it has started it again."""
        old = self.stack.pids()[part]
        self.stack.kill(part)
        self.stack.wait_for(f"{part} started again", lambda: self.stack.pids().get(part, old) != old)
