"""The Faust transport ``frame://``: one event per fetched chunk of a partition.

Faust spends about 65 µs on each message, in one race of coroutines and several queues. Here a chunk of one partition
travels as one event whose value is a :class:`~streams.frame.Frame`; agents, topics, rebalancing, timers stay Faust's.

A frame says which offsets it covers. Its ``begin`` is the consumer's own position before the fetch, read in the thread
and under the lock in which the fetch happens: records that got lost on the way (a cancelled call, a cleared queue) show
up as a gap before the next frame and can never pass for applied.

The module overrides private methods of faust-streaming 0.15.3 and refuses every other version.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, cast

import faust
from aiokafka.errors import (  # type: ignore[import-untyped]  # ships no types
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    for_code,
)
from aiokafka.protocol.commit import OffsetCommitRequest  # type: ignore[import-untyped]  # ships no types
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, AppT, ConsumerMessage, Message
from mode import ServiceT

from streams.batches import lighten
from streams.frame import Frame
from streams.shard import Record

#: Faust would log the ordinary comings and goings of its services under our name.
_FAUST_LOG = logging.getLogger("faust.frame")

SUPPORTED_FAUST = "0.15.3"
SCHEME = "frame"

#: How long one fetch waits for records: with every partition wanted, and while some are not (they may be again soon).
_WAIT_S, _WAIT_WHILE_FULL_S = 0.25, 0.02
#: The broker holds an empty answer this long. Faust's 1500 would keep a partition waiting that was left out of the
#: request on its way because its records were still in hand.
_FETCH_MAX_WAIT_MS = 50
#: ... and one with less than this, too: a request names each partition, and an answer for every few records of a flood
#: costs broker and scorer more than the records.
_FETCH_MIN_BYTES = 256_000


class UnsupportedFaustError(RuntimeError):
    """Another Faust is installed than the one whose private methods this transport overrides."""


class Reader(Protocol):
    """Says what the transport shall fetch, and from where. Called in the event loop of the app; must not block."""

    def wants(self, tp: TP) -> bool:
        """Whether there is room for more of this partition; the others are not held up by one that is full."""
        ...

    def positions(self, assigned: set[TP]) -> Mapping[TP, int]:
        """Return where each partition goes on after a rebalance; what was fetched before must be forgotten."""
        ...

    def out_of_range(self, tp: TP, offset: int) -> None:
        """Take note that the broker no longer has this offset: retention passed it."""
        ...


class FrameApp(faust.App):
    """A Faust app on this transport; ``reader`` must be set before it is started."""

    logger = _FAUST_LOG
    reader: Reader


class FrameSchema(faust.Schema[bytes | None, Frame]):
    """Hands frames over as they are; decoding is the agent's work."""

    def loads_key(self, app: AppT, message: Message, **_: Any) -> Any:
        """Return the key, which frames do not have."""
        return message.key

    def loads_value(self, app: AppT, message: Message, **_: Any) -> Any:
        """Return the frame."""
        return message.value


class _Chunk(NamedTuple):
    tp: TP
    begin: int
    end: int
    records: list[Record]


class _Fetched(NamedTuple):
    chunks: list[_Chunk]
    out_of_range: Mapping[TP, int]


class FrameThread(driver.AIOKafkaConsumerThread):
    """The thread of the consumer: reads committed records only and knows what a fetch covered."""

    logger = _FAUST_LOG
    _busy: asyncio.Lock

    async def on_start(self) -> None:
        """Start the consumer."""
        self._busy = asyncio.Lock()
        await super().on_start()
        lighten(self._ensure_consumer()._fetcher)

    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust reads uncommitted unless it runs its own exactly-once: it would hand over aborted records.
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = _FETCH_MAX_WAIT_MS
        consumer._fetch_min_bytes = _FETCH_MIN_BYTES
        return consumer

    async def fetch(self, wanted: set[TP], timeout_s: float, most: int) -> _Fetched:
        """Return what has been fetched of the wanted partitions, at most ``most`` records."""
        fetched: _Fetched = await self.call_thread(self._fetch, wanted, timeout_s, most)
        return fetched

    async def go_to(self, positions: Mapping[TP, int]) -> None:
        """Set the positions of those partitions that are still assigned."""
        await self.call_thread(self._go_to, positions)

    async def commit_offsets(self, offsets: Mapping[TP, int]) -> None:
        """Commit offsets as a member of the group; see :meth:`FrameConsumer.commit_offsets`."""
        await self.call_thread(self._commit_offsets, offsets)

    async def rejoin(self) -> None:
        """Ask the group for an assignment anew."""
        await self.call_thread(self._ensure_consumer()._coordinator.request_rejoin)

    async def _fetch(self, wanted: set[TP], timeout_s: float, most: int) -> _Fetched:
        nothing = _Fetched([], {})
        # A cancelled call of the app goes on here: without the lock it could take records behind our back.
        async with self._busy:
            consumer = self._ensure_consumer()
            assignment = _assignment(consumer)
            before = _positions(assignment, wanted)
            if not before:
                await asyncio.sleep(timeout_s)
                return nothing
            try:
                records = await self._fetch_records(consumer, set(before), timeout=timeout_s, max_records=most)
            except NoOffsetForPartitionError:
                return nothing  # a rebalance came between, and its seek has not
            except OffsetOutOfRangeError as error:
                return _Fetched([], dict(error.args[0]))
            if _assignment(consumer) is not assignment:
                return nothing  # a rebalance came between: it ends with a seek
            after = _positions(assignment, wanted)
            return _Fetched(
                [
                    _Chunk(tp, begin, after[tp], list(records.get(tp, ())))
                    for tp, begin in before.items()
                    if after.get(tp, begin) > begin
                ],
                {},
            )

    async def _go_to(self, positions: Mapping[TP, int]) -> None:
        async with self._busy:
            consumer = self._ensure_consumer()
            assigned = consumer.assignment()
            for tp, offset in positions.items():
                if tp in assigned:  # else a rebalance has come between, and will seek itself
                    consumer.seek(tp, offset)

    async def _commit_offsets(self, offsets: Mapping[TP, int]) -> None:
        # Not with the consumer's commit(): while the group is rebalanced its request waits behind the one to join and
        # then has the wrong generation, which makes it join again, and so on for ever.
        coordinator = self._ensure_consumer()._coordinator
        topics: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for tp, offset in offsets.items():
            topics[tp.topic].append((tp.partition, offset, ""))
        keep = OffsetCommitRequest.DEFAULT_RETENTION_TIME
        request = OffsetCommitRequest(
            coordinator.group_id, coordinator.generation, coordinator.member_id, keep, list(topics.items())
        )
        answer = await coordinator._send_req(request)
        for _, partitions in answer.topics:
            for _, code in partitions:
                if code:
                    raise for_code(code)


def _assignment(consumer: Any) -> Any:
    subscription = consumer._subscription.subscription
    return None if subscription is None else subscription.assignment


def _positions(assignment: Any, wanted: set[TP]) -> dict[TP, int]:
    states = ((tp, assignment.state_value(tp)) for tp in wanted) if assignment is not None else ()
    return {tp: state.position for tp, state in states if state is not None and state.has_valid_position}


class FrameConsumer(driver.Consumer):
    """The consumer: fetches what the reader wants and delivers it as frames.

    It acknowledges nothing and commits only what it is told; the topics must be declared with ``acks=False``.
    """

    logger = _FAUST_LOG
    app: FrameApp
    _thread: FrameThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.generation = 0
        self._seeking = asyncio.Lock()
        self._room = asyncio.Event()
        super().__init__(*args, **kwargs)

    def room(self) -> None:
        """Say that the reader may want a partition again that it did not want before."""
        self._room.set()

    async def commit_offsets(self, offsets: Mapping[TP, int]) -> None:
        """Tell the group how far its partitions are: for lag monitors, nothing of ours ever reads it.

        Raises
        ------
        KafkaError
            If the broker does not take it: absent, or the group is being rebalanced.
        """
        await self._thread.commit_offsets(offsets)

    async def rejoin(self) -> None:
        """Ask the group for an assignment anew; a rebalance of at least this member follows."""
        await self._thread.rejoin()

    def _new_consumer_thread(self) -> FrameThread:
        return FrameThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Go to where the reader says. Faust calls this after every rebalance, before records flow.

        The group's committed offsets are not asked: they are for lag monitors, and whoever resets them must neither
        repeat nor skip input.
        """
        async with self._seeking:  # no fetch may straddle a seek
            self.generation += 1
            await self._thread.go_to(self.app.reader.positions(self.assignment()))

    def on_buffer_full(self, tp: TP) -> None:
        """Ignore it: the reader's wishes are the only back-pressure."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Ignore it, likewise."""

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        try:
            while not (self.should_stop or fetcher.should_stop):
                for message in await self._next_messages():
                    await self._deliver(message)
                await asyncio.sleep(0)
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise

    async def _next_messages(self) -> list[ConsumerMessage]:
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # an asyncio.Event serves as mode's
            return []
        active = self._get_active_partitions()
        self._room.clear()
        wanted = {tp for tp in active if self.app.reader.wants(tp)}
        if not wanted:
            await self._until_room()
            return []
        timeout_s = _WAIT_S if len(wanted) == len(active) else _WAIT_WHILE_FULL_S
        async with self._seeking:
            generation = self.generation
            fetched = await self._thread.fetch(wanted, timeout_s, self.app.conf.broker_max_poll_records or 5000)
        for tp, offset in fetched.out_of_range.items():
            self.app.reader.out_of_range(tp, offset)
        return [self._message(chunk, generation) for chunk in fetched.chunks]

    async def _until_room(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._room.wait(), _WAIT_S)

    def _message(self, chunk: _Chunk, generation: int) -> ConsumerMessage:
        tp = TP(chunk.tp.topic, chunk.tp.partition)
        records = chunk.records
        frame = Frame(tp.topic, tp.partition, chunk.begin, chunk.end, records, generation)
        value = cast(Any, frame)  # Faust declares bytes, but only schemas ever look at it
        time = records[-1].time / 1000 if records else 0.0
        return ConsumerMessage(
            tp.topic, tp.partition, chunk.end - 1, time, 0, None, None, value, None, 0, 0, tp,
            generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    async def _deliver(self, message: ConsumerMessage) -> None:
        # Dropping is safe: a stale frame is fetched again after the seek, and a lost one shows up as a gap.
        if not self.flow_active or cast(Any, message.value).generation != self.generation:
            return
        await self.wait_first(self.callback(message), self.suspend_flow.wait())


class FrameTransport(driver.Transport):
    """Makes consumers that deliver frames."""

    Consumer = FrameConsumer


def check_version(found: str) -> None:
    """Refuse a Faust that this transport was not written for.

    Raises
    ------
    UnsupportedFaustError
        If it is another version.

    Examples
    --------
    >>> check_version("0.15.3")
    """
    if found != SUPPORTED_FAUST:
        message = (
            f"the frame transport overrides private methods of faust-streaming {SUPPORTED_FAUST}, found {found}: "
            f"install that version (make setup), or port streams/transport.py to the new one"
        )
        raise UnsupportedFaustError(message)


def register() -> None:
    """Make the scheme ``frame://`` known to Faust.

    Raises
    ------
    UnsupportedFaustError
        If the installed Faust is not the one that this was written for.
    """
    check_version(faust.__version__)
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:{FrameTransport.__name__}"
