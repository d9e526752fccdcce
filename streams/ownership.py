"""Which partition groups this process owns: taking over, giving up, seeking. The answers to every doubt are here.

A group is taken over in a fixed order: its writer is started, which fences the former owner; its state is read to the
end; the consumer goes to the offsets that the state holds; then records flow. Any error in a group has one answer:
forget its memory and ask for an assignment anew. Nothing is ever repaired in place.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any, cast

from faust.types import TP

from connectors.kafka.connection import Connection
from connectors.topics import INPUTS
from streams import logs, metrics
from streams.checkpoint import CheckpointError, CheckpointWriter, read_state
from streams.clock import Clock
from streams.frame import Frame
from streams.group import PartitionGroup, TooManyDeadLettersError
from streams.metrics import Metrics
from streams.ordering import LiveOrder, Order, RecordedOrder
from streams.progress import Progress
from streams.rules import Rules
from streams.settings import Settings
from streams.shard import EngineFaultError, GapError, Shard
from streams.transport import FrameApp, FrameConsumer

#: Records of a topic in hand at which no more of it is fetched for the time being.
ROOM_RECORDS = 4_000
#: How often each group may be given up within a minute, on average, before the process ends: something does not heal.
GIVE_UP_LIMIT = 3
#: Time to write what is pending when the group is rebalanced; what does not make it is applied again.
FLUSH_S = 10.0
REJOIN_S = 30.0
STOPPED_BY_DEAD_LETTERS = 3

_log = logs.logger(__name__)


class StopError(Exception):
    """The process cannot go on; ``code`` is its exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def partitions_of(assigned: Collection[TP]) -> set[int]:
    """Return the partition groups of an assignment.

    Raises
    ------
    StopError
        If a group is split: only some of its topics are assigned to this process.

    Examples
    --------
    >>> sorted(partitions_of({TP(topic, p) for topic in INPUTS for p in (3, 5)}))
    [3, 5]
    """
    partitions = {tp.partition for tp in assigned}
    if len(assigned) != len(partitions) * len(INPUTS):
        missing = sorted({f"{t}-{p}" for p in partitions for t in INPUTS if TP(t, p) not in assigned})
        message = (
            f"partition groups are split over workers, not assigned here: {', '.join(missing[:10])}. The input topics "
            f"must have equal partition counts (forewarn topics), and all scorers must run the same program: stop all "
            f"of them before you start another version"
        )
        raise StopError(message)
    return partitions


class Ownership:
    """The partition groups of this process. Implements the transport's ``Reader``.

    Parameters
    ----------
    app
        The Faust app; its consumer joins the group.
    kafka
        Where the checkpoints go, and who we are there.
    told
        Where what happens is counted.

    Attributes
    ----------
    lost
        Records that Kafka deleted before they were scored, at most, since this process began.
    restored
        Records of states read so far: a restore that goes on is no standstill.
    progress
        Tells the consumer group how far its partitions are.
    """

    def __init__(
        self, app: FrameApp, settings: Settings, kafka: Connection, rules: Rules, clock: Clock, told: Metrics
    ) -> None:
        self.lost = 0
        self.restored = 0
        self.groups: dict[int, PartitionGroup] = {}
        self.wake = asyncio.Event()  # there is something to apply
        self.progress = Progress(lambda: self.consumer, self.groups.values)
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._app = app
        self._settings = settings
        self._kafka = kafka
        self._rules = rules
        self._clock = clock
        self._told = told
        self._generation = -1
        self._mine: set[int] | None = None  # the partitions of the newest assignment
        self._revocations = 0
        self._closing = False
        self._faults: Counter[tuple[str, int, int]] = Counter()
        self._condemned: defaultdict[int, set[tuple[str, int]]] = defaultdict(set)
        self._careful: defaultdict[int, dict[str, int]] = defaultdict(dict)
        self._given_up: deque[float] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def consumer(self) -> FrameConsumer:
        """The consumer of the app."""
        return cast(FrameConsumer, self._app.consumer)

    @property
    def settled(self) -> bool:
        """Whether the groups of the newest assignment are all taken over."""
        return self._mine == set(self.groups) and not any(group.paused for group in self.groups.values())

    # ---- what the transport asks ---------------------------------------------------------------------------------

    def wants(self, tp: TP) -> bool:
        """Whether there is room for more of this partition."""
        group = self.groups.get(tp.partition)
        return group is not None and group.order.has_room(tp.topic)

    def positions(self, assigned: set[TP]) -> Mapping[TP, int]:
        """Return where each partition goes on; what was fetched before is forgotten."""
        for group in self.groups.values():
            group.start_over(self._order(group.shard))
        return {
            TP(topic, group.partition): group.shard.next[topic]
            for group in self.groups.values()
            for topic in INPUTS
            if TP(topic, group.partition) in assigned
        }

    def out_of_range(self, tp: TP, offset: int) -> None:
        """Give the group up: restoring it finds out what was lost."""
        group = self.groups.get(tp.partition)
        if group is not None:
            self.give_up(group, f"{tp.topic}-{tp.partition}: the broker no longer has offset {offset}")

    def add(self, frame: Frame) -> None:
        """Take what was fetched, unless it is stale or not ours: then it will be fetched again by its owner."""
        group = self.groups.get(frame.partition)
        if group is None or frame.generation != self.consumer.generation:
            return
        try:
            group.add(frame)
        except GapError as error:
            self.give_up(group, str(error))
        self.wake.set()

    # ---- rebalances ----------------------------------------------------------------------------------------------

    async def on_revoked(self, *_: Any, **__: Any) -> None:
        """Write what is pending: the flow has stopped and the group waits for us; the next owner repeats nothing."""
        self._revocations += 1
        for group in self.groups.values():
            group.paused = True
        await self._flush(FLUSH_S)

    async def on_rebalanced(self, *_: Any, **__: Any) -> None:
        """Drop what is no longer ours and take over what is new.

        Faust waits for this before it seeks and lets records flow, while heartbeats go on.
        """
        if self._closing:
            return
        try:
            await self._rebalance()
        except StopError as error:
            self.stop(error)
        except Exception as error:
            _log.exception("taking over partition groups failed")
            message = f"taking over partition groups failed: {type(error).__name__}: {error}"
            self.stop(StopError(message))

    async def _rebalance(self) -> None:
        revocations = self._revocations
        mine = partitions_of(self.consumer.assignment())
        # A shard survives if nobody can have owned it in between: still ours in the very next generation.
        previous, self._generation = self._generation, self._app.consumer_generation_id
        for group in list(self.groups.values()):
            if group.dropped or group.partition not in mine or self._generation > previous + 1:
                self._drop(group)
        self._mine = mine
        fresh = sorted(mine - set(self.groups))
        self._told.count(metrics.REBALANCES)
        _log.info("partition groups", generation=self._generation, keep=sorted(self.groups), take_over=fresh)
        if fresh:
            await self._take_over(fresh)
        if revocations == self._revocations and not self._closing:  # else the next rebalance is under way already
            for group in self.groups.values():
                group.paused = False
        self.wake.set()

    async def _take_over(self, fresh: list[int]) -> None:
        writers = {p: CheckpointWriter(self._kafka, self._settings.app, p) for p in fresh}
        await asyncio.gather(*(writer.start() for writer in writers.values()))
        shards = {p: Shard(p, self._rules, self._condemned[p], self._careful[p]) for p in fresh}
        started = self._clock.monotonic()

        def restore(partition: int, key: bytes, value: bytes | None) -> None:
            shards[partition].restore(key, value)
            self.restored += 1

        gc.disable()  # nothing of a state is garbage
        try:
            records = await read_state(self._kafka, fresh, restore)
            for shard in shards.values():
                shard.restored()
        finally:
            gc.freeze()
            gc.enable()
        await self._settle_positions(shards)
        for p, shard in shards.items():
            group = self._group(shard, writers[p])
            self.groups[p] = group
            self._spawn(self._write_checkpoints(group))
        seconds = self._clock.monotonic() - started
        self._told.observe(metrics.RESTORE_SECONDS, seconds)
        _log.info("restored", groups=fresh, records=records, seconds=round(seconds, 3))

    async def _settle_positions(self, shards: Mapping[int, Shard]) -> None:
        """Begin unseen topics at their earliest record, and face it when retention was faster than we were."""
        tps = [TP(topic, p) for p in shards for topic in INPUTS]
        earliest = await self.consumer.earliest_offsets(*tps)
        ends = await self.consumer.highwaters(*tps)
        for tp in tps:
            shard = shards[tp.partition]
            stored = shard.next.setdefault(tp.topic, earliest[tp])
            if stored > ends[tp]:
                message = (
                    f"{tp.topic}-{tp.partition} ends at offset {ends[tp]}, but was scored up to {stored}: it was "
                    f"deleted and made anew. Restore it, or start a new stack (FOREWARN_APP, and empty output topics)"
                )
                raise StopError(message)
            if stored < earliest[tp]:
                _log.error(
                    "input lost to retention: records were deleted before they were scored; give the topic a longer "
                    "retention, or the scorers more power",
                    topic=tp.topic, partition=tp.partition, first=stored, end=earliest[tp],
                )  # fmt: skip
                self.lost += earliest[tp] - stored
                self._told.count(metrics.SCORER_LOST, earliest[tp] - stored, tp.topic)
                shard.skip(tp.topic, earliest[tp])

    def _group(self, shard: Shard, writer: CheckpointWriter) -> PartitionGroup:
        group = PartitionGroup(
            shard,
            writer,
            self._order(shard),
            self._clock,
            interval_s=self._settings.checkpoint_ms / 1000,
            dead_letter_limit=self._settings.dead_letter_limit,
            told=self._told,
        )
        group.paused = True
        return group

    def _order(self, shard: Shard) -> Order:
        positions = {topic: shard.next[topic] for topic in INPUTS}
        kind = RecordedOrder if self._settings.simulated else LiveOrder
        return kind(positions, ROOM_RECORDS)

    # ---- doubts --------------------------------------------------------------------------------------------------

    def give_up(self, group: PartitionGroup, why: str) -> None:
        """Forget a group's memory and join the consumer group again: only an assignment makes us owner."""
        if self.groups.get(group.partition) is not group or self._closing:
            return
        _log.warning("partition group given up", partition=group.partition, why=why)
        self._told.count(metrics.GIVEN_UP)
        self._drop(group)
        now = self._clock.monotonic()
        self._given_up.append(now)
        while self._given_up[0] < now - 60:
            self._given_up.popleft()
        if len(self._given_up) > 10 + GIVE_UP_LIMIT * self._settings.partitions:
            self.stop(StopError(f"partition groups had to be given up {len(self._given_up)} times within a minute"))
        else:
            self._spawn(self._rejoin())

    async def _rejoin(self) -> None:
        try:
            async with asyncio.timeout(REJOIN_S):
                await self.consumer.rejoin()
        except Exception as error:  # without an assignment nobody would ever own the group again
            self.stop(StopError(f"the consumer cannot be asked for an assignment: {error!r}"))

    def fault(self, group: PartitionGroup, error: EngineFaultError) -> None:
        """Give the group up; when the engine has failed on this record before, it becomes a dead letter next time."""
        if error.end > error.offset + 1:  # one of many: the next time they are applied one by one
            _log.error("engine fault", exc_info=error)
            careful = self._careful[error.partition]
            careful[error.topic] = max(careful.get(error.topic, 0), error.end)
            self.give_up(group, str(error))
            return
        place = (error.topic, error.partition, error.offset)
        self._faults[place] += 1
        _log.error("engine fault", times=self._faults[place], exc_info=error)
        if self._faults[place] > 1 and error.topic not in INPUTS:
            message = f"the engine failed twice in the same tick and there is no record to put aside: {error}"
            self.stop(StopError(message))
            return
        if self._faults[place] > 1:
            self._condemned[error.partition].add((error.topic, error.offset))
        self.give_up(group, str(error))

    def stop(self, error: StopError) -> None:
        """Make the process end with this error."""
        if not self._failed.done():
            self._failed.set_exception(error)

    async def failed(self) -> None:
        """Wait until the process cannot go on; always ends with StopError."""
        await self._failed

    async def close(self, patience_s: float) -> None:
        """Write what is pending, if that is possible in a few seconds, and let go of everything."""
        self._closing = True
        for group in self.groups.values():
            group.paused = True
        await self._flush(patience_s)
        await self.progress.tell(self.groups.values())
        stopping = [group.drop() for group in self.groups.values()]
        self.groups.clear()  # what still arrives is for the next owner
        for task in list(self._tasks):
            task.cancel()
        if stopping:
            await asyncio.wait(stopping, timeout=patience_s)

    def _drop(self, group: PartitionGroup) -> None:
        del self.groups[group.partition]
        self._keep(group.drop())

    async def _flush(self, patience_s: float) -> None:
        groups = list(self.groups.values())
        tasks = [asyncio.create_task(self._checkpoint(group, group.checkpoint)) for group in groups]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=patience_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for group in groups:
            if group.dropped:
                self.give_up(group, "its last checkpoint before the rebalance did not come through in time")

    async def _write_checkpoints(self, group: PartitionGroup) -> None:
        await self._checkpoint(group, group.checkpoint_forever)

    async def _checkpoint(self, group: PartitionGroup, write: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await write()
        except CheckpointError as error:
            self.give_up(group, str(error))
        except TooManyDeadLettersError as error:
            self.stop(StopError(str(error), STOPPED_BY_DEAD_LETTERS))
        except Exception as error:  # the boundary of this task: a shard that cannot be written is worthless
            _log.exception("checkpoint failed", partition=group.partition)
            self.give_up(group, repr(error))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._keep(asyncio.create_task(work))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
