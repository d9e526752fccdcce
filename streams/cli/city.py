"""The options that describe a simulated city, for every command that makes one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

Enterprises = Annotated[int, typer.Option("--enterprises", min=1, help="How many enterprises live in the city.")]
Days = Annotated[int, typer.Option("--days", min=1, help="How many days are streamed.")]
Seed = Annotated[int, typer.Option("--seed", help="Another seed is another city.")]
Start = Annotated[
    datetime,
    typer.Option("--start", formats=["%Y-%m-%d"], help="First day; the default spans a Spring Festival."),
]
#: Days before Spring Festival 2026, with room for a warm-up and the stories.
DEFAULT_START = datetime.fromisoformat("2025-09-01T00:00:00+08:00")
