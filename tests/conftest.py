"""Real servers that the whole run shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from connectors.embedded import ClickHouseServer, KafkaServer, free_port
from connectors.kafka.admin import connected
from connectors.topics import Topic

MakeTopics = Callable[[Sequence[Topic], int], None]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A broker without topics; ``kafka.bootstrap`` is its address."""
    with KafkaServer(tmp_path_factory.mktemp("kafka"), free_port(), free_port(), heap="256m") as server:
        yield server


@pytest.fixture
def kafka_topics(kafka: KafkaServer) -> Iterator[MakeTopics]:
    """Make topics afresh, empty even if a test before had the same; they are deleted after the test."""
    made: set[str] = set()

    def make(topics: Sequence[Topic], partitions: int) -> None:
        with connected(kafka.bootstrap) as admin:
            admin.delete_topics({topic.name for topic in topics})
            made.update(topic.name for topic in topics)
            admin.ensure_topics(topics, partitions)

    yield make
    with connected(kafka.bootstrap) as admin:
        admin.delete_topics(made)


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """An empty ClickHouse; ``clickhouse.url``, ``.user`` and ``.password`` lead to it."""
    password, reader_password = "writer-of-tests", "reader-of-tests"
    directory = tmp_path_factory.mktemp("clickhouse")
    with ClickHouseServer(directory, free_port(), password, reader_password=reader_password) as server:
        yield server
