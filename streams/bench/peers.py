"""The bare work done with other people's libraries, each in a process of its own.

::

    python -m streams.bench.peers NAME JOB

JOB is a :class:`Job` as JSON. The topics begin with what is measured. Printed is one JSON object: seconds and
processor seconds from the first record in hand to the last one done, so no start-up is counted.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from types import MappingProxyType

import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # ships no types

from connectors.embedded.leash import leashed
from streams.bench.bare import BareWork
from streams.bench.load import Form, enterprise_ids
from streams.bench.measure import Pace, cpu_s
from streams.clock import SystemClock
from streams.private import StackError

_KILL = 9


@dataclass(frozen=True, slots=True)
class Job:
    """What to read, and how much it is.

    Parameters
    ----------
    bootstrap
        Addresses of the brokers.
    topics, partitions
        What to read, from the first record that there is.
    records, signals
        How many records that are, and how many signals they hold.
    enterprises
        How many the fleet has.
    form
        Of the readings.
    """

    bootstrap: str
    topics: tuple[str, ...]
    partitions: int
    records: int
    signals: int
    enterprises: int
    form: Form


class Stopwatch:
    """Takes the time from the first record to the last one."""

    def __init__(self, records: int) -> None:
        self.left = records
        self._me = {"": psutil.Process()}
        self._clock = SystemClock()
        self._began: tuple[float, float] | None = None
        self.taken: tuple[float, float] = (0.0, 0.0)

    def start(self) -> None:
        """Begin, unless begun."""
        if self._began is None:
            self._began = self._now()

    def count(self, records: int) -> bool:
        """Count records as done; return whether all are."""
        self.left -= records
        if self.left > 0 or self._began is None:
            return False
        now = self._now()
        self.taken = now[0] - self._began[0], now[1] - self._began[1]
        return True

    def _now(self) -> tuple[float, float]:
        return self._clock.monotonic(), cpu_s(self._me)[""]


def with_aiokafka(job: Job, work: BareWork, watch: Stopwatch) -> None:
    """Work through the backlog with aiokafka's ``getmany``: this is the bare loop."""
    asyncio.run(_with_aiokafka(job, work, watch))


async def _with_aiokafka(job: Job, work: BareWork, watch: Stopwatch) -> None:
    take = work.take
    async with AIOKafkaConsumer(
        bootstrap_servers=job.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    ) as consumer:
        consumer.assign([TopicPartition(topic, p) for topic in job.topics for p in range(job.partitions)])
        done = False
        while not done:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                watch.start()
                for record in records:
                    take(record.value)
                done = watch.count(len(records))


def with_confluent(job: Job, work: BareWork, watch: Stopwatch) -> None:
    """Work through the backlog with librdkafka's ``consume``."""
    import confluent_kafka

    take = work.take
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": job.bootstrap,
            "group.id": "bench-confluent",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,  # the default of 1000 costs three quarters of the speed
        }
    )
    places = [
        confluent_kafka.TopicPartition(topic, p, confluent_kafka.OFFSET_BEGINNING)
        for topic in job.topics
        for p in range(job.partitions)
    ]
    consumer.assign(places)
    done = False
    while not done:
        messages = consumer.consume(10_000, timeout=1.0)
        if messages:
            watch.start()
            for message in messages:
                take(message.value())
            done = watch.count(len(messages))
    consumer.close()


def with_bytewax(job: Job, work: BareWork, watch: Stopwatch) -> None:
    """Work through the backlog with a bytewax dataflow, a whole batch a call: its quickest way."""
    import bytewax.operators as op
    from bytewax.connectors.kafka import KafkaSource
    from bytewax.dataflow import Dataflow
    from bytewax.testing import TestingSink, run_main

    take = work.take

    def take_batch(messages: list[object]) -> list[object]:
        watch.start()
        for message in messages:
            take(message.value)  # type: ignore[attr-defined]  # bytewax need not be installed
        watch.count(len(messages))
        return []

    source = KafkaSource(
        [job.bootstrap],
        list(job.topics),
        tail=False,
        batch_size=10_000,
        add_config={"isolation.level": "read_committed", "fetch.queue.backoff.ms": "5"},
    )
    flow = Dataflow("bench")
    worked = op.flat_map_batch("work", op.input("input", flow, source), take_batch)
    op.output("output", worked, TestingSink([]))
    run_main(flow)


def with_quixstreams(job: Job, work: BareWork, watch: Stopwatch) -> None:
    """Work through the backlog with quixstreams, without its state store."""
    from quixstreams import Application

    app = Application(
        broker_address=job.bootstrap,
        consumer_group="bench-quixstreams",
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="ERROR",
        consumer_extra_config={"isolation.level": "read_committed", "fetch.queue.backoff.ms": 5},
    )

    def take(value: bytes) -> None:
        watch.start()
        work.take(value)
        if watch.count(1):
            app.stop()

    for topic in job.topics:
        app.dataframe(app.topic(topic, value_deserializer="bytes", key_deserializer="bytes")).update(take)
    app.run()


#: By the names under which results are reported.
PEERS: Mapping[str, Callable[[Job, BareWork, Stopwatch], None]] = MappingProxyType(
    {
        "aiokafka": with_aiokafka,
        "confluent": with_confluent,
        "bytewax": with_bytewax,
        "quixstreams": with_quixstreams,
    }
)
_MODULES = {"confluent": "confluent_kafka"}
NOT_INSTALLED = "pip install 'forewarn[bench]'"


def installed(name: str) -> bool:
    """Return whether a peer's library is here."""
    return find_spec(_MODULES.get(name, name)) is not None


def pace_with(name: str, job: Job, timeout_s: float) -> Pace:
    """Run a peer in a process of its own; it ends with this one.

    Raises
    ------
    StackError
        If it fails or takes longer than ``timeout_s`` seconds; the message has the end of what it printed.
    """
    command = leashed([sys.executable, "-m", __name__, name, json.dumps(asdict(job))], _KILL)
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=timeout_s)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (error.stderr or b"").decode("utf-8", "replace")[-2_000:]
        message = f"the loop with {name} did not end: {type(error).__name__}\n{said}"
        raise StackError(message) from error
    seconds, cpu = json.loads(done.stdout.splitlines()[-1])
    return Pace(job.signals, seconds, cpu)


def main(name: str, text: str) -> None:
    """Do the work and print what it took."""
    given = json.loads(text)
    job = Job(**{**given, "topics": tuple(given["topics"])})
    watch = Stopwatch(job.records)
    PEERS[name](job, BareWork(enterprise_ids(job.enterprises), job.form), watch)
    sys.stdout.write(json.dumps(watch.taken) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
