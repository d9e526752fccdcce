"""JSON Schemas of every message, written to a directory: ``python -m connectors.schemas docs/schemas [--check]``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from connectors.examples import ENVELOPES, EXAMPLES
from connectors.models import MESSAGES, Signal
from connectors.topics import MAX_RECORD_BYTES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE = "envelope"
_Envelope = TypeAdapter(Annotated[list[Signal], Field(min_length=1)])


def documents() -> dict[str, dict[str, Any]]:
    """Return the schema of every message, and of an envelope, by file name.

    Examples
    --------
    >>> documents()["signal.schema.json"]["$id"]
    'urn:forewarn:message:signal:v1'
    """
    schemas = {
        name: _document(name, model.model_json_schema(), title=model.__name__, examples=EXAMPLES[name])
        for name, model in MESSAGES.items()
    }
    envelope = _Envelope.json_schema() | {
        "description": "Several signals in one Kafka record. All of them belong to the record's partition; the record "
        f"is at most {MAX_RECORD_BYTES:,} bytes. A record may also be a single signal, not in an array."
    }
    schemas[ENVELOPE] = _document(ENVELOPE, envelope, title="Envelope", examples=ENVELOPES)
    return {f"{name}.schema.json": schema for name, schema in schemas.items()}


def _document(name: str, schema: dict[str, Any], *, title: str, examples: Sequence[Any]) -> dict[str, Any]:
    head = {"$schema": DIALECT, "$id": f"urn:forewarn:message:{name}:v1", "title": title}
    return head | {key: value for key, value in schema.items() if key != "title"} | {"examples": list(examples)}


def text(document: dict[str, Any]) -> str:
    """Return a schema as it stands in its file."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def stale(directory: Path) -> list[str]:
    """Return the names of files in the directory that are missing, differ from the models, or have no message."""
    expected = documents()
    names = expected.keys() | {path.name for path in directory.glob("*.schema.json")}
    return sorted(name for name in names if not _current(directory / name, expected.get(name)))


def _current(path: Path, document: dict[str, Any] | None) -> bool:
    return document is not None and path.exists() and path.read_text(encoding="utf-8") == text(document)


def write(directory: Path) -> None:
    """Write every schema, and remove those of messages that are no more."""
    directory.mkdir(parents=True, exist_ok=True)
    expected = documents()
    for name, document in expected.items():
        (directory / name).write_text(text(document), encoding="utf-8")
    for path in directory.glob("*.schema.json"):
        if path.name not in expected:
            path.unlink()


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the schemas, or with ``--check`` only say which files differ; 1 if any does."""
    parser = argparse.ArgumentParser(prog="python -m connectors.schemas", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file differs")
    options = parser.parse_args(arguments)
    if not options.check:
        write(options.directory)
        return 0
    differing = stale(options.directory)
    for name in differing:
        sys.stderr.write(f"{options.directory / name} differs from connectors/models.py: run `make schemas`\n")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
