from __future__ import annotations

import asyncio
import itertools
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.control import ControlStore
from connectors.models import Action, Alert, Level, Transition
from connectors.webhook import Answer, Outcome, Receiver, Request, Verdict, WebhookSender, new_secret
from streams.alerting import Backoff, Deliverer
from streams.alerting.delivery import Limits
from streams.alerting.intake import AlertRecord, take_in
from streams.clock import ManualClock, SystemClock, moment

Reception = tuple[str, str, int, str]  # subscription, enterprise, delivery_sequence, webhook-id


def record(offset: int, enterprise_id: str, sequence: int) -> AlertRecord:
    told = Alert(
        alert_id=f"{enterprise_id}:1",
        enterprise_id=enterprise_id,
        sequence=sequence,
        transition=Transition.OPENED if sequence == 1 else Transition.ESCALATED,
        level=Level.RED,
        previous_level=Level.NONE,
        score=0.9,
        at=moment(sequence * 60_000),
        opened_at=moment(60_000),
        decided_on="1970-01-01",
        rule="score",
        reasons=[],
        config_version="1",
    )
    return AlertRecord("alerts", 0, offset, told.wire())


class ScriptedSender:
    """Behaves as told for each call: ``ok``, ``500``, ``lost`` on the way there, ``hang`` after the receiver has it."""

    def __init__(self) -> None:
        self.script: Iterator[str] = iter(())
        self.received: list[Reception] = []
        self.hanging = 0

    async def send(self, url: str, secret: str, webhook_id: str, body: bytes) -> Outcome:
        behaviour = next(self.script, "ok")
        if behaviour == "lost":
            return Outcome(Verdict.RETRY, "network")
        data = json.loads(body)["data"]
        self.received.append((url, data["enterprise_id"], data["delivery_sequence"], webhook_id))
        if behaviour == "hang":
            self.hanging += 1
            await asyncio.Event().wait()
        return Outcome(Verdict.RETRY, "http-500", 500) if behaviour == "500" else Outcome(Verdict.DELIVERED, "ok", 200)


class Play:
    """A notifier without Kafka, in which every step may be the last of a process."""

    def __init__(self, store: ControlStore, records: list[AlertRecord]) -> None:
        self.store, self.records = store, records
        self.clock = ManualClock(1_000_000)
        self.sender = ScriptedSender()
        self.position = 0
        self._live()

    def _live(self) -> None:
        self.sender.hanging = 0
        self.deliverer = Deliverer(self.store, self.sender, self.clock, Limits(attempts=1000), Backoff())

    async def read(self, back: int, how_many: int) -> None:
        """Read on, perhaps again from records that were read before."""
        begin = max(0, self.position - back)
        self.position = max(self.position, min(len(self.records), begin + how_many))
        await asyncio.to_thread(take_in, self.store, self.records[begin : begin + how_many], self.clock.now_ms())

    async def crash(self) -> None:
        await self.deliverer.drain(0)
        self._live()

    async def pump(self, script: list[str]) -> None:
        self.sender.script = iter(script)
        due = await asyncio.to_thread(self.store.next_due)
        if due is not None:
            self.clock.move(max(0, due - self.clock.now_ms()))
        self.deliverer.finished.clear()
        await self.deliverer.start_due()
        await until(lambda: len(self.deliverer.under_way) <= self.sender.hanging)

    async def finish(self) -> None:
        await self.read(len(self.records), len(self.records))
        await self.crash()
        while await asyncio.to_thread(self.store.next_due) is not None:
            await self.pump([])


async def until(done: Callable[[], bool], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not done():
            await asyncio.sleep(0.001)


BEHAVIOURS = st.lists(st.sampled_from(["ok", "500", "lost", "hang"]), max_size=8)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(0, 4), st.integers(1, 5)),
        st.tuples(st.just("pump"), BEHAVIOURS),
        st.tuples(st.just("crash")),
    ),
    max_size=12,
)


@given(st.lists(st.sampled_from(["E1", "E2", "E3"]), min_size=1, max_size=14), STEPS)
@settings(deadline=None, max_examples=15)
def test_each_receiver_sees_each_enterprise_in_order_without_gaps_whatever_fails(
    enterprises: list[str], steps: list[tuple[object, ...]]
) -> None:
    counters: Counter[str] = Counter()
    records = []
    for offset, enterprise_id in enumerate(enterprises):
        counters[enterprise_id] += 1
        records.append(record(offset, enterprise_id, counters[enterprise_id]))
    with tempfile.TemporaryDirectory() as directory:
        store = ControlStore(f"sqlite:///{directory}/control.db")
        store.upgrade()
        for url in ("https://one.example", "https://two.example"):
            store.add_subscription(url, new_secret(), actor="test", now_ms=0)

        async def perform() -> list[Reception]:
            play = Play(store, records)
            actions: dict[object, Callable[..., Awaitable[None]]] = {
                "read": play.read, "pump": play.pump, "crash": play.crash,
            }  # fmt: skip
            for name, *arguments in steps:
                await actions[name](*arguments)
            await play.finish()
            return play.sender.received

        received = asyncio.run(perform())
        store.close()
    check_order(received, {(url, e): n for url in ("https://one.example", "https://two.example")
                           for e, n in counters.items()})  # fmt: skip


def check_order(received: list[Reception], expected: dict[tuple[str, str], int]) -> None:
    pairs: defaultdict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for url, enterprise_id, number, webhook_id in received:
        pairs[url, enterprise_id].append((number, webhook_id))
    for pair, messages in pairs.items():
        without_repeats = [message for message, _ in itertools.groupby(messages)]
        assert [number for number, _ in without_repeats] == list(range(1, expected[pair] + 1)), pair
    assert set(pairs) == set(expected)
    assert len({entry[3] for entry in received}) == sum(expected.values())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ControlStore]:
    made = ControlStore(f"sqlite:///{tmp_path}/control.db")
    made.upgrade()
    yield made
    made.close()


async def deliver_until(
    store: ControlStore, done: Callable[[], bool], *, timeout_s: float = 5.0, limits: Limits | None = None
) -> None:
    clock = SystemClock()
    sender = WebhookSender(clock.now_ms, timeout_s=timeout_s, allow_private=True)
    quick = Backoff(first_ms=20, cap_ms=100)
    deliverer = Deliverer(store, sender, clock, limits or Limits(), quick)

    try:
        async with asyncio.timeout(60):
            while not done():
                await deliverer.start_due()
                await asyncio.sleep(0.01)
    finally:
        await deliverer.drain(0)
        await sender.close()


def enterprises_of(receiver: Receiver) -> set[str]:
    return {json.loads(request.body)["data"]["enterprise_id"] for request in receiver.requests}


async def test_a_slow_receiver_delays_no_other(store: ControlStore) -> None:
    with Receiver(lambda _: Answer(delay_s=60)) as slow, Receiver() as quick:
        for url in (slow.url, quick.url):
            store.add_subscription(url, new_secret(), actor="test", now_ms=0)
        take_in(store, [record(n, f"E{n}", 1) for n in range(40)], 0)
        await deliver_until(store, lambda: len(enterprises_of(quick)) == 40, limits=Limits(total=8))
        assert len(slow.requests) <= Limits().per_subscription
        assert len(quick.requests) == 40, "nothing is sent twice"


async def test_a_failing_receiver_gets_one_attempt_at_a_time(store: ControlStore) -> None:
    under_way, most = Counter[str](), 0

    def answer(_request: Request) -> Answer:
        nonlocal most
        most = max(most, len(receiver.requests) + 1 - under_way["answered"])
        under_way["answered"] += 1
        return Answer(503)

    with Receiver(answer) as receiver:
        store.add_subscription(receiver.url, new_secret(), actor="test", now_ms=0)
        take_in(store, [record(0, "E0", 1)], 0)
        await deliver_until(store, lambda: len(receiver.requests) >= 2)
        take_in(store, [record(n, f"E{n}", 1) for n in range(1, 20)], 0)
        await deliver_until(store, lambda: len(receiver.requests) >= 25)
    assert most <= Limits().per_subscription


async def test_a_receiver_that_is_gone_ends_its_subscription(store: ControlStore) -> None:
    with Receiver(lambda _: Answer(410)) as receiver:
        ended = store.add_subscription(receiver.url, new_secret(), actor="test", now_ms=0).subscription_id
        take_in(store, [record(n, "E1", n + 1) for n in range(5)], 0)
        await deliver_until(store, lambda: not store.subscriptions())
        assert len(receiver.requests) == 1
    assert store.subscription(ended).ended_reason == "gone"
    assert store.due(2**60, 9) == []


async def test_after_the_last_attempt_the_next_message_goes(store: ControlStore) -> None:
    def answer(request: Request) -> Answer:
        return Answer(500 if json.loads(request.body)["data"]["delivery_sequence"] == 1 else 200)

    with Receiver(answer) as receiver:
        store.add_subscription(receiver.url, new_secret(), actor="test", now_ms=0)
        take_in(store, [record(n, "E1", n + 1) for n in range(2)], 0)
        await deliver_until(store, lambda: len(receiver.requests) == 4, limits=Limits(attempts=3))
        numbers = [json.loads(request.body)["data"]["delivery_sequence"] for request in receiver.requests]
        ids = [request.headers["webhook-id"] for request in receiver.requests]
        bodies = {request.body for request in receiver.requests[:3]}
    assert numbers == [1, 1, 1, 2]
    assert len(set(ids[:3])) == len(bodies) == 1


def test_records_that_are_no_alerts_are_reported_and_hold_up_nothing(store: ControlStore) -> None:
    store.add_subscription("https://one.example", new_secret(), actor="test", now_ms=0)
    good = record(2, "E1", 1)
    bad = [AlertRecord("alerts", 3, 0, b"\xff{"), AlertRecord("alerts", 3, 1, None), AlertRecord("alerts", 3, 4, b"{}")]
    taken = take_in(store, [*bad[:2], good, bad[2]], 10)
    assert (taken.transitions, taken.queued, taken.refused) == (1, 1, 3)
    told = [Action.model_validate_json(message.value) for message in store.pending_actions()][1:]
    assert [one.object_id for one in told] == ["alerts-3-0", "alerts-3-1", "alerts-3-4"]
    assert {one.kind for one in told} == {"record.refused"}


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=100)
def test_any_bytes_are_taken_or_refused(value: bytes) -> None:
    class Nothing(ControlStore):
        def __init__(self) -> None:
            pass

        def enqueue(self, works: object, *, now_ms: int, refused: object = ()) -> int:
            return 0

    taken = take_in(Nothing(), [AlertRecord("alerts", 0, 0, value)], 0)
    assert taken.refused == 1
