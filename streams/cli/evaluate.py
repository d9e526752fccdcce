"""``forewarn evaluate``: how well the engine judges, on data with known outcomes."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from streams.cli.common import AsJson, err, fail, print_json

if TYPE_CHECKING:
    from streams.evaluation.suite import Suite

#: Suite → module with a function ``evaluate``; what it tells.
SUITES: dict[str, str] = {
    "city": "streams.evaluation.city",
    "electricity": "streams.evaluation.electricity",
    "floors": "streams.evaluation.floors",
    "invoices": "streams.evaluation.invoices",
    "judicial": "streams.evaluation.judicial",
    "nab": "streams.evaluation.nab",
    "news": "streams.evaluation.news",
}

#: Option → the suites that know it.
ONLY: dict[str, tuple[str, ...]] = {"plots": ("electricity",), "model": ("news", "floors"), "thresholds": ("nab",)}


def evaluate(
    suite: Annotated[str, typer.Argument(help="One of: " + ", ".join(SUITES) + ".")],
    data: Annotated[
        Path, typer.Option(help="Directory with the data of the suites; city takes none.", envvar="FOREWARN_DATA")
    ] = Path("../shared/data"),
    out: Annotated[
        Path | None, typer.Option(help="Write the result of each item here, as CSV (nab: a directory).")
    ] = None,
    plots: Annotated[Path | None, typer.Option(help="Draw pictures into this directory.")] = None,
    seed: Annotated[int, typer.Option(help="For everything that is drawn.")] = 1,
    model: Annotated[Path | None, typer.Option(help="news, floors: made by `forewarn train sentiment`.")] = None,
    thresholds: Annotated[
        Path | None, typer.Option(help="nab: thresholds to carry over, as JSON, instead of choosing them.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the detectors over data with known outcomes and tell how well they judged, as known at the time.

    Examples:

      forewarn evaluate electricity --data DIR --json

      forewarn evaluate city --seed 7
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from streams.evaluation.suite import MissingDataError, Task

    if suite not in SUITES:
        fail(f"there is no suite {suite!r}: choose one of {', '.join(SUITES)}", 2)
    for option, given in (("plots", plots), ("model", model), ("thresholds", thresholds)):
        if given is not None and suite not in ONLY[option]:
            fail(f"--{option} is for {' and '.join(ONLY[option])}, not for {suite}", 2)
    run = cast("Suite", import_module(SUITES[suite]).evaluate)
    task = Task(data, out, plots, seed, model, thresholds)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=err, transient=True) as progress:
        bar = progress.add_task(suite, total=None)
        try:
            result = run(task, lambda done, total: progress.update(bar, completed=done, total=total))
        except (MissingDataError, ValueError, OSError) as error:
            progress.stop()
            fail(str(error))
    if as_json:
        print_json(result)
    else:
        from rich.pretty import pprint

        pprint(result, expand_all=True)
