"""``forewarn status``: how the stack is, for people and for monitors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.common import AsJson, DataDir, print_json, settings_for

if TYPE_CHECKING:
    from rich.table import Table

    from streams.checkup import Checkup

_COLOURS = {"ok": "green", "degraded": "yellow", "down": "red"}


def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show each part's health, lag per topic, and data age per source.

    Exit code 0: all works. 1: something does not, but signals are scored. 2: no signal is scored.
    """
    from streams.checkup import EXIT_CODES, look
    from streams.clock import SystemClock
    from streams.runtime import endpoints

    settings = settings_for("status", data_dir=data_dir)
    found = look(settings, endpoints(settings), SystemClock())
    if as_json:
        print_json(json.loads(json.dumps(found.as_json(), default=str)))
    else:
        _show(found)
    raise typer.Exit(EXIT_CODES[found.verdict])


def _show(found: Checkup) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(f"[bold {_COLOURS[found.verdict]}]{found.verdict}[/]")
    for reason in found.reasons:
        console.print(f"  {reason}", markup=False, soft_wrap=True)
    servers = [[server.name, server.address, server.problem or "answers"] for server in found.servers]
    console.print(_table("Servers", ["server", "address", "state"], servers))
    parts = [[part.name, str(part.pid), part.state, f"{part.age_s:.0f} s", _words(part.detail)] for part in found.parts]
    console.print(_table("Parts", ["part", "process", "state", "last sign", "detail"], parts))
    groups = [[group.part, group.group, group.members] for group in found.groups]
    console.print(_table("Consumer groups", ["part", "group", "members"], groups))
    lags = [[group.part, lag.topic, lag.partitions, lag.end, lag.lag] for group in found.groups for lag in group.lags]
    console.print(_table("Lag", ["part", "topic", "partitions", "end", "lag"], lags))
    names = list(found.sources[0]) if found.sources else ["source"]
    console.print(_table("Sources", names, [list(source.values()) for source in found.sources]))


def _table(title: str, columns: list[str], rows: list[list[Any]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_word(value)) for value in row))
    return table


def _word(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value)


def _words(detail: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_word(value)}" for name, value in detail.items() if isinstance(value, int | float | str))
