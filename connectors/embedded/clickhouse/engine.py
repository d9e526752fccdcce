"""chDB, seen as a database server sees its engine: connections with settings, queries, inserts, streams."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import chdb

from connectors.embedded.clickhouse.errors import DatabaseError

_SETTINGS = re.compile(r"\bSETTINGS\s+\w+\s*=", re.IGNORECASE)


class Result(NamedTuple):
    """What a statement gave."""

    data: bytes = b""
    rows_read: int = 0
    bytes_read: int = 0
    rows_written: int = 0
    bytes_written: int = 0
    elapsed_s: float = 0.0


class Connection:
    """One connection to the engine, with the database and settings that the last request gave it.

    Not for two threads at once. All methods block and raise :class:`DatabaseError`.
    """

    def __init__(self, path: Path) -> None:
        # Where BACKUP … TO File('name') writes: beside the store, and nowhere else.
        self._engine = _raised(chdb.connect, f"{path}?backups.allowed_path={path.parent / 'backups'}")
        self._database = "default"
        self._settings: dict[str, str] = {}

    def use(self, database: str, settings: Mapping[str, str]) -> None:
        """Take over the database and the settings of a request; settings of an earlier one return to their defaults."""
        if database != self._database:
            self.query(f"USE {_quoted(database, '`')}", "TSV")
            self._database = database
        for name in [name for name in self._settings if name not in settings]:
            self.query(f"SET {name} = DEFAULT", "TSV")
            del self._settings[name]
        for name, value in settings.items():
            if self._settings.get(name) != value:
                self.query(f"SET {name} = {_quoted(value, chr(39))}", "TSV")
                self._settings[name] = value

    def query(self, sql: str, output: str, parameters: Mapping[str, str] | None = None) -> Result:
        """Run a statement and return its whole result in the named format."""
        result = _raised(self._engine.query, sql, output, dict(parameters or {}))
        return Result(
            result.bytes() or b"",
            result.rows_read(),
            result.bytes_read(),
            result.rows_written(),
            result.bytes_written(),
            result.elapsed(),
        )

    def insert(self, head: str, data_format: str, data: bytes) -> Result:
        """Insert rows; all of them are stored when this returns. ``head`` is ``INSERT INTO …`` without FORMAT.

        The rows pass through a file in memory: chDB's own ``send_insert`` tells that rows are written although storing
        them has failed, on a full disk for one.
        """
        if not data:
            return Result()
        target, settings = _divided(head)
        with _in_memory(data) as path:
            return self.query(f"{target} FROM INFILE '{path}' {settings} FORMAT {data_format}", "TSV")

    def stream(self, sql: str, output: str, parameters: Mapping[str, str]) -> Generator[bytes, None, None]:
        """Run a SELECT and return its result block by block; closing the iterator ends the query."""
        blocks = _raised(self._engine.send_query, sql, output, dict(parameters))
        try:
            while (block := _raised(next, blocks, None)) is not None:
                yield block.bytes() or b""
        finally:
            blocks.close()

    def close(self) -> None:
        """Give the connection up; what it wrote stays."""
        self._engine.close()


def _divided(head: str) -> tuple[str, str]:
    """Return an insert's target and its SETTINGS: where the rows come from stands between them."""
    found = _SETTINGS.search(head)
    return (head[: found.start()], head[found.start() :]) if found else (head, "")


@contextmanager
def _in_memory(data: bytes) -> Iterator[str]:
    """Yield the path of a file that is on no disk."""
    descriptor = os.memfd_create("rows")
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        yield f"/proc/self/fd/{descriptor}"


def _raised(call: Any, *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except RuntimeError as error:  # chDB knows no narrower one that covers inserts
        raise DatabaseError.of(error) from error


def _quoted(text: str, mark: str) -> str:
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark
