"""Every Kafka topic, declared once.

The input topics and the scorer's outputs have the same partition count: partition *p* of all of them is one *partition
group*, owned by one scorer at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from connectors.catalogue import FAMILIES

REGISTRY = "enterprises"
SIGNALS = tuple(f"signals.{family}" for family in FAMILIES)
#: What a scorer reads, in the order that breaks ties between records of the same minute.
INPUTS = (REGISTRY, *SIGNALS)

FINDINGS, RISK, ALERTS, METRICS = "findings", "risk", "alerts", "metrics"
DEAD_LETTERS, JOURNAL, STATE = "dead-letters", "journal", "state"
#: What a scorer writes, only inside checkpoint transactions, to the partition of its group.
OUTPUTS = (FINDINGS, RISK, ALERTS, METRICS, DEAD_LETTERS, JOURNAL, STATE)

SOURCES, DELIVERIES, ACTIONS = "sources", "deliveries", "actions"

#: A larger record is refused: `oversized`.
MAX_RECORD_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Topic:
    """How one topic is created.

    Parameters
    ----------
    name
        Its name.
    grouped
        True: as many partitions as the stack has; False: one partition.
    config
        Topic settings of Kafka.
    """

    name: str
    grouped: bool
    config: Mapping[str, str] = field(default_factory=dict)


_COMPACT = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.2", "max.message.bytes": "4000000"}
_KEPT = {"retention.ms": "-1"}
#: How far a simulated stack's record times may lie ahead of the machine's clock: ten years.
_FUTURE_MS = 10 * 365 * 86_400_000
_LARGE = {"max.message.bytes": "4000000"}


def declared(*, simulated: bool, retention_ms: int = 14 * 86_400_000, retention_bytes: int = -1) -> tuple[Topic, ...]:
    """Return every topic with its settings.

    Parameters
    ----------
    simulated
        Whether record times are set by the producer (CreateTime). Such times lie in the past, and Kafka would delete
        the records at once by age; so retention is by size only.
    retention_ms, retention_bytes
        How long, and how much per partition, the signal topics keep. Milliseconds; bytes, -1 for no limit.

    Examples
    --------
    >>> {t.name for t in declared(simulated=False) if t.config.get("cleanup.policy") == "compact"} == {"risk", "state"}
    True
    """
    time_type = "CreateTime" if simulated else "LogAppendTime"
    kept_ms = "-1" if simulated else str(retention_ms)
    age = {"message.timestamp.type": time_type, "retention.ms": kept_ms, "retention.bytes": str(retention_bytes)}
    # The default refuses record times more than an hour ahead of the broker's clock. Without any bound a time in
    # microseconds would pass, and the stack clock would close every day up to the year 50000.
    ahead = {"message.timestamp.after.max.ms": str(_FUTURE_MS)} if simulated else {}
    age |= ahead
    forever = {"message.timestamp.type": time_type, **_KEPT, **ahead}
    return (
        Topic(REGISTRY, True, MappingProxyType(forever)),
        *(Topic(name, True, MappingProxyType(age)) for name in SIGNALS),
        *(Topic(name, True, MappingProxyType(_LARGE | {"retention.ms": kept_ms})) for name in (FINDINGS, METRICS)),
        *(Topic(name, True, MappingProxyType(_LARGE | _KEPT)) for name in (ALERTS, DEAD_LETTERS, JOURNAL)),
        *(Topic(name, True, MappingProxyType(_COMPACT)) for name in (RISK, STATE)),
        *(Topic(name, False, MappingProxyType(_KEPT)) for name in (SOURCES, DELIVERIES, ACTIONS)),
    )
