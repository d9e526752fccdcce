"""One server as a child process: started, waited for, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from connectors.embedded.errors import ServerError
from connectors.embedded.leash import leashed

#: Seconds that a server gets to stop by itself.
STOP_GRACE_S = 10.0
_POLL_S = 0.05
_LOG_TAIL = 2_000
_LOG_LIMIT = 5_000_000


class ServerProcess:
    """A child process in a session of its own, so that Ctrl-C reaches only the one who stops it in order.

    Parameters
    ----------
    name
        What it is, for messages.
    log
        File that its stdout and stderr go to. Appended to; started anew once it is over 5 MB.
    """

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id; None if it does not run."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def start(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Start it; it gets SIGTERM when this process is gone.

        Parameters
        ----------
        command
            Program and arguments. No secrets: every user of the machine can read them.
        env
            Variables in addition to this process's own.

        Raises
        ------
        ServerError
            If it runs already.
        """
        if self.pid is not None:
            message = f"{self.name} runs already, as process {self.pid}"
            raise ServerError(message)
        self.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        large = self.log.exists() and self.log.stat().st_size > _LOG_LIMIT
        with self.log.open("wb" if large else "ab") as log:
            self._child = subprocess.Popen(
                leashed(command, signal.SIGTERM),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until it serves.

        Raises
        ------
        ServerError
            If it ends or the time is over; the message has the end of its log.
        """

        def settled() -> bool:
            return self.pid is None or ready()

        try:
            Retrying(
                stop=stop_after_delay(timeout_s), wait=wait_fixed(_POLL_S), retry=retry_if_result(lambda done: not done)
            )(settled)
        except RetryError:
            message = f"{self.name} does not serve after {timeout_s:g} s; the end of {self.log}:\n{self.log_tail()}"
            raise ServerError(message) from None
        if self.pid is None:
            message = f"{self.name} stopped while it started; the end of {self.log}:\n{self.log_tail()}"
            raise ServerError(message)

    def stop(self, grace_s: float = STOP_GRACE_S) -> int | None:
        """Stop it with SIGTERM, after ``grace_s`` seconds with SIGKILL; return its exit code, None if it never ran."""
        if self._child is None:
            return None
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(grace_s)
            except subprocess.TimeoutExpired:
                self._child.kill()
        return self._child.wait()

    def kill(self) -> None:
        """End it at once, as a power failure would."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def log_tail(self) -> str:
        """Return the end of its log."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _LOG_TAIL))
            return log.read().decode("utf-8", "replace")
