"""How far the partition groups are, told to the consumer group: for lag monitors, nothing of ours relies on it.

One request covers all groups of a process. Inside the transactions of the checkpoints it would be two of five requests
of each, and brokers would spend more on what nobody decides by than on the checkpoints.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # ships no types
from faust.types import TP

from streams import logs
from streams.group import PartitionGroup
from streams.transport import FrameConsumer

#: How often the group is told, and how long that may take.
INTERVAL_S, _PATIENCE_S = 0.25, 5.0

_log = logs.logger(__name__)


class Progress:
    """Commits the offsets of the newest written checkpoints.

    Parameters
    ----------
    consumer
        Returns the member of the consumer group: it does not exist before the app starts.
    groups
        Returns the partition groups that are owned now.
    """

    def __init__(self, consumer: Callable[[], FrameConsumer], groups: Callable[[], Iterable[PartitionGroup]]) -> None:
        self._consumer = consumer
        self._groups = groups
        self._told: dict[TP, int] = {}

    async def tell_forever(self) -> None:
        """Tell now and then."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            await self.tell(group for group in self._groups() if not group.paused)

    async def tell(self, groups: Iterable[PartitionGroup]) -> None:
        """Tell what has changed of these groups; what the broker does not take is told with the next.

        While the group is rebalanced nothing is told, and a former owner is refused: the next one tells.
        """
        stored = {TP(topic, group.partition): at for group in groups for topic, at in group.stored.items()}
        news = {tp: offset for tp, offset in stored.items() if self._told.get(tp) != offset}
        if not news:
            return
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._consumer().commit_offsets(news)
        except (KafkaError, TimeoutError) as error:
            _log.debug("the group does not take our offsets", error=repr(error))
        else:
            self._told |= news
