"""``forewarn drill``: fault drills that an operator can run."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from streams.cli.common import AsJson, err, fail, print_json

_MUST_BE_ZERO = ("lost", "duplicate_alert_ids", "state_mismatches")
_COLUMNS = ("sent", "scored", *_MUST_BE_ZERO, "recovery_s")


def drill(
    names: Annotated[list[str] | None, typer.Argument(help="Which drills; all if none is named.")] = None,
    short: Annotated[bool, typer.Option("--short", help="Only two: a killed scorer and poisoned input.")] = False,
    seed: Annotated[int, typer.Option(help="Decides the random moments.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Break a private stack under load, then prove that nothing was lost, doubled or changed.

    Each drill sends signals, does its harm, waits until all is scored, recorded and told, and audits: every signal that
    was acknowledged must be accounted for, the journal must lead to the live state and alerts bit for bit, and
    ClickHouse and a webhook receiver must hold exactly the transitions of the topic. Exit code 1 if anything is not so.

    Examples:

      forewarn drill --short --json

      forewarn drill kill-broker kill-clickhouse
    """
    from streams.clock import SystemClock
    from streams.drill.drills import DRILLS, SHORT
    from streams.drill.run import run_drills
    from streams.private import StackError

    unknown = [name for name in names or () if name not in DRILLS]
    if unknown:
        fail(f"no such drill: {', '.join(unknown)}; there are: {', '.join(DRILLS)}", 2)
    chosen = SHORT if short else {name: DRILLS[name] for name in DRILLS if not names or name in names}
    with TemporaryDirectory(prefix="forewarn-drill-") as directory, err.status("starting") as status:
        try:
            result = run_drills(Path(directory), chosen, seed, SystemClock(), status.update)
        except (StackError, TimeoutError) as error:
            fail(str(error))
    if as_json:
        print_json(result)
    else:
        _show(result)
    if any(figures[column] for figures in result["drills"].values() for column in _MUST_BE_ZERO):
        raise typer.Exit(1)


def _show(result: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("drill", *_COLUMNS, "longest pause, s")
    for name, figures in result["drills"].items():
        pause = max((spread["max"] for spread in figures["pause_s"].values()), default="")
        table.add_row(name, *(str(figures[column]) for column in _COLUMNS), str(pause))
    err.print(table)
    for name, figures in result["drills"].items():
        for difference in figures.get("differences", ()):
            err.print(f"{name}: {difference}", style="red", markup=False, soft_wrap=True)
    for name, reason in result["not_run"].items():
        err.print(f"{name} was not run: {reason}", markup=False, soft_wrap=True)
