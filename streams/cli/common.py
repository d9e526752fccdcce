"""What every command shares: settings with clear errors, progress on stderr, one JSON object on stdout."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from rich.console import Console
from rich.markup import escape

from streams import logs
from streams.runtime import load_settings
from streams.settings import Settings, config_file

#: People read this; programs read stdout.
err = Console(stderr=True, highlight=False)

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="The stack's directory.", envvar="FOREWARN_DATA_DIR", show_envvar=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; everything else on stderr.")]


def fail(message: str, code: int = 1) -> NoReturn:
    """Print what went wrong and what to do, and end the command."""
    err.print(f"[bold red]error:[/] {escape(logs.redact(message))}", markup=True, soft_wrap=True)
    raise typer.Exit(code)


def settings_for(part: str, **given: Any) -> Settings:
    """Return the settings of a command and configure its logs; a wrong setting ends the command, naming it."""
    try:
        settings = load_settings(**given)
    except ValidationError as error:
        fail("settings: " + "; ".join(_wrong(item) for item in error.errors(include_input=False, include_url=False)), 2)
    except tomllib.TOMLDecodeError as error:
        fail(f"settings: {config_file()} is not TOML: {error}", 2)
    logs.configure(settings, part)
    return settings


def settings_for_worker(part: str, **given: Any) -> Settings:
    """Return the settings of a process that works on Kafka.

    The command ends with code 2, naming the settings, if Kafka is there and refuses us, or must not be trusted. For one
    that is away the process itself waits.
    """
    from connectors.kafka.access import refusal
    from streams.runtime import endpoints

    settings = settings_for(part, **given)
    reason = refusal(endpoints(settings).kafka)
    if reason is not None:
        fail(reason, 2)
    return settings


def _wrong(item: ErrorDetails) -> str:
    name = "_".join(str(place) for place in item["loc"])  # none if settings contradict each other: the message has them
    text = item["msg"].removeprefix("Value error, ")
    return f"FOREWARN_{name.upper()}: {text}" if name else text


def print_json(result: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout."""
    json.dump(result, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")
    sys.stdout.flush()
