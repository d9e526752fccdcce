"""Writes the OpenAPI document: ``python -m dashboards.api.describe > docs/openapi.json``."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from dashboards.api.app import DESCRIPTION
from dashboards.api.routes import routes


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document; needs no servers."""
    app = FastAPI(title="forewarn", version=version("forewarn"), description=DESCRIPTION)
    app.include_router(routes(None))  # type: ignore[arg-type]  # the routes are described, not called
    return app.openapi()


def main() -> None:
    """Print it."""
    json.dump(openapi(), sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
