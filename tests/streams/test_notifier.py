from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped]  # ships no types
from standardwebhooks import Webhook

from connectors.control import ControlStore, DeliveryState
from connectors.embedded import KafkaServer, free_port
from connectors.kafka.partitioner import partition_of
from connectors.models import Action, Alert, Delivery, Level, Transition
from connectors.topics import ALERTS, declared
from connectors.webhook import Answer, Receiver, Request, Script, new_secret
from streams.alerting.intake import AlertRecord, take_in
from streams.clock import SystemClock, moment
from streams.notifier import Notifier, group_of
from streams.runtime import endpoints
from streams.settings import Settings

MakeTopics = Callable[[Sequence[object], int], None]


def alert(enterprise_id: str, sequence: int, level: Level = Level.RED) -> Alert:
    return Alert(
        alert_id=f"{enterprise_id}:1",
        enterprise_id=enterprise_id,
        sequence=sequence,
        transition=Transition.ESCALATED,
        level=level,
        previous_level=Level.NONE,
        score=0.9,
        at=moment(sequence * 60_000),
        opened_at=moment(60_000),
        decided_on="1970-01-01",
        rule="score",
        reasons=[],
        config_version="1",
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ControlStore]:
    made = ControlStore(f"sqlite:///{tmp_path}/control.db")
    made.upgrade()
    yield made
    made.close()


async def until(done: Callable[[], bool], timeout_s: float = 40.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not done():
            await asyncio.sleep(0.02)


async def test_without_kafka_what_is_queued_is_still_delivered_and_it_stops_cleanly(
    store: ControlStore, tmp_path: Path
) -> None:
    settings = Settings(
        data_dir=tmp_path, kafka_bootstrap=f"127.0.0.1:{free_port()}", webhook_allow_private=True, webhook_timeout_s=2
    )
    with Receiver() as receiver:
        store.add_subscription(receiver.url, new_secret(), actor="test", now_ms=0)
        take_in(store, [AlertRecord(ALERTS, 0, 0, alert("E1", 1).wire())], 0)
        stop = asyncio.Event()
        running = asyncio.create_task(Notifier(settings, endpoints(settings), store, SystemClock()).run(stop))
        await until(lambda: bool(receiver.requests))
        await until(lambda: store.next_due() is None)
        stop.set()
        await asyncio.wait_for(running, 15)
        assert len(receiver.requests) == 1
    assert store.lease("notifier", "another", now_ms=0, for_ms=1), "a clean stop gives the lease back"
    assert [message.topic for message in store.pending_actions()] == ["actions", "deliveries"]


async def test_a_second_notifier_stands_by_until_the_first_is_gone(store: ControlStore, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, kafka_bootstrap=f"127.0.0.1:{free_port()}", webhook_allow_private=True)
    clock = SystemClock()
    store.lease("notifier", "another", now_ms=clock.now_ms(), for_ms=60_000)
    with Receiver() as receiver:
        store.add_subscription(receiver.url, new_secret(), actor="test", now_ms=0)
        take_in(store, [AlertRecord(ALERTS, 0, 0, alert("E1", 1).wire())], 0)
        stop = asyncio.Event()
        running = asyncio.create_task(Notifier(settings, endpoints(settings), store, clock).run(stop))
        with pytest.raises(TimeoutError):
            await until(lambda: bool(receiver.requests), 1.5)
        store.release("notifier", "another")
        await until(lambda: bool(receiver.requests))
        stop.set()
        await asyncio.wait_for(running, 15)


async def test_it_stops_in_time_though_kafka_says_nothing(store: ControlStore, tmp_path: Path) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as mute:
        port = mute.sockets[0].getsockname()[1]
        settings = Settings(data_dir=tmp_path, kafka_bootstrap=f"127.0.0.1:{port}")
        stop = asyncio.Event()
        notifier = Notifier(settings, endpoints(settings), store, SystemClock())
        running = asyncio.create_task(notifier.run(stop))
        await until(lambda: notifier.figures()["leads"] is True)
        stop.set()
        await asyncio.wait_for(running, 10)


async def produce(bootstrap: str, alerts: Sequence[Alert], *, raw: bytes | None = None, commit: bool = True) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="test-scorer")
    await producer.start()
    try:
        await producer.begin_transaction()
        if raw is not None:
            await producer.send_and_wait(ALERTS, raw, partition=0)
        for one in alerts:
            key = one.enterprise_id
            await producer.send_and_wait(ALERTS, one.wire(), key.encode(), partition=partition_of(key, 2))
        await (producer.commit_transaction() if commit else producer.abort_transaction())
    finally:
        await producer.stop()


async def consume(bootstrap: str, topic: str, done: Callable[[list[bytes]], bool]) -> list[bytes]:
    values: list[bytes] = []
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            while not done(values):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    values += [record.value for record in batch]
    finally:
        await consumer.stop()
    return values


@contextmanager
def notifier_process(data_dir: Path, bootstrap: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "FOREWARN_DATA_DIR": str(data_dir),
        "FOREWARN_KAFKA_BOOTSTRAP": bootstrap,
        "FOREWARN_WEBHOOK_ALLOW_PRIVATE": "true",
        "FOREWARN_WEBHOOK_TIMEOUT_S": "2",
    }
    with (data_dir / "notifier.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", "from streams.cli.notifier import notifier; notifier()"],
            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.stack
async def test_alerts_of_a_real_kafka_reach_the_receiver_once_in_order_over_kills_and_failures(
    kafka: KafkaServer, kafka_topics: MakeTopics, store: ControlStore, tmp_path: Path
) -> None:
    kafka_topics([topic for topic in declared(simulated=False) if topic.name in ("alerts", "deliveries", "actions")], 2)
    secret = new_secret()
    enterprises = [f"E{number}" for number in range(4)]
    failures = Script(Answer(500), Answer(delay_s=30), Answer(hang_up=True), Answer(429, {"retry-after": "1"}))

    def answer(request: Request) -> Answer:
        Webhook(secret).verify(request.body, dict(request.headers))
        return failures(request)

    with Receiver(answer) as receiver:
        one = store.add_subscription(
            receiver.url, secret, actor="test", now_ms=0, minimum_level=Level.ORANGE, enterprises=enterprises
        )
        await produce(kafka.bootstrap, [alert(e, n) for n in range(1, 6) for e in enterprises], raw=b"no alert")
        await produce(kafka.bootstrap, [alert(e, 6) for e in enterprises], commit=False)
        with notifier_process(tmp_path, kafka.bootstrap) as first:
            await until(lambda: len(receiver.requests) >= 6)
            first.kill()
            first.wait()
        await produce(kafka.bootstrap, [alert("elsewhere", 1), alert("E0", 6, Level.BLUE)])
        await produce(kafka.bootstrap, [alert(e, 7) for e in enterprises])
        with notifier_process(tmp_path, kafka.bootstrap) as second:
            expected = {one.subscription_id: {DeliveryState.DELIVERED: 24}}
            await until(lambda: store.delivery_counts() == expected)
            await until(lambda: not store.pending_actions())
            second.send_signal(signal.SIGTERM)
            assert second.wait(15) == 0, (tmp_path / "notifier.log").read_text()
        requests = receiver.requests

    seen: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for request in requests:
        data = json.loads(request.body)["data"]
        seen[data["enterprise_id"]].append((data["delivery_sequence"], data["sequence"], request.headers["webhook-id"]))
    assert set(seen) == set(enterprises)
    for messages in seen.values():
        numbers = [(number, sequence) for (number, sequence, _), _ in itertools.groupby(messages)]
        assert numbers == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 7)]
    assert len({webhook_id for messages in seen.values() for _, _, webhook_id in messages}) == 24

    told = [
        Delivery.model_validate_json(value)
        for value in await consume(
            kafka.bootstrap, "deliveries", lambda values: sum(b'"delivered"' in value for value in values) >= 24
        )
    ]
    assert {one.status for one in told} == {"delivered", "retrying"}
    assert len({one.webhook_id for one in told if one.status == "delivered"}) == 24
    actions = await consume(kafka.bootstrap, "actions", lambda values: len(values) >= 2)
    kinds = [Action.model_validate_json(value).kind for value in actions]
    assert kinds[:2] == ["subscription.added", "record.refused"]
    log = (tmp_path / "notifier.log").read_text()
    assert secret not in log
    assert "Traceback" not in log


def test_the_group_is_named_after_the_application() -> None:
    assert group_of("forewarn") == "forewarn-notifier"
