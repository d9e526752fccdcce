"""Connections by session: temporary tables and settings that outlive a request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from connectors.embedded.clickhouse.engine import Connection
from connectors.embedded.clickhouse.errors import (
    SESSION_IS_LOCKED,
    SESSION_NOT_FOUND,
    TOO_MANY_SESSIONS,
    DatabaseError,
)
from connectors.embedded.clickhouse.request import Session


class Key(NamedTuple):
    """A session belongs to a user, and a reader's connection never becomes a writer's."""

    user: str
    read_only: bool
    id: str


class Sessions:
    """The open sessions. One request at a time has one; an idle one ends after its time.

    Parameters
    ----------
    connect
        Makes a connection.
    most
        How many there may be.
    """

    def __init__(self, connect: Callable[[], Connection], most: int) -> None:
        self._connect = connect
        self._most = most
        self._idle: dict[Key, tuple[Connection, asyncio.TimerHandle]] = {}
        self._busy: set[Key] = set()

    def take(self, key: Key, session: Session) -> Connection:
        """Return the connection of a session, a new one if there is none.

        Raises
        ------
        DatabaseError
            If another request has it, there are too many, or it had to exist and does not.
        """
        if key in self._busy:
            raise DatabaseError(SESSION_IS_LOCKED, f"Session {key.id} is locked by a concurrent client.")
        if key in self._idle:
            connection, timer = self._idle.pop(key)
            timer.cancel()
        elif session.must_exist:
            raise DatabaseError(SESSION_NOT_FOUND, f"Session {key.id} not found. (SESSION_NOT_FOUND)")
        elif len(self._idle) + len(self._busy) >= self._most:
            message = f"There are {self._most} sessions already: close some, or wait until they expire."
            raise DatabaseError(TOO_MANY_SESSIONS, message)
        else:
            connection = self._connect()
        self._busy.add(key)
        return connection

    def give_back(self, key: Key, session: Session, connection: Connection) -> None:
        """Keep a connection for the next request of its session."""
        self._busy.discard(key)
        if session.close:
            connection.close()
            return
        timer = asyncio.get_running_loop().call_later(session.timeout_s, self._expire, key)
        self._idle[key] = (connection, timer)

    def close(self) -> None:
        """End all idle sessions."""
        for key in list(self._idle):
            self._expire(key)

    def _expire(self, key: Key) -> None:
        connection, timer = self._idle.pop(key)
        timer.cancel()
        connection.close()
