"""The connection to ClickHouse as the board and the API use it: reads only, off the event loop, bounded in time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from connectors.clickhouse import AccessError, MissingSchemaError, UnavailableError

P = ParamSpec("P")
T = TypeVar("T")


class UnreachableError(Exception):
    """ClickHouse does not answer or refuses the query: show the last figures as old, and try again."""


class BadCursorError(ValueError):
    """A page's cursor is not one that this server gave out: start from the first page."""


class Store:
    """Runs queries of the read side.

    Parameters
    ----------
    connect
        Makes a client that several threads may use at once; called at first use and again after a failure.
    threads
        How many queries run at once.
    """

    def __init__(self, connect: Callable[[], Client], threads: int = 4) -> None:
        self._connect = connect
        self._client: Client | None = None
        self._connecting = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="store")

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a query with bound parameters, as dictionaries. Blocks.

        Raises
        ------
        UnreachableError
            If there is no answer.
        """
        try:
            return list(self._connected().query(sql, parameters=dict(parameters or {})).named_results())
        except (UnavailableError, AccessError, MissingSchemaError, ClickHouseError, OSError) as error:
            self._client = None
            message = " ".join(str(error).split())[:500]
            raise UnreachableError(message) from error

    def _connected(self) -> Client:
        with self._connecting:
            if self._client is None:
                self._client = self._connect()
            return self._client

    async def run(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking read in a thread of its own pool and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: read(*args, **kwargs))

    def close(self) -> None:
        """Let go of the threads; queries under way end by their own time limit."""
        self._pool.shutdown(wait=False, cancel_futures=True)
