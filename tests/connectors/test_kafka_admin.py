"""Topics, offsets and lag on a real broker; the partitioner against kafka-python's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka import KafkaConsumer, KafkaProducer  # type: ignore[import-untyped]
from kafka.partitioner import DefaultPartitioner  # type: ignore[import-untyped]

from connectors.embedded import KafkaServer, free_port
from connectors.kafka.admin import (
    KafkaAwayError,
    TopicMismatchError,
    connected,
    ensure_topics,
    serving,
    wait_until_serving,
)
from connectors.kafka.connection import Connection
from connectors.kafka.partitioner import murmur2, partition_of
from connectors.topics import SIGNALS, Topic, declared

#: From Apache Kafka's own test of Utils.murmur2.
JAVA_VECTORS = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize("key", JAVA_VECTORS)
def test_murmur2_agrees_with_java(key: bytes) -> None:
    assert murmur2(key) == JAVA_VECTORS[key] & 0xFFFFFFFF


class Cluster:
    """The part of kafka-python's cluster metadata that its partitioner asks for."""

    def __init__(self, partitions: int) -> None:
        self._partitions = set(range(partitions))

    def topics(self) -> set[str]:
        return {"t"}

    def partitions_for_topic(self, _topic: str) -> set[int]:
        return self._partitions

    available_partitions_for_topic = partitions_for_topic


@given(enterprise_id=st.text(max_size=40), partitions=st.integers(1, 64))
@settings(deadline=None, max_examples=300)
def test_partitions_agree_with_kafka_python(enterprise_id: str, partitions: int) -> None:
    key = enterprise_id.encode()
    theirs = DefaultPartitioner().partition("t", enterprise_id, key, b"", b"", Cluster(partitions))
    assert partition_of(enterprise_id, partitions) == theirs


@pytest.mark.stack
def test_topics_are_created_once_and_as_declared(
    kafka: KafkaServer, kafka_topics: Callable[[Sequence[Topic], int], None]
) -> None:
    topics = declared(simulated=False)
    kafka_topics(topics, 4)
    assert ensure_topics(kafka.connection, topics, 4) == []
    with connected(kafka.connection) as admin:
        assert admin.partitions() == {topic.name: 4 if topic.grouped else 1 for topic in topics}
    with pytest.raises(TopicMismatchError, match=r"has 4 partitions, 6 are asked for.*FOREWARN_PARTITIONS=4"):
        ensure_topics(kafka.connection, topics, 6)


@pytest.mark.stack
def test_two_who_create_the_same_topics_at_once_both_succeed(
    kafka: KafkaServer, kafka_topics: Callable[[Sequence[Topic], int], None]
) -> None:
    topics = [Topic(f"race-{i}", True) for i in range(8)]
    kafka_topics([*topics, Topic("race-0", True)], 2)
    with connected(kafka.connection) as admin:
        admin.delete_topics({topic.name for topic in topics})
    made: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: made.append(ensure_topics(kafka.connection, topics, 2))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 3


@pytest.mark.stack
def test_lag_is_what_a_group_has_not_read(
    kafka: KafkaServer, kafka_topics: Callable[[Sequence[Topic], int], None]
) -> None:
    kafka_topics([Topic(SIGNALS[0], True)], 3)
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for i in range(30):
        producer.send(SIGNALS[0], key=b"k", value=b"%d" % i)
    producer.flush()
    with connected(kafka.connection) as admin:
        (before,) = admin.lag("probe-group", [SIGNALS[0], "no-such-topic"])
        assert (before.topic, before.end, before.lag, before.unread) == (SIGNALS[0], 30, 30, 3)
        assert admin.end_offsets([SIGNALS[0]])[SIGNALS[0]][partition_of("k", 3)] == 30
    consumer = KafkaConsumer(
        SIGNALS[0],
        bootstrap_servers=kafka.bootstrap,
        group_id="probe-group",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=10,
        consumer_timeout_ms=20_000,
    )
    assert [next(consumer).value for _ in range(10)][-1] == b"9"
    consumer.commit()
    consumer.close()
    producer.close()
    with connected(kafka.connection) as admin:
        (after,) = admin.lag("probe-group", [SIGNALS[0]])
    assert (after.lag, after.unread <= 2) == (20, True)


@pytest.mark.stack
def test_a_broker_that_serves_is_told_from_one_that_does_not(kafka: KafkaServer) -> None:
    wait_until_serving(kafka.connection, 10)
    nobody = Connection(f"127.0.0.1:{free_port()}")
    assert not serving(nobody)
    with pytest.raises(KafkaAwayError, match=r"does not serve after 0\.3 s"):
        wait_until_serving(nobody, 0.3)
    with pytest.raises(KafkaAwayError, match="FOREWARN_KAFKA_BOOTSTRAP"), connected(nobody):
        pass
