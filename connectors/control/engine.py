"""Connections to the control store's database, and its migrations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from connectors.control.schema import METADATA

#: What any method of the store may raise when the database is away, busy or full: nothing was changed, try again.
AWAY = (InterfaceError, OperationalError, PoolTimeoutError)

#: Option of a connection that only reads: on SQLite it must not take the one write lock.
_READS = "forewarn_reads"
#: One arbitrary number per purpose, in PostgreSQL's name space of advisory locks.
_WRITERS_LOCK, _MIGRATION_LOCK = 7_330_001, 7_330_002
_BUSY_MS = 15_000


def open_engine(url: str) -> Engine:
    """Return an engine for a ``sqlite:///PATH`` or ``postgresql://…`` URL; it connects when first used.

    Raises
    ------
    ValueError
        If the URL cannot be read or names another database, SQLite in memory (several processes share the store), or
        PostgreSQL without its driver. The message does not repeat the URL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        message = "FOREWARN_CONTROL_URL cannot be read: postgresql://user:password@host/database is expected"
        raise ValueError(message) from None
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed.set(drivername="postgresql+psycopg"))
    message = f"the control store is SQLite or PostgreSQL, not {parsed.get_backend_name()}: set FOREWARN_CONTROL_URL"
    raise ValueError(message)


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    except ModuleNotFoundError:
        message = "PostgreSQL needs its driver: pip install 'forewarn[postgresql]'"
        raise ValueError(message) from None


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        message = "several processes share the control store, so SQLite needs a file: sqlite:////path/control.db"
        raise ValueError(message)
    path = Path(url.database)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():  # it holds the subscribers' secrets
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_MS / 1000})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transactions begin late and end before DDL; ours begin in _begin_sqlite.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    # After a power cut a committed Kafka offset must not be ahead of the queue: every commit reaches the disk.
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that first reads and then writes would fail at once if another wrote in between: take the lock now.
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes; one at a time in the whole store, so that the outbox is in commit order."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS_LOCK})
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection that only reads; it never waits for a writer."""
    with engine.connect().execution_options(**{_READS: True}) as connection:
        yield connection


@contextmanager
def reading_as_of_now(engine: Engine) -> Iterator[Connection]:
    """Open a connection that sees the whole store as it is at its first statement, whatever others write meanwhile."""
    options: dict[str, Any] = {_READS: True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**options) as connection:
        yield connection


def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest revision; safe when several processes start at once, and a no-op the next time."""
    prepare(engine)
    with migrating(engine) as connection:
        migrate(connection)


def prepare(engine: Engine) -> None:
    """Set what is kept in SQLite's file; a no-op on PostgreSQL."""
    if engine.dialect.name == "sqlite":  # outside a transaction, as SQLite demands
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode = WAL")
        finally:
            raw.close()


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that changes tables; one at a time in the whole store."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        yield connection


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a revision that is not older than theirs."""
    script = _script()

    def to_revision(current: Any, _context: MigrationContext) -> Any:
        return script._upgrade_revs(revision, current)  # the way that Alembic's EnvironmentContext documents

    with EnvironmentContext(Config(), script, fn=to_revision, destination_rev=revision) as environment:
        environment.configure(connection=connection, target_metadata=METADATA)
        environment.run_migrations()


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the tables; None if there are none yet."""
    return MigrationContext.configure(connection).get_current_revision()


def known(revision: str) -> bool:
    """Return whether this version of the program knows a revision: it does not know those of newer versions."""
    return revision in {one.revision for one in _script().walk_revisions()}


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent / "migrations"))
