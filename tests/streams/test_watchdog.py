"""Who stands still although records wait is noticed and replaced; who waits for a server is left alone."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]  # ships no types
from clickhouse_connect.driver.client import Client
from faust.types import TP
from kafka import KafkaAdminClient, TopicPartition  # type: ignore[import-untyped]  # ships no types

from connectors.clickhouse import Sink, UnavailableError, client
from connectors.control import ControlStore
from connectors.embedded import KafkaServer, free_port
from connectors.examples import EXAMPLES
from connectors.kafka.connection import Connection
from connectors.topics import ALERTS, INPUTS, SOURCES, Topic, declared
from connectors.webhook import Receiver, new_secret
from streams import health, metrics, stack, watchdog
from streams import notifier as notifier_module
from streams import recorder as recorder_module
from streams.alerting.intake import AlertRecord, take_in
from streams.checkup import PartHealth, judge
from streams.clock import ManualClock, SystemClock
from streams.metrics import Metrics
from streams.notifier import Notifier
from streams.ownership import StopError
from streams.recorder import Recorder
from streams.runtime import Endpoints, endpoints
from streams.settings import Settings
from streams.supervisor import Backoff, Supervisor
from streams.survey import STUCK_S, Survey, Watch
from streams.watchdog import StandstillError, kafka_serves, record_waits

PARTITIONS = 2
Topics = Callable[[Sequence[Topic], int], None]
HEARTBEAT, ALERT = (json.dumps(EXAMPLES[name][0]).encode() for name in ("heartbeat", "alert"))


@pytest.fixture
def settings(kafka: KafkaServer, kafka_topics: Topics, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    kafka_topics(declared(simulated=False), PARTITIONS)
    app = "w-" + "".join(c if c.isalnum() else "-" for c in request.node.name.lower())[:38]
    return Settings(
        app=app, data_dir=tmp_path, kafka_bootstrap=kafka.bootstrap, partitions=PARTITIONS, recorder_wait_ms=50,
        webhook_allow_private=True,
    )  # fmt: skip


async def send(bootstrap: str, topic: str, *values: bytes, committed: bool | None = None) -> None:
    """Append records; in a transaction that is committed or aborted, unless ``committed`` is None."""
    more = {} if committed is None else {"transactional_id": "tests"}
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, **more) as producer:
        if committed is not None:
            await producer.begin_transaction()
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)
        if committed is not None:
            await (producer.commit_transaction() if committed else producer.abort_transaction())


@asynccontextmanager
async def going(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=20)


async def until(reached: Callable[[], bool], task: asyncio.Task[None] | None = None, seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(reached):
            if task is not None and task.done():
                task.result()
            await asyncio.sleep(0.05)


# ---- whether a record waits ------------------------------------------------------------------------------------


@pytest.mark.stack
async def test_a_second_consumer_finds_records_and_takes_no_marker_for_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "LOOK_S", 4.0)
    kafka = settings.kafka_connection()
    place = (SOURCES, 0)
    assert await record_waits(kafka, {place: 0}) is None
    await send(kafka.bootstrap, SOURCES, HEARTBEAT, committed=False)
    assert await record_waits(kafka, {place: 0}) is None, "an aborted record and a marker"
    await send(kafka.bootstrap, SOURCES, HEARTBEAT)
    assert await record_waits(kafka, {place: 0, (ALERTS, 1): 0}) == place
    assert await record_waits(kafka, {place: 3}) is None, "nothing behind it"
    assert await kafka_serves(kafka, SOURCES)


async def test_a_kafka_that_is_away_tells_nothing() -> None:
    away = Connection(f"127.0.0.1:{free_port()}")
    assert await record_waits(away, {(SOURCES, 0): 0}) is None
    assert not await kafka_serves(away, SOURCES)


# ---- scorer ----------------------------------------------------------------------------------------------------


def groups_at(fetched: int, applied: int, *, flood: int | None = None, recorded: bool = False) -> Any:
    """A partition group that has got so far in every topic, in the first one as far as ``flood``."""
    order = SimpleNamespace(position=lambda _: fetched, has_room=lambda _: True, interleaves=not recorded)
    places = dict.fromkeys(INPUTS, applied) | ({} if flood is None else {INPUTS[0]: flood})
    shard = SimpleNamespace(next=places, closing=False)
    return [SimpleNamespace(partition=0, paused=False, order=order, shard=shard)]


@pytest.mark.stack
async def test_a_scorer_whose_consumer_is_silent_ends_and_one_before_a_marker_does_not(settings: Settings) -> None:
    kafka, clock = settings.kafka_connection(), ManualClock()
    survey, watch = Survey(clock), Watch(kafka, clock)
    await send(kafka.bootstrap, INPUTS[1], b"aborted", committed=False)
    survey.ends = {TP(INPUTS[1], 0): 2}
    await watch.answered(survey, groups_at(0, 0))
    clock.move(int(STUCK_S * 1000) + 1)
    await watch.answered(survey, groups_at(0, 0))  # looks, and finds nothing but a marker
    await send(kafka.bootstrap, INPUTS[1], b"a record")
    await watch.answered(survey, groups_at(0, 0))
    clock.move(int(STUCK_S * 1000) + 1)
    with pytest.raises(StopError, match=rf"stopped fetching.*{INPUTS[1]}-0 at offset 0"):
        await watch.answered(survey, groups_at(0, 0))


async def test_a_scorer_that_applies_nothing_of_what_is_in_hand_ends() -> None:
    clock = ManualClock()
    survey, watch = Survey(clock), Watch(Connection(f"127.0.0.1:{free_port()}"), clock)
    for applied in (5, 6):
        await watch.answered(survey, groups_at(9, applied))
        clock.move(int(STUCK_S * 1000) + 1)
    with pytest.raises(StopError, match=r"nothing is applied.*at offset 6"):
        await watch.answered(survey, groups_at(9, 6))


async def test_a_topic_that_waits_for_its_turn_in_the_recorded_order_is_no_standstill() -> None:
    clock = ManualClock()
    survey, watch = Survey(clock), Watch(Connection(f"127.0.0.1:{free_port()}"), clock)
    for flood in (1, 2, 3):
        await watch.answered(survey, groups_at(9, 6, flood=flood, recorded=True))
        clock.move(int(STUCK_S * 1000) + 1)
    with pytest.raises(StopError, match=r"nothing is applied.*at offset 6"):
        await watch.answered(survey, groups_at(9, 6, flood=3, recorded=True))


@pytest.mark.stack
async def test_a_consumer_that_does_not_answer_is_ended_only_if_kafka_answers_others(settings: Settings) -> None:
    clock = ManualClock()
    heard = Watch(settings.kafka_connection(), clock)
    deaf = Watch(Connection(f"127.0.0.1:{free_port()}"), clock)
    for watch in (heard, deaf):
        await watch.unanswered()
        assert not watch.in_doubt
    for _ in range(3):
        clock.move(int(STUCK_S * 500) + 1)
        await heard.unanswered()
        await deaf.unanswered()
    assert heard.in_doubt and deaf.in_doubt
    clock.move(int(STUCK_S * 500) + 1)
    with pytest.raises(StopError, match="although Kafka serves"):
        await heard.unanswered()
    await deaf.unanswered()


# ---- recorder --------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watch every fraction of a second, and lose patience after two."""
    for module in (recorder_module, notifier_module):
        monkeypatch.setattr(module, "_WATCH_S", 0.2)
        monkeypatch.setattr(module, "_STILL_S", 2.0)


class Away(Sink):
    """ClickHouse is away."""

    def insert(self, *_: Any) -> None:
        message = "away"
        raise UnavailableError(message)


@pytest.mark.stack
async def test_a_recorder_whose_consumer_is_silent_ends(
    settings: Settings, warehouse: Endpoints, warehouse_client: Client, quick: None
) -> None:
    recorder = Recorder(settings, settings.kafka_connection(), Sink(lambda: client(warehouse)), SystemClock())
    await send(settings.kafka_bootstrap, SOURCES, HEARTBEAT)
    async with going(recorder.run()) as task:

        def stored() -> bool:
            return bool(warehouse_client.query("SELECT count() FROM sources").result_rows[0][0])

        await until(stored, task)
        await until(lambda: not recorder.not_ready(), task)
        recorder._consumer.pause(*recorder._consumer.assignment())  # what a consumer that stops without a word does
        await send(settings.kafka_bootstrap, SOURCES, HEARTBEAT)
        with pytest.raises(StandstillError, match=rf"nothing is stored.*{SOURCES}-0 at offset 1"):
            await asyncio.wait_for(task, 40)


@pytest.mark.stack
async def test_a_recorder_that_waits_for_clickhouse_or_has_nothing_to_do_goes_on(
    settings: Settings, quick: None
) -> None:
    recorder = Recorder(settings, settings.kafka_connection(), Away(lambda: None), SystemClock())  # type: ignore[arg-type, return-value]  # it is never called
    await send(settings.kafka_bootstrap, SOURCES, HEARTBEAT, committed=False)
    async with going(recorder.run()) as task:
        await until(lambda: not recorder.not_ready(), task)
        await asyncio.wait({task}, timeout=4)
        assert not task.done(), "a marker is no record"
        await send(settings.kafka_bootstrap, SOURCES, HEARTBEAT)
        await until(lambda: bool(recorder.not_ready()), task)
        await asyncio.wait({task}, timeout=4)
        assert not task.done()
        recorder.stop()
        await asyncio.wait_for(task, 20)


@pytest.mark.stack
async def test_records_that_kafka_deleted_before_they_were_stored_are_told(
    settings: Settings, warehouse: Endpoints, warehouse_client: Client
) -> None:
    kafka, counts = settings.kafka_connection(), Metrics("recorder")

    def stored(table: str) -> int:
        return int(warehouse_client.query(f"SELECT count() FROM {table}").result_rows[0][0])

    async def record(counts: Metrics, done: Callable[[], bool]) -> dict[str, Any]:
        recorder = Recorder(settings, kafka, Sink(lambda: client(warehouse)), SystemClock(), counts=counts)
        async with going(recorder.run()) as task:
            await until(done, task)
            recorder.stop()
            await asyncio.wait_for(task, 30)
        return recorder.detail()

    await send(kafka.bootstrap, SOURCES, HEARTBEAT)
    await record(Metrics("recorder"), lambda: stored("sources") == 1)
    await send(kafka.bootstrap, SOURCES, *[HEARTBEAT] * 5)
    admin = KafkaAdminClient(**kafka.kafka_python())
    admin.delete_records({TopicPartition(SOURCES, 0): 6})  # what retention does
    admin.close()
    await send(kafka.bootstrap, SOURCES, HEARTBEAT)
    detail = await record(counts, lambda: stored("sources") == 2 and stored("dead_letters") == 1)
    found = warehouse_client.query("SELECT reason, of_topic, of_offset, detail FROM dead_letters").result_rows
    ((reason, topic, offset, said),) = found
    assert (reason, topic, offset) == ("input-lost", SOURCES, 1) and "up to offset 6" in said
    assert detail["input_lost"] == counts.value(metrics.RECORDER_LOST, SOURCES) == 5
    (part,) = [PartHealth("recorder", 1, "running", 0.1, detail)]
    verdict, reasons = judge([part], [], [])
    assert verdict == "degraded" and "deleted up to 5 records" in reasons[0]


# ---- notifier --------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Any:
    made = ControlStore(f"sqlite:///{tmp_path}/control.db")
    made.upgrade()
    yield made
    made.close()


@pytest.mark.stack
async def test_a_notifier_that_no_longer_reads_ends(settings: Settings, store: ControlStore, quick: None) -> None:
    notifier = Notifier(settings, endpoints(settings), store, SystemClock())
    async with going(notifier.run(asyncio.Event())) as task:
        await until(lambda: not notifier.not_ready() and bool(notifier._consumer.assignment()), task)
        notifier._consumer.pause(*notifier._consumer.assignment())
        await send(settings.kafka_bootstrap, ALERTS, ALERT)
        with pytest.raises(StandstillError, match=rf"nothing is read.*{ALERTS}-0 at offset 0"):
            await asyncio.wait_for(task, 40)


class Idle(Notifier):
    """Delivers nothing."""

    async def _deliver(self, stop: asyncio.Event) -> None:
        await stop.wait()


async def test_a_notifier_that_no_longer_delivers_ends(store: ControlStore, tmp_path: Path, quick: None) -> None:
    settings = Settings(data_dir=tmp_path, kafka_bootstrap=f"127.0.0.1:{free_port()}", webhook_allow_private=True)
    with Receiver() as receiver:
        store.add_subscription(receiver.url, new_secret(), actor="test", now_ms=0)
        assert take_in(store, [AlertRecord(ALERTS, 0, 0, ALERT)], 0).queued == 1
        notifier = Idle(settings, endpoints(settings), store, SystemClock())
        async with going(notifier.run(asyncio.Event())) as task:
            with pytest.raises(StandstillError, match="none is under way"):
                await asyncio.wait_for(task, 40)
            assert notifier.not_ready() == "Kafka does not answer"


# ---- process and supervisor ------------------------------------------------------------------------------------

HANGS = """
import asyncio, time
from streams import watchdog
watchdog._END_S = 1.0
async def main():
    with watchdog.ending_hard():
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)  # asyncio.run would wait for this thread
        await asyncio.sleep(0.1)
        raise watchdog.StandstillError("nothing moves")
asyncio.run(main())
"""


def test_a_process_that_stands_still_ends_though_a_thread_hangs() -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert b"nothing moves" in done.stdout + done.stderr
    assert time.monotonic() - began < 30


BEATS = """
import asyncio, pathlib, sys
from streams.health import Beacon
async def main():
    async with Beacon(pathlib.Path(sys.argv[1]), "recorder").lit():
        await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_a_frozen_process_is_killed_and_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "STALE_MS", 2_500)
    worker = dataclasses.replace(
        stack._worker(tmp_path, "recorder", [], {}, SystemClock()),
        command=[sys.executable, "-c", BEATS, str(tmp_path)],
        patience_s=0.5,
        stop_grace_s=0.5,
    )
    said: list[str] = []
    supervisor = Supervisor(
        [[worker]], tmp_path / "logs", lambda _, line: said.append(line), SystemClock(), Backoff(0.05, 0.1)
    )
    async with supervisor.running():
        assert await supervisor.not_ready() == ""
        frozen = supervisor.pids["recorder"]
        os.kill(frozen, signal.SIGSTOP)
        await until(lambda: supervisor.pids.get("recorder", frozen) != frozen)
        assert supervisor.restarts == {"recorder": 1}
        assert any("no sign of life" in line for line in said)
        assert any("SIGKILL" in line for line in said), "a frozen process does not hear SIGTERM"
        async with asyncio.timeout(20):
            while await supervisor.not_ready():
                await asyncio.sleep(0.05)
