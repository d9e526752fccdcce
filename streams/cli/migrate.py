"""``forewarn migrate``: bring ClickHouse's tables and views to this version."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli.common import AsJson, DataDir, err, fail, print_json, settings_for


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL that would run, and run nothing.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Bring the tables and views in ClickHouse to this version; what has run already is not run again."""
    from connectors import clickhouse
    from streams.ages import ages
    from streams.runtime import endpoints

    settings = settings_for("migrate", data_dir=data_dir)
    try:
        connection = clickhouse.client(endpoints(settings), database="")
        steps = clickhouse.migrate(connection, settings.clickhouse_database, ages(settings), dry_run=dry_run)
    except (clickhouse.UnavailableError, clickhouse.AccessError, clickhouse.EditedMigrationError, ValueError) as error:
        fail(str(error))
    if json:
        print_json({"database": settings.clickhouse_database, "steps": [step.name for step in steps]})
    elif dry_run:
        for step in steps:
            typer.echo(f"-- {step.name}")
            for statement in step.statements:
                typer.echo(f"{statement};\n")
    for step in () if json or dry_run else steps:
        err.print(f"done: {step.name}", markup=False)
    if not steps:
        err.print("nothing to do", markup=False)
