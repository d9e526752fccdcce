"""The web application: takes a request, runs it, answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from aiohttp import web

from connectors.embedded.clickhouse import policy, responses
from connectors.embedded.clickhouse.auth import User, authenticate
from connectors.embedded.clickhouse.compression import Encoder, encoder_for
from connectors.embedded.clickhouse.engine import Connection, Result
from connectors.embedded.clickhouse.errors import BAD_ARGUMENTS, READONLY, DatabaseError
from connectors.embedded.clickhouse.request import Request, read
from connectors.embedded.clickhouse.sessions import Key, Sessions
from connectors.embedded.clickhouse.statement import STREAMABLE, Insert, format_of, reads, selects, split_insert

_T = TypeVar("_T")
_THREADS = 16
_MOST_AT_ONCE = 12
_MOST_SESSIONS = 500
_HELLO = "SELECT displayName(), version(), revision(), timezone()"


class Facade:
    """Answers for one data directory.

    Parameters
    ----------
    path
        chDB's directory. One process at a time can have it.
    users
        Who may connect.
    limit
        Most bytes of a request's body.
    """

    def __init__(self, path: Path, users: Sequence[User], limit: int) -> None:
        self._path = path
        self._users = users
        self._limit = limit
        self._pool = ThreadPoolExecutor(_THREADS, "query")
        self._slots = asyncio.Semaphore(_MOST_AT_ONCE)
        self._anchor = Connection(path)  # the engine closes with its last connection
        self._denied = policy.denied_functions(self._anchor)
        row = self._anchor.query("SELECT version(), timezone()", "TSVRaw").data.decode()
        self._version, self._timezone = row.rstrip("\n").split("\t")
        self._sessions = Sessions(self._connect, _MOST_SESSIONS)

    def close(self) -> None:
        """Wait for running statements and close the engine, so that all it wrote is on disk."""
        self._pool.shutdown()
        self._sessions.close()
        self._anchor.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        headers = {"X-ClickHouse-Server-Display-Name": "chdb", "X-ClickHouse-Timezone": self._timezone}
        try:
            user = authenticate(self._users, request.headers, request.query)
            asked = await read(request, self._limit)
            headers["X-ClickHouse-Query-Id"] = asked.query_id
            return await self._answer(request, asked, user, headers)
        except DatabaseError as error:
            return responses.failure(error, self._version, headers)

    async def _answer(
        self, request: web.Request, asked: Request, user: User, headers: dict[str, str]
    ) -> web.StreamResponse:
        text = asked.text
        if not text.strip():
            return web.Response(text="Ok.\n")
        if asked.protocol and text.strip() == _HELLO.encode():
            body = responses.greeting(self._version, self._timezone)
            return web.Response(body=body, headers={**headers, "X-ClickHouse-Format": "Native"})
        read_only = user.read_only or asked.get
        async with self._slots, self._connection(asked, Key(user.name, read_only, "")) as connection:
            settings = policy.allowed_settings(asked.settings) if read_only else asked.settings
            await self._run(lambda: connection.use(asked.database, settings))
            insert = split_insert(asked.statement, asked.body)
            if insert is not None:
                return await self._insert(connection, insert, read_only, headers)
            return await self._query(request, asked, connection, read_only, headers)

    async def _insert(
        self, connection: Connection, insert: Insert, read_only: bool, headers: dict[str, str]
    ) -> web.Response:
        if read_only:
            raise DatabaseError(READONLY, "Cannot execute query in readonly mode. (READONLY)")
        result = await self._run(lambda: connection.insert(insert.head, insert.format, insert.data))
        return web.Response(headers={**headers, "X-ClickHouse-Summary": responses.summary(result)})

    async def _query(
        self, request: web.Request, asked: Request, connection: Connection, read_only: bool, headers: dict[str, str]
    ) -> web.StreamResponse:
        sql = _decoded(asked.text)
        output = format_of(sql) or asked.output
        if read_only:
            sql = await self._run(partial(policy.checked, connection, sql, asked.parameters, output, self._denied))
        if not reads(sql):
            result = await self._run(lambda: connection.query(sql, output, asked.parameters))
            return web.Response(
                body=result.data, headers={**headers, "X-ClickHouse-Summary": responses.summary(result)}
            )
        headers |= {"X-ClickHouse-Format": output, "Content-Type": responses.content_type(output)}
        encoding, encoder = encoder_for(asked.accepted)
        if asked.whole or output not in STREAMABLE or not selects(sql):
            result = await self._run(lambda: connection.query(sql, output, asked.parameters))
            headers["X-ClickHouse-Summary"] = responses.summary(result)
            return await self._whole(result, encoding, encoder, headers)
        blocks = connection.stream(sql, output, asked.parameters)
        try:
            return await self._stream(request, blocks, encoding, encoder, headers)
        finally:
            await self._run(blocks.close)

    async def _whole(
        self, result: Result, encoding: str, encoder: Encoder, headers: dict[str, str]
    ) -> web.StreamResponse:
        if not encoding or not result.data:
            return web.Response(body=result.data, headers=headers)
        body = await self._run(lambda: encoder.begin() + encoder.compress(result.data) + encoder.flush())
        return web.Response(body=body, headers={**headers, "Content-Encoding": encoding})

    async def _stream(
        self,
        request: web.Request,
        blocks: Generator[bytes, None, None],
        encoding: str,
        encoder: Encoder,
        headers: dict[str, str],
    ) -> web.StreamResponse:
        block = await self._run(lambda: next(blocks, None))  # before the headers: an early error keeps its status
        tag = uuid4().hex[:16]
        response = web.StreamResponse(headers={**headers, "X-ClickHouse-Exception-Tag": tag})
        if encoding and block is not None:
            response.headers["Content-Encoding"] = encoding
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            if block is not None:
                await response.write(encoder.begin())
                async for piece in self._pieces(block, blocks, tag):
                    await response.write(await self._run(partial(encoder.compress, piece)))
                await response.write(encoder.flush())
            await response.write_eof()
        except ConnectionError:  # the client hung up: the caller ends the query
            pass
        return response

    async def _pieces(self, first: bytes, blocks: Generator[bytes, None, None], tag: str) -> AsyncIterator[bytes]:
        block: bytes | None = first
        try:
            while block is not None:
                yield block
                block = await self._run(lambda: next(blocks, None))
        except DatabaseError as error:
            yield responses.late_failure(error, tag)

    @asynccontextmanager
    async def _connection(self, asked: Request, key: Key) -> AsyncIterator[Connection]:
        """Give the session's connection, or one for this request alone: it cannot leave settings to the next."""
        if asked.session is None:
            connection = self._connect()
            try:
                yield connection
            finally:
                connection.close()
            return
        key = key._replace(id=asked.session.id)
        connection = self._sessions.take(key, asked.session)
        try:
            yield connection
        finally:
            self._sessions.give_back(key, asked.session, connection)

    def _connect(self) -> Connection:
        return Connection(self._path)

    async def _run(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise DatabaseError(BAD_ARGUMENTS, f"The statement is not UTF-8: {error.reason}.") from error
