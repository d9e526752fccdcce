"""Puts blocks of rows into ClickHouse and says what to do when it does not take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TypeAlias

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from connectors.clickhouse.client import ACCESS_CODES, AccessError, MissingSchemaError, UnavailableError
from connectors.clickhouse.schema import Recorded, Table

#: Codes of ClickHouse that mean "not this row, ever": the value does not fit its column.
_REFUSING_CODES = frozenset({6, 26, 27, 38, 41, 43, 44, 50, 53, 69, 70, 72, 117, 190, 321, 349, 407, 469, 691})
#: A table, a database or a column is not there.
_SCHEMA_CODES = frozenset({10, 16, 60, 81})

_SETTINGS = {
    # Years of history make a partition per month in one block; the default of 100 would refuse it.
    "max_partitions_per_insert_block": 0,
    # The answer must mean that the rows are stored, whatever the user's profile says.
    "async_insert": 0,
    # Rows of one key may stay apart until parts merge, as those of two blocks do: looking for them costs as much again.
    "optimize_on_insert": 0,
}

#: Messages with their places, or a block of a table's columns.
Rows: TypeAlias = "Sequence[Recorded] | pa.Table"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that ClickHouse does not take: where it came from, and why."""

    topic: str
    partition: int
    offset: int
    index: int
    reason: str


class RefusedRowsError(ValueError):
    """ClickHouse will never take these rows: find the one at fault; trying again does not help."""


class Sink:
    """Inserts rows, at least once: a block that was inserted twice shows once through the views and FINAL.

    Several threads may use it at once.

    Parameters
    ----------
    connect
        Makes a client; called at first use, and again after ClickHouse was away.
    """

    def __init__(self, connect: Callable[[], Client]) -> None:
        self._connect = connect
        self._client: Client | None = None
        self._connecting = Lock()

    def insert(self, table: Table, rows: Rows) -> None:
        """Insert the rows as one block. Blocks the thread until ClickHouse has stored them.

        Raises
        ------
        UnavailableError
            If there was no answer, or fewer rows than sent were stored: try the same again.
        RefusedRowsError
            If one of the rows cannot be stored.
        MissingSchemaError, AccessError
            If an operator has to act.
        """
        block = _block(table, rows)
        client = self._connected()
        try:
            written = client.insert_arrow(table.name, block, settings=_SETTINGS).written_rows
        except DatabaseError as error:
            raise _meaning(table, error) from error
        except (ClickHouseError, OSError) as error:
            self._client = None
            message = f"ClickHouse did not answer: {_short(error)}"
            raise UnavailableError(message) from error
        if written < len(rows):  # a server's own materialized views may add to the count
            message = f"ClickHouse stored {written} of {len(rows)} rows of {table.name}"
            raise UnavailableError(message)

    def isolate(self, table: Table, rows: Rows) -> list[Refusal]:
        """Insert what can be inserted of a refused block, and return the rows at fault."""
        try:
            self.insert(table, rows)
        except RefusedRowsError as error:
            if len(rows) == 1:
                return [_refusal(rows, str(error))]
            middle = len(rows) // 2
            return self.isolate(table, rows[:middle]) + self.isolate(table, rows[middle:])
        return []

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> Client:
        with self._connecting:
            client = self._client
            if client is None:
                client = self._client = self._connect()
            return client


def _block(table: Table, rows: Rows) -> pa.Table:
    if isinstance(rows, pa.Table):
        return rows
    try:
        return table.block(rows)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        message = f"{table.name}: {_short(error)}"
        raise RefusedRowsError(message) from error


def _refusal(rows: Rows, reason: str) -> Refusal:
    if isinstance(rows, pa.Table):
        place = rows.select(["topic", "partition", "offset", "idx"]).to_pylist()[0]
        return Refusal(place["topic"], place["partition"], place["offset"], place["idx"], reason)
    return Refusal(rows[0].topic, rows[0].partition, rows[0].offset, rows[0].index, reason)


def _meaning(table: Table, error: DatabaseError) -> Exception:
    """Return the exception that says what to do about an answer of ClickHouse."""
    if error.code in _REFUSING_CODES:
        return RefusedRowsError(f"{table.name}: {_short(error)}")
    if error.code in _SCHEMA_CODES:
        return MissingSchemaError(f"{table.name}: {_short(error)}: run `forewarn migrate`")
    if error.code in ACCESS_CODES:
        return AccessError(f"{table.name}: {_short(error)}: check FOREWARN_CLICKHOUSE_USER and its grants")
    return UnavailableError(f"{table.name}: {_short(error)}")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
