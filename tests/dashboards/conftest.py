"""What the tests of the API and the board share: a filled database, and a desk over it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
from clickhouse_connect.driver.client import Client

from connectors import clickhouse as store
from connectors.control import ControlStore
from connectors.embedded import ClickHouseServer
from connectors.tls import SYSTEM, Certificates
from dashboards.desk import Desk
from dashboards.queries import Queries
from dashboards.store import Store
from streams.clock import SystemClock
from tests.dashboards.scene import Scene


@dataclass(frozen=True)
class Place:
    """A database of a server, as the connection wants it."""

    clickhouse_url: str
    clickhouse_user: str
    clickhouse_password: str
    clickhouse_database: str
    clickhouse_certificates: Certificates = SYSTEM

    def connect(self) -> Client:
        return store.client(self, connect_timeout_s=3, timeout_s=15)


class MakePlace(Protocol):
    """Makes a filled database whose newest data is so many hours old."""

    def __call__(self, hours_old: float = 0) -> Place: ...


@pytest.fixture(scope="session")
def make_place(clickhouse: ClickHouseServer) -> MakePlace:
    """Make databases of their own."""

    def make(hours_old: float = 0) -> Place:
        name = f"board_{secrets.token_hex(4)}"
        place = Place(clickhouse.url, clickhouse.user, clickhouse.password, name)
        client = store.client(place, database="")
        Scene(client, name, datetime.now(UTC) - timedelta(hours=hours_old)).fill()
        client.close()
        return place

    return make


@pytest.fixture(scope="session")
def place(make_place: MakePlace) -> Place:
    """One filled database for the tests that change nothing in it."""
    return make_place()


@pytest.fixture
def control(tmp_path: Path) -> Iterator[ControlStore]:
    made = ControlStore(f"sqlite:///{tmp_path / 'control.db'}")
    made.upgrade()
    yield made
    made.close()


@pytest.fixture
async def desk(place: Place, control: ControlStore) -> AsyncIterator[Desk]:
    made = Desk(Queries(Store(place.connect)), control, SystemClock(), simulated=False)
    yield made
    made.close()
