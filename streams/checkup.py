"""How a stack is: its parts, its servers, who is how far behind, how old the data are; and what to make of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from clickhouse_connect.driver.exceptions import ClickHouseError
from kafka.errors import KafkaError  # type: ignore[import-untyped]  # ships no types

from connectors.clickhouse import TABLE_OF, AccessError, MissingSchemaError, UnavailableError, client
from connectors.decoding import INPUT_LOST
from connectors.kafka.admin import KafkaAwayError, TopicLag, connected
from connectors.topics import ALERTS, INPUTS, OUTPUTS
from streams import health
from streams.clock import Clock, millis
from streams.runtime import Endpoints
from streams.settings import Settings

Verdict = Literal["ok", "degraded", "down"]
#: Exit codes of ``forewarn status``.
EXIT_CODES: Mapping[Verdict, int] = {"ok": 0, "degraded": 1, "down": 2}
_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class PartHealth:
    """One process of this machine.

    Parameters
    ----------
    name, pid
        Which.
    state
        What it said last; ``gone`` if its process is not there, ``silent`` if it says nothing any more.
    age_s
        Seconds since it said so.
    detail
        Figures of its own.
    not_ready
        Why it cannot do its work now; empty if it can.
    probes
        Where it answers ``/metrics``, ``/healthz`` and ``/readyz``.
    """

    name: str
    pid: int
    state: str
    age_s: float
    detail: Mapping[str, Any]
    not_ready: str = ""
    probes: str = ""


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """One server. ``problem`` is empty if it answers."""

    name: str
    address: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class GroupHealth:
    """One consumer group: who reads, and what is left to read."""

    part: str
    group: str
    members: int
    lags: Sequence[TopicLag] = ()


@dataclass(frozen=True, slots=True)
class Checkup:
    """Everything that was found."""

    parts: Sequence[PartHealth]
    servers: Sequence[ServerHealth]
    groups: Sequence[GroupHealth]
    sources: Sequence[Mapping[str, Any]]
    verdict: Verdict = "ok"
    reasons: Sequence[str] = field(default_factory=tuple)

    @property
    def absent(self) -> bool:
        """Whether nothing of a stack is there: no part ever said that it runs, and no server answers."""
        return not self.parts and all(server.problem for server in self.servers)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        found = asdict(self)
        for group, health_of in zip(found["groups"], self.groups, strict=True):
            group["lags"] = [lag._asdict() for lag in health_of.lags]
        return found


def groups_of(app: str) -> dict[str, tuple[str, Collection[str]]]:
    """Return each reading part with its consumer group and what that reads.

    Examples
    --------
    >>> groups_of("forewarn")["notifier"]
    ('forewarn-notifier', ('alerts',))
    """
    return {
        "scorer": (app, INPUTS),
        "recorder": (f"{app}-recorder", tuple(TABLE_OF)),
        "notifier": (f"{app}-notifier", (ALERTS,)),
    }


def look(settings: Settings, places: Endpoints, clock: Clock) -> Checkup:
    """Ask everything once; what does not answer is noted, not raised."""
    parts = [_part(sign, clock.now_ms()) for sign in health.read_all(settings.data_dir)]
    kafka, groups = _kafka(settings, places)
    clickhouse, rows = _clickhouse(places)
    sources = _aged(rows, None if settings.simulated else clock.now_ms())
    verdict, reasons = judge(parts, [kafka, clickhouse], groups)
    return Checkup(parts, [kafka, clickhouse], groups, sources, verdict, reasons)


def caught_up(found: Checkup) -> bool:
    """Return whether all that was sent is scored, recorded and read by the notifier.

    Topics that are written in transactions end with a marker, which counts as a record that nobody reads.
    """
    behind = [
        lag for group in found.groups for lag in group.lags if lag.lag > (lag.partitions if lag.topic in OUTPUTS else 0)
    ]
    return bool(found.groups) and not behind


def judge(
    parts: Sequence[PartHealth], servers: Sequence[ServerHealth], groups: Sequence[GroupHealth]
) -> tuple[Verdict, list[str]]:
    """Return what to make of it, with the reasons.

    Down: nothing is scored, since Kafka is away or no scorer reads. Degraded: something else does not work, or Kafka
    deleted records before we had them. Lag alone is no reason: it is normal after a start, and one or two records of it
    for ever are.

    Examples
    --------
    >>> judge([], [ServerHealth("kafka", "k:1", "no Kafka listens at k:1")], [])
    ('down', ['kafka: no Kafka listens at k:1'])
    """
    reasons = [f"{server.name}: {server.problem}" for server in servers if server.problem]
    reasons += [f"{part.name}: {part.state}" for part in parts if part.state != "running"]
    reasons += [f"{part.name}: {part.not_ready}" for part in parts if part.state == "running" and part.not_ready]
    reasons += [
        f"{part.name}: Kafka deleted up to {lost:,} records before it read them; see the dead letters {INPUT_LOST}"
        for part in parts
        if (lost := int(part.detail.get("input_lost", 0)))
    ]
    reasons += [f"{group.part}: nobody reads as {group.group}" for group in groups if group.members == 0]
    down = any(server.name == "kafka" and server.problem for server in servers) or any(
        group.part == "scorer" and group.members == 0 for group in groups
    )
    return ("down" if down else "degraded" if reasons else "ok"), reasons


def _aged(rows: Sequence[Mapping[str, Any]], now_ms: int | None) -> list[dict[str, Any]]:
    """Return the sources with how old their data are.

    Parameters
    ----------
    now_ms
        The clock's time; None in a simulated stack, whose present is the newest time that any source has told.
    """
    heard = [_newest(row, "heartbeat_at", "newest_record_time") for row in rows]
    now = now_ms if now_ms is not None else max((at for at in heard if at is not None), default=0)
    aged: list[dict[str, Any]] = []
    for row, at in zip(rows, heard, strict=True):
        newest = _newest(row, "newest_event_time")
        ages = {"age_seconds": _seconds(at, now), "data_age_seconds": _seconds(newest, now)}
        aged.append({**row, **ages})
    return aged


def _newest(row: Mapping[str, Any], *columns: str) -> int | None:
    return max((millis(row[column]) for column in columns if row.get(column) is not None), default=None)


def _seconds(at: int | None, now: int) -> int | None:
    return None if at is None else max(0, now - at) // 1000


def _part(sign: health.Sign, now_ms: int) -> PartHealth:
    state: str = sign.state
    if not sign.alive:
        state = "gone"
    elif not sign.fresh(now_ms):
        state = "silent"
    age_s = max(0, now_ms - sign.at_ms) / 1000
    return PartHealth(sign.part, sign.pid, state, age_s, sign.detail, sign.not_ready, sign.probes)


def _kafka(settings: Settings, places: Endpoints) -> tuple[ServerHealth, list[GroupHealth]]:
    try:
        with connected(places.kafka, _TIMEOUT_S) as admin:
            groups = [
                GroupHealth(part, group, admin.members(group), admin.lag(group, topics))
                for part, (group, topics) in groups_of(settings.app).items()
            ]
    except (KafkaAwayError, KafkaError) as error:
        return ServerHealth("kafka", places.kafka.bootstrap, str(error) or type(error).__name__), []
    return ServerHealth("kafka", places.kafka.bootstrap), groups


def _clickhouse(places: Endpoints) -> tuple[ServerHealth, list[dict[str, Any]]]:
    try:
        connection = client(places, connect_timeout_s=_TIMEOUT_S, timeout_s=4 * _TIMEOUT_S)
        try:
            found = connection.query("SELECT * FROM source_freshness ORDER BY source, family")
        finally:
            connection.close()
    except (UnavailableError, AccessError, MissingSchemaError) as error:
        return ServerHealth("clickhouse", places.clickhouse_url, str(error)), []
    except ClickHouseError as error:
        problem = f"the view source_freshness cannot be read ({type(error).__name__}): run `forewarn migrate`"
        return ServerHealth("clickhouse", places.clickhouse_url, problem), []
    rows = [dict(zip(found.column_names, row, strict=True)) for row in found.result_rows]
    return ServerHealth("clickhouse", places.clickhouse_url), rows
