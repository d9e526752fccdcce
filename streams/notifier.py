"""The notifier: reads alerts, queues them for the subscribers, delivers them, and relays the outbox to Kafka.

Its loops run side by side. What one of them needs may be away: it waits and goes on, and holds up no other. One
notifier of a stack delivers and relays at a time, which a lease decides; the others take alerts in and stand by.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped]  # ships no types
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # ships no types

from connectors.control import AWAY as STORE_AWAY
from connectors.control import ControlStore
from connectors.topics import ALERTS
from connectors.webhook import WebhookSender
from streams import metrics
from streams.alerting.backoff import Backoff
from streams.alerting.delivery import Deliverer, Limits
from streams.alerting.intake import AlertRecord, take_in
from streams.alerting.relay import relay
from streams.clock import Clock
from streams.logs import logger
from streams.metrics import Metrics
from streams.runtime import Endpoints
from streams.settings import Settings
from streams.watchdog import StandstillError, Stillness, record_waits, told

_log = logger(__name__)

_LEASE = "notifier"
_LEASE_MS = 10_000
_RENEW_S = 3.0
_IDLE_S = 0.5
_BATCH = 500
_LONGEST_PAUSE_S = 30.0
# Together within the ten seconds that the supervisor waits.
_STOP_S, _DRAIN_S, _CLOSE_S = 5.0, 4.0, 2.0
#: aiokafka reports every failed attempt to reach a broker: not ten times a second.
_RETRY_MS = 500
_KEPT_MS = 90 * 86_400_000
_PRUNE_S = 3600.0
#: How often to look whether anything moves, how long a look may take, and how long nothing may move.
_WATCH_S, _LOOK_S, _STILL_S = 5.0, 3.0, 60.0

#: What may be away for a while: waited for, never fatal.
_AWAY = (KafkaError, *STORE_AWAY, OSError)


def group_of(app: str) -> str:
    """Return the notifier's consumer group."""
    return f"{app}-notifier"


class Notifier:
    """One notifier process, wired together.

    Parameters
    ----------
    settings, endpoints
        The limits, and where Kafka is.
    store
        The control store, with its tables up to date.
    backoff
        When deliveries are tried again.
    counts
        Where what it does is counted.
    """

    def __init__(
        self,
        settings: Settings,
        endpoints: Endpoints,
        store: ControlStore,
        clock: Clock,
        backoff: Backoff | None = None,
        counts: Metrics | None = None,
    ) -> None:
        self._metrics = counts or Metrics("notifier")
        self._metrics.refresh_with(self._measure)
        self._app = settings.app
        self._kafka = endpoints.kafka
        self._store = store
        self._clock = clock
        self._sender = WebhookSender(
            clock.now_ms, timeout_s=settings.webhook_timeout_s, allow_private=settings.webhook_allow_private
        )
        limits = Limits(attempts=settings.webhook_attempts)
        self._deliverer = Deliverer(store, self._sender, clock, limits, backoff or Backoff(), self._metrics)
        self._owner = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._leads_until = 0.0  # of the monotonic clock
        self._queued = asyncio.Event()
        self._consumer: Any = None  # while it reads
        self._read_to: dict[tuple[str, int], int] = {}
        self._waiting: tuple[int, int | None] = (0, None)
        self._store_away = True
        self._kafka_silent = True
        self._reading_still: Stillness[tuple[str, int]] = Stillness(clock, _STILL_S)
        self._delivering_still: Stillness[str] = Stillness(clock, _STILL_S)
        self._counts: Counter[str] = Counter()

    def figures(self) -> dict[str, Any]:
        """Return what ``status`` shows of it, counted since its start."""
        return {
            "reading": self._consumer is not None,
            "waiting": self._waiting[0],
            "leads": self._leads(),
            "under_way": len(self._deliverer.under_way),
            "transitions": self._counts["transitions"],
            "queued": self._counts["queued"],
            "refused": self._counts["refused"],
        }

    def not_ready(self) -> str:
        """Return why warnings cannot be taken in and delivered now; empty if they can."""
        if self._store_away:
            return "the control store does not answer"
        if self._consumer is None or self._kafka_silent:
            return "Kafka does not answer"
        return ""

    def _measure(self) -> None:
        count, oldest = self._waiting
        self._metrics.set(metrics.QUEUE, count)
        age_ms = self._clock.now_ms() - oldest if oldest is not None else 0
        self._metrics.set(metrics.UNDELIVERED_AGE, max(age_ms, 0) / 1000)
        self._metrics.set(metrics.LEADS, 1 if self._leads() else 0)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop, then end cleanly within a few seconds.

        Raises
        ------
        StandstillError
            If alerts or deliveries wait and nothing moves: end the process and start another.
        ExceptionGroup
            If something unexpected went wrong in our own code: start the process again.
        """
        try:
            await self._run(stop)
        except* StandstillError as errors:
            standstill = errors.exceptions[0]
        else:
            return
        raise standstill

    async def _run(self, stop: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as loops:
                working = [
                    loops.create_task(self._persist(name, work, stop), name=name)
                    for name, work in (
                        ("take alerts in", self._read),
                        ("keep the lease", self._lead),
                        ("deliver", self._deliver),
                        ("relay the outbox", self._relay),
                        ("prune", self._prune),
                        ("look whether anything moves", self._watch),
                    )
                ]
                await _first_of(stop, *working)
                if stop.is_set():
                    _, late = await asyncio.wait(working, timeout=_STOP_S)
                    for task in late:  # waiting for a Kafka that is away, most likely
                        task.cancel()
        finally:
            await self._deliverer.drain(0)
            await self._sender.close()
            with suppress(*STORE_AWAY):  # it ends by itself
                await asyncio.to_thread(self._store.release, _LEASE, self._owner)

    async def _persist(self, name: str, work: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
        """Begin a loop again, after a growing pause, whenever something that it needs is away."""
        pause_s = _IDLE_S
        while not stop.is_set():
            began = self._clock.monotonic()
            try:
                await work(stop)
            except _AWAY as error:
                # Not the message: those of drivers tell addresses, users and statements.
                _log.warning(f"cannot {name} now, will go on trying", error=type(error).__name__, pause_s=pause_s)
                pause_s = _IDLE_S if self._clock.monotonic() - began > _LONGEST_PAUSE_S else pause_s
                await _pause(pause_s, stop)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _read(self, stop: asyncio.Event) -> None:
        consumer = AIOKafkaConsumer(
            ALERTS,
            **self._kafka.aiokafka(),
            group_id=group_of(self._app),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            retry_backoff_ms=_RETRY_MS,
        )
        try:
            await consumer.start()
            self._consumer = consumer
            while not stop.is_set():
                batches = await consumer.getmany(timeout_ms=round(_IDLE_S * 1000), max_records=_BATCH)
                records = [
                    AlertRecord(record.topic, record.partition, record.offset, record.value)
                    for batch in batches.values()
                    for record in batch
                ]
                if not records:
                    continue
                taken = await asyncio.to_thread(take_in, self._store, records, self._clock.now_ms())
                self._counts.update(taken._asdict())
                self._metrics.count(metrics.TRANSITIONS, taken.transitions)
                self._metrics.count(metrics.REFUSED, taken.refused)
                if taken.refused:
                    _log.error("records of topic alerts could not be read", refused=taken.refused)
                self._queued.set()
                await consumer.commit()
                self._read_to |= {(record.topic, record.partition): record.offset + 1 for record in records}
        finally:
            self._consumer = None
            self._read_to.clear()
            await _close(consumer)

    async def _lead(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            asked = self._clock.monotonic()
            mine = await asyncio.to_thread(
                self._store.lease, _LEASE, self._owner, now_ms=self._clock.now_ms(), for_ms=_LEASE_MS
            )
            self._leads_until = asked + _LEASE_MS / 1000 if mine else 0.0
            await _pause(_RENEW_S if mine else _IDLE_S, stop)

    def _leads(self) -> bool:
        return self._clock.monotonic() < self._leads_until

    async def _deliver(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._queued.clear()
            self._deliverer.finished.clear()
            if self._leads():
                await self._deliverer.start_due()
            await _first_of(stop, self._queued, self._deliverer.finished, seconds=_IDLE_S)
        await self._deliverer.drain(_DRAIN_S)

    async def _relay(self, stop: asyncio.Event) -> None:
        producer = AIOKafkaProducer(
            **self._kafka.aiokafka(), acks="all", enable_idempotence=True, retry_backoff_ms=_RETRY_MS
        )
        try:
            await producer.start()
            while not stop.is_set():
                if not self._leads() or not await relay(self._store, producer):
                    await _pause(_IDLE_S, stop)
            await self._deliverer.drain(_DRAIN_S)
            if self._leads():
                await relay(self._store, producer)
        finally:
            await _close(producer)

    async def _prune(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.to_thread(self._store.prune, self._clock.now_ms() - _KEPT_MS)
            await _pause(_PRUNE_S, stop)

    # ---- watching ------------------------------------------------------------------------------------------------

    async def _watch(self, stop: asyncio.Event) -> None:
        """Raise StandstillError if alerts or deliveries wait and nothing moves, though all that is needed is there."""
        while not stop.is_set():
            try:
                self._waiting = await asyncio.to_thread(self._store.waiting)
                due = await asyncio.to_thread(self._store.next_due)
            except STORE_AWAY:
                self._store_away = True
                self._delivering_still.forget()
                self._reading_still.forget()
                raise
            self._store_away = False
            self._refuse_idling(due)
            await self._refuse_deafness()
            await _pause(_WATCH_S, stop)

    def _refuse_idling(self, due: int | None) -> None:
        """Refuse that a delivery is due and none is under way: every slot is free, so it should be."""
        idle = self._leads() and not self._deliverer.under_way and due is not None and due < self._clock.now_ms()
        if self._delivering_still.overdue({"": due} if idle and due is not None else {}):
            message = f"a delivery is due since {due} ms and none is under way"
            raise StandstillError(message)

    async def _refuse_deafness(self) -> None:
        """Refuse that alerts wait in Kafka and are not read."""
        overdue = self._reading_still.overdue(await self._unread())
        if not overdue:
            return
        if await record_waits(self._kafka, overdue) is not None:
            message = f"nothing is read any more although there are records: {told(overdue)}"
            raise StandstillError(message)
        self._reading_still.forget()  # nothing there but the marker of a transaction

    async def _unread(self) -> dict[tuple[str, int], int]:
        """Return from where alerts are to be read."""
        consumer = self._consumer
        if consumer is None:
            return {}
        ours = consumer.assignment()
        try:
            async with asyncio.timeout(_LOOK_S):
                ends = await consumer.end_offsets(ours) if ours else {}
                at = {place: await consumer.position(place) for place in ours}
        except (KafkaError, TimeoutError):
            self._kafka_silent = True
            return {}
        self._kafka_silent = False
        return {
            (place.topic, place.partition): self._read_to.get((place.topic, place.partition), at[place])
            for place in ours
            if at[place] < ends[place] or self._read_to.get((place.topic, place.partition), at[place]) < at[place] - 1
        }


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def _close(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    # A client whose Kafka is away would wait for it; what it did not send is in the outbox still.
    with suppress(TimeoutError, KafkaError):
        await asyncio.wait_for(client.stop(), _CLOSE_S)


async def _first_of(*awaited: asyncio.Event | asyncio.Task[None], seconds: float | None = None) -> None:
    """Wait until an event is set or a task has ended, but not longer than so many seconds."""
    events = [asyncio.ensure_future(one.wait()) for one in awaited if isinstance(one, asyncio.Event)]
    tasks = [one for one in awaited if isinstance(one, asyncio.Task)]
    try:
        await asyncio.wait([*events, *tasks], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for event in events:
            event.cancel()
