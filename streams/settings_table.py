"""The documented table of all settings: ``python -m streams.settings_table docs/settings.md [--check]``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from streams.generated_page import GeneratedPage
from streams.settings import CONFIG_VARIABLE, Settings

#: ``FOREWARN_*`` variables that are not settings of the processes.
OTHER_VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        CONFIG_VARIABLE: "Path of the TOML file; default `forewarn.toml` in the working directory.",
        "FOREWARN_WEBHOOK_SECRET": (
            "Secret of one subscription, for `forewarn subscribe` and `forewarn webhook-receiver`; never an argument."
        ),
        "FOREWARN_CLICKHOUSE_READER_PASSWORD": (
            "Password of the embedded ClickHouse's read-only user; `forewarn up` hands it to that server."
        ),
        "FOREWARN_DATA": "Directory of the public data sets that tests with the marker `data` read.",
    }
)

_HEAD = """\
# Settings · 设置

Every process reads the same settings. Each may be set, in this order of precedence, by

1. an option of the command, where it has one;
2. the environment variable in the table;
3. the TOML file, under the variable's name without `FOREWARN_`, in lower case (`partitions = 32`);
4. the stack's own `stack.toml` in the data directory, for what was chosen when the stack was made;
5. the default.

`forewarn config show` prints what is in force and where each value came from; `forewarn config check` finds mistakes.
This page is generated from `streams/settings.py` by `make settings`, and a test compares the two.

| variable | default | accepted | meaning |
| --- | --- | --- | --- |
"""

_TAIL = """
Passwords and URLs with passwords are secret: they appear in no log and no error, and `config show` masks them.

## Other variables

| variable | meaning |
| --- | --- |
"""


def variable(name: str) -> str:
    """Return the environment variable of a setting.

    Examples
    --------
    >>> variable("data_dir")
    'FOREWARN_DATA_DIR'
    """
    return f"FOREWARN_{name.upper()}"


def page() -> str:
    """Return the whole page, Markdown."""
    accepted: dict[str, dict[str, Any]] = Settings.model_json_schema()["properties"]
    rows = (_row(name, field, accepted[name]) for name, field in Settings.model_fields.items())
    others = (f"| `{name}` | {meaning} |\n" for name, meaning in OTHER_VARIABLES.items())
    return _HEAD + "".join(rows) + _TAIL + "".join(others)


def _row(name: str, field: FieldInfo, schema: Mapping[str, Any]) -> str:
    cells = (f"`{variable(name)}`", _default(field.default), ", ".join(_accepted(schema)), field.description or "")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _default(value: object) -> str:
    shown = value.get_secret_value() if isinstance(value, SecretStr) else value
    if shown is None or shown == "":
        return "empty"
    return f"`{str(shown).lower() if isinstance(shown, bool) else shown}`"


def _accepted(schema: Mapping[str, Any]) -> Iterator[str]:
    if "enum" in schema:
        yield " or ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "boolean":
        yield "`true` or `false`"
    if "exclusiveMinimum" in schema:
        yield f"over {schema['exclusiveMinimum']:,}"
    if "minimum" in schema:
        yield f"from {schema['minimum']:,}"
    if "maximum" in schema:
        yield f"to {schema['maximum']:,}"
    if "pattern" in schema:
        yield f"`{schema['pattern']}`"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or with ``--check`` only say whether it differs; 1 if it does."""
    return GeneratedPage("streams.settings_table", __doc__, page, "streams/settings.py", "settings").main(arguments)


if __name__ == "__main__":
    sys.exit(main())
