"""Every metric of every process, declared once, for Prometheus.

The list is closed: what is not declared here cannot be counted, and a label takes only the values that its declaration
names, so that the number of series is known beforehand. No enterprise, subscriber or source is ever a label.

Counting costs about half a microsecond: do it per frame, step, batch or checkpoint, never per record.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from types import MappingProxyType
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from connectors.catalogue import FAMILIES
from connectors.clickhouse import TABLE_OF, TABLES
from connectors.decoding import REASONS
from connectors.models import Level
from connectors.topics import INPUTS

Role = Literal["scorer", "recorder", "notifier", "serve", "supervisor"]
Kind = Literal["counter", "gauge", "histogram"]
#: Of what ``Metrics.page`` returns.
CONTENT_TYPE = CONTENT_TYPE_LATEST
#: A label value that stands for whatever a newer program may bring.
OTHER = "other"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric; looked up by identity.

    Parameters
    ----------
    name
        As Prometheus knows it; counters end in ``_total``, times in ``_seconds``.
    kind
        A counter only grows and begins at 0 with its process.
    meaning
        What it tells.
    label, values
        Its only label, if it has one, and what that may be. With ``sparse`` a value has a series once it was used.
    buckets
        Upper bounds of a histogram.
    """

    name: str
    kind: Kind
    meaning: str
    label: str = ""
    values: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    sparse: bool = False


_TABLES = tuple(table.name for table in TABLES)
_LEVELS = tuple(level.value for level in Level)
_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_LONG_SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0)

READY = Metric("forewarn_ready", "gauge", "1 while the process does its work, as /readyz tells; else 0.")

# ---- scorer ------------------------------------------------------------------------------------------------------

APPLIED = Metric(
    "forewarn_scorer_records_applied_total", "counter", "Records of Kafka applied to the engine.", "topic", INPUTS
)
SCORED = Metric(
    "forewarn_scorer_signals_total",
    "counter",
    "Signals that the engine took in; a record may hold many. Refused ones and repeats are in it.",
    "family",
    tuple(FAMILIES),
)
LAG = Metric(
    "forewarn_scorer_lag_records",
    "gauge",
    "Offsets between what was applied and the end of the topic, of the groups owned; asked every 5 s.",
    "topic",
    INPUTS,
)
CLOCK = Metric(
    "forewarn_scorer_clock_seconds", "gauge", "The stack clock, of the group that is furthest behind; since the epoch."
)
UNAPPLIED_AGE = Metric(
    "forewarn_scorer_oldest_unapplied_age_seconds",
    "gauge",
    "How old the oldest record is that was fetched and not applied; 0 with none, and in a simulated stack.",
)
CHECKPOINT_SECONDS = Metric(
    "forewarn_scorer_checkpoint_seconds",
    "histogram",
    "How long it took to write a checkpoint: one Kafka transaction of one partition group.",
    buckets=_SECONDS,
)
CHECKPOINT_BYTES = Metric(
    "forewarn_scorer_checkpoint_bytes_total",
    "counter",
    "Bytes of keys and values in checkpoints, before compression.",
    "content",
    ("state", "output"),
)
DEAD_LETTERED = Metric(
    "forewarn_scorer_dead_letters_total",
    "counter",
    "Dead letters written.",
    "reason",
    (*REASONS, OTHER),
)
ALERTED = Metric(
    "forewarn_scorer_alerts_total",
    "counter",
    "Transitions of alerts written, by the level after the transition.",
    "level",
    (*_LEVELS, OTHER),
)
GROUPS = Metric("forewarn_scorer_partition_groups", "gauge", "Partition groups owned.")
ENTERPRISES = Metric("forewarn_scorer_enterprises", "gauge", "Enterprises whose state is in memory.")
RESTORE_SECONDS = Metric(
    "forewarn_scorer_restore_seconds",
    "histogram",
    "How long it took to read the state of the groups that were taken over.",
    buckets=_LONG_SECONDS,
)
REBALANCES = Metric("forewarn_scorer_rebalances_total", "counter", "Assignments of partitions received.")
GIVEN_UP = Metric(
    "forewarn_scorer_groups_given_up_total",
    "counter",
    "Groups whose memory was forgotten and read anew, after an error or because another scorer took them.",
)
SCORER_LOST = Metric(
    "forewarn_scorer_input_lost_records_total",
    "counter",
    "Records that Kafka deleted before they were scored, at most; see operator.md.",
    "topic",
    INPUTS,
)

# ---- recorder ----------------------------------------------------------------------------------------------------

_RECORDED = tuple(TABLE_OF)

ROWS = Metric("forewarn_recorder_rows_total", "counter", "Rows inserted into ClickHouse.", "table", _TABLES)
RECORDER_LAG = Metric(
    "forewarn_recorder_lag_records",
    "gauge",
    "Offsets between what is stored and the end of the topic, of the partitions owned. Markers of transactions count.",
    "topic",
    (*_RECORDED, OTHER),
)
RECORDED_AGE = Metric(
    "forewarn_recorder_lag_seconds",
    "gauge",
    "Age of the oldest record that the recorder has taken and not stored yet; 0: none.",
)
INSERT_SECONDS = Metric(
    "forewarn_recorder_insert_seconds",
    "histogram",
    "How long ClickHouse took for one insert, failed attempts included.",
    buckets=_SECONDS,
)
WAITING = Metric("forewarn_recorder_waiting", "gauge", "1 while the recorder waits for a server that is away; else 0.")
UNREADABLE = Metric(
    "forewarn_recorder_unreadable_records_total", "counter", "Records that are no messages; dead-lettered."
)
RECORDER_LOST = Metric(
    "forewarn_recorder_input_lost_records_total",
    "counter",
    "Records that Kafka deleted before they were stored, at most; see operator.md.",
    "topic",
    (*_RECORDED, OTHER),
)

# ---- notifier ----------------------------------------------------------------------------------------------------

ATTEMPTS = Metric(
    "forewarn_notifier_deliveries_total",
    "counter",
    "Attempts to deliver, by how they ended; `failed` is the last one of a delivery.",
    "outcome",
    ("delivered", "retrying", "failed"),
)
QUEUE = Metric("forewarn_notifier_queue_depth", "gauge", "Deliveries that wait, of all subscriptions.")
UNDELIVERED_AGE = Metric(
    "forewarn_notifier_oldest_undelivered_age_seconds", "gauge", "How long the oldest waiting delivery waits; or 0."
)
TRANSITIONS = Metric("forewarn_notifier_transitions_total", "counter", "Transitions of alerts taken in.")
REFUSED = Metric("forewarn_notifier_refused_records_total", "counter", "Records of topic alerts that are no alerts.")
LEADS = Metric("forewarn_notifier_leads", "gauge", "1 on the notifier that delivers; 0 on those that stand by.")

# ---- serve -------------------------------------------------------------------------------------------------------

REQUESTS = Metric(
    "forewarn_serve_requests_total",
    "counter",
    "HTTP requests answered, by the first digit of the status.",
    "status",
    ("2xx", "3xx", "4xx", "5xx", OTHER),
)
REQUEST_SECONDS = Metric(
    "forewarn_serve_request_seconds", "histogram", "How long an HTTP request took.", buckets=_SECONDS
)

# ---- supervisor --------------------------------------------------------------------------------------------------

_PROCESSES = ("scorer-N", "recorder", "notifier", "serve", "kafka", "clickhouse", "…")
UP = Metric(
    "forewarn_supervisor_up", "gauge", "1 while the process runs and is well; else 0.", "process", _PROCESSES,
    sparse=True,
)  # fmt: skip
RESTARTS = Metric(
    "forewarn_supervisor_restarts_total", "counter", "Restarts after a failure.", "process", _PROCESSES, sparse=True
)
PINGS = Metric(
    "forewarn_supervisor_deadman_pings_total",
    "counter",
    "Calls of FOREWARN_DEADMAN_URL: `sent`, `failed`, or `held` back because a process was not ready.",
    "outcome",
    ("sent", "failed", "held"),
)
LAST_PING = Metric(
    "forewarn_supervisor_deadman_last_sent_seconds", "gauge", "When it was last called with success; since the epoch."
)

#: What each kind of process tells, beside the build and the usual ``process_*`` of Prometheus.
DECLARED: Mapping[Role, tuple[Metric, ...]] = MappingProxyType(
    {
        "scorer": (
            READY, APPLIED, SCORED, LAG, CLOCK, UNAPPLIED_AGE, CHECKPOINT_SECONDS, CHECKPOINT_BYTES, DEAD_LETTERED,
            ALERTED, GROUPS, ENTERPRISES, RESTORE_SECONDS, REBALANCES, GIVEN_UP, SCORER_LOST,
        ),
        "recorder": (READY, ROWS, RECORDER_LAG, RECORDED_AGE, INSERT_SECONDS, WAITING, UNREADABLE, RECORDER_LOST),
        "notifier": (READY, ATTEMPTS, QUEUE, UNDELIVERED_AGE, TRANSITIONS, REFUSED, LEADS),
        "serve": (READY, REQUESTS, REQUEST_SECONDS),
        "supervisor": (READY, UP, RESTARTS, PINGS, LAST_PING),
    }
)  # fmt: skip
#: Labels of ``forewarn_build_info``, which is always 1.
BUILD_INFO = "forewarn_build_info"
BUILD_LABELS = ("version", "python", "role")


class Metrics:
    """The metrics of one process, in a registry of its own.

    Parameters
    ----------
    role
        Which of the declared ones it has. Counting another one raises KeyError: a mistake in the code.

    Examples
    --------
    >>> metrics = Metrics("scorer")
    >>> metrics.count(APPLIED, 500, "signals.tax")
    >>> metrics.value(APPLIED, "signals.tax")
    500.0
    """

    def __init__(self, role: Role) -> None:
        self.role: Role = role
        # Else each counter and histogram has a second series, of when it began.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped
        self._registry = CollectorRegistry()
        self._refreshing: list[Callable[[], None]] = []
        self._families: dict[Metric, Counter | Gauge | Histogram] = {}
        self._series: dict[tuple[Metric, str], Counter | Gauge | Histogram] = {}
        ProcessCollector(registry=self._registry)
        build = Gauge(BUILD_INFO, "Always 1; the labels tell what runs.", BUILD_LABELS, registry=self._registry)
        build.labels(version("forewarn"), platform.python_version(), role).set(1)
        for metric in DECLARED[role]:
            self._declare(metric)

    def count(self, metric: Metric, amount: float = 1, value: str = "") -> None:
        """Add to a counter."""
        one = self._one(metric, value)
        if amount and isinstance(one, Counter):
            one.inc(amount)

    def set(self, metric: Metric, amount: float, value: str = "") -> None:
        """Set a gauge."""
        one = self._one(metric, value)
        if isinstance(one, Gauge):
            one.set(amount)

    def observe(self, metric: Metric, amount: float) -> None:
        """Add to a histogram."""
        one = self._one(metric, "")
        if isinstance(one, Histogram):
            one.observe(amount)

    def refresh_with(self, refresh: Callable[[], None]) -> None:
        """Have gauges set whenever somebody looks; must not block."""
        self._refreshing.append(refresh)

    def page(self) -> bytes:
        """Return all of it in Prometheus's text format."""
        for refresh in self._refreshing:
            refresh()
        return generate_latest(self._registry)

    def value(self, metric: Metric, value: str = "", suffix: str = "") -> float:
        """Return what stands there now; 0 if nothing does.

        Parameters
        ----------
        suffix
            ``_sum`` or ``_count`` of a histogram.
        """
        labels = {metric.label: value} if metric.label else {}
        return self._registry.get_sample_value(metric.name + suffix, labels) or 0.0

    def _declare(self, metric: Metric) -> None:
        labels = (metric.label,) if metric.label else ()
        family: Counter | Gauge | Histogram
        if metric.kind == "counter":
            family = Counter(metric.name, metric.meaning, labels, registry=self._registry)
        elif metric.kind == "gauge":
            family = Gauge(metric.name, metric.meaning, labels, registry=self._registry)
        else:
            family = Histogram(metric.name, metric.meaning, labels, registry=self._registry, buckets=metric.buckets)
        self._families[metric] = family
        if not metric.label:
            self._series[metric, ""] = family
        elif not metric.sparse:  # from the start, so that a rate can be told from the first event on
            for value in metric.values:
                self._series[metric, value] = family.labels(value)

    def _one(self, metric: Metric, value: str) -> Counter | Gauge | Histogram:
        found = self._series.get((metric, value))
        if found is None:
            if metric.sparse:
                found = self._series[metric, value] = self._families[metric].labels(value)
            else:
                found = self._series[metric, OTHER]
        return found


def names(metrics: Sequence[Metric]) -> set[str]:
    """Return every name under which Prometheus keeps series of these metrics.

    Examples
    --------
    >>> sorted(names([CHECKPOINT_SECONDS]))[0]
    'forewarn_scorer_checkpoint_seconds'
    """
    series = {metric.name for metric in metrics}
    parts = ("_bucket", "_sum", "_count")
    return series | {metric.name + part for metric in metrics if metric.kind == "histogram" for part in parts}
