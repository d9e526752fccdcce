"""Puts blocks of rows into ClickHouse and says what to do when it does not take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
}


class RefusedRowsError(ValueError):
    """ClickHouse will never take these rows: find the one at fault; trying again does not help."""


class Sink:
    """Inserts records, at least once: a block that was inserted twice shows once through the views and FINAL.

    Parameters
    ----------
    connect
        Makes a client; called at first use, and again after ClickHouse was away.
    """

    def __init__(self, connect: Callable[[], Client]) -> None:
        self._connect = connect
        self._client: Client | None = None

    def insert(self, table: Table, records: Sequence[Recorded]) -> None:
        """Insert the records as one block. Blocks the thread until ClickHouse has stored them.

        Raises
        ------
        UnavailableError
            If there was no answer, or fewer rows than sent were stored: try the same again.
        RefusedRowsError
            If one of the records cannot be stored.
        MissingSchemaError, AccessError
            If an operator has to act.
        """
        try:
            block = table.block(records)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            message = f"{table.name}: {_short(error)}"
            raise RefusedRowsError(message) from error
        if self._client is None:
            self._client = self._connect()
        try:
            written = self._client.insert_arrow(table.name, block, settings=_SETTINGS).written_rows
        except DatabaseError as error:
            raise _meaning(table, error) from error
        except (ClickHouseError, OSError) as error:
            self._client = None
            message = f"ClickHouse did not answer: {_short(error)}"
            raise UnavailableError(message) from error
        if written < len(records):  # a server's own materialized views may add to the count
            message = f"ClickHouse stored {written} of {len(records)} rows of {table.name}"
            raise UnavailableError(message)

    def isolate(self, table: Table, records: Sequence[Recorded]) -> list[tuple[Recorded, str]]:
        """Insert what can be inserted of a refused block, and return the records at fault with the reason of each."""
        try:
            self.insert(table, records)
        except RefusedRowsError as error:
            if len(records) == 1:
                return [(records[0], str(error))]
            middle = len(records) // 2
            return self.isolate(table, records[:middle]) + self.isolate(table, records[middle:])
        return []

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None


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
