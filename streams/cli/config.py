"""``forewarn config``: what is set, where it came from, and what is wrong with it."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Self

import typer
from pydantic import SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    TomlConfigSettingsSource,
)
from rich.console import Console
from rich.table import Table

from streams import logs
from streams.cli.common import AsJson, DataDir, err, fail, print_json, settings_for
from streams.runtime import read_stack
from streams.settings import CONFIG_VARIABLE, Settings, config_file, environment
from streams.settings_table import OTHER_VARIABLES, variable

config_app = typer.Typer(name="config", help="Show and check the settings.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: which setting, in which place, and why."""

    setting: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.setting} ({self.where}): {self.message}" if self.setting else f"{self.where}: {self.message}"


@config_app.command("show")
def show(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print every setting, its value and where that came from; secrets are masked."""
    settings = settings_for("config", data_dir=data_dir)
    source = context.get_parameter_source("data_dir")  # the option also reads the environment
    origins = _origins(settings, given={"data_dir"} if source and source.name == "COMMANDLINE" else set())
    values = {name: _shown(getattr(settings, name)) for name in Settings.model_fields}
    if as_json:
        print_json({name: {"value": value, "from": origins[name]} for name, value in values.items()})
        return
    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for name, value in values.items():
        table.add_row(name, "" if value is None else str(value), origins[name], style=_style(origins[name]))
    Console(highlight=False, soft_wrap=True, markup=False).print(table)


@config_app.command("check")
def check(
    file: Annotated[Path | None, typer.Argument(help="TOML file; default: the one that processes would read.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find mistakes in the TOML file and the environment. Exit code 2 if there are any."""
    problems = list(_problems(file))
    if as_json:
        print_json({"ok": not problems, "problems": [asdict(problem) for problem in problems]})
    elif problems:
        fail("\n       ".join(str(problem) for problem in problems), 2)
    else:
        err.print("The settings are in order.")
    if problems:
        raise typer.Exit(2)


def _style(origin: str) -> str:
    return "dim" if origin == "default" else "bold"


def _shown(value: object) -> object:
    if isinstance(value, SecretStr):
        return logs.HIDDEN if value.get_secret_value() else ""
    if isinstance(value, bool | int | float) or value is None:
        return value
    return logs.redact(str(value))


def _origins(settings: Settings, given: Collection[str]) -> dict[str, str]:
    """Return where each setting's value came from, by the order of precedence."""
    places: tuple[tuple[str, Collection[str]], ...] = (
        ("command line", given),
        ("environment", EnvSettingsSource(Settings)()),
        (str(config_file()), TomlConfigSettingsSource(Settings, toml_file=config_file())()),
        (str(settings.data_dir / "stack.toml"), read_stack(settings.data_dir)),
    )
    return {
        name: next((place for place, names in places if name in names), "default") for name in Settings.model_fields
    }


class _Given(Settings):
    """Settings from their arguments only, so that each place can be checked by itself."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave out the environment and the file."""
        return (init_settings,)


class _Alone(_Given):
    """Settings of one place, which others may complete."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        """Leave it open whether the settings fit each other."""
        return self


def _problems(file: Path | None) -> Iterator[Problem]:
    found = [*_problems_of_places(file or config_file(), named=file is not None)]
    yield from found
    if not found:
        yield from _contradictions(file or config_file())


def _contradictions(path: Path) -> Iterator[Problem]:
    values = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    try:
        _Given(**{**values, **EnvSettingsSource(Settings)()})
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            yield Problem("", "environment and file together", item["msg"].removeprefix("Value error, "))


def _problems_of_places(path: Path, *, named: bool) -> Iterator[Problem]:
    if path.exists():
        yield from _problems_of_file(path)
    elif named or CONFIG_VARIABLE in environment():
        yield Problem("", str(path), "there is no such file")
    variables = EnvSettingsSource(Settings)()
    for problem in _problems_of_values(variables, "environment"):
        yield Problem(variable(problem.setting), problem.where, problem.message)
    known = {variable(name) for name in Settings.model_fields} | set(OTHER_VARIABLES)
    for name in sorted(environment() - known):
        yield Problem(name, "environment", f"no such setting{_like(name, known)}")


def _problems_of_file(path: Path) -> Iterator[Problem]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        yield Problem("", str(path), f"not a readable TOML file: {error}")
        return
    yield from _problems_of_values(values, str(path))


def _problems_of_values(values: Mapping[str, Any], where: str) -> Iterator[Problem]:
    unknown = values.keys() - Settings.model_fields.keys()
    for name in sorted(unknown):
        yield Problem(name, where, f"no such setting{_like(name, Settings.model_fields)}")
    try:
        checked: Settings | None = _Alone(**{name: value for name, value in values.items() if name not in unknown})
    except ValidationError as error:
        checked = None
        for item in error.errors(include_input=False, include_url=False):
            yield Problem(str(item["loc"][0]), where, item["msg"])
    if checked and checked.detection_config:
        yield from _problems_of_detection(checked.detection_config, where)


def _problems_of_detection(path: Path, where: str) -> Iterator[Problem]:
    from detectors.config import DetectionConfig

    try:
        DetectionConfig.from_mapping(tomllib.loads(path.read_text(encoding="utf-8")))
    except (ValueError, OSError) as error:
        yield Problem("detection_config", where, f"{path}: {error}")


def _like(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
