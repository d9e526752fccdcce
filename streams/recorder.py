"""The recorder: everything that is worth keeping, from Kafka to ClickHouse.

At least once, and so exactly once to see: rows are inserted first and offsets committed after, and a row that is
inserted twice shows once. While ClickHouse is away nothing more is taken from Kafka: two batches wait in memory, the
lag grows, and the group keeps its membership, since heartbeats do not depend on progress here.

A row that ClickHouse refuses for good stops the recorder: the rows around it are stored, its offsets are not
committed, and the message names the record. Dropping it would break the promise that ClickHouse holds every accepted
signal; going past it is an operator's decision (``forewarn recorder --skip``), which leaves a dead letter.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

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

from connectors.clickhouse import TABLES, RefusedRowsError, Sink, Table, UnavailableError
from connectors.clickhouse import client as clickhouse_client
from connectors.kafka.connection import Connection
from streams import metrics
from streams.clock import Clock
from streams.logs import logger
from streams.metrics import Metrics
from streams.recording import TOPICS, Batch, Place, Reader
from streams.runtime import Endpoints
from streams.settings import Settings
from streams.watchdog import StandstillError, Stillness, kafka_serves, record_waits, told

_log = logger(__name__)

#: How much one batch, one fetch, and one partition of it may bring: the bound of memory. Bytes.
_BATCH_BYTES, _FETCH_BYTES, _PARTITION_BYTES = 32_000_000, 16_000_000, 256_000
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


class Recorder:
    """One member of the recorder's consumer group.

    Parameters
    ----------
    settings
        ``app``, ``partitions``, ``recorder_batch``, ``recorder_wait_ms`` and ``dead_letter_limit`` count.
    kafka
        Where it is, and who we are there.
    sink
        Where the rows go.
    clock
        Measures how long rows wait.
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
        self._inserting = False
        self._lost = 0
        self._silent = False  # Kafka did not answer when it was last asked
        self._joining_since: float | None = clock.monotonic()
        self._in_hand: set[TopicPartition] = set()
        self._all_still: Stillness[str] = Stillness(clock, _STILL_S)
        self._one_still: Stillness[tuple[str, int]] = Stillness(clock, _ONE_STILL_S)
        self._sink = sink
        self._clock = clock
        self._reader = Reader(settings.partitions, skip)
        self._stopping = asyncio.Event()
        self._moved = False
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
            fetch_max_wait_ms=100,
            # Waiting for ClickHouse is no reason to leave the group: heartbeats tell that we live.
            max_poll_interval_ms=2**31 - 1,
            session_timeout_ms=30_000,
            heartbeat_interval_ms=3_000,
        )

    def stop(self) -> None:
        """Ask it to end: what is read is stored and committed first, unless ClickHouse is away."""
        self._stopping.set()

    def detail(self) -> dict[str, Any]:
        """Return figures for ``forewarn status``: rows stored, records behind, and what it waits for, if it does.

        The markers of transactions count as records, so that a lag of one per partition may be none.
        """
        lag = sum(self._lags().values())
        return {
            "rows": self._stored,
            "lag": lag,
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

    def _lags(self) -> Counter[str]:
        lags: Counter[str] = Counter()
        for place in self._consumer.assignment():
            lags[place.topic] += max(0, self._ends.get(place, 0) - self._read.get(place, 0))
        return lags

    def _measure(self) -> None:
        lags = self._lags()
        for topic in TOPICS:
            self._counts.set(metrics.RECORDER_LAG, lags[topic], topic)
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
        """Read the next batch while the last one is being stored."""
        storing: asyncio.Task[None] | None = None
        try:
            while not self._stopping.is_set():
                batch = await self._fill()
                if storing is not None:
                    await storing
                storing = asyncio.create_task(self._store(batch)) if batch.ends else None
        finally:
            if storing is not None:
                await storing

    async def _fill(self) -> Batch:
        """Return what comes until the batch is full or its first row has waited long enough."""
        batch, wait_s = Batch(), self._settings.recorder_wait_ms / 1000
        until = self._clock.monotonic() + wait_s
        while batch.count < self._settings.recorder_batch and batch.size < _BATCH_BYTES:
            left = until - self._clock.monotonic()
            if left <= 0 or self._stopping.is_set():
                break
            if self._moved:
                await self._look_at_assignment(batch)
            fetched = await self._consumer.getmany(timeout_ms=max(1, int(left * 1000)), max_records=_RECORDS)
            if fetched and not batch.ends:
                until = self._clock.monotonic() + wait_s
            for records in fetched.values():
                for record in records:
                    self._reader.read(record, batch)
        self._limit_unreadable(batch.unreadable)
        self._in_hand |= {TopicPartition(*place) for place in batch.ends}
        return batch

    async def _store(self, batch: Batch) -> None:
        """Insert, then commit."""
        for table in TABLES:
            rows = batch.rows.get(table.name, [])
            for first in range(0, len(rows), self._settings.recorder_batch):
                await self._insert(table, rows[first : first + self._settings.recorder_batch])
        ends = {TopicPartition(*place): end for place, end in batch.ends.items()}
        await self._commit(ends)
        self._stored += batch.count
        self._in_hand -= ends.keys()
        self._read |= ends
        self._waiting = ""
        ours = self._consumer.assignment()
        self._ends |= {place: self._consumer.last_stable_offset(place) or 0 for place in ours}

    async def _insert(self, table: Table, rows: Sequence[Any]) -> None:
        began, self._inserting = self._clock.monotonic(), True
        try:
            async for attempt in self._retrying(UnavailableError):
                with attempt:
                    await asyncio.to_thread(self._sink.insert, table, rows)
        except RefusedRowsError:
            await self._explain(table, rows)
        finally:
            self._inserting = False
        self._counts.count(metrics.ROWS, len(rows), table.name)
        self._counts.observe(metrics.INSERT_SECONDS, self._clock.monotonic() - began)

    async def _explain(self, table: Table, rows: Sequence[Any]) -> None:
        """Store what can be stored of a refused block, and say which records are at fault."""
        refused = await asyncio.to_thread(self._sink.isolate, table, rows)
        places = list(dict.fromkeys(Place(row.topic, row.partition, row.offset) for row, _ in refused))
        for row, reason in refused[:20]:
            place = Place(row.topic, row.partition, row.offset)
            _log.error("refused by ClickHouse", record=str(place), index=row.index, reason=reason)
        if places:
            skips = " ".join(f"--skip {place}" for place in places[:5])
            message = (
                f"ClickHouse refuses {len(refused)} row(s) of {table.name} for good; the first: {refused[0][1]}. "
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

    async def _look_at_assignment(self, batch: Batch) -> None:
        """Learn where the reading of new partitions begins, and whether Kafka has dropped what should come next."""
        self._moved = False
        ours = self._consumer.assignment()
        kept = await self._consumer.beginning_offsets(ours)
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
                self._reader.lose(lost, kept[place], self._clock.now_ms(), batch)
                batch.ends.setdefault((place.topic, place.partition), kept[place])

    def _note_revocation(self) -> None:
        self._joining_since = self._clock.monotonic()

    def _note_assignment(self) -> None:
        self._joining_since = None
        self._moved = True

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
        return {
            (place.topic, place.partition): self._read.get(place, 0)
            for place in ours
            if fetched[place] < self._ends.get(place, 0) or place in self._in_hand
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

    def __init__(self, leave: Callable[[], None], enter: Callable[[], None]) -> None:
        self._leave, self._enter = leave, enter

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Let go."""
        self._leave()

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Note it; the recorder looks before it reads on."""
        self._enter()


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
