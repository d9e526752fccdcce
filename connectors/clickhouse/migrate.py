"""Brings a database to the schema of this program: migrations once, views and age rules when they have changed.

The table ``migrations`` records what ran, with a hash of its SQL, so that a migration that was edited after it ran is
refused rather than silently skipped.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from clickhouse_connect.driver.client import Client

from connectors.clickhouse.operations import Operation
from connectors.clickhouse.schema import TABLES, Kept
from connectors.clickhouse.views import VIEWS

#: Every migration, in order; a new one is added at the end.
MIGRATIONS = ("0001_tables", "0002_fewer_merges", "0003_how_findings_fade")

_RECORD = """CREATE TABLE IF NOT EXISTS migrations (
    name String COMMENT 'Migration, view or age rule',
    checksum String COMMENT 'SHA-256 of its SQL',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When it ran. UTC.'
) ENGINE = ReplacingMergeTree(applied_at) ORDER BY name COMMENT 'What forewarn migrate has run'"""


class EditedMigrationError(RuntimeError):
    """A migration is not what ran here: put it back as it was, and add a new one instead."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something to run: a whole migration, one view, or one table's age rule.

    ``repeatable`` steps run again when their text has changed.
    """

    name: str
    statements: tuple[str, ...]
    repeatable: bool

    @property
    def checksum(self) -> str:
        """Hash of the statements."""
        return hashlib.sha256("\n;\n".join(self.statements).encode()).hexdigest()


def operations(migration: str) -> tuple[Operation, ...]:
    """Return what a migration does."""
    found: tuple[Operation, ...] = import_module(f"connectors.clickhouse.migrations.{migration}").OPERATIONS
    return found


def steps() -> Iterator[Step]:
    """Yield every migration and view, in the order in which they run."""
    for name in MIGRATIONS:
        yield Step(name, tuple(operation.format_sql() for operation in operations(name)), repeatable=False)
    for view in VIEWS:
        yield Step(f"view {view.name}", (view.format_sql(),), repeatable=True)


def migrate(client: Client, database: str, ttl_days: Mapping[Kept, int], *, dry_run: bool = False) -> list[Step]:
    """Run what has not run yet, and return it; running it again does nothing.

    Parameters
    ----------
    client
        Connected to any database of the server; to ``database`` from then on.
    database
        Of our tables; made if it is not there.
    ttl_days
        How long rows are kept, by kind; 0, or a kind that is not there: for ever.
    dry_run
        Change nothing, only return what would run.

    Raises
    ------
    EditedMigrationError
        If a migration that ran here reads otherwise now.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", database):
        message = f"not a name for a database: {database!r}"
        raise ValueError(message)
    known = _applied(client, database)
    todo = [step for step in steps() if _is_due(step, known)]
    todo += _age_steps(ttl_days, _engines(client, database))
    if dry_run:
        return todo
    client.command(f"CREATE DATABASE IF NOT EXISTS `{database}`")
    client.database = database
    client.command(_RECORD)
    for step in todo:
        for statement in step.statements:
            client.command(statement)
        client.insert("migrations", [[step.name, step.checksum]], column_names=["name", "checksum"])
    return todo


def _is_due(step: Step, known: Mapping[str, str]) -> bool:
    ran = known.get(step.name)
    if ran is not None and ran != step.checksum and not step.repeatable:
        message = f"migration {step.name} was changed after it ran here: restore it and add a new one instead"
        raise EditedMigrationError(message)
    return ran != step.checksum


def _age_steps(ttl_days: Mapping[Kept, int], engines: Mapping[str, str]) -> Iterator[Step]:
    """Yield what brings the tables' age rules to the settings, judged by how the tables are, not by what once ran."""
    for table in TABLES:
        if table.kept is None:
            continue
        days, engine = ttl_days.get(table.kept, 0), engines.get(table.name, "")
        right = f"TTL {table.ttl(days)}" in engine if days else " TTL " not in engine
        if not right:
            yield Step(f"ttl {table.name}", (table.ttl_sql(days),), repeatable=True)


def _engines(client: Client, database: str) -> dict[str, str]:
    rows = client.query(
        "SELECT name, engine_full FROM system.tables WHERE database = {database:String}",
        parameters={"database": database},
    )
    return {str(name): str(engine) for name, engine in rows.result_rows}


def _applied(client: Client, database: str) -> dict[str, str]:
    if "migrations" not in _engines(client, database):
        return {}
    rows = client.query(f"SELECT name, argMax(checksum, applied_at) FROM `{database}`.migrations GROUP BY name")
    return {str(name): str(checksum) for name, checksum in rows.result_rows}
