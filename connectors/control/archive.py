"""All that a control store holds, as lines of text, and back: for backups, and from SQLite to PostgreSQL.

A table is one line with the names of its columns, and one for each row, in the order of the primary key: JSON arrays,
in which an object ``{"base64": …}`` stands for bytes. They belong to a revision of the tables. Loading makes the tables
of that revision, fills them and migrates them, all in one transaction.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Integer, MetaData, Table, func, insert, select, text
from sqlalchemy.engine import make_url

from connectors.control.engine import known, migrate, migrating, open_engine, prepare, reading_as_of_now, revision_of

#: Not among what a store must not hold before it is filled: the notifier's lease, which ends by itself.
_PASSING = "leases"
_VERSION = "alembic_version"
_ROWS = 500


class NoStoreError(LookupError):
    """There is no control store yet, or none with tables."""


class NewerStoreError(ValueError):
    """The rows belong to tables of a newer version of the program: restore them with that version."""


class FilledStoreError(ValueError):
    """The store holds something already."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a store holds, without the rows.

    Parameters
    ----------
    revision
        Of the tables.
    tables
        How many rows each has.
    counters
        The highest number that was ever given in each table that numbers its rows, also those that are deleted.
    """

    revision: str
    tables: Mapping[str, int]
    counters: Mapping[str, int]


class Snapshot:
    """A control store at one moment; see :func:`snapshot`."""

    def __init__(self, connection: Connection) -> None:
        revision = revision_of(connection)
        if revision is None:
            message = "the control store has no tables yet: start the stack once"
            raise NoStoreError(message)
        self._connection = connection
        self._tables = _reflected(connection)
        self.contents = Contents(
            revision,
            {name: _count(connection, table) for name, table in self._tables.items()},
            {name: _counter(connection, table) for name, table in self._tables.items() if _numbered(table)},
        )

    def lines(self, table: str) -> Iterator[bytes]:
        """Yield the lines of a table, each with its line feed."""
        columns = list(self._tables[table].columns)
        yield _line([column.name for column in columns])
        rows = self._connection.execute(
            select(*columns).order_by(*self._tables[table].primary_key.columns).execution_options(yield_per=_ROWS)
        )
        for row in rows:
            yield _line([_shown(value) for value in row])


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """Open a store as it is now, while others go on writing; nothing is changed, no table is migrated.

    Raises
    ------
    NoStoreError
        If there is none.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        message = f"there is no control store at {parsed.database}: nothing to back up"
        raise NoStoreError(message)
    engine = open_engine(url)
    try:
        with reading_as_of_now(engine) as connection:
            yield Snapshot(connection)
    finally:
        engine.dispose()


def check(contents: Contents, url: str, *, replace: bool) -> None:
    """Raise what :func:`load` would raise; nothing is changed.

    Raises
    ------
    NewerStoreError, FilledStoreError
        See :func:`load`.
    """
    _refuse_newer(contents)
    if not replace:
        with _engine(url) as engine, reading_as_of_now(engine) as connection:
            _refuse_filled(connection)


def load(
    contents: Contents, lines: Callable[[str], Iterable[bytes]], url: str, *, replace: bool, say: Callable[[int], None]
) -> None:
    """Fill a store, all of it or nothing.

    Parameters
    ----------
    contents
        What is to be filled in.
    lines
        Gives the lines of a table; as :meth:`Snapshot.lines`.
    url
        Of the store. It may be another kind of database than the rows came from.
    replace
        Whether what it holds is thrown away.
    say
        Told how many rows more were written.

    Raises
    ------
    NewerStoreError
        If the rows belong to tables that this version does not know.
    FilledStoreError
        If the store holds something and ``replace`` is not set.
    ValueError
        If the lines are not those of such tables.
    """
    _refuse_newer(contents)
    with _engine(url) as engine:
        prepare(engine)
        with migrating(engine) as connection:
            if not replace:
                _refuse_filled(connection)
            _drop(connection)
            migrate(connection, contents.revision)
            for name, table in _reflected(connection).items():
                if name in contents.tables:
                    _fill(connection, table, lines(name), say)
                if _numbered(table):
                    _count_on(connection, table, contents.counters.get(name, 0))
            migrate(connection)


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _refuse_newer(contents: Contents) -> None:
    if not known(contents.revision):
        message = (
            f"it holds tables of revision {contents.revision}, which this version does not know: "
            "restore it with the version that made it, or a newer one"
        )
        raise NewerStoreError(message)


def _refuse_filled(connection: Connection) -> None:
    filled = [name for name, table in _reflected(connection).items() if name != _PASSING and _count(connection, table)]
    if filled:
        message = f"the control store is not empty ({', '.join(filled)})"
        raise FilledStoreError(message)


def _reflected(connection: Connection) -> dict[str, Table]:
    """Return the tables as they are, referred ones first: the program may know others than the store has."""
    metadata = MetaData()
    metadata.reflect(connection)
    return {table.name: table for table in metadata.sorted_tables if table.name != _VERSION}


def _drop(connection: Connection) -> None:
    metadata = MetaData()
    metadata.reflect(connection)
    metadata.drop_all(connection)


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _numbered(table: Table) -> bool:
    keys = list(table.primary_key.columns)
    return len(keys) == 1 and isinstance(keys[0].type, Integer)


def _counter(connection: Connection, table: Table) -> int:
    (key,) = table.primary_key.columns
    highest = connection.execute(select(func.coalesce(func.max(key), 0))).scalar_one()
    if connection.dialect.name == "postgresql":
        given = "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence(:table, :column)::regclass), 0)"
    else:
        given = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = :table AND :column != ''"
    names = {"table": table.name, "column": key.name}
    return max(int(highest), int(connection.execute(text(given), names).scalar_one()))


def _count_on(connection: Connection, table: Table, counter: int) -> None:
    """Let the next row get the number after the highest that was ever given."""
    (key,) = table.primary_key.columns
    if connection.dialect.name == "postgresql":
        setting = text("SELECT setval(pg_get_serial_sequence(:table, :column), :value, :called)")
        names = {"table": table.name, "column": key.name}
        connection.execute(setting, {**names, "value": max(counter, 1), "called": counter > 0})
    elif counter:
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
        row = {"name": table.name, "seq": counter}
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), row)


def _fill(connection: Connection, table: Table, lines: Iterable[bytes], say: Callable[[int], None]) -> None:
    rows = iter(lines)
    names = _parsed(next(rows, b""), table)
    if set(names) != set(table.columns.keys()):
        message = f"table {table.name} has other columns than those that are to be filled in"
        raise ValueError(message)
    while some := list(islice(rows, _ROWS)):
        connection.execute(
            insert(table), [dict(zip(names, map(_value, _parsed(line, table)), strict=True)) for line in some]
        )
        say(len(some))


def _line(values: list[Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _shown(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes | memoryview) else value


def _parsed(line: bytes, table: Table) -> list[Any]:
    values = json.loads(line or b"null")
    if not isinstance(values, list):
        message = f"a line of table {table.name} is no list"
        raise ValueError(message)
    return values


def _value(shown: Any) -> Any:
    return base64.b64decode(shown["base64"], validate=True) if isinstance(shown, dict) else shown
