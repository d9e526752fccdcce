"""Every test of the control store runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.control import ControlStore
from connectors.control.testing import PostgreSQLServer, find_postgresql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    programs = find_postgresql()
    if programs is None and os.environ.get("CI") == "true" and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql"], check=True)
        programs = find_postgresql()
    if programs is None:
        pytest.skip("no PostgreSQL here: `apt-get install postgresql`")
    with PostgreSQLServer(programs) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.stack)])
def control_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/control.db"
    server: PostgreSQLServer = request.getfixturevalue("postgresql")
    return server.fresh_database()


@pytest.fixture
def store(control_url: str) -> Iterator[ControlStore]:
    made = ControlStore(control_url)
    made.upgrade()
    yield made
    made.close()
