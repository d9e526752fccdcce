"""``forewarn train``: models from labelled data of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.common import AsJson, err, fail, print_json

train_app = typer.Typer(name="train", help="Train models on labelled data.", no_args_is_help=True)


@train_app.callback()
def _group() -> None:
    """Train models on labelled data."""


@train_app.command("sentiment")
def sentiment(
    out: Annotated[Path, typer.Option(help="Write the model here, for FOREWARN_SENTIMENT_MODEL.")],
    data: Annotated[
        Path, typer.Option(help="Directory with news/*.csv of labelled headlines.", envvar="FOREWARN_DATA")
    ] = Path("../shared/data"),
    as_json: AsJson = False,
) -> None:
    """Train the model that judges headlines beside the lexicon.

    A first model learns from the earlier 70 % of the days and is tested on the later ones; the model that is written
    learns from all. The same data gives the same file.

    Example:

      forewarn train sentiment --data DIR --out headlines.npz
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from streams.evaluation.suite import MissingDataError
    from streams.evaluation.training import train

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=err, transient=True) as progress:
        bar = progress.add_task("sentiment", total=None)
        try:
            result = train(data, out, lambda done, total: progress.update(bar, completed=done, total=total))
        except (MissingDataError, ValueError, OSError) as error:
            progress.stop()
            fail(str(error))
    if as_json:
        print_json(result)
        return
    held_out = result["held_out"]
    err.print(
        f"{out}: {result['headlines']:,} headlines, {result['bytes']:,} bytes, model {result['model']}. Trained on the "
        f"days before {held_out['from']} alone, it has AUC {held_out['auc']:.4f} on "
        f"the {held_out['headlines']:,} since, "
        f"{held_out['auc_lexicon']:.4f} without it."
    )
