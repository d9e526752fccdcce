"""Whether a scorer may join the scorers that run: only one that reads the same topics.

A partition group is partition *p* of every input topic, on one scorer. When a version reads other topics than the
version before, no assignment over both of them keeps the groups whole. So it must not join while they run: whoever
changes the topic set stops all scorers first.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from kafka.errors import KafkaError  # type: ignore[import-untyped]  # ships no types

from connectors.kafka.admin import KafkaAwayError, connected
from connectors.kafka.connection import Connection
from streams import logs
from streams.clock import Clock

#: A member that was stopped is told of for as long as its session lasts (10 s). Seconds.
STALE_S = 13.0
#: How long to ask a Kafka that does not answer, or a group that shares its partitions anew. Each member checks its
#: assignment all the same, and ends if a group is split.
_ASK_S = 3.0
_GAP_S = 0.2

_log = logs.logger(__name__)


class OtherTopicsError(Exception):
    """Scorers that run read other topics; the message says which, and what to do."""


def refuse_other_topics(
    kafka: Connection, group: str, topics: Collection[str], clock: Clock, patience_s: float = STALE_S
) -> None:
    """Return if everybody in a consumer group reads these topics, or nobody is in it. Blocks for some seconds at most.

    Parameters
    ----------
    kafka
        Where it is, and who we are there.
    group
        The consumer group of the scorers.
    topics
        What we would read.
    clock
        To wait by.
    patience_s
        How long to wait for members that are gone but still counted. Seconds.

    Raises
    ------
    OtherTopicsError
        If somebody reads other topics.
    """
    began = clock.monotonic()
    while True:
        others = _others(kafka, group, frozenset(topics))
        waited_s = clock.monotonic() - began
        if others is not None and not others:
            return
        if others is None and waited_s >= _ASK_S:
            _log.warning("what the other scorers read cannot be told now; the assignment will show it")
            return
        if others and waited_s >= patience_s:
            raise OtherTopicsError(_explained(others, frozenset(topics)))
        time.sleep(_GAP_S)


def _others(kafka: Connection, group: str, topics: frozenset[str]) -> Mapping[str, frozenset[str]] | None:
    """Return the members that read other topics; None if that cannot be told now."""
    try:
        with connected(kafka) as admin:
            found = admin.subscriptions(group)
    except (KafkaAwayError, KafkaError):
        return None
    return None if found is None else {name: theirs for name, theirs in found.items() if theirs != topics}


def _explained(others: Mapping[str, frozenset[str]], topics: frozenset[str]) -> str:
    theirs = frozenset[str]().union(*others.values())
    return (
        f"the scorers that run ({', '.join(sorted(others))}) read other topics than this one "
        f"(only they: {', '.join(sorted(theirs - topics)) or 'none'}; only this one: "
        f"{', '.join(sorted(topics - theirs)) or 'none'}), and a partition group must not be split between versions: "
        "stop all scorers, then start the new version"
    )
