"""Write the dashboards and alert rules as JSON: ``python -m dashboards.grafana.build [--check]``.

The only importer of ``dashboards.grafana.code``, and so of grafana-foundation-sdk, which is a build-time dependency.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboards.grafana import shipped
from dashboards.grafana.code import enterprise, pipeline, query, rules, wall
from dashboards.grafana.code.sdk import JSONEncoder, models

BUILDERS = {"enterprise": enterprise.build, "pipeline": pipeline.build, "wall": wall.build}


def files() -> dict[Path, str]:
    """Return what every generated file should hold."""
    boards = {shipped.DASHBOARDS / f"{name}.json": text(build().build()) for name, build in BUILDERS.items()}
    return boards | {shipped.RULES / "watch-the-watchers.json": _json(rules.document())}


def text(board: models.Dashboard) -> str:
    """Return a dashboard as it stands in its file; panels are numbered in their order."""
    for number, panel in enumerate(board.panels or (), 1):
        if isinstance(panel, models.Panel):
            panel.id_val = number
    return _json(board)


def read(document: str) -> models.Dashboard:
    """Return a dashboard read back from its file's text."""
    query.register()
    return models.Dashboard.from_json(json.loads(document))


def _json(value: object) -> str:
    return json.dumps(value, cls=JSONEncoder, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or with ``--check`` only say which differ; 1 if any does."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.grafana.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file differs")
    options = parser.parse_args(arguments)
    expected = files()
    if options.check:
        differing = [path for path, content in expected.items() if not _current(path, content)]
        for path in differing:
            sys.stderr.write(f"{path.name} differs from dashboards/grafana/code: run `make dashboards`\n")
        return 1 if differing else 0
    for path, content in expected.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return 0


def _current(path: Path, content: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == content


if __name__ == "__main__":
    sys.exit(main())
