"""Real servers that the whole run shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from clickhouse_connect.driver.client import Client

from connectors.clickhouse import client, migrate
from connectors.embedded import ClickHouseServer, KafkaServer, free_port, free_run
from connectors.kafka.admin import connected
from connectors.kafka.connection import Connection
from connectors.topics import Topic
from streams.runtime import Endpoints

MakeTopics = Callable[[Sequence[Topic], int], None]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A broker without topics; ``kafka.bootstrap`` is its address."""
    with KafkaServer(tmp_path_factory.mktemp("kafka"), free_run(2), heap="256m") as server:
        yield server


@pytest.fixture
def kafka_topics(kafka: KafkaServer) -> Iterator[MakeTopics]:
    """Make topics afresh, empty even if a test before had the same; they are deleted after the test."""
    made: set[str] = set()

    def make(topics: Sequence[Topic], partitions: int) -> None:
        with connected(kafka.connection) as admin:
            admin.delete_topics({topic.name for topic in topics})
            made.update(topic.name for topic in topics)
            admin.ensure_topics(topics, partitions)

    yield make
    with connected(kafka.connection) as admin:
        admin.delete_topics(made)


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """An empty ClickHouse; ``clickhouse.url``, ``.user`` and ``.password`` lead to it."""
    password, reader_password = "writer-of-tests", "reader-of-tests"
    directory = tmp_path_factory.mktemp("clickhouse")
    with ClickHouseServer(directory, free_port(), password, reader_password=reader_password) as server:
        yield server


@pytest.fixture(scope="session")
def warehouse_at(clickhouse: ClickHouseServer) -> Callable[[str], Endpoints]:
    """Name a database of the session's ClickHouse; it is not made yet."""

    def at(database: str) -> Endpoints:
        return Endpoints(
            kafka=Connection(""),
            clickhouse_url=clickhouse.url,
            clickhouse_user=clickhouse.user,
            clickhouse_password=clickhouse.password,
            clickhouse_database=database,
            control_url="",
            embedded_kafka=False,
            embedded_clickhouse=False,
        )

    return at


@pytest.fixture(scope="session")
def shared_warehouse(warehouse_at: Callable[[str], Endpoints]) -> Iterator[tuple[Endpoints, Client]]:
    """A database of our tables and views that tests share; use :func:`warehouse`."""
    endpoints = warehouse_at("shared")
    connection = client(endpoints, database="")
    migrate(connection, endpoints.clickhouse_database, {})
    yield endpoints, connection
    connection.close()


@pytest.fixture
def warehouse(shared_warehouse: tuple[Endpoints, Client]) -> Iterator[Endpoints]:
    """A database of our tables and views, empty."""
    endpoints, connection = shared_warehouse
    yield endpoints
    filled = connection.query(
        "SELECT DISTINCT table FROM system.parts "
        "WHERE active AND database = currentDatabase() AND table != 'migrations'"
    )
    for (table,) in filled.result_rows:
        connection.command(f"TRUNCATE TABLE `{table}`")


@pytest.fixture
def warehouse_client(warehouse: Endpoints) -> Iterator[Client]:
    """A connection to :func:`warehouse`."""
    connection = client(warehouse)
    yield connection
    connection.close()
