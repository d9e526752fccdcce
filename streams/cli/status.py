"""``forewarn status``: how the stack is, for people and for monitors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.common import AsJson, DataDir, fail, print_json, settings_for
from streams.clock import moment

if TYPE_CHECKING:
    from rich.table import Table

    from streams.checkup import Checkup

_COLOURS = {"ok": "green", "degraded": "yellow", "down": "red"}
#: Heading of each column of the sources, and what it shows.
_SOURCE_COLUMNS = MappingProxyType(
    {
        "source": "source",
        "family": "family",
        "status": "status",
        "newest signal": "newest_event_time",
        "data age": "data_age_seconds",
        "sent": "sent",
        "rejected": "rejected",
        "message": "message",
    }
)


def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show each part's health, lag per topic, and data age per source.

    Exit code 0: all works. 1: something does not, but signals are scored. 2: no signal is scored.
    """
    from streams.checkup import EXIT_CODES, look
    from streams.clock import SystemClock
    from streams.runtime import endpoints

    settings = settings_for("status", data_dir=data_dir)
    places = endpoints(settings)
    found = look(settings, places, SystemClock())
    if as_json:
        print_json(json.loads(json.dumps(found.as_json(), default=str)))
    elif found.absent and places.embedded_kafka and places.embedded_clickhouse:
        fail(f"no stack runs in {settings.data_dir}: start it with 'forewarn up' or 'make demo'", EXIT_CODES["down"])
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
    parts = [[part.name, str(part.pid), part.state, lasting(part.age_s), _words(part.detail)] for part in found.parts]
    console.print(_table("Parts", ["part", "process", "state", "last sign", "detail"], parts))
    probes = [[part.name, part.probes] for part in found.parts if part.probes]
    console.print(_table("Metrics and probes", ["part", "/metrics, /healthz, /readyz at"], probes))
    groups = [[group.part, group.group, group.members] for group in found.groups]
    console.print(_table("Consumer groups", ["part", "group", "members"], groups))
    lags = [[group.part, lag.topic, lag.partitions, lag.end, lag.lag] for group in found.groups for lag in group.lags]
    console.print(_table("Lag", ["part", "topic", "partitions", "end", "lag"], lags))
    console.print(_table("Sources", list(_SOURCE_COLUMNS), [_source(source) for source in found.sources]))


def _source(row: Mapping[str, Any]) -> list[str]:
    shown = dict(row)
    if row["data_age_seconds"] is not None:
        shown["data_age_seconds"] = lasting(row["data_age_seconds"])
    return [_word(shown[name]) for name in _SOURCE_COLUMNS.values()]


def lasting(seconds: float) -> str:
    """Return a length of time in the largest unit of which it has two, rounded down.

    Examples
    --------
    >>> [lasting(s) for s in (0.4, 119, 120, 7_300, 200_000)]
    ['0 s', '119 s', '2 min', '2 h', '2 d']
    """
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{int(seconds // unit):,} {name}"
    return f"{int(seconds)} s"


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
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    return "" if value is None else str(value)


def _words(detail: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {_figure(name, value)}" for name, value in detail.items() if isinstance(value, int | float | str)
    )


def _figure(name: str, value: float | str) -> str:
    if name == "ticked" and isinstance(value, int):
        return _word(moment(value)) + " UTC" if value else "not yet"
    return _word(value)
