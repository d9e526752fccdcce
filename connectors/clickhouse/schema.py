"""Every table, declared once: the migrations create them, the recorder fills them, the documentation lists them.

A row is one message. All tables carry where it stood in Kafka (``topic``, ``partition``, ``offset``, ``idx``) and its
``record_time``, so that any row can be traced to its record. The engine is ReplacingMergeTree throughout: a record
that is inserted twice has the same key both times, and collapses when parts merge; until then FINAL, or a view, shows
it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types

from connectors import topics
from connectors.clickhouse.columns import (
    CHINESE,
    ENGLISH,
    EVIDENCE,
    FAMILIES,
    FLAG,
    FLOAT,
    GAUGE,
    IN_STEPS,
    INT,
    JSON_OBJECT,
    LEVEL,
    MAYBE_FLAG,
    MAYBE_FLOAT,
    MAYBE_INT,
    MAYBE_JSON,
    MAYBE_NAME,
    MAYBE_TEXT,
    MAYBE_TIME,
    NAME,
    NAMES,
    PROSE,
    REASONS,
    REGULAR,
    RELATIONS,
    TEXT,
    TEXT_MAP,
    TEXTS,
    TIME,
    TINY,
    Column,
    Type,
    quoted,
)
from connectors.models import (
    Action,
    Alert,
    DeadLetter,
    Delivery,
    Enterprise,
    Finding,
    Heartbeat,
    Message,
    MetricRow,
    Risk,
    Signal,
)

#: Which setting decides how long the rows of a table are kept; None: for ever.
Kept = Literal["signals", "derived", "dead_letters"]

_UINT64 = Type("UInt64", pa.uint64())
_UINT128 = Type("UInt128", pa.binary(16))

# The first record of an observation counts, as in the scorer, which ignores the repetitions; of recomputed windows the
# last one. ReplacingMergeTree keeps the greatest.
_PLACE = "bitOr(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(record_time)), 64), bitShiftLeft(toUInt128(`offset`), 20)"
_PLACE += " + toUInt128(idx))"
_FIRST, _LAST = f"bitNot({_PLACE})", _PLACE


class Recorded(Protocol):
    """A message and the place of its record: what one row is made of."""

    @property
    def message(self) -> Message:
        """What it says."""
        ...

    @property
    def topic(self) -> str:
        """Kafka topic of the record."""
        ...

    @property
    def partition(self) -> int:
        """Its partition."""
        ...

    @property
    def offset(self) -> int:
        """Its offset."""
        ...

    @property
    def index(self) -> int:
        """Place in the envelope; 0 for a single message."""
        ...

    @property
    def time(self) -> int:
        """Record time, milliseconds."""
        ...

    @property
    def flags(self) -> tuple[str, ...]:
        """What is odd about it."""
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """One table and the messages that fill it.

    Parameters
    ----------
    name, comment
        As in ClickHouse.
    topics, model
        Where its rows come from.
    columns
        In their order.
    moment
        The column that decides a row's month (its partition) and its age.
    order_by
        The sorting key: rows of the same key are one row.
    version
        The column that decides which of them stays (the greatest); empty: they are copies.
    kept
        Which setting decides how long.
    """

    name: str
    comment: str
    topics: tuple[str, ...]
    model: type[Message]
    columns: tuple[Column, ...]
    moment: str
    order_by: tuple[str, ...]
    version: str = ""
    kept: Kept | None = None

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that are sent; ClickHouse computes the others."""
        return tuple(column for column in self.columns if column.of)

    def block(self, records: Sequence[Recorded]) -> pa.Table:
        """Return the records as one columnar block."""
        stored = self.stored
        return pa.table({column.name: column.array(records) for column in stored})

    def format_sql(self, *, since: int) -> str:
        """Return its CREATE TABLE with the columns that migration ``since`` knew."""
        columns = ",\n    ".join(column.format_sql() for column in self.columns if column.since <= since)
        return (
            f"CREATE TABLE IF NOT EXISTS `{self.name}` (\n    {columns}\n)\n"
            f"ENGINE = ReplacingMergeTree({self.version})\n"
            f"PARTITION BY toYYYYMM({self.moment})\n"
            f"ORDER BY ({', '.join(self.order_by)})\n"
            f"COMMENT {quoted(self.comment)}"
        )

    def ttl(self, days: int) -> str:
        """Return when a row is dropped, written as ClickHouse itself writes it."""
        return f"toDateTime({self.moment}) + toIntervalDay({days})"

    def ttl_sql(self, days: int) -> str:
        """Return the ALTER that drops rows older than so many days; 0: never."""
        return f"ALTER TABLE `{self.name}` " + (f"MODIFY TTL {self.ttl(days)}" if days else "REMOVE TTL")


def _c(name: str, kind: Type, comment: str, codec: str = "", of: str = "", *, since: int = 1) -> Column:
    return Column(name, kind, comment, of or f"message.{name}", codec, since=since)


_V = _c("v", TINY, "Version of the message format.", of="message.v")
_ENTERPRISE = _c("enterprise_id", TEXT, "Unified social credit code where there is one.", "ZSTD(1)")
_ORIGIN = (
    _c("topic", NAME, "Kafka topic of the record behind this row.", of="topic"),
    _c("partition", INT, "Kafka partition of the record.", IN_STEPS, of="partition"),
    _c("offset", INT, "Kafka offset of the record.", REGULAR, of="offset"),
    _c("idx", INT, "Place in the envelope; 0 for a single message.", IN_STEPS, of="index"),
    _c("record_time", TIME, "Time of the Kafka record: when this was known here. UTC.", REGULAR, of="time"),
)
_ID = Column(
    "id",
    _UINT64,
    "Hash of the record's place.",
    of="",
    default="sipHash64(topic, `partition`, `offset`, idx)",
)
_SAID_ID = Column(
    "id",
    _UINT64,
    "Hash of source, source_id and revision.",
    of="",
    default="sipHash64(source, source_id, revision)",
)
_AT = _c("at", TIME, "Stack clock at which this was decided. UTC.", REGULAR)

SIGNALS = Table(
    "signals",
    "Accepted signals, one row per source, source_id and revision. Restated values: see signals_latest.",
    topics.SIGNALS,
    Signal,
    (
        _ENTERPRISE,
        _c("family", NAME, "electricity, tax, social_security, litigation or sentiment."),
        _c("metric", NAME, "What was observed."),
        _c("value", MAYBE_FLOAT, "Value of a reading; NULL for an event.", GAUGE),
        _c("unit", MAYBE_NAME, "Unit of a reading; empty for an event."),
        _c("payload", MAYBE_JSON, "What happened, a JSON object; empty for a reading.", PROSE),
        _c("event_time", TIME, "What it is about: start of its period, or when it happened. UTC.", REGULAR),
        _c("published_at", MAYBE_TIME, "When the source made it known, if it says so. UTC.", "ZSTD(1)"),
        _c("source", NAME, "Who said it."),
        _c("source_id", TEXT, "The source's own id of it.", "ZSTD(1)"),
        _c("revision", INT, "0 at first; a restatement has a higher one.", IN_STEPS),
        _c("backfill", FLAG, "History that notifies nobody."),
        _c("attributes", TEXT_MAP, "Free text of the source.", PROSE),
        _c("flags", NAMES, "What is odd about it, such as bad-check-character.", of="flags"),
        _V,
        *_ORIGIN,
        Column(
            "known_at",
            TIME,
            "Since when it counts as known: record_time; for backfilled history published_at, where the source tells.",
            of="",
            codec=REGULAR,
            default="if(backfill, ifNull(published_at, record_time), record_time)",
        ),
        _SAID_ID,
        Column("version", _UINT128, "Of repetitions the first record stays.", "", "ZSTD(1)", _FIRST),
    ),
    moment="event_time",
    order_by=("enterprise_id", "metric", "event_time", "id"),
    version="version",
    kept="signals",
)

ENTERPRISES = Table(
    "enterprises",
    "Registry entries, one row per source, source_id and revision. The valid ones: see enterprises_latest.",
    (topics.REGISTRY,),
    Enterprise,
    (
        _ENTERPRISE,
        _c("names", TEXTS, "Its names; the first is the one in use.", PROSE),
        _c("industry", MAYBE_NAME, "GB/T 4754 section letter and digits; empty: unknown."),
        _c("region", MAYBE_NAME, "GB/T 2260 code; empty: unknown."),
        _c("size", MAYBE_NAME, "large, medium, small or micro; empty: unknown."),
        _c("relations", RELATIONS, "Ties to other enterprises, seen from this one.", PROSE),
        _c("published_at", MAYBE_TIME, "When the source made it known, if it says so. UTC.", "ZSTD(1)"),
        _c("source", NAME, "Who said it."),
        _c("source_id", TEXT, "The source's own id of it.", "ZSTD(1)"),
        _c("revision", INT, "A later entry with a higher one replaces this one.", IN_STEPS),
        _c("flags", NAMES, "What is odd about it, such as bad-check-character.", of="flags"),
        _V,
        *_ORIGIN,
        _SAID_ID,
        Column("version", _UINT128, "Of repetitions the first record stays.", "", "ZSTD(1)", _FIRST),
    ),
    moment="record_time",
    order_by=("enterprise_id", "id"),
    version="version",
)

FINDINGS = Table(
    "findings",
    "What detectors thought, and what became of it.",
    (topics.FINDINGS,),
    Finding,
    (
        _c("finding_id", TEXT, "The same in all rows about one finding.", "ZSTD(1)"),
        _ENTERPRISE,
        _c("family", NAME, "Family that it counts for."),
        _c("metric", NAME, "Metric that it is about."),
        _c("detector", NAME, "Who found it."),
        _c("detector_version", INT, "Version of the detector.", IN_STEPS),
        _c("config_version", NAME, "Version of the detection's configuration."),
        _c("state", NAME, "raised, changed, ended or withdrawn."),
        _c("reason", NAME, "Code of the reason."),
        _c("subject", TEXT, "Which matter, where there may be several: a case number, say.", "ZSTD(1)"),
        _c("severity", FLOAT, "0 to 1.", GAUGE),
        _c("confidence", FLOAT, "0 to 1.", GAUGE),
        _c("observed", MAYBE_FLOAT, "The number that was seen.", GAUGE),
        _c("expected", MAYBE_FLOAT, "The number that was expected.", GAUGE),
        _c("unit", NAME, "Unit of both."),
        _c("since", TIME, "When the condition began. UTC.", REGULAR),
        _AT,
        _c("lasting", MAYBE_FLAG, "Counts in full until it has ended; else fades from since. NULL: unknown.", since=3),
        _c("half_life_days", MAYBE_FLOAT, "It halves in so many days as it fades; NULL: it does not.", GAUGE, since=3),
        _c("closed", FLAG, "The matter itself is over.", since=3),
        _c("text_zh", TEXT, "Why, in Chinese.", PROSE),
        _c("text_en", TEXT, "Why, in English.", PROSE),
        _c("evidence", EVIDENCE, "The signals behind it: topic, partition, offset and idx of their rows.", PROSE),
        _c("backfill", FLAG, "Only history brought it."),
        _V,
        *_ORIGIN,
        _ID,
    ),
    moment="at",
    order_by=("enterprise_id", "detector", "at", "id"),
    kept="derived",
)

RISK = Table(
    "risk",
    "The fused risk of enterprises, one row per change. The newest: see risk_latest.",
    (topics.RISK,),
    Risk,
    (
        _ENTERPRISE,
        _c("sequence", INT, "Counts the changes of one enterprise.", REGULAR),
        _AT,
        _c("score", FLOAT, "0 to 1.", GAUGE),
        _c("low", FLOAT, "Least score that missing families leave possible.", GAUGE),
        _c("high", FLOAT, "Greatest score that missing families leave possible.", GAUGE),
        _c("level", LEVEL, "none < blue < yellow < orange < red."),
        _c("coverage", FLOAT, "Share of the families that are fresh, by weight.", GAUGE),
        _c("families", FAMILIES, "Score, coverage (fresh, stale, never) and newest event time of each family.", PROSE),
        _c("config_version", NAME, "Version of the detection's configuration."),
        _V,
        *_ORIGIN,
        _ID,
    ),
    moment="at",
    order_by=("enterprise_id", "at", "id"),
    kept="derived",
)

ALERTS = Table(
    "alerts",
    "Every transition of every alert. How they stand: see open_alerts; in order: see alert_history.",
    (topics.ALERTS,),
    Alert,
    (
        _c("alert_id", TEXT, "The same in all transitions of one alert.", "ZSTD(1)"),
        _ENTERPRISE,
        _c("enterprise_name", TEXT, "Its name when this was decided.", "ZSTD(1)"),
        _c("sequence", INT, "Counts the transitions of one enterprise from 1, without a gap.", REGULAR),
        _c("transition", NAME, "opened, escalated, eased, resolved, retracted or review."),
        _c("level", LEVEL, "Level since this transition."),
        _c("previous_level", LEVEL, "Level before it."),
        _c("score", FLOAT, "Fused score, 0 to 1.", GAUGE),
        _AT,
        _c("opened_at", TIME, "When the alert was opened. UTC.", REGULAR),
        _c("decided_on", TEXT, "Newest day of data that the decision had seen.", "ZSTD(1)"),
        _c("rule", NAME, "Which rule decided."),
        _c("reasons", REASONS, "Why, what matters most first: reasons.zh and reasons.en are the texts.", PROSE),
        _c(
            "counterfactual_zh",
            CHINESE,
            "What would clear it, in Chinese; may be empty.",
            PROSE,
            "message.counterfactual",
        ),
        _c(
            "counterfactual_en",
            ENGLISH,
            "What would clear it, in English; may be empty.",
            PROSE,
            "message.counterfactual",
        ),
        _c("config_version", NAME, "Version of the detection's configuration."),
        _c("notify", FLAG, "False where only backfilled history moved it."),
        _V,
        *_ORIGIN,
        _ID,
    ),
    moment="at",
    order_by=("enterprise_id", "at", "id"),
)

METRICS = Table(
    "metrics",
    "Figures of closed hours and days. A window that was computed again replaces the older row.",
    (topics.METRICS,),
    MetricRow,
    (
        _ENTERPRISE,
        _c("family", NAME, "Family of the metric."),
        _c("metric", NAME, "Which metric."),
        _c("window", NAME, "1h or 1d."),
        _c("start", TIME, "When the window begins. UTC.", REGULAR),
        _c("count", INT, "How many values.", IN_STEPS),
        _c("sum", FLOAT, "Their sum.", GAUGE),
        _c("min", FLOAT, "The least.", GAUGE),
        _c("max", FLOAT, "The greatest.", GAUGE),
        _c("last", FLOAT, "The newest.", GAUGE),
        _c("expected", MAYBE_FLOAT, "What was expected of the sum.", GAUGE),
        _AT,
        _V,
        *_ORIGIN,
        Column("version", _UINT128, "Of computations of one window the last stays.", "", "ZSTD(1)", _LAST),
    ),
    moment="start",
    order_by=("enterprise_id", "metric", "window", "start"),
    version="version",
    kept="derived",
)

DEAD_LETTERS = Table(
    "dead_letters",
    "Records, and signals of envelopes, that were refused: the original bytes and why.",
    (topics.DEAD_LETTERS,),
    DeadLetter,
    (
        _c("reason", NAME, "Code of the reason."),
        _c("detail", TEXT, "The reason in words.", PROSE),
        _c("field", MAYBE_TEXT, "The field at fault; empty: the whole.", "ZSTD(1)"),
        _c("of_topic", NAME, "Topic of the refused record.", of="message.topic"),
        _c("of_partition", INT, "Its partition.", IN_STEPS, of="message.partition"),
        _c("of_offset", INT, "Its offset.", REGULAR, of="message.offset"),
        _c("of_idx", MAYBE_INT, "The signal's place in its envelope; NULL: the whole record.", of="message.index"),
        _c("of_record_time", TIME, "The refused record's time. UTC.", REGULAR, of="message.record_time"),
        _AT,
        _c("key", MAYBE_TEXT, "Its key in base64; empty: none.", "ZSTD(1)"),
        _c("value", TEXT, "Its bytes in base64: base64Decode(value).", PROSE),
        _V,
        *_ORIGIN,
        _ID,
    ),
    moment="at",
    order_by=("reason", "at", "id"),
    kept="dead_letters",
)

SOURCES = Table(
    "sources",
    "Heartbeats of the sources. The newest: see source_freshness.",
    (topics.SOURCES,),
    Heartbeat,
    (
        _c("source", NAME, "Which source."),
        _c("at", TIME, "When it said so. UTC.", REGULAR),
        _c("status", NAME, "alive, idle, error or done."),
        _c("families", NAMES, "Families that it delivers."),
        _c("position", TEXT, "Where it stands, in its own words.", "ZSTD(1)"),
        _c("newest_event_time", MAYBE_TIME, "Newest event time that it sent. UTC.", "ZSTD(1)"),
        _c("lag_seconds", MAYBE_FLOAT, "How far it is behind, if it knows.", GAUGE),
        _c("sent", INT, "Signals sent since it started.", IN_STEPS),
        _c("rejected", INT, "Rows that it refused since it started.", IN_STEPS),
        _c("message", TEXT, "What it wants to say.", PROSE),
        _V,
        *_ORIGIN,
        _ID,
    ),
    moment="at",
    order_by=("source", "at", "id"),
    kept="derived",
)

DELIVERIES = Table(
    "deliveries",
    "Attempts to tell a subscriber of a transition.",
    (topics.DELIVERIES,),
    Delivery,
    (
        _c("subscription_id", TEXT, "Whom.", "ZSTD(1)"),
        _c("webhook_id", TEXT, "Which message: the same on every attempt.", "ZSTD(1)"),
        _c("delivery_sequence", INT, "Counts the messages to this subscription about this enterprise.", REGULAR),
        _ENTERPRISE,
        _c("alert_id", TEXT, "Which alert.", "ZSTD(1)"),
        _c("sequence", INT, "Which transition of the enterprise.", REGULAR),
        _c("attempt", INT, "Which attempt, from 1.", IN_STEPS),
        _c("status", NAME, "delivered, retrying or failed."),
        _c("status_code", MAYBE_INT, "HTTP status of the answer; NULL: none."),
        _c("error", TEXT, "What went wrong; empty: nothing.", PROSE),
        _AT,
        _V,
        *_ORIGIN,
        _ID,
    ),
    moment="at",
    order_by=("subscription_id", "enterprise_id", "at", "id"),
)

ACTIONS = Table(
    "actions",
    "Changes in the control plane: who did what to which object.",
    (topics.ACTIONS,),
    Action,
    (
        _c("action_id", TEXT, "Which action.", "ZSTD(1)"),
        _AT,
        _c("actor", TEXT, "Who.", "ZSTD(1)"),
        _c("kind", NAME, "What was done."),
        _c("object_kind", NAME, "Kind of the object."),
        _c("object_id", TEXT, "Which object.", "ZSTD(1)"),
        _c("details", JSON_OBJECT, "What else there is to say, a JSON object.", PROSE),
        Column(
            "enterprise_id",
            TEXT,
            "Enterprise that it is about, if the details name one.",
            of="",
            codec="ZSTD(1)",
            default="JSONExtractString(details, 'enterprise_id')",
        ),
        _V,
        *_ORIGIN,
        _ID,
    ),
    moment="at",
    order_by=("object_kind", "object_id", "at", "id"),
)

#: Every table.
TABLES = (
    SIGNALS,
    ENTERPRISES,
    FINDINGS,
    RISK,
    ALERTS,
    METRICS,
    DEAD_LETTERS,
    SOURCES,
    DELIVERIES,
    ACTIONS,
)
#: Which table the records of a topic go to.
TABLE_OF: Mapping[str, Table] = MappingProxyType({topic: table for table in TABLES for topic in table.topics})
