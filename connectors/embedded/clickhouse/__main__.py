"""The process: ``python -m connectors.embedded.clickhouse --data-dir DIR --port PORT``.

Passwords come in ``FOREWARN_CLICKHOUSE_PASSWORD`` and ``FOREWARN_CLICKHOUSE_READER_PASSWORD`` or in files, never as
arguments: every user of the machine can read those.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from connectors.embedded.clickhouse.auth import User
from connectors.embedded.clickhouse.errors import DatabaseError
from connectors.embedded.ports import LOOPBACK

PASSWORD = "FOREWARN_CLICKHOUSE_PASSWORD"
READER_PASSWORD = "FOREWARN_CLICKHOUSE_READER_PASSWORD"
READER = "reader"
_SHUTDOWN_S = 8.0


async def serve(store: Path, known: list[User], port: int, limit: int) -> None:
    """Serve on the loopback interface until SIGTERM or SIGINT, then finish what runs and close the engine."""
    from connectors.embedded.clickhouse.app import Facade  # takes a second: wrong options are told before

    facade = Facade(store, known, limit)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    app = web.Application()
    for path in ("/ping", "/replicas_status"):
        app.router.add_get(path, _ping)
    app.router.add_route("*", "/", facade.handle)
    # aiohttp would inflate gzip itself, but only the first frame of it.
    runner = web.AppRunner(app, auto_decompress=False, access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
        await stopped.wait()
    finally:
        await runner.cleanup()
        facade.close()


async def _ping(_request: web.Request) -> web.Response:
    return web.Response(text="Ok.\n")


def users(options: argparse.Namespace, environ: Mapping[str, str]) -> list[User]:
    """Return who may connect.

    Raises
    ------
    ValueError
        If the first user has no password.
    """
    found = [User(options.user, _secret(options.password_file, environ.get(PASSWORD)))]
    reader_password = _secret(options.reader_password_file, environ.get(READER_PASSWORD))
    if reader_password:
        found.append(User(READER, reader_password, read_only=True))
    return found


def _secret(file: Path | None, value: str | None) -> str:
    return file.read_text(encoding="utf-8").strip() if file is not None else value or ""


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser("clickhouse", description="ClickHouse's HTTP interface in front of chDB.")
    parser.add_argument("--data-dir", type=Path, required=True, help="directory of the data; one process at a time")
    parser.add_argument("--port", type=int, required=True, help="port on the loopback interface")
    parser.add_argument("--user", default="default", help="user who may do anything")
    parser.add_argument("--password-file", type=Path, help=f"file with its password; else ${PASSWORD}")
    parser.add_argument("--reader-password-file", type=Path, help=f"file with {READER}'s; else ${READER_PASSWORD}")
    parser.add_argument("--max-request-bytes", type=int, default=256 << 20, help="largest body, decompressed")
    return parser.parse_args(arguments)


def main() -> int:
    """Run it; return the exit code."""
    options = parsed(sys.argv[1:])
    store = options.data_dir.absolute()
    nowhere = store / "empty"  # chDB takes relative names for files here; there are none
    try:
        known = users(options, os.environ)
        nowhere.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chdir(nowhere)
        asyncio.run(serve(store / "store", known, options.port, options.max_request_bytes))
    except (ValueError, OSError, DatabaseError) as error:
        print(f"clickhouse: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
