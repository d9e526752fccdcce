"""The command line: the only module that composes everything."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="forewarn",
    help="Watches enterprises around the clock and warns before they fail.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,  # locals may hold secrets
)


def main() -> None:
    """Run the command line."""
    app()
