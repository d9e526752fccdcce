"""How far a scorer is behind, and whether its consumer has quietly stopped."""

from __future__ import annotations

from collections.abc import Iterable

from faust.types import TP

from connectors.topics import INPUTS
from streams.clock import Clock
from streams.group import PartitionGroup

#: A partition that lags, is wanted and does not move for so long: Faust's consumers are known to stop quietly after
#: rebalances and outages.
STUCK_S = 60.0


class Survey:
    """Compares the ends of the input topics with what was fetched and applied."""

    def __init__(self, clock: Clock) -> None:
        self.ends: dict[TP, int] = {}
        self._clock = clock
        self._still: dict[TP, tuple[int, float]] = {}  # position, and since when

    def lag(self, groups: Iterable[PartitionGroup]) -> dict[str, int]:
        """Return by topic the offsets between what was applied and the end when it was last asked.

        Offsets have holes: a small number may stay behind for ever on a topic that is written in transactions.
        """
        lag = dict.fromkeys(INPUTS, 0)
        for group in groups:
            for topic in INPUTS:
                lag[topic] += max(self.ends.get(TP(topic, group.partition), 0) - group.shard.next[topic], 0)
        return lag

    def stuck(self, groups: Iterable[PartitionGroup]) -> list[TP]:
        """Return the partitions that should have been fetched and were not, for too long. To be asked regularly."""
        now = self._clock.monotonic()
        still: dict[TP, tuple[int, float]] = {}
        for group in groups:
            for topic in INPUTS:
                tp, position = TP(topic, group.partition), group.order.position(topic)
                if not group.paused and group.order.has_room(topic) and position < self.ends.get(tp, 0):
                    before, since = self._still.get(tp, (position, now))
                    still[tp] = (position, since if before == position else now)
        self._still = still
        return [tp for tp, (_, since) in still.items() if now - since > STUCK_S]
