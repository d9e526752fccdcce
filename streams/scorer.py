"""The scorer: a Faust worker that scores every signal of its partition groups.

::

    Kafka ──frame://──► agent ──► group: order ──► shard (engine) ──► checkpoint ──► Kafka
                                    ▲ positions                          │ state, outputs, offsets
                                    └────────── take over ◄──────────────┘ in one transaction

Faust joins the consumer group, fetches, rebalances and feeds the agent. What is decided lies in the shard; when records
may be applied, in ``streams.ordering``; who may write, in ``streams.checkpoint`` and ``streams.ownership``.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Collection, Coroutine
from contextlib import suppress
from typing import Any

from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # ships no types
from faust.types import TP

from connectors.topics import INPUTS
from streams import logs, metrics
from streams.clock import Clock
from streams.group import PartitionGroup
from streams.health import INTERVAL_S, Beacon, State
from streams.metrics import Metrics
from streams.ownership import Ownership, StopError
from streams.probes import Vitals, answering
from streams.rules import rules_for
from streams.runtime import Endpoints
from streams.settings import Settings
from streams.shard import EngineFaultError
from streams.survey import Survey, Watch
from streams.transport import SCHEME, FrameApp, FrameSchema, register
from streams.watchdog import end_after

#: Whoever has not stopped by then is ended: what was checkpointed is exact, the rest will be applied again.
STOP_DEADLINE_S = 8.0
_FLUSH_S, _APP_STOP_S = 2.0, 4.0
#: The ends of the topics are asked at least this often, for the lag and for the watchdog.
_SURVEY_S = 5.0
_ASK_TIMEOUT_S, _ASK_GAP_S = 10.0, 0.002
#: How long to sleep at most while nothing arrives: a minute may pass meanwhile, and ticks.
_IDLE_S = 0.2
#: A step this long would delay an alert that is being written noticeably.
_LONG_STEP_S = 0.02
#: A rebalance that takes longer than this will not end.
_REBALANCE_S = 180.0

_log = logs.logger(__name__)


def make_app(settings: Settings, endpoints: Endpoints, worker: int) -> FrameApp:
    """Return the Faust app of a scorer; it has no agent yet."""
    register()
    return FrameApp(
        settings.app,
        broker=";".join(f"{SCHEME}://{address}" for address in endpoints.kafka.addresses),
        broker_credentials=endpoints.kafka.faust(),
        datadir=settings.data_dir / "run" / f"faust-{worker}",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        # Not 0: with 0 and no table Faust silently uses a round robin instead of its own assignor, and equal partition
        # numbers of the topics land on different workers. Nothing is replicated: there is no table.
        table_standby_replicas=1,
        # A position that retention has passed must be noticed, not silently moved.
        consumer_auto_offset_reset="none",
        # A restart within the session's time-out gets its partitions back without a rebalance of the others.
        consumer_group_instance_id=f"{settings.app}-scorer-{worker}",
        stream_buffer_maxsize=8,
        stream_wait_empty=False,
        broker_max_poll_records=5000,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=2.0,
    )


async def score(settings: Settings, endpoints: Endpoints, worker: int, clock: Clock, beacon: Beacon) -> None:
    """Run a scorer until it is told to stop.

    Raises
    ------
    StopError
        If it cannot go on; what has been checkpointed is exact.
    """
    gc.set_threshold(50_000, 20, 50)  # a burst of records is no garbage
    app = make_app(settings, endpoints, worker)
    counts = Metrics("scorer")
    owned = Ownership(app, settings, endpoints.kafka, rules_for(settings), clock, counts)
    app.reader = owned
    # acks=False: Faust never commits. One topic object: every worker subscribes to the same set.
    inputs = app.topic(*INPUTS, schema=FrameSchema(), acks=False)

    @app.agent(inputs)
    async def take_in(frames: Any) -> None:
        async for frame in frames:
            owned.add(frame)

    app.on_partitions_revoked.connect(owned.on_revoked)
    app.on_rebalance_complete.connect(owned.on_rebalanced)
    scorer = Scorer(app, owned, clock, beacon, counts, Watch(endpoints.kafka, clock), simulated=settings.simulated)
    async with answering(settings, Vitals(counts, beacon)):
        await scorer.run()


class Scorer:
    """Drives the groups of this process: applies, asks for ends, tells that it lives, and stops cleanly."""

    def __init__(
        self,
        app: FrameApp,
        owned: Ownership,
        clock: Clock,
        beacon: Beacon,
        counts: Metrics,
        watch: Watch,
        *,
        simulated: bool,
    ) -> None:
        self._app = app
        self._owned = owned
        self._clock = clock
        self._beacon = beacon
        self._state: State = "starting"
        self._asking = asyncio.Event()
        self._survey = Survey(clock)
        self._counts = counts
        self._watch = watch
        self._simulated = simulated
        beacon.not_ready = self._not_ready
        counts.refresh_with(self._measure)

    async def run(self) -> None:
        """Work until SIGTERM, SIGINT or an error that only a restart can heal (StopError)."""
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, asked.set)
        self._tell()
        jobs: tuple[Coroutine[Any, Any, Any], ...] = (
            asked.wait(), self._start(), self._apply(), self._ask(), self._live(), self._owned.progress.tell_forever(),
            self._owned.failed(),
        )  # fmt: skip
        tasks = [loop.create_task(job) for job in jobs]
        code = 1
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            code = 0
        except StopError as error:
            code = error.code
            raise
        finally:
            end_after(STOP_DEADLINE_S, code)
            await self._stop(tasks)

    async def _start(self) -> None:
        await self._app.start()
        while not self._app.crashed:
            await asyncio.sleep(0.5)
        message = f"the Faust app crashed: {self._app.crash_reason!r}"
        raise StopError(message)

    async def _stop(self, tasks: Collection[asyncio.Task[Any]]) -> None:
        self._state = "stopping"
        self._tell()
        for task in tasks:
            task.cancel()
        await self._owned.close(_FLUSH_S)
        try:
            async with asyncio.timeout(_APP_STOP_S):
                await self._app.stop()
        except TimeoutError:
            _log.warning("Faust does not stop in time; nothing is lost by ending it")

    # ---- applying ------------------------------------------------------------------------------------------------

    async def _apply(self) -> None:
        """Give every group a step in turn, whatever is not the flood first; sleep while there is nothing to do."""
        owned = self._owned
        while True:
            owned.wake.clear()
            busy, groups = False, list(owned.groups.values())
            for group in groups:
                for other in groups:
                    if other.hurries:
                        busy = self._step(other) or busy
                began = self._clock.monotonic()
                busy = self._step(group) or busy
                if group.asks():
                    self._asking.set()
                await asyncio.sleep(0)  # let fetches, checkpoints and the beat run
                await self._breathe(groups, self._clock.monotonic() - began)
            if busy:
                owned.consumer.room()
            else:
                await _set_within(owned.wake, _IDLE_S)

    async def _breathe(self, groups: Collection[PartitionGroup], took_s: float) -> None:
        """After a long step, let an alert be written: its transaction needs the event loop some twenty times."""
        if took_s < _LONG_STEP_S:
            return
        until = self._clock.monotonic() + took_s / 2
        while self._clock.monotonic() < until and any(group.writes_alerts for group in groups):
            await asyncio.sleep(0.001)

    def _step(self, group: PartitionGroup) -> bool:
        try:
            return group.step()
        except EngineFaultError as error:
            self._owned.fault(group, error)
        except Exception as error:  # the boundary of a shard: half applied, its memory is worthless
            _log.exception("applying records failed", partition=group.partition)
            self._owned.give_up(group, repr(error))
        return True

    # ---- ends of the topics --------------------------------------------------------------------------------------

    async def _ask(self) -> None:
        """Ask for the end offsets of groups that cannot go on without them, and now and then of all."""
        surveyed = self._clock.monotonic()
        while True:
            await _set_within(self._asking, 1.0)
            self._asking.clear()
            now = self._clock.monotonic()
            everything = now - surveyed >= _SURVEY_S
            groups = [group for group in self._owned.groups.values() if everything or group.asks()]
            if not groups:
                continue
            answered = await self._ask_for(groups)
            self._owned.wake.set()
            if not answered:
                await self._watch.unanswered()
                self._survey.forget()
            elif everything:
                surveyed = now
                await self._watch.answered(self._survey, self._owned.groups.values())
            await asyncio.sleep(_ASK_GAP_S if answered else 1.0)

    async def _ask_for(self, groups: Collection[PartitionGroup]) -> bool:
        # An order that is replaced meanwhile takes its answer with it.
        asked = [(group, group.order, group.order.ask(self._clock.now_ms())) for group in groups]
        tps = [TP(topic, group.partition) for group in groups for topic in INPUTS]
        try:
            async with asyncio.timeout(_ASK_TIMEOUT_S):
                ends = await self._owned.consumer.highwaters(*tps)
        except (KafkaError, TimeoutError) as error:
            _log.warning("the end offsets are not to be had", error=repr(error))
            for _, order, question in asked:
                order.answer(question, None)
            return False
        for group, order, question in asked:
            order.answer(question, {topic: ends[TP(topic, group.partition)] for topic in INPUTS})
        self._survey.ends.update(ends)
        return True

    # ---- telling -------------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        moved_at, restored = self._clock.monotonic(), 0
        while True:
            now = self._clock.monotonic()
            if self._owned.settled:
                moved_at, self._state = now, "running"
            elif self._owned.restored > restored:
                moved_at, restored = now, self._owned.restored
            elif now - moved_at > _REBALANCE_S:
                message = f"no partitions could be taken over for {_REBALANCE_S:.0f} s"
                raise StopError(message)
            self._tell()
            await asyncio.sleep(INTERVAL_S)

    def _tell(self) -> None:
        groups = self._owned.groups.values()
        self._beacon.beat(
            self._state,
            partitions=sorted(group.partition for group in groups),
            rebalancing=not self._owned.settled,
            applied=sum(group.applied for group in groups),
            lag=self._survey.lag(groups),
            ticked=min((group.ticked for group in groups), default=0),
            input_lost=self._owned.lost,
        )

    def _not_ready(self) -> str:
        if not self._owned.settled:
            return "takes partition groups over"
        return "Kafka does not answer" if self._watch.in_doubt else ""

    def _measure(self) -> None:
        groups = self._owned.groups.values()
        for topic, lag in self._survey.lag(groups).items():
            self._counts.set(metrics.LAG, lag, topic)
        self._counts.set(metrics.GROUPS, len(groups))
        self._counts.set(metrics.ENTERPRISES, sum(len(group.shard.engine.enterprises) for group in groups))
        self._counts.set(metrics.CLOCK, min((group.ticked for group in groups), default=0) / 1000)
        oldest = [at for group in groups if (at := group.order.oldest()) is not None]
        age_ms = self._clock.now_ms() - min(oldest) if oldest and not self._simulated else 0
        self._counts.set(metrics.UNAPPLIED_AGE, max(age_ms, 0) / 1000)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
