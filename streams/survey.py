"""How far a scorer is behind, and whether it has quietly stopped."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from faust.types import TP

from connectors.kafka.connection import Connection
from connectors.topics import INPUTS
from streams.clock import Clock
from streams.group import PartitionGroup
from streams.ownership import StopError
from streams.watchdog import Stillness, kafka_serves, record_waits, told

#: A partition that lags, is wanted and does not move for so long: Faust's consumers are known to stop quietly after
#: rebalances and outages.
STUCK_S = 60.0
#: A consumer that has not answered for so long is not ready.
_DOUBT_S = 10.0


class Survey:
    """Compares the ends of the input topics with what was fetched and applied."""

    def __init__(self, clock: Clock) -> None:
        self.ends: dict[TP, int] = {}
        self._fetching: Stillness[tuple[str, int]] = Stillness(clock, STUCK_S)
        self._applying: Stillness[tuple[str, int]] = Stillness(clock, STUCK_S)

    def lag(self, groups: Iterable[PartitionGroup]) -> dict[str, int]:
        """Return by topic the offsets between what was applied and the end when it was last asked.

        Offsets have holes: a small number may stay behind for ever on a topic that is written in transactions.
        """
        lag = dict.fromkeys(INPUTS, 0)
        for group in groups:
            for topic in INPUTS:
                lag[topic] += max(self.ends.get(TP(topic, group.partition), 0) - group.shard.next[topic], 0)
        return lag

    def forget(self) -> None:
        """Start anew: nothing could move, or what did not need not have."""
        self._fetching.forget()
        self._applying.forget()

    def unfetched(self, groups: Iterable[PartitionGroup]) -> dict[tuple[str, int], int]:
        """Return what should have been fetched and was not, for too long: partitions, and from where. Ask regularly.

        On a topic written in transactions this may be a marker that nobody ever sees: see whether a record waits.
        """
        return self._fetching.overdue(
            {
                (topic, group.partition): group.order.position(topic)
                for group in groups
                for topic in INPUTS
                if not group.paused
                and group.order.has_room(topic)
                and group.order.position(topic) < self.ends.get(TP(topic, group.partition), 0)
            }
        )

    def unapplied(self, groups: Iterable[PartitionGroup]) -> dict[tuple[str, int], int]:
        """Return what is in hand and should have been applied and was not, for too long. Ask regularly.

        Where the order is the records' own, a topic may have to wait as long as the others of its group go on.
        """
        waiting = {
            (topic, group.partition): group
            for group in groups
            for topic in INPUTS
            if not group.paused
            and not group.shard.closing  # a city's day takes its time, and records may have to wait for it
            and group.shard.next[topic] < group.order.position(topic)
        }
        overdue = self._applying.overdue(
            {
                place: group.shard.next[place[0]] if group.order.interleaves else sum(group.shard.next.values())
                for place, group in waiting.items()
            }
        )
        return {place: waiting[place].shard.next[place[0]] for place in overdue}


class Watch:
    """Ends the process when its consumer has quietly stopped; a Kafka that is away is waited for.

    Parameters
    ----------
    kafka
        For a second opinion.
    clock
        Measures.
    """

    def __init__(self, kafka: Connection, clock: Clock) -> None:
        self._kafka = kafka
        self._clock = clock
        self._silent_since: float | None = None
        self._serves_since: float | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether the consumer has not answered lately."""
        return self._silent_since is not None and self._clock.monotonic() - self._silent_since > _DOUBT_S

    async def unanswered(self) -> None:
        """Note that the consumer did not answer.

        Raises
        ------
        StopError
            If it has been silent for long although Kafka serves others.
        """
        now = self._clock.monotonic()
        self._silent_since = now if self._silent_since is None else self._silent_since
        if now - self._silent_since < STUCK_S:
            return
        if not await kafka_serves(self._kafka, INPUTS[0]):
            self._serves_since = None
            return
        self._serves_since = now if self._serves_since is None else self._serves_since
        if now - self._serves_since >= STUCK_S:
            message = f"the consumer has not answered for {now - self._silent_since:.0f} s although Kafka serves"
            raise StopError(message)

    async def answered(self, survey: Survey, groups: Collection[PartitionGroup]) -> None:
        """Look for standstill.

        Raises
        ------
        StopError
            If records wait and nothing moves.
        """
        self._silent_since = self._serves_since = None
        if unapplied := survey.unapplied(groups):
            message = f"records are in hand and nothing is applied: {told(unapplied)}"
            raise StopError(message)
        unfetched = survey.unfetched(groups)
        if not unfetched:
            return
        if await record_waits(self._kafka, unfetched) is not None:
            message = f"the consumer has stopped fetching although there are records: {told(unfetched)}"
            raise StopError(message)
        survey.forget()  # nothing there but the marker of a transaction
