"""The ClickHouse that comes with forewarn, as a child process."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from connectors.embedded.ports import LOOPBACK, ensure_free
from connectors.embedded.process import STOP_GRACE_S, ServerProcess

READY_TIMEOUT_S = 60.0


class ClickHouseServer:
    """A ClickHouse that listens on the loopback interface only.

    What it prints goes to ``console.log`` in its data directory.

    Parameters
    ----------
    data_dir
        Its directory. One process at a time can have it.
    port
        Where it listens.
    password
        Password of ``user``, who may do anything.
    user
        Its name.
    reader_password
        Password of the user ``reader``, who may only query; empty: there is no such user.

    Examples
    --------
    >>> server = ClickHouseServer(Path("data"), 18123, "secret")
    >>> server.url
    'http://127.0.0.1:18123'
    """

    def __init__(
        self, data_dir: Path, port: int, password: str, user: str = "default", reader_password: str = ""
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self.user = user
        self.password = password
        self.reader_password = reader_password
        self._process = ServerProcess("ClickHouse", self.data_dir / "console.log")

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id; None if it does not run."""
        return self._process.pid

    def check_ports(self, setting: str = "FOREWARN_CLICKHOUSE_PORT") -> None:
        """Raise :class:`PortTakenError` if its port is taken."""
        ensure_free(self.port, "ClickHouse", setting)

    def command(self) -> list[str]:
        """Return the command that runs it; it needs :meth:`environment`, too."""
        module = "connectors.embedded.clickhouse"
        return [
            *(sys.executable, "-m", module),
            *("--data-dir", str(self.data_dir), "--port", str(self.port), "--user", self.user),
        ]

    def environment(self) -> dict[str, str]:
        """Return the variables that carry its passwords."""
        return {
            "FOREWARN_CLICKHOUSE_PASSWORD": self.password,
            "FOREWARN_CLICKHOUSE_READER_PASSWORD": self.reader_password,
        }

    def ready(self) -> bool:
        """Return whether it answers."""
        try:
            return httpx.get(f"{self.url}/ping", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def start(self) -> Self:
        """Start it; :meth:`wait_ready` tells when it answers. It ends with the thread that calls this.

        Raises
        ------
        PortTakenError, ServerError
            If it cannot be started.
        """
        self.check_ports()
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._process.start(self.command(), self.environment())
        return self

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until it answers; raise :class:`ServerError` if it never does."""
        self._process.wait_until(self.ready, timeout_s)

    def stop(self, grace_s: float = STOP_GRACE_S) -> int | None:
        """Stop it: SIGTERM, after ``grace_s`` seconds SIGKILL. Return the exit code."""
        return self._process.stop(grace_s)

    def kill(self) -> None:
        """End it at once, as a power failure would; for tests and drills."""
        self._process.kill()

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
