"""The command line: the only module that composes everything."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli.backtest import backtest
from streams.cli.backup import backup, restore
from streams.cli.bench import bench_app
from streams.cli.config import config_app
from streams.cli.connect import connect
from streams.cli.demo import demo
from streams.cli.drill import drill
from streams.cli.evaluate import evaluate
from streams.cli.explain import explain
from streams.cli.grafana import grafana_app
from streams.cli.ingest import ingest
from streams.cli.migrate import migrate
from streams.cli.notifier import notifier
from streams.cli.recorder import recorder
from streams.cli.replay import replay
from streams.cli.scorer import scorer
from streams.cli.serve import serve
from streams.cli.simulate import simulate
from streams.cli.sql import sql
from streams.cli.status import status
from streams.cli.subscribe import subscribe
from streams.cli.topics import topics
from streams.cli.train import train_app
from streams.cli.up import up
from streams.cli.webhook_receiver import webhook_receiver

app = typer.Typer(
    name="forewarn",
    help="Watches enterprises around the clock and warns before they fail.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,  # locals may hold secrets
)

_PANELS = {
    "A whole stack on this machine": (demo, up),
    "Signals in": (simulate, ingest, connect),
    "Warnings out": (subscribe, webhook_receiver),
    "Analysis": (explain, sql, replay, backtest, evaluate, drill),
    "Operation": (status, topics, migrate, backup, restore),
    "Parts of a stack, one process each": (scorer, recorder, notifier, serve),
}
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(_command.__name__.replace("_", "-"), rich_help_panel=_panel)(_command)
app.add_typer(bench_app, rich_help_panel="Analysis")
app.add_typer(train_app, rich_help_panel="Analysis")
app.add_typer(config_app, rich_help_panel="Operation")
app.add_typer(grafana_app, rich_help_panel="Operation")


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"forewarn {version('forewarn')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Watches enterprises around the clock and warns before they fail."""


def main() -> None:
    """Run the command line."""
    app()
