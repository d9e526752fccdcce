"""Runs ``forewarn serve`` in a process of its own, in front of a ClickHouse that can be cut off."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from connectors.embedded import free_port
from tests.dashboards.conftest import Place


class Cable:
    """Forwards a local port to a server until it is cut; then connections are refused."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self.port = free_port()
        self._cut = threading.Event()
        self._thread: threading.Thread | None = None

    def plug(self) -> None:
        """Forward from now on."""
        self._cut.clear()
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", self.port))
        server.listen(64)
        self._thread = threading.Thread(target=self._forward, args=(server,), daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Close every connection and refuse new ones."""
        self._cut.set()
        if self._thread is not None:
            self._thread.join()

    def _forward(self, server: socket.socket) -> None:
        pairs: dict[socket.socket, socket.socket] = {}
        while not self._cut.is_set():
            for ready in select.select([server, *pairs], [], [], 0.05)[0]:
                if ready is server:
                    near, far = server.accept()[0], socket.create_connection(self._target)
                    pairs |= {near: far, far: near}
                elif ready in pairs:
                    data = b""
                    with contextlib.suppress(OSError):
                        data = ready.recv(65536)
                    if data:
                        pairs[ready].sendall(data)
                    else:
                        other = pairs.pop(ready)
                        pairs.pop(other)
                        ready.close()
                        other.close()
        for one in (server, *pairs):
            one.close()


class Served:
    """A running ``forewarn serve``.

    Parameters
    ----------
    place
        The database that it reads.
    data_dir
        Its data directory.
    options
        More of its environment, without ``FOREWARN_``.
    """

    def __init__(self, place: Place, data_dir: Path, **options: str) -> None:
        address = urlsplit(place.clickhouse_url)
        assert address.hostname and address.port
        self.cable = Cable(address.hostname, address.port)
        self.cable.plug()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = data_dir
        given = {
            "DATA_DIR": str(data_dir),
            "CLICKHOUSE_URL": f"http://127.0.0.1:{self.cable.port}",
            "CLICKHOUSE_USER": place.clickhouse_user,
            "CLICKHOUSE_PASSWORD": place.clickhouse_password,
            "CLICKHOUSE_DATABASE": place.clickhouse_database,
            "HTTP_PORT": str(self.port),
            **options,
        }
        self._environment = os.environ | {f"FOREWARN_{name}": value for name, value in given.items()}
        self._log = (data_dir / "serve.log").open("wb")
        self.process = self.run()

    def run(self) -> subprocess.Popen[bytes]:
        """Start it (again)."""
        return subprocess.Popen(
            [sys.executable, "-m", "streams.cli", "serve"],
            env=self._environment,
            cwd=self.data_dir,
            stdout=self._log,
            stderr=self._log,
        )

    def log(self) -> str:
        """Return what it has said."""
        return (self.data_dir / "serve.log").read_text(encoding="utf-8")

    def wait_ready(self) -> None:
        """Return when it answers."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/healthz").status_code == 200:
                    return
            time.sleep(0.1)
        raise AssertionError(self.log())

    def stop(self) -> float:
        """Ask it to stop; return how many seconds it took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.cable.cut()
        self._log.close()
        return time.monotonic() - began


@contextlib.contextmanager
def served(place: Place, data_dir: Path, **options: str) -> Iterator[Served]:
    """Serve a database for as long as the block lasts."""
    running = Served(place, data_dir, **options)
    try:
        running.wait_ready()
        yield running
    finally:
        running.stop()
