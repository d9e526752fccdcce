"""A helper process of a measurement: told to go by a line, tells what it sees in lines of JSON."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from connectors.embedded.leash import leashed
from streams.clock import Clock
from streams.private import StackError

_POLL_S = 0.05


class Companion:
    """A module that runs as a process of its own for as long as a block lasts.

    Parameters
    ----------
    clock
        To wait by.
    module, arguments
        What to run, as ``python -m``. It prints one line when it is ready; those after it are :attr:`said`.
    """

    def __init__(self, clock: Clock, module: str, *arguments: str) -> None:
        self.said: list[Any] = []
        self._clock = clock
        self._module = module
        self._command = leashed([sys.executable, "-m", module, *arguments], signal.SIGKILL)
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._ears = [threading.Thread(target=listen, daemon=True) for listen in (self._listen, self._overhear)]
        self._errors = ""
        for ear in self._ears:
            ear.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for ear in self._ears:
            ear.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until it says that it is ready; raise TimeoutError or StackError if it does not."""
        self.wait_for("ready", self._ready.is_set, timeout_s)

    def go(self) -> None:
        """Tell it to begin."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def wait_for(self, what: str, reached: Callable[[], bool], timeout_s: float) -> None:
        """Wait until something is so.

        Raises
        ------
        TimeoutError
            If it takes too long.
        StackError
            If the process fails meanwhile; the message has the end of what it printed.
        """
        deadline = self._clock.monotonic() + timeout_s
        while not reached():
            self.check()
            if self._clock.monotonic() > deadline:
                message = f"{self._module}: {what}: not within {timeout_s:g} s"
                raise TimeoutError(message)
            time.sleep(_POLL_S)

    def check(self) -> None:
        """Raise StackError if the process has failed."""
        if self._process.poll():
            for ear in self._ears:
                ear.join()
            message = f"{self._module} ended with code {self._process.returncode}\n{self._errors[-2_000:]}"
            raise StackError(message)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if self._ready.is_set():
                self.said.append(json.loads(line))
            else:
                self._ready.set()

    def _overhear(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._errors += line
