"""The recorder on a real broker and a real engine: interrupted, with ClickHouse away, with rows that do not fit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]  # ships no types
from clickhouse_connect.driver.client import Client

from connectors.clickhouse import Rows, Sink, Table, client, migrate
from connectors.clickhouse.columns import LEVEL
from connectors.embedded import ClickHouseServer, KafkaServer, free_port
from connectors.examples import EXAMPLES
from connectors.kafka import partition_of
from connectors.kafka.connection import Connection
from connectors.models import Alert, Level, Signal
from connectors.topics import Topic, declared
from streams.clock import SystemClock
from streams.recorder import Recorder, RefusedRecordsError
from streams.recording import Place
from streams.runtime import Endpoints
from streams.settings import Settings

pytestmark = pytest.mark.stack

PARTITIONS = 2
DAY = datetime(2024, 1, 1, tzinfo=UTC)
TIME = round((DAY + timedelta(days=830)).timestamp() * 1000)
Topics = Callable[[Sequence[Topic], int], None]


class PowerCutError(Exception):
    """The machine goes dark."""


class Mortal(Sink):
    """Stores a block, and dies before anybody can tell."""

    def insert(self, table: Table, rows: Rows) -> None:
        super().insert(table, rows)
        raise PowerCutError


@pytest.fixture
def settings(kafka_topics: Topics, request: pytest.FixtureRequest) -> Settings:
    kafka_topics(declared(simulated=True), PARTITIONS)
    app = "t-" + "".join(c if c.isalnum() else "-" for c in request.node.name.lower())[:38]
    return Settings(app=app, partitions=PARTITIONS, recorder_batch=500, recorder_wait_ms=50)


@pytest.fixture
def sink(warehouse: Endpoints) -> Sink:
    return Sink(lambda: client(warehouse))


def signals(count: int) -> Iterator[Signal]:
    first = Signal.model_validate_json(json.dumps(EXAMPLES["signal"][0]))
    for n in range(count):
        yield first.model_copy(
            update={"enterprise_id": f"E{n % 7}", "source_id": str(n), "event_time": DAY + timedelta(days=n % 60)}
        )


async def produce(kafka: KafkaServer, records: Sequence[tuple[str, int, bytes]]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, enable_idempotence=True) as producer:
        sent = [await producer.send(t, value, key=b"k", partition=p, timestamp_ms=TIME) for t, p, value in records]
        await asyncio.gather(*sent)


async def produce_signals(kafka: KafkaServer, count: int) -> None:
    made = signals(count)
    await produce(kafka, [("signals.electricity", partition_of(s.enterprise_id, PARTITIONS), s.wire()) for s in made])


@asynccontextmanager
async def running(recorder: Recorder) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(recorder.run())
    try:
        yield task
    finally:
        recorder.stop()
        await asyncio.wait_for(task, 20)


async def until(condition: Callable[[], bool], task: asyncio.Task[None], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):
            if task.done():
                task.result()
            await asyncio.sleep(0.05)


def count(connection: Client, table: str) -> int:
    return int(connection.query(f"SELECT count() FROM {table}").result_rows[0][0])


def holds(connection: Client, signals: int) -> bool:
    return count(connection, "signals_latest") == signals


async def test_every_topic_reaches_its_table(
    kafka: KafkaServer, settings: Settings, sink: Sink, warehouse_client: Client
) -> None:
    wire = {name: json.dumps(examples[0]).encode() for name, examples in EXAMPLES.items()}
    home = partition_of(EXAMPLES["signal"][0]["enterprise_id"], PARTITIONS)
    topics = {"finding": "findings", "risk": "risk", "alert": "alerts", "metric": "metrics", "heartbeat": "sources"}
    topics |= {"delivery": "deliveries", "action": "actions", "dead-letter": "dead-letters"}
    topics |= {"signal": "signals.electricity", "enterprise": "enterprises"}
    single = ("sources", "deliveries", "actions")
    await produce(kafka, [(t, 0 if t in single else home, wire[name]) for name, t in topics.items()])
    await produce(kafka, [("sources", 0, b"no heartbeat"), ("signals.tax", 0, b"no signal")])
    tables = [t.split(".")[0].replace("-", "_") for t in topics.values()]
    async with running(Recorder(settings, kafka.connection, sink, SystemClock())) as task:
        await until(lambda: all(count(warehouse_client, table) for table in tables), task)
        await until(lambda: count(warehouse_client, "dead_letters") == 2, task)
    assert count(warehouse_client, "signals") == 1


async def test_a_crash_between_insert_and_commit_loses_and_doubles_nothing(
    kafka: KafkaServer, settings: Settings, warehouse: Endpoints, sink: Sink, warehouse_client: Client
) -> None:
    await produce_signals(kafka, 2_000)
    with pytest.raises(PowerCutError):
        await Recorder(settings, kafka.connection, Mortal(lambda: client(warehouse)), SystemClock()).run()
    stored = count(warehouse_client, "signals")
    assert stored > 0
    async with running(Recorder(settings, kafka.connection, sink, SystemClock())) as task:
        await until(lambda: count(warehouse_client, "signals_latest") == 2_000, task)
    assert warehouse_client.command("SELECT uniqExact(source_id) FROM signals") == 2_000

    async with running(Recorder(settings, kafka.connection, sink, SystemClock())) as task:  # all of it is committed
        await produce_signals(kafka, 1)
        await until(lambda: count(warehouse_client, "signals") > 0, task)
    assert count(warehouse_client, "signals_latest") == 2_000


async def test_several_recorders_share_the_partitions(
    kafka: KafkaServer, settings: Settings, sink: Sink, warehouse: Endpoints, warehouse_client: Client
) -> None:
    first = Recorder(settings, kafka.connection, sink, SystemClock())
    second = Recorder(settings, kafka.connection, Sink(lambda: client(warehouse)), SystemClock())
    async with running(first) as task, running(second) as other:
        await until(lambda: not first.not_ready() and not second.not_ready(), task)
        for sent in range(100, 3_000, 100):
            await produce_signals(kafka, sent)  # the same again, and a hundred more: what is repeated shows once
            await until(partial(holds, warehouse_client, sent), task)
            if first.detail()["rows"] and second.detail()["rows"]:
                break
        else:
            pytest.fail("one of them does nothing")
        assert not other.done()


async def test_while_clickhouse_is_away_only_the_lag_grows(
    kafka: KafkaServer, settings: Settings, warehouse_at: Any, tmp_path: Path
) -> None:
    server = ClickHouseServer(tmp_path, free_port(), "secret")
    place = Endpoints(Connection(""), server.url, server.user, server.password, "away", "", False, False)
    tried: list[int] = []

    class Counting(Sink):
        def insert(self, table: Table, rows: Rows) -> None:
            tried.append(len(rows))
            super().insert(table, rows)

    alone = settings.model_copy(update={"recorder_workers": 1})
    recorder = Recorder(alone, kafka.connection, Counting(lambda: client(place)), SystemClock())
    async with running(recorder) as task:
        await produce_signals(kafka, 6_000)
        await until(lambda: len(tried) >= 4 and recorder.detail()["lag"] >= 6_000, task)
        assert "is it running" in recorder.detail()["waiting_for"]
        assert len(set(tried)) == 1  # the same batch again and again, and no other
        assert recorder.detail()["recorded_lag_s"] > 0
        await asyncio.to_thread(server.start)
        try:
            await asyncio.to_thread(server.wait_ready)
            connection = client(place, database="")
            migrate(connection, "away", {})
            await until(lambda: count(connection, "signals_latest") == 6_000, task)
            recorder.stop()
            await asyncio.wait_for(task, 20)
            assert recorder.detail()["rows"] == 6_000
            assert recorder.detail()["recorded_lag_s"] == 0
        finally:
            await asyncio.to_thread(server.stop)


async def test_it_stops_at_once_when_clickhouse_is_away(kafka: KafkaServer, settings: Settings) -> None:
    nowhere = Endpoints(Connection(""), f"http://127.0.0.1:{free_port()}", "u", "p", "x", "", False, False)
    await produce_signals(kafka, 10)
    recorder = Recorder(settings, kafka.connection, Sink(lambda: client(nowhere)), SystemClock())
    async with running(recorder) as task:
        await until(lambda: bool(recorder.detail()["waiting_for"]), task)


async def test_a_row_that_never_fits_stops_it_until_an_operator_gives_it_up(
    kafka: KafkaServer, settings: Settings, sink: Sink, warehouse_client: Client
) -> None:
    calm = Alert.model_validate_json(json.dumps(EXAMPLES["alert"][0])).model_copy(update={"level": Level.BLUE})
    alerts = [
        calm.model_copy(update={"sequence": n, "level": Level.RED if n == 4 else Level.BLUE}) for n in range(1, 6)
    ]
    await produce(kafka, [("alerts", 0, alert.wire()) for alert in alerts])
    warehouse_client.command("ALTER TABLE alerts MODIFY COLUMN level Enum8('none' = 0, 'blue' = 1)")
    try:
        for _ in range(2):  # it is not committed: a restart finds it again
            with pytest.raises(RefusedRecordsError, match=r"--skip alerts:0:3"):
                await Recorder(settings, kafka.connection, sink, SystemClock()).run()
        assert count(warehouse_client, "alert_history") == 4
        given_up = Recorder(settings, kafka.connection, sink, SystemClock(), skip=[Place("alerts", 0, 3)])
        async with running(given_up) as task:
            await until(lambda: count(warehouse_client, "dead_letters") == 1, task)
        letter = warehouse_client.query("SELECT reason, of_topic, of_offset FROM dead_letters").result_rows
        assert list(letter) == [("skipped", "alerts", 3)]
    finally:
        warehouse_client.command(f"ALTER TABLE alerts MODIFY COLUMN level {LEVEL.sql}")
