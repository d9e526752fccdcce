"""``forewarn sql``: ask ClickHouse, also while the stack runs."""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.common import DataDir, err, fail, settings_for

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from streams.settings import Settings

#: The user of the embedded server that may only query.
_READER = "reader"
#: What the client and the embedded server put around a statement, as errors quote it.
_ADDED = re.compile(
    r"(?:\s*:)?\s*In scope SELECT formatQuerySingleLine\('.*'\)"
    r"|\s+FORMAT (?:Native|CSVWithNames|TabSeparatedWithNames|JSONEachRow)\b",
    re.DOTALL,
)
#: The word that follows a statement that stops too early.
_TAKEN_FOR_A_NAME = re.compile(r"identifier ['`]FORMAT['`]")
_TABLES = """
SELECT name, if(engine LIKE '%View', 'view', 'table') AS kind, comment
FROM system.tables
WHERE database = currentDatabase() AND name != 'migrations'
ORDER BY kind DESC, name
"""


class Form(StrEnum):
    """How the rows are printed."""

    TABLE = "table"
    CSV = "csv"
    TSV = "tsv"
    JSON = "json"


_CLICKHOUSE_FORM = {Form.CSV: "CSVWithNames", Form.TSV: "TabSeparatedWithNames", Form.JSON: "JSONEachRow"}


def sql(
    statement: Annotated[str, typer.Argument(metavar="SELECT…", help="A query; - reads it from stdin.")] = "",
    form: Annotated[
        Form | None,
        typer.Option("--format", help="Without it: a table on a terminal, CSV in a pipe. json: one object per line."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows of a table on the terminal.")] = 200,
    tables: Annotated[bool, typer.Option("--tables", help="List the tables and views and what is in them.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Ask ClickHouse. It only reads: nothing can be changed, and no file be opened.

    Times are UTC. Example: forewarn sql "SELECT enterprise_name, level, opened_at FROM open_alerts"
    """
    settings = settings_for("sql", data_dir=data_dir)
    question = _TABLES if tables else sys.stdin.read() if statement == "-" else statement
    if not question.strip():
        fail("nothing to ask: give a SELECT, or --tables to see what there is", 2)
    chosen = form or (Form.TABLE if sys.stdout.isatty() else Form.CSV)
    from clickhouse_connect.driver.exceptions import ClickHouseError

    from connectors.clickhouse import AccessError, MissingSchemaError, UnavailableError

    try:
        connection = connect_reader(settings)
        if chosen is Form.TABLE:
            _print_table(connection, question, limit)
        else:
            _print_raw(connection, question, _CLICKHOUSE_FORM[chosen])
    except (UnavailableError, AccessError, MissingSchemaError, ValueError) as error:
        fail(str(error))
    except ClickHouseError as error:
        fail(_plain(str(error)))


def connect_reader(settings: Settings) -> Client:
    """Return a connection that can only read.

    The embedded server has a user for that; a real one is asked for ``readonly``, which its grants should back.
    """
    import dataclasses
    import logging

    from connectors.clickhouse import client
    from streams.runtime import endpoints, own_secret

    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)  # our own message says it better
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    places = endpoints(settings)
    if not places.embedded_clickhouse:
        return client(places, settings={"readonly": 2})
    password = own_secret(settings.data_dir, "clickhouse-reader-password")
    return client(dataclasses.replace(places, clickhouse_user=_READER, clickhouse_password=password))


def _print_raw(connection: Client, question: str, form: str) -> None:
    with connection.raw_stream(question, fmt=form) as stream:
        for chunk in iter(lambda: stream.read(1 << 16), b""):
            sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def _print_table(connection: Client, question: str, limit: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table, shown, more = Table(), 0, False
    with connection.query_row_block_stream(question) as stream:
        for name in stream.source.column_names:
            table.add_column(name)
        for block in stream:
            for row in block:
                if shown == limit:
                    more = True
                    break
                table.add_row(*(Text(_cell(value)) for value in row))
                shown += 1
            if more:
                break
    Console().print(table)
    err.print(f"the first {limit} rows; --limit shows more" if more else f"{shown} row(s)", markup=False)


def _cell(value: Any) -> str:
    from datetime import datetime

    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def _plain(text: str) -> str:
    """Return ClickHouse's own sentence of an error, without the envelope around it.

    Examples
    --------
    >>> _plain("Received ClickHouse exception, code: 60, server response: Code: 60. DB::Exception: No table x.")
    'No table x.'
    >>> _plain("Unknown table expression identifier 'FORMAT'. In scope SELECT 1 FROM FORMAT AS Native.")
    'Syntax error: the statement ends where something more is expected'
    """
    sentence = text.rpartition("DB::Exception: ")[2]
    sentence = sentence.partition(" (version ")[0].partition(" (for url ")[0].strip()
    if _TAKEN_FOR_A_NAME.search(sentence):
        return "Syntax error: the statement ends where something more is expected"
    return _ADDED.sub("", sentence)
