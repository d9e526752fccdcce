"""A private stack: a whole ``forewarn up`` on free ports in a directory of its own, for benchmarks, drills, tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import psutil
from clickhouse_connect.driver.client import Client

from connectors.clickhouse import client
from connectors.control import ControlStore, DeliveryState
from connectors.embedded import clickhouse as clickhouse_server
from connectors.embedded import free_run
from connectors.embedded.leash import leashed
from connectors.kafka.reader import Row, read_topic
from streams import health
from streams.checkup import caught_up, look
from streams.clock import SystemClock
from streams.runtime import Endpoints, endpoints, load_settings
from streams.settings import Settings

T = TypeVar("T")
_POLL_S = 0.1
#: A worker that said nothing for so long may hang: it says something every second.
_LATELY_S = 5.0


class StackError(RuntimeError):
    """The private stack did not come up, or a command in it failed; the message has the end of what it printed."""


class PrivateStack:
    """A stack that nobody else knows of.

    Parameters
    ----------
    data_dir
        An empty directory, or that of an earlier private stack.
    scorers
        How many scorer processes its supervisor keeps; 0: scorers are started with :meth:`spawn`.
    settings
        Further settings, by their names.

    Examples
    --------
    >>> with PrivateStack(Path("/tmp/x"), partitions=4) as stack:  # doctest: +SKIP
    ...     stack.run("simulate", "--enterprises", "100", "--speed", "0")
    """

    def __init__(self, data_dir: Path, scorers: int = 2, **settings: Any) -> None:
        self._scorers = scorers
        port = free_run(4)  # Kafka's controller takes the one behind Kafka's
        given: dict[str, Any] = {
            "data_dir": data_dir,
            "stack_time": "simulated",
            "kafka_port": port,
            "clickhouse_port": port + 2,
            "http_port": port + 3,
        }
        self._given = given | settings
        self._clock = SystemClock()
        # Nothing of the surrounding FOREWARN_* reaches it: a private stack must never write into another one.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FOREWARN_")}
        self.env = inherited | {f"FOREWARN_{name.upper()}": str(value) for name, value in self._given.items()}
        self._log = data_dir.parent / f"{data_dir.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> Settings:
        """The settings of its processes."""
        return load_settings(**self._given)

    @property
    def endpoints(self) -> Endpoints:
        """Where its servers are."""
        return endpoints(self.settings)

    def client(self) -> Client:
        """Return a connection to its ClickHouse."""
        return client(self.endpoints)

    def pids(self) -> dict[str, int]:
        """Return the process of each worker, and of each embedded server, that runs."""
        workers = {sign.part: sign.pid for sign in health.read_all(self.settings.data_dir) if sign.alive}
        return workers | self._servers()

    def _servers(self) -> dict[str, int]:
        if self._process is None:
            return {}
        found = {}
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    words = child.cmdline()
                    if "kafka.Kafka" in words:
                        found["kafka"] = child.pid
                    elif clickhouse_server.__name__ in words:
                        found["clickhouse"] = child.pid
        return found

    def records(self, topic: str, since: Mapping[int, int] | None = None) -> Iterator[Row]:
        """Yield the committed records of one of its topics; see :func:`connectors.kafka.reader.read_topic`."""
        return read_topic(self.endpoints.kafka, topic, since)

    def owners(self) -> dict[int, str]:
        """Return which scorer has which partition group, of those that have said so in the last seconds."""
        found = {}
        for sign in health.read_all(self.settings.data_dir):
            # By the file's time, since a scorer's own clock may be wrong.
            path = health.path_of(self.settings.data_dir, sign.part)
            with suppress(FileNotFoundError):
                said_ago_s = self._clock.now_ms() / 1000 - path.stat().st_mtime
                if sign.alive and said_ago_s < _LATELY_S and not sign.detail.get("rebalancing", True):
                    found.update(dict.fromkeys(sign.detail["partitions"], sign.part))
        return found

    def all_told(self) -> bool:
        """Tell whether no webhook waits to be delivered."""
        store = ControlStore(self.endpoints.control_url)
        try:
            counts = store.delivery_counts()
        finally:
            store.close()
        return not any(states.get(DeliveryState.WAITING, 0) for states in counts.values())

    def works(self, part: str) -> bool:
        """Tell whether a worker says that it does its work."""
        sign = health.read(self.settings.data_dir, part)
        return sign is not None and sign.alive and sign.state == "running"

    def kill(self, part: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a worker."""
        os.kill(self.pids()[part], number)

    def run(self, *arguments: str, check: bool = True, env: Mapping[str, str] | None = None) -> Any:
        """Run a ``forewarn`` command in it; return the JSON that it printed, None if it printed none.

        Raises
        ------
        StackError
            If it ends with another exit code than 0 and ``check`` is set.
        """
        done = subprocess.run(
            [sys.executable, "-m", "streams.cli", *arguments],
            env={**self.env, **(env or {})},
            capture_output=True,
            check=False,
        )
        if check and done.returncode:
            message = f"forewarn {' '.join(arguments)}: code {done.returncode}\n{done.stderr.decode()[-3000:]}"
            raise StackError(message)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def spawn(
        self,
        *arguments: str,
        module: str = "streams.cli",
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a ``forewarn`` command in it and return it; it ends with this process.

        Parameters
        ----------
        arguments
            Of the command.
        module
            What to run instead of the ``forewarn`` command.
        env
            Variables in addition to the stack's.
        log
            File that its output is appended to; by default it is thrown away.
        """
        command = leashed([sys.executable, "-m", module, *arguments], signal.SIGKILL)
        with (log or Path(os.devnull)).open("ab") as output:
            return subprocess.Popen(
                command, env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def wait_for(self, what: str, ask: Callable[[], T | None], timeout_s: float = 120.0, poll_s: float = _POLL_S) -> T:
        """Ask until there is an answer that counts as true, and return it.

        Raises
        ------
        TimeoutError
            If there is none in time; the message says what was waited for.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if answer := ask():
                return answer
            time.sleep(poll_s)
        message = f"{what}: not within {timeout_s:g} s; the log is {self._log}\n{self._tail()}"
        raise TimeoutError(message)

    def wait_until_quiet(self, timeout_s: float = 300.0) -> None:
        """Wait until all that was sent is scored and recorded, and the notifier has read all alerts."""
        calm = 0

        def settled() -> bool:
            nonlocal calm
            calm = calm + 1 if self._caught_up() else 0
            return calm >= 3  # the scorers may still write what they have just read

        self.wait_for("everything scored and recorded", settled, timeout_s)

    def _caught_up(self) -> bool:
        return caught_up(look(self.settings, self.endpoints, self._clock))

    # ---- life ----------------------------------------------------------------------------------------------------

    def start(self, timeout_s: float = 180.0) -> None:
        """Start it and wait until every part works.

        Raises
        ------
        StackError
            If it ends instead.
        """
        up = [sys.executable, "-m", "streams.cli", "up", "--scorers", str(self._scorers)]
        command = leashed(up, signal.SIGTERM)  # it ends when this process is killed
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        expected = {*(f"scorer-{n}" for n in range(self._scorers)), "recorder", "notifier", "serve"}
        self.wait_for("all parts running", lambda: self._runs() >= expected, timeout_s)

    def _runs(self) -> set[str]:
        if self._process is None or self._process.poll() is not None:
            message = f"forewarn up ended\n{self._tail()}"
            raise StackError(message)
        return {sign.part for sign in health.read_all(self.settings.data_dir) if sign.alive and sign.state == "running"}

    def stop(self, timeout_s: float = 60.0) -> None:
        """Stop it in order; what does not stop in time is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()

    def crash(self, timeout_s: float = 60.0) -> None:
        """SIGKILL it and all its children at once, as a power failure would; return when they are gone."""
        process, self._process = self._process, None
        if process is None:
            return
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        process.wait()
        psutil.wait_procs(children, timeout_s)

    def _tail(self) -> str:
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-25:])

    def __enter__(self) -> PrivateStack:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def memory_mb(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the resident memory of some processes, megabytes."""
    found = {}
    for name, pid in pids.items():
        with suppress(psutil.NoSuchProcess):
            found[name] = round(psutil.Process(pid).memory_info().rss / 1e6, 1)
    return found
