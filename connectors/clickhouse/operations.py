"""What migrations consist of: values that know their SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from connectors.clickhouse.columns import quoted
from connectors.clickhouse.schema import Table


class Operation(Protocol):
    """One step of a migration.

    Running it twice is harmless: ClickHouse has no transactions over DDL, so a migration that was interrupted is run
    again from its first operation.
    """

    def format_sql(self) -> str:
        """Return the one statement that does it."""
        ...


@dataclass(frozen=True, slots=True)
class CreateTable:
    """Creates a table as migration ``since`` knew it."""

    table: Table
    since: int

    def format_sql(self) -> str:
        """Return the one statement that does it."""
        return self.table.format_sql(since=self.since)


@dataclass(frozen=True, slots=True)
class AddColumns:
    """Adds the columns of a table that migration ``since`` brings, each behind the one that the schema puts before."""

    table: Table
    since: int

    def format_sql(self) -> str:
        """Return the one statement that does it."""
        known = [column for column in self.table.columns if column.since <= self.since]
        steps = [
            f"ADD COLUMN IF NOT EXISTS {column.format_sql()} " + (f"AFTER `{before.name}`" if before else "FIRST")
            for before, column in zip([None, *known], known, strict=False)
            if column.since == self.since
        ]
        if not steps:
            message = f"the schema of {self.table.name} has no columns since migration {self.since}"
            raise ValueError(message)
        return f"ALTER TABLE `{self.table.name}` " + ", ".join(steps)


@dataclass(frozen=True, slots=True)
class ModifySettings:
    """Changes how ClickHouse stores a table; what is stored already changes as it is merged."""

    table: Table
    settings: Mapping[str, int]

    def format_sql(self) -> str:
        """Return the one statement that does it."""
        settings = ", ".join(f"{name} = {value}" for name, value in self.settings.items())
        return f"ALTER TABLE `{self.table.name}` MODIFY SETTING {settings}"


@dataclass(frozen=True, slots=True)
class CreateView:
    """Creates a view, or replaces an older form of it."""

    name: str
    comment: str
    select: str

    def format_sql(self) -> str:
        """Return the one statement that does it."""
        return f"CREATE OR REPLACE VIEW `{self.name}` AS\n{self.select.strip()}\nCOMMENT {quoted(self.comment)}"
