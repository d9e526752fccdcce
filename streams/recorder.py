"""The recorder: everything that is worth keeping, from Kafka to ClickHouse.

At least once, and so exactly once to see: rows are inserted first and offsets committed after, and a row that is
inserted twice shows once.

The partitions are dealt to lanes. A lane stores one haul of records while it takes the next: threads decode and insert,
so that lanes work side by side. Messages of our own programs, of which there are few, have a lane of their own: a
warning does not wait behind a flood of readings. While ClickHouse is away nothing more is taken from Kafka: two hauls
of each lane wait in memory, the lag grows, and the group keeps its membership, since heartbeats do not depend on
progress here.

A row that ClickHouse refuses for good stops the recorder: the rows around it are stored, its offsets are not
committed, and the message names the record. Dropping it would break the promise that ClickHouse holds every accepted
signal; going past it is an operator's decision (``forewarn recorder --skip``), which leaves a dead letter.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiokafka import (  # type: ignore[import-untyped]  # ships no types
    AIOKafkaConsumer,
    ConsumerRebalanceListener,
    TopicPartition,
)
from aiokafka.errors import (  # type: ignore[import-untyped]  # ships no types
    CommitFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
)
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from connectors.clickhouse import RefusedRowsError, Rows, Sink, Table, UnavailableError
from connectors.clickhouse import client as clickhouse_client
from connectors.kafka.connection import Connection
from streams import metrics
from streams.clock import Clock
from streams.logs import logger
from streams.metrics import Metrics
from streams.recording import FLOOD, TOPICS, Batch, Haul, Place, Reader
from streams.runtime import Endpoints
from streams.settings import Settings
from streams.watchdog import StandstillError, Stillness, kafka_serves, record_waits, told

_T = TypeVar("_T")
_log = logger(__name__)

#: How much one haul, one fetch, and one partition of it may bring: the bound of memory. Bytes.
_HAUL_BYTES, _FETCH_BYTES, _PARTITION_BYTES = 16_000_000, 16_000_000, 256_000
#: An answer with less waits so long at the broker: rows are gathered for longer, and a request names all partitions.
_FETCH_MIN_BYTES, _FETCH_WAIT_MS = 1_000_000, 200
#: How often a lane with nothing to take looks whether there is something after all.
_LOOK_AGAIN_S = 0.1
#: So many records are taken from the fetched ones at a time: the event loop breathes between.
_RECORDS = 2_000
_LONGEST_PAUSE_S = 5.0
_FAREWELL_S, _LOOK_S = 10.0, 3.0
#: How often to look whether anything moves, and how long all may stand still, one partition, and a rebalance.
_WATCH_S, _STILL_S, _ONE_STILL_S, _REBALANCE_S = 5.0, 60.0, 300.0, 180.0


def group_of(app: str) -> str:
    """Return the recorder's consumer group."""
    return f"{app}-recorder"


class RefusedRecordsError(Exception):
    """ClickHouse refuses rows for good, or too many records cannot be read: an operator has to look."""


class _StoppedError(Exception):
    """Asked to stop while ClickHouse was away: what is not stored is still in Kafka."""


@dataclass(slots=True)
class _Lane:
    """Some partitions, recorded in the order of their records.

    Parameters
    ----------
    places
        The partitions.
    moved
        Whether they are new, and have to be looked at before they are read.
    hauls
        What is taken and not stored yet: one that is being stored, and one that grows.
    """

    places: tuple[TopicPartition, ...] = ()
    moved: bool = False
    hauls: list[Haul] = field(default_factory=list)


class Recorder:
    """One member of the recorder's consumer group.

    Parameters
    ----------
    settings
        ``app``, ``partitions``, ``stack_time``, ``dead_letter_limit`` and what begins with ``recorder_`` count.
    kafka
        Where it is, and who we are there.
    sink
        Where the rows go.
    clock
        Measures how long rows wait, and tells how old they are.
    skip
        Records that an operator has given up.
    counts
        Where what it does is counted.
    """

    def __init__(
        self,
        settings: Settings,
        kafka: Connection,
        sink: Sink,
        clock: Clock,
        *,
        skip: Sequence[Place] = (),
        counts: Metrics | None = None,
    ) -> None:
        self._settings = settings
        self._kafka = kafka
        self._counts = counts or Metrics("recorder")
        self._counts.refresh_with(self._measure)
        self._inserting = 0
        self._lost = 0
        self._silent = False  # Kafka did not answer when it was last asked
        self._joining_since: float | None = clock.monotonic()
        self._all_still: Stillness[str] = Stillness(clock, _STILL_S)
        self._one_still: Stillness[tuple[str, int]] = Stillness(clock, _ONE_STILL_S)
        self._sink = sink
        self._threads = ThreadPoolExecutor(1 + settings.recorder_workers, "lane")
        self._clock = clock
        self._reader = Reader(settings.partitions, skip)
        self._stopping = asyncio.Event()
        # The first is for messages, the others for the flood.
        self._lanes = [_Lane() for _ in range(1 + settings.recorder_workers)]
        self._read: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._stored = 0
        self._waiting = ""
        self._unreadable: list[float] = []
        self._consumer: Any = AIOKafkaConsumer(
            **kafka.aiokafka(),
            group_id=group_of(settings.app),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_bytes=_FETCH_BYTES,
            max_partition_fetch_bytes=_PARTITION_BYTES,
            fetch_min_bytes=_FETCH_MIN_BYTES,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            # Waiting for ClickHouse is no reason to leave the group: heartbeats tell that we live.
            max_poll_interval_ms=2**31 - 1,
            session_timeout_ms=10_000,  # whoever takes over from a killed one waits so long
            heartbeat_interval_ms=3_000,
        )

    def stop(self) -> None:
        """Ask it to end: what is read is stored and committed first, unless ClickHouse is away."""
        self._stopping.set()

    def detail(self) -> dict[str, Any]:
        """Return figures for ``forewarn status``: rows stored, records behind, and what it waits for, if it does.

        The markers of transactions count as records, so that a lag of one per partition may be none.
        ``recorded_lag_s`` is the age of the oldest record that is taken and not stored yet; in a simulated stack, how
        long ago it was taken.
        """
        lag = sum(self._lags().values())
        return {
            "rows": self._stored,
            "lag": lag,
            "recorded_lag_s": self._age_s(),
            "unreadable": len(self._unreadable),
            "waiting_for": self._waiting,
            "input_lost": self._lost,
        }

    def not_ready(self) -> str:
        """Return why nothing can be stored now; empty if it can."""
        if self._waiting:
            return "waits for a server"
        if self._joining_since is not None:
            return "joins the consumer group"
        return "Kafka does not answer" if self._silent else ""

    def _age_s(self) -> float:
        now = self._clock.now_ms()
        oldest = min(
            (haul.oldest for lane in self._lanes for haul in lane.hauls if haul.oldest is not None), default=now
        )
        return max(0, now - oldest) / 1000

    def _lags(self) -> Counter[str]:
        lags: Counter[str] = Counter()
        for place in self._consumer.assignment():
            lags[place.topic] += max(0, self._ends.get(place, 0) - self._read.get(place, 0))
        return lags

    def _measure(self) -> None:
        lags = self._lags()
        for topic in TOPICS:
            self._counts.set(metrics.RECORDER_LAG, lags[topic], topic)
        self._counts.set(metrics.RECORDED_AGE, self._age_s())
        self._counts.set(metrics.WAITING, 1 if self._waiting else 0)

    async def run(self) -> None:
        """Record until stopped.

        Raises
        ------
        RefusedRecordsError
            If rows are refused for good, or more records than the limit cannot be read.
        NewerMessageError, MissingSchemaError, AccessError
            If an operator has to act.
        StandstillError
            If records wait and nothing moves: end the process and start another.
        """
        try:
            await self._connect()
            await _first_of(self._record(), self._watch())
        except _StoppedError:
            _log.info("stopped before ClickHouse came back; what it lacks is still in Kafka")
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._sink.close()
            with suppress(TimeoutError):  # an absent broker would keep us
                await asyncio.wait_for(self._consumer.stop(), _FAREWELL_S)

    async def _connect(self) -> None:
        self._consumer.subscribe(TOPICS, listener=_Assignments(self._note_revocation, self._note_assignment))
        async for attempt in self._retrying(KafkaConnectionError):
            with attempt:
                await self._consumer.start()
        self._waiting = ""

    async def _record(self) -> None:
        """Run all lanes. If one fails the others store what they hold before its error is raised."""
        tasks = [asyncio.create_task(self._run(lane)) for lane in self._lanes]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            self._stopping.set()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            for task in tasks:
                task.cancel()
        errors = [end for end in ends if end is not None]
        for error in sorted(errors, key=lambda error: isinstance(error, _StoppedError)):
            raise error

    async def _run(self, lane: _Lane) -> None:
        """Take the next haul while the last one is being stored."""
        storing: asyncio.Task[None] | None = None
        try:
            while not self._stopping.is_set():
                haul = await self._take(lane, storing)
                if storing is not None:
                    await storing
                storing = asyncio.create_task(self._store(haul, lane)) if haul.ends else None
        finally:
            if storing is not None:
                await storing

    async def _take(self, lane: _Lane, storing: asyncio.Task[None] | None) -> Haul:
        """Return what comes until it has waited long enough and the last haul is stored, or it is full."""
        haul, wait_s = Haul(), self._settings.recorder_wait_ms / 1000
        lane.hauls.append(haul)
        until = self._clock.monotonic() + wait_s
        while haul.size < _HAUL_BYTES and not self._stopping.is_set():
            left = until - self._clock.monotonic()
            if left <= 0:
                if storing is None or storing.done():
                    break
                left = _LOOK_AGAIN_S
            if lane.moved:
                await self._look_at_assignment(lane, haul)
            began = bool(haul.frames)
            await self._fetch(lane, haul, left)
            if haul.frames and not began:
                until = self._clock.monotonic() + wait_s
        if not haul.ends:
            lane.hauls.remove(haul)
        return haul

    async def _fetch(self, lane: _Lane, haul: Haul, seconds: float) -> None:
        if not lane.places:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), min(seconds, _LOOK_AGAIN_S))
            return
        timeout_ms = max(1, int(seconds * 1000))
        fetched = await self._consumer.getmany(*lane.places, timeout_ms=timeout_ms, max_records=_RECORDS)
        for place, records in fetched.items():
            since = self._clock.now_ms() if self._settings.simulated else records[0].timestamp
            haul.add(place.topic, place.partition, records, since)

    async def _store(self, haul: Haul, lane: _Lane) -> None:
        """Decode and insert, then commit."""
        batches = self._reader.batches(haul, self._settings.recorder_batch)
        while (batch := await self._aside(next, batches, None)) is not None:
            await self._store_batch(batch)
        ends = {TopicPartition(*place): end for place, end in haul.ends.items()}
        await self._commit(ends)
        lane.hauls.remove(haul)
        self._read |= ends
        self._waiting = ""
        ours = self._consumer.assignment()
        self._ends |= {place: self._consumer.last_stable_offset(place) or 0 for place in ours}

    async def _store_batch(self, batch: Batch) -> None:
        blocks = batch.blocks()
        while (block := await self._aside(next, blocks, None)) is not None:
            await self._insert(*block)
        self._stored += batch.count
        self._limit_unreadable(batch.unreadable)

    async def _aside(self, call: Callable[..., _T], *arguments: Any) -> _T:
        """Run what takes long in a thread: the event loop keeps the membership of the group."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)

    async def _insert(self, table: Table, rows: Rows) -> None:
        began = self._clock.monotonic()
        self._inserting += 1
        try:
            async for attempt in self._retrying(UnavailableError):
                with attempt:
                    await self._aside(self._sink.insert, table, rows)
        except RefusedRowsError:
            await self._explain(table, rows)
        finally:
            self._inserting -= 1
        self._counts.count(metrics.ROWS, len(rows), table.name)
        self._counts.observe(metrics.INSERT_SECONDS, self._clock.monotonic() - began)

    async def _explain(self, table: Table, rows: Rows) -> None:
        """Store what can be stored of a refused block, and say which records are at fault."""
        refused = await self._aside(self._sink.isolate, table, rows)
        places = list(dict.fromkeys(Place(row.topic, row.partition, row.offset) for row in refused))
        for row in refused[:20]:
            place = Place(row.topic, row.partition, row.offset)
            _log.error("refused by ClickHouse", record=str(place), index=row.index, reason=row.reason)
        if places:
            skips = " ".join(f"--skip {place}" for place in places[:5])
            message = (
                f"ClickHouse refuses {len(refused)} row(s) of {table.name} for good; the first: {refused[0].reason}. "
                f"Nothing behind them is committed. To go on without them, as dead letters: forewarn recorder {skips}"
            )
            raise RefusedRecordsError(message)

    async def _commit(self, ends: dict[TopicPartition, int]) -> None:
        """Commit what is stored; if that fails the rows are read and stored again, which does not show."""
        ours = self._consumer.assignment()
        try:
            await self._consumer.commit({place: end for place, end in ends.items() if place in ours})
        except (CommitFailedError, IllegalStateError) as error:
            _log.info("partitions moved before the commit", reason=str(error))
        except KafkaError as error:
            _log.warning("Kafka did not take the commit; the next one covers it", reason=str(error))

    def _retrying(self, away: type[Exception]) -> AsyncRetrying:
        """Return what tries for as long as it takes, unless we are asked to stop."""
        return AsyncRetrying(
            retry=retry_if_exception_type(away),
            wait=wait_exponential_jitter(multiplier=0.1, jitter=0.1, max=_LONGEST_PAUSE_S),
            sleep=self._pause,
            before_sleep=self._tell_waiting,
            reraise=True,
        )

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
        raise _StoppedError

    async def _tell_waiting(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._waiting = str(error)
        _log.warning("waiting", attempt=state.attempt_number, reason=self._waiting)
        with suppress(TimeoutError, KafkaError):
            ours = self._consumer.assignment()
            self._ends |= await asyncio.wait_for(self._consumer.end_offsets(ours), _LOOK_S) if ours else {}

    def _limit_unreadable(self, count: int) -> None:
        """Stop rather than bury the world: a flood of unreadable records is a fault of ours, not of theirs."""
        now = self._clock.monotonic()
        self._unreadable = [at for at in self._unreadable if at > now - 60] + [now] * count
        self._counts.count(metrics.UNREADABLE, count)
        if count:
            _log.error("records that are no messages became dead letters", count=count)
        if len(self._unreadable) > self._settings.dead_letter_limit:
            message = (
                f"{len(self._unreadable)} records within a minute are no messages of this program's version: "
                "see dead_letters with reason unreadable"
            )
            raise RefusedRecordsError(message)

    async def _look_at_assignment(self, lane: _Lane, haul: Haul) -> None:
        """Learn where the reading of new partitions begins, and whether Kafka has dropped what should come next."""
        lane.moved, ours = False, lane.places
        kept = await self._consumer.beginning_offsets(ours) if ours else {}
        for place in ours:
            committed = await self._consumer.committed(place)
            self._read[place] = max(kept[place], committed or 0)
            if committed is not None and committed < kept[place]:
                _log.error(
                    "Kafka dropped records by age before they were stored: keep them longer, or ClickHouse up",
                    topic=place.topic, partition=place.partition, first=committed, end=kept[place],
                )  # fmt: skip
                self._lost += kept[place] - committed
                self._counts.count(metrics.RECORDER_LOST, kept[place] - committed, place.topic)
                lost = Place(place.topic, place.partition, committed)
                haul.lose(lost, kept[place], self._clock.now_ms())

    def _note_revocation(self) -> None:
        self._joining_since = self._clock.monotonic()

    def _note_assignment(self, assigned: Collection[TopicPartition]) -> None:
        """Deal the partitions to the lanes.

        One that goes from lane to lane is read from its committed offset again, as any that was assigned: what its old
        lane still holds of it is stored twice, which does not show.
        """
        self._joining_since = None
        hands = [[place for place in assigned if place.topic not in FLOOD]]
        flood = sorted(place for place in assigned if place.topic in FLOOD)
        hands += [flood[first :: self._settings.recorder_workers] for first in range(self._settings.recorder_workers)]
        for lane, hand in zip(self._lanes, hands, strict=True):
            lane.places, lane.moved = tuple(hand), True

    # ---- watching ------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Raise StandstillError if records wait and nothing moves, unless it is a server that is waited for."""
        while True:
            await asyncio.sleep(_WATCH_S)
            await self._refuse_endless_joining()
            moving = await self._to_be_moved()
            if not moving or self._waiting or self._inserting:
                self._all_still.forget()
                self._one_still.forget()
                continue
            overdue = self._one_still.overdue(moving)
            if self._all_still.overdue({"": sum(self._read.values())}):
                overdue = moving
            if not overdue:
                continue
            if await record_waits(self._kafka, overdue) is not None:
                message = f"nothing is stored any more although there are records: {told(overdue)}"
                raise StandstillError(message)
            self._all_still.forget()  # nothing there but markers of transactions
            self._one_still.forget()

    async def _to_be_moved(self) -> dict[tuple[str, int], int]:
        """Return from where records are to be stored: what is in hand, and what is not fetched."""
        ours = self._consumer.assignment()
        try:
            async with asyncio.timeout(_LOOK_S):
                self._ends |= await self._consumer.end_offsets(ours) if ours else {}
                fetched = {place: await self._consumer.position(place) for place in ours}
        except (KafkaError, TimeoutError):
            self._silent = True
            return {}
        self._silent = False
        in_hand = {place for lane in self._lanes for haul in lane.hauls for place in haul.ends}
        return {
            (place.topic, place.partition): self._read.get(place, 0)
            for place in ours
            if fetched[place] < self._ends.get(place, 0) or place in in_hand
        }

    async def _refuse_endless_joining(self) -> None:
        since = self._joining_since
        if since is None or self._clock.monotonic() - since < _REBALANCE_S:
            return
        if await kafka_serves(self._kafka, TOPICS[0]):
            message = f"no partitions came for {self._clock.monotonic() - since:.0f} s although Kafka serves"
            raise StandstillError(message)
        self._joining_since = self._clock.monotonic()


class _Assignments(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Notices every new assignment.

    Nothing is to be done for partitions that leave: what is being stored is stored again by their next owner, which
    does not show.
    """

    def __init__(self, leave: Callable[[], None], enter: Callable[[Collection[TopicPartition]], None]) -> None:
        self._leave, self._enter = leave, enter

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Let go."""
        self._leave()

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Note it; the recorder looks before it reads on."""
        self._enter(assigned)


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run side by side until one ends; raise what it raises."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=_FAREWELL_S)  # one that hangs is ended with the process


def recorder_for(
    settings: Settings, endpoints: Endpoints, clock: Clock, counts: Metrics, skip: Sequence[Place] = ()
) -> Recorder:
    """Return a recorder wired to the stack's servers. Call it where the event loop runs."""
    sink = Sink(lambda: clickhouse_client(endpoints))
    return Recorder(settings, endpoints.kafka, sink, clock, skip=skip, counts=counts)
