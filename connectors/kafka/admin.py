"""What start-up and operators need to know of a Kafka: whether it serves, its topics, who is how far behind."""

from __future__ import annotations

import logging
import socket
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any, NamedTuple

from aiokafka.protocol.types import Array, String  # type: ignore[import-untyped]  # ships no types
from kafka import IsolationLevel, KafkaAdminClient, OffsetSpec, TopicPartition  # type: ignore[import-untyped]
from kafka.errors import (  # type: ignore[import-untyped]
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorError,
    TopicAlreadyExistsError,
)
from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_fixed,
)

from connectors.kafka.access import refusal
from connectors.kafka.connection import Connection
from connectors.topics import Topic

#: It warns of each member whose metadata are not in Java's form, such as Faust's.
logging.getLogger("kafka.admin._groups").setLevel(logging.ERROR)

_TIMEOUT_MS = 10_000
#: The first question about any group makes Kafka create its offsets topic, which takes a moment.
_COORDINATED = Retrying(
    stop=stop_after_delay(_TIMEOUT_MS / 1000),
    wait=wait_fixed(0.1),
    retry=retry_if_exception_type((CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)),
    reraise=True,
)
_SUBSCRIPTION = Array(String("utf-8"))
_GONE = Retrying(stop=stop_after_delay(_TIMEOUT_MS / 1000), wait=wait_fixed(0.05), retry=retry_if_result(bool))


class KafkaAwayError(RuntimeError):
    """No Kafka answers at the address, or it does not serve yet."""


class KafkaRefusedError(KafkaAwayError):
    """A Kafka is there, but it refuses us, or we must not trust it: waiting does not help, the settings are wrong."""


class TopicMismatchError(RuntimeError):
    """A topic exists with another partition count than is asked for."""


class TopicLag(NamedTuple):
    """How far a consumer group is behind in one topic.

    On topics written in transactions a lag of one or two per partition is normal: the markers of transactions are
    records that no consumer ever sees.
    """

    topic: str
    partitions: int
    end: int
    lag: int
    unread: int  # partitions of which the group has committed nothing


class Admin:
    """Questions to one Kafka; see :func:`connected`."""

    def __init__(self, client: KafkaAdminClient) -> None:
        self._client = client

    def partitions(self) -> dict[str, int]:
        """Return the partition count of every topic that is not Kafka's own."""
        return {
            topic["name"]: len(topic["partitions"])
            for topic in self._client.describe_topics()
            if not topic["is_internal"] and topic["error_code"] == 0
        }

    def end_offsets(self, topics: Iterable[str]) -> dict[str, dict[int, int]]:
        """Return the next offset of each partition of the topics that exist; transactions that are open count not.

        Raises
        ------
        kafka.errors.KafkaError
            If a partition has no leader now.
        """
        return self._offsets(topics, OffsetSpec.LATEST)

    def earliest_offsets(self, topics: Iterable[str]) -> dict[str, dict[int, int]]:
        """Return the first offset that is still kept of each partition of the topics that exist."""
        return self._offsets(topics, OffsetSpec.EARLIEST)

    def group_offsets(self, group: str) -> dict[str, dict[int, int]]:
        """Return the offsets that a consumer group has committed: the next ones that it will read."""
        committed: dict[str, dict[int, int]] = {}
        for place, at in _COORDINATED(self._client.list_group_offsets, group)[group].items():
            if at.offset >= 0:
                committed.setdefault(place.topic, {})[place.partition] = at.offset
        return committed

    def members(self, group: str) -> int:
        """Return how many consumers a group has now; 0 for a group that nobody knows."""
        described = _COORDINATED(self._client.describe_groups, [group])[group]
        return 0 if described["error"] else len(described["members"])

    def subscriptions(self, group: str) -> dict[str, frozenset[str]] | None:
        """Return what each member of a consumer group reads, by its instance id, else its member id.

        None while the group shares its partitions anew: Kafka does not tell it then.
        """
        described = _COORDINATED(self._client.describe_groups, [group])[group]
        if described["error"] or not described["members"]:
            return {}
        if described["group_state"] != "Stable":
            return None
        return {
            member["group_instance_id"] or member["member_id"]: _topics_of(member["member_metadata"])
            for member in described["members"]
        }

    def lag(self, group: str, topics: Collection[str]) -> list[TopicLag]:
        """Return how far a consumer group is behind in each of the topics that exist.

        A partition of which it has committed nothing counts from the first record that is kept.
        """
        committed = self.group_offsets(group)
        first = self.earliest_offsets(topics)
        lags = []
        for topic, ends in self.end_offsets(topics).items():
            done = committed.get(topic, {})
            behind = sum(max(0, end - done.get(partition, first[topic][partition])) for partition, end in ends.items())
            lags.append(TopicLag(topic, len(ends), sum(ends.values()), behind, len(ends.keys() - done.keys())))
        return lags

    def ensure_topics(self, topics: Sequence[Topic], partitions: int) -> list[str]:
        """Create the topics that are missing and return their names.

        Parameters
        ----------
        topics
            What must exist.
        partitions
            Partition count of the topics that are ``grouped``; the others get one.

        Raises
        ------
        TopicMismatchError
            If one exists with another partition count.
        """
        there = self.partitions()
        for topic in topics:
            wanted = partitions if topic.grouped else 1
            if there.get(topic.name, wanted) != wanted:
                message = (
                    f"topic {topic.name} has {there[topic.name]} partitions, {wanted} are asked for: "
                    f"set FOREWARN_PARTITIONS={there[topic.name]}, or use another Kafka or a fresh data directory"
                )
                raise TopicMismatchError(message)
        missing = [topic for topic in topics if topic.name not in there]
        if missing:
            wanted_topics = {
                topic.name: {
                    "num_partitions": partitions if topic.grouped else 1,
                    "replication_factor": -1,
                    "configs": dict(topic.config),
                }
                for topic in missing
            }
            try:
                self._client.create_topics(wanted_topics, timeout_ms=_TIMEOUT_MS)
            except TopicAlreadyExistsError:  # another process was faster; is it what we want?
                return self.ensure_topics(topics, partitions)
        self._client.wait_for_topics([topic.name for topic in topics])
        return [topic.name for topic in missing]

    def delete_topics(self, names: Collection[str]) -> None:
        """Delete topics and all their records, and wait until they are gone; unknown ones are left alone."""
        there = sorted(self.partitions().keys() & set(names))
        if there:
            self._client.delete_topics(there, timeout_ms=_TIMEOUT_MS)
            _GONE(lambda: self.partitions().keys() & set(there))

    def _offsets(self, topics: Iterable[str], spec: OffsetSpec) -> dict[str, dict[int, int]]:
        there = self.partitions()
        places = {TopicPartition(topic, p): spec for topic in topics for p in range(there.get(topic, 0))}
        if not places:
            return {}
        found = self._client.list_partition_offsets(
            places, isolation_level=IsolationLevel.READ_COMMITTED, timeout_ms=_TIMEOUT_MS
        )
        offsets: dict[str, dict[int, int]] = {}
        for place in places:
            offsets.setdefault(place.topic, {})[place.partition] = found[place].offset
        return offsets


def _topics_of(metadata: dict[str, Any] | str) -> frozenset[str]:
    """Return what a member has subscribed to.

    kafka-python decodes the form of Java's clients. Faust's has a list of its own behind the topics, so it comes as a
    text of the bytes: the version (2 bytes), the topics, the rest.
    """
    if isinstance(metadata, dict):
        return frozenset(metadata["topics"])
    return frozenset(_SUBSCRIPTION.decode(BytesIO(metadata.encode()[2:])))


@contextmanager
def connected(kafka: Connection, timeout_s: float = 10.0) -> Iterator[Admin]:
    """Connect to a Kafka for a few questions.

    Parameters
    ----------
    kafka
        Where it is, and who we are there.
    timeout_s
        Longest wait for a first answer, seconds.

    Raises
    ------
    KafkaRefusedError
        If it refuses our password, or its certificate is not to be trusted; the message names the settings.
    KafkaAwayError
        If none answers.
    """
    if not any(listens(address) for address in kafka.addresses):
        message = f"no Kafka listens at {kafka}: start it, or correct FOREWARN_KAFKA_BOOTSTRAP"
        raise KafkaAwayError(message)
    if reason := refusal(kafka):
        raise KafkaRefusedError(reason)
    try:
        client = KafkaAdminClient(
            **kafka.kafka_python(),
            client_id="forewarn-admin",
            request_timeout_ms=_TIMEOUT_MS,
            bootstrap_timeout_ms=int(timeout_s * 1000),
        )
    except KafkaError as error:
        message = (
            f"the Kafka at {kafka} does not answer ({type(error).__name__}); "
            f"is FOREWARN_KAFKA_SECURITY={kafka.security} what it expects?"
        )
        raise KafkaAwayError(message) from error
    with client:
        yield Admin(client)


def serving(kafka: Connection) -> bool:
    """Return whether a Kafka answers and leads every partition of every topic: a port that answers is not enough.

    Raises
    ------
    KafkaRefusedError
        If it answers, and will never serve us.
    """
    try:
        with connected(kafka, timeout_s=5.0) as admin:
            admin.end_offsets(admin.partitions())
    except KafkaRefusedError:
        raise
    except (KafkaAwayError, KafkaError):
        return False
    return True


def wait_until_serving(kafka: Connection, timeout_s: float) -> None:
    """Wait until a Kafka serves all its partitions.

    Raises
    ------
    KafkaRefusedError
        If it will never serve us.
    KafkaAwayError
        If it does not within ``timeout_s`` seconds.
    """
    try:
        Retrying(stop=stop_after_delay(timeout_s), wait=wait_fixed(0.2), retry=retry_if_result(lambda done: not done))(
            serving, kafka
        )
    except RetryError:
        message = f"the Kafka at {kafka} does not serve after {timeout_s:g} s"
        raise KafkaAwayError(message) from None


def ensure_topics(kafka: Connection, topics: Sequence[Topic], partitions: int) -> list[str]:
    """Create the topics that are missing and return their names; see :meth:`Admin.ensure_topics`."""
    with connected(kafka) as admin:
        return admin.ensure_topics(topics, partitions)


def listens(address: str) -> bool:
    """Return whether anything listens at ``host:port``: less than :func:`serving`, and cheap."""
    host, _, port = address.strip().rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=3):
            return True
    except (OSError, ValueError):
        return False
