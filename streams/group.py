"""One partition group that this process owns: what it fetched, its shard, its checkpoints."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

import msgspec

from connectors.topics import ALERTS, DEAD_LETTERS, INPUTS, SIGNALS
from streams import logs, metrics
from streams.checkpoint import CheckpointWriter
from streams.clock import Clock
from streams.frame import Frame
from streams.metrics import Metrics
from streams.ordering import Order
from streams.shard import Checkpoint, Shard

#: Records of one step: short enough that nothing else waits noticeably.
STEP_RECORDS = 1_000
#: Enterprises that are judged in one step after a period has closed: a city's take seconds together.
STEP_ENTERPRISES = 200
#: How many times longer the time between checkpoints is while the input is a backlog.
BEHIND_FACTOR = 4
#: Least time between two checkpoints of a group, however urgent; in a backlog, too, times the factor.
MIN_GAP_S = 0.2
#: While a checkpoint takes longer than this, nothing more is applied: an absent broker must not fill the memory.
STALL_S = 3.0

_log = logs.logger(__name__)


class _Letter(msgspec.Struct):
    """What is counted of a dead letter."""

    reason: str


class _Transition(msgspec.Struct):
    """What is counted of an alert."""

    level: str


_LETTER, _TRANSITION = msgspec.json.Decoder(_Letter), msgspec.json.Decoder(_Transition)


class TooManyDeadLettersError(Exception):
    """More dead letters within a minute than the operator allows: a stop is better than refusing the whole world."""


class PartitionGroup:
    """One partition group that this process owns.

    The shard changes only in :meth:`step`, between two awaits, so a checkpoint never sees half a change.

    Parameters
    ----------
    shard
        Restored, with the next offset of every input topic.
    writer
        Started before the shard was restored.
    order
        Empty, at the shard's positions.
    clock
        Tells the time of live ticks, and measures intervals.
    interval_s
        Longest time between a change and its checkpoint.
    dead_letter_limit
        Dead letters within a minute that are too many.
    told
        Where what it does is counted.

    Attributes
    ----------
    stored
        Topic to the next offset, as of the newest checkpoint that is written.
    """

    def __init__(
        self,
        shard: Shard,
        writer: CheckpointWriter,
        order: Order,
        clock: Clock,
        *,
        interval_s: float,
        dead_letter_limit: int,
        told: Metrics,
    ) -> None:
        self.partition = shard.partition
        self.shard = shard
        self.order = order
        self.applied = 0
        self.ticked = shard.ticked
        self.stored = dict(shard.next)
        self.paused = False
        self.dropped = False
        self._writer = writer
        self._clock = clock
        self._interval_s = interval_s
        self._dead_letter_limit = dead_letter_limit
        self._told = told
        self._refused: deque[tuple[float, int]] = deque()
        self._changed, self._urgent = asyncio.Event(), asyncio.Event()
        self._writing = asyncio.Lock()
        self._writing_since: float | None = None
        self._writing_alerts = False

    # ---- input -------------------------------------------------------------------------------------------------

    def add(self, frame: Frame) -> None:
        """Take what was fetched. Raises GapError if records before it are missing."""
        self.order.add(frame)

    def start_over(self, order: Order) -> None:
        """Forget what was fetched and not applied: it will be fetched again from the shard's positions."""
        self.order = order

    def step(self) -> bool:
        """Apply the next few records, or tick; return whether there was anything to do.

        Raises
        ------
        GapError, EngineFaultError
            The shard is worthless from here on.
        """
        if self.paused or self.dropped or self._stalled():
            return False
        ticked = self._tick()
        frame = None if self.shard.closing and not self.order.interleaves else self.order.take(STEP_RECORDS)
        if frame is not None:
            scored = self.shard.scored
            self.shard.apply(frame.topic, frame.begin, frame.end, frame.records)
            self.applied += len(frame.records)
            if frame.topic in SIGNALS:
                family = frame.topic.removeprefix("signals.")
                self._told.count(metrics.SCORED, self.shard.scored - scored, family)
            self._told.count(metrics.APPLIED, len(frame.records), frame.topic)
        if self.shard.changed:
            self._changed.set()
        if self.shard.urgent:
            self._urgent.set()
        return ticked or frame is not None

    @property
    def hurries(self) -> bool:
        """Whether something is in hand that should not wait for the other groups' flood."""
        return self.order.hurries and not self.paused and not self.dropped

    @property
    def writes_alerts(self) -> bool:
        """Whether a checkpoint with an alert is being written."""
        return self._writing_alerts

    def asks(self) -> bool:
        """Whether the group cannot go on until the end offsets of its topics are known anew."""
        return not self.paused and not self.dropped and self.order.asks(self._clock.now_ms(), self.ticked)

    def _tick(self) -> bool:
        minute = self.ticked if self.shard.closing else self.order.due(self.ticked)
        if minute is None:
            return False
        self.shard.tick(minute, STEP_ENTERPRISES)
        self.ticked = minute
        return True

    def _stalled(self) -> bool:
        since = self._writing_since
        return since is not None and self._clock.monotonic() - since > STALL_S

    # ---- output ------------------------------------------------------------------------------------------------

    async def checkpoint_forever(self) -> None:
        """Write a checkpoint whenever one is due.

        Raises
        ------
        CheckpointError
            The group must be dropped.
        TooManyDeadLettersError
            The process must be stopped.
        """
        while not self.dropped:
            await self._changed.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), self._interval_s * self._patience())
            await self.checkpoint()
            await asyncio.sleep(MIN_GAP_S * self._patience())

    def _patience(self) -> int:
        """Return how many times longer a checkpoint may be waited for now: while there is more in hand than is applied.

        A transaction costs milliseconds whatever is in it; what comes late anyway can share one.
        """
        behind = not all(self.order.has_room(topic) for topic in INPUTS)
        return BEHIND_FACTOR if behind else 1

    async def checkpoint(self) -> None:
        """Write what changed since the last checkpoint, if anything did."""
        async with self._writing:
            if self.dropped or not self.shard.changed:
                return
            self._changed.clear()
            self._urgent.clear()
            self._writing_alerts = self.shard.urgent
            checkpoint = self.shard.take()  # states, outputs and offsets of one moment: no await in here
            self._count_refused(checkpoint)
            self._writing_since = self._clock.monotonic()
            try:
                await self._writer.write(checkpoint)
            except BaseException:  # cancelled, too: nobody knows what was written, so nothing may follow it
                self.dropped = True
                raise
            else:
                self.stored = checkpoint.offsets
                self._tell(checkpoint, self._clock.monotonic() - self._writing_since)
            finally:
                self._writing_since, self._writing_alerts = None, False

    def drop(self) -> asyncio.Task[None]:
        """Forget the shard. No abort, no flush: the next owner settles an open transaction when it fences this one."""
        self.dropped = True
        return self._writer.drop()

    def _tell(self, checkpoint: Checkpoint, seconds: float) -> None:
        told = self._told
        told.observe(metrics.CHECKPOINT_SECONDS, seconds)
        told.count(metrics.CHECKPOINT_BYTES, _size(checkpoint.states), "state")
        told.count(metrics.CHECKPOINT_BYTES, sum(map(_size, checkpoint.outputs.values())), "output")
        for _, value in checkpoint.outputs.get(ALERTS, ()):
            told.count(metrics.ALERTED, 1, _TRANSITION.decode(value).level)
        for _, value in checkpoint.outputs.get(DEAD_LETTERS, ()):
            told.count(metrics.DEAD_LETTERED, 1, _LETTER.decode(value).reason)

    def _count_refused(self, checkpoint: Checkpoint) -> None:
        now = self._clock.monotonic()
        self._refused.append((now, len(checkpoint.outputs.get(DEAD_LETTERS, ()))))
        while self._refused and self._refused[0][0] < now - 60:
            self._refused.popleft()
        count = sum(number for _, number in self._refused)
        if count > self._dead_letter_limit:
            self.dropped = True
            message = (
                f"partition group {self.partition}: {count} dead letters within a minute, the limit is "
                f"{self._dead_letter_limit}. Nothing of the last batch was written. Look at the newest records of the "
                f"topic {DEAD_LETTERS}, correct what sends them, or raise FOREWARN_DEAD_LETTER_LIMIT; then start again"
            )
            raise TooManyDeadLettersError(message)


def _size(records: Iterable[tuple[bytes, bytes | None]]) -> int:
    return sum(len(key) + len(value or b"") for key, value in records)
