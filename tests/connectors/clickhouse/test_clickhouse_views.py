"""The tables and documented views on the real engine: right before anything has merged."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.clickhouse import TABLE_OF, TABLES, RefusedRowsError, Sink, Table, UnavailableError, client
from connectors.clickhouse.schema import ALERTS, SIGNALS
from connectors.examples import EXAMPLES
from connectors.models import MESSAGES, Action, Alert, Delivery, Enterprise, Finding, Heartbeat, Message, Signal
from connectors.tls import SYSTEM
from streams.recording import Row
from streams.runtime import Endpoints

pytestmark = pytest.mark.stack

START = datetime(2026, 3, 1, tzinfo=UTC)
NAME_OF = {model: name for name, model in MESSAGES.items()}
TOPIC_OF = {table.model: table.topics[0] for table in TABLES}
Store = Callable[..., None]


@pytest.fixture
def store(warehouse: Endpoints, warehouse_client: Client) -> Iterator[Store]:
    """Insert messages, each batch twice and in parts that are not merged."""
    sink = Sink(lambda: client(warehouse))
    offsets = itertools.count(100)
    for table in TABLES:
        warehouse_client.command(f"SYSTEM STOP MERGES {table.name}")

    def insert(*messages: Message, times: Sequence[datetime] = ()) -> None:
        known = itertools.chain(times, itertools.repeat(START))
        rows = [Row(m, TOPIC_OF[type(m)], 3, next(offsets), 0, ms(at)) for m, at in zip(messages, known, strict=False)]
        for _ in range(2):
            for topic, group in itertools.groupby(rows, key=lambda row: row.topic):
                sink.insert(TABLE_OF[topic], list(group))

    yield insert
    sink.close()
    for table in TABLES:
        warehouse_client.command(f"SYSTEM START MERGES {table.name}")


def ms(when: datetime) -> int:
    return round(when.timestamp() * 1000)


def example(model: type[Message], number: int = 0, **changes: Any) -> Any:
    given = EXAMPLES[NAME_OF[model]][number]
    return model.model_validate_json(json.dumps(given)).model_copy(update=changes)


def rows(warehouse_client: Client, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    return list(warehouse_client.query(sql, parameters=parameters).named_results())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_what_is_inserted_twice_shows_once(table: Table, store: Store, warehouse_client: Client) -> None:
    messages = [example(table.model, number) for number in range(len(EXAMPLES[NAME_OF[table.model]]))]
    store(*messages)
    assert warehouse_client.command(f"SELECT count() FROM {table.name}") == 2 * len(messages)
    assert warehouse_client.command(f"SELECT count() FROM {table.name} FINAL") == len(messages)


def test_what_comes_out_is_what_went_in(store: Store, warehouse_client: Client) -> None:
    reading, event = example(Signal), example(Signal, 1)
    store(reading, event)
    first, second = rows(warehouse_client, "SELECT * FROM signals_latest ORDER BY event_time DESC")
    for name in ("enterprise_id", "metric", "value", "unit", "event_time", "published_at", "source_id", "attributes"):
        assert first[name] == getattr(reading, name), name
    assert json.loads(second["payload"]) == event.payload
    assert second["value"] is None
    assert first["record_time"] == START
    assert (first["topic"], first["partition"], first["offset"], first["idx"]) == ("signals.electricity", 3, 100, 0)

    alert = example(Alert)
    store(alert)
    (found,) = rows(warehouse_client, "SELECT * FROM alerts FINAL")
    assert found["level"] == alert.level
    assert [reason["zh"] for reason in found["reasons"]] == [reason.zh for reason in alert.reasons]
    assert found["reasons"][0]["evidence"][0]["offset"] == alert.reasons[0].evidence[0].offset
    assert found["reasons"][0]["since"] == alert.reasons[0].since


def test_the_latest_revision_is_the_valid_one(store: Store, warehouse_client: Client) -> None:
    first = example(Signal)
    store(first, first.model_copy(update={"revision": 2, "value": 7.0}))
    store(first.model_copy(update={"revision": 1, "value": 9.0}))
    (found,) = rows(warehouse_client, "SELECT value, revision FROM signals_latest")
    assert found == {"value": 7.0, "revision": 2}


def test_of_repetitions_the_first_record_counts(store: Store, warehouse_client: Client) -> None:
    first = example(Signal)
    store(first.model_copy(update={"value": 5.0}), times=[START + timedelta(hours=1)])
    store(first, times=[START])
    (found,) = rows(warehouse_client, "SELECT value, record_time FROM signals_latest")
    assert found == {"value": first.value, "record_time": START}


@dataclass(frozen=True)
class Told:
    source_id: int
    revision: int
    value: int
    known_h: int
    published_h: int | None
    backfill: bool


told = st.builds(
    Told,
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 9),
    st.integers(0, 20),
    st.none() | st.integers(0, 20),
    st.booleans(),
)


def known_h(item: Told) -> int:
    return item.published_h if item.backfill and item.published_h is not None else item.known_h


def expected(items: Sequence[Told], at_h: int) -> set[tuple[str, int, float]]:
    """What a careful clerk with a copy of the day's papers would say."""
    first: dict[tuple[int, int], tuple[int, int]] = {}
    for place, item in enumerate(items):
        key = (item.source_id, item.revision)
        first[key] = min(first.get(key, (item.known_h, place)), (item.known_h, place))
    valid: dict[int, Told] = {}
    for item in sorted((items[place] for _, place in first.values()), key=lambda item: item.revision):
        if known_h(item) <= at_h:
            valid[item.source_id] = item
    return {(str(item.source_id), item.revision, float(item.value)) for item in valid.values()}


_ENTERPRISES = itertools.count()


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(told, min_size=1, max_size=8), at_h=st.integers(0, 20))
def test_as_known_at_never_looks_ahead(items: list[Told], at_h: int, store: Store, warehouse_client: Client) -> None:
    enterprise = f"E{next(_ENTERPRISES)}"
    for item in items:
        published = None if item.published_h is None else START + timedelta(hours=item.published_h)
        signal = example(
            Signal,
            enterprise_id=enterprise,
            source_id=str(item.source_id),
            revision=item.revision,
            value=float(item.value),
            published_at=published,
            backfill=item.backfill,
            event_time=START - timedelta(days=item.source_id * 40),
        )
        store(signal, times=[START + timedelta(hours=item.known_h)])
    at = (START + timedelta(hours=at_h)).strftime("%Y-%m-%d %H:%M:%S")
    sql = "SELECT * FROM signals_as_known_at(at = {at:String}) WHERE enterprise_id = {enterprise:String}"
    found = rows(warehouse_client, sql, at=at, enterprise=enterprise)
    assert {(row["source_id"], row["revision"], row["value"]) for row in found} == expected(items, at_h)
    assert len(found) == len({row["source_id"] for row in found})
    for row in found:
        assert row["known_at"] <= START + timedelta(hours=at_h)


def transition(sequence: int, what: str, level: str, alert: str = "a", **changes: Any) -> Alert:
    at = START + timedelta(hours=sequence)
    return cast(
        Alert,
        example(Alert, alert_id=alert, sequence=sequence, transition=what, level=level, at=at, **changes),
    )


def test_open_alerts_are_those_whose_last_word_is_not_closed(store: Store, warehouse_client: Client) -> None:
    store(transition(1, "opened", "blue"), transition(2, "escalated", "red"))
    store(transition(3, "opened", "red", "b"), transition(4, "retracted", "none", "b"))
    store(transition(1, "opened", "yellow", "c", enterprise_id="OTHER"))
    store(example(Enterprise, enterprise_id="OTHER", names=["新名", "旧名"], region="350102"))
    action: dict[str, Any] = {"object_kind": "alert", "object_id": "a", "kind": "alert.acknowledged"}
    store(example(Action, actor="王芳", at=START, **action), example(Action, actor="李雷", at=START, **action))
    found = rows(warehouse_client, "SELECT * FROM open_alerts ORDER BY alert_id")
    assert [(row["alert_id"], row["level"], row["sequence"]) for row in found] == [("a", "red", 2), ("c", "yellow", 1)]
    assert [row["enterprise_name"] for row in found] == [example(Alert).enterprise_name, "新名"]
    assert [row["acknowledged_by"] for row in found] == ["王芳", ""]
    assert [row["acknowledged_at"] for row in found] == [START, None]
    assert found[1]["region"] == "350102"
    assert warehouse_client.command("SELECT count() FROM open_alerts WHERE level >= 'orange'") == 1


def test_alert_history_has_every_transition_once_and_how_long_it_held(store: Store, warehouse_client: Client) -> None:
    store(transition(1, "opened", "blue"), transition(2, "escalated", "red"), transition(3, "resolved", "none"))
    found = rows(warehouse_client, "SELECT * FROM alert_history ORDER BY sequence")
    assert [row["transition"] for row in found] == ["opened", "escalated", "resolved"]
    assert [row["until"] for row in found] == [START + timedelta(hours=2), START + timedelta(hours=3), None]


def test_the_timeline_tells_everything_in_order(store: Store, warehouse_client: Client) -> None:
    enterprise: dict[str, Any] = {"enterprise_id": "E"}
    store(example(Signal, 1, **enterprise, event_time=START), example(Signal, 0, **enterprise))
    store(example(Finding, **enterprise, at=START + timedelta(hours=1)))
    store(example(Alert, **enterprise, at=START + timedelta(hours=2)))
    store(example(Delivery, **enterprise, at=START + timedelta(hours=3)))
    store(example(Action, details={"enterprise_id": "E", "note": "去看过"}, at=START + timedelta(hours=4)))
    found = rows(warehouse_client, "SELECT * FROM enterprise_timeline WHERE enterprise_id = 'E' ORDER BY at")
    assert [row["kind"] for row in found] == ["event", "finding", "alert", "delivery", "action"]
    assert example(Finding).text_zh in found[1]["text_zh"]
    assert "去看过" in found[4]["text_zh"]


def test_freshness_is_that_of_the_newest_heartbeat_and_signal(store: Store, warehouse_client: Client) -> None:
    beat = example(Heartbeat, source="grid", at=START, newest_event_time=None, sent=5)
    store(beat, beat.model_copy(update={"at": START + timedelta(hours=1), "sent": 6}))
    store(example(Signal, source="grid", event_time=START - timedelta(days=1)), example(Signal, 1, source="court"))
    store(beat.model_copy(update={"source": "silent", "status": "error"}))
    found = rows(warehouse_client, "SELECT * FROM source_freshness ORDER BY source")
    assert [row["source"] for row in found] == ["court", "grid", "silent"]
    court, grid, silent = found
    assert grid["heartbeat_at"] == START + timedelta(hours=1)
    assert (grid["sent"], grid["family"]) == (6, "electricity")
    assert grid["newest_event_time"] == START - timedelta(days=1)
    assert (court["heartbeat_at"], court["newest_record_time"]) == (None, START)
    assert (silent["status"], silent["newest_record_time"]) == ("error", None)
    assert silent["age_seconds"] is not None


def test_years_of_months_fit_into_one_block(store: Store, warehouse_client: Client) -> None:
    months = [datetime(1990 + n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in range(150)]
    store(*(example(Signal, event_time=when, source_id=str(when)) for when in months))
    assert warehouse_client.command("SELECT count() FROM signals_latest") == 150
    assert warehouse_client.command("SELECT uniqExact(partition_id) FROM system.parts WHERE active "
                                    "AND table = 'signals' AND database = currentDatabase()") == 150  # fmt: skip


def test_a_row_that_does_not_fit_is_found_among_the_others(warehouse: Endpoints, warehouse_client: Client) -> None:
    sink = Sink(lambda: client(warehouse))
    good = [Row(transition(n, "opened", "red"), "alerts", 0, n, 0, 0) for n in range(1, 8)]
    bad = Row(transition(9, "opened", "violet"), "alerts", 0, 9, 0, 0)
    block = [*good[:3], bad, *good[3:]]
    with pytest.raises(RefusedRowsError, match="violet"):
        sink.insert(ALERTS, block)
    (refusal,) = sink.isolate(ALERTS, block)
    assert (refusal.topic, refusal.offset) == (bad.topic, bad.offset)
    assert "violet" in refusal.reason
    assert warehouse_client.command("SELECT count() FROM alerts FINAL") == 7


def test_hours_are_made_of_the_valid_quarter_hours(store: Store, warehouse_client: Client) -> None:
    start = datetime(2026, 3, 1, 4, tzinfo=UTC)

    def quarter(number: int, value: float, **changes: Any) -> Any:
        at = start + timedelta(minutes=15 * number)
        told = example(Signal, metric="kwh_15min", event_time=at, source_id=str(at), value=value)
        return told.model_copy(update=changes)

    store(*(quarter(number, value) for number, value in enumerate([1.0, 2.0, 30.0, 4.0, 50.0])))
    store(quarter(2, 3.0, revision=1), quarter(3, 400.0, source="another", source_id="x"), example(Signal))
    found = rows(warehouse_client, "SELECT * FROM metrics_hourly WHERE family = 'electricity' ORDER BY start")
    assert [(hour["start"], hour["count"], hour["sum"]) for hour in found] == [
        (start, 4, 10.0),
        (start + timedelta(hours=1), 1, 50.0),
    ]
    assert (found[0]["min"], found[0]["max"], found[0]["last"]) == (1.0, 4.0, 4.0)


def test_a_server_that_is_away_is_told_from_one_that_refuses(warehouse: Endpoints) -> None:
    class Away:
        clickhouse_url = "http://127.0.0.1:1"
        clickhouse_user = clickhouse_password = clickhouse_database = "x"
        clickhouse_certificates = SYSTEM

    with pytest.raises(UnavailableError, match="is it running"):
        Sink(lambda: client(Away(), connect_timeout_s=1)).insert(SIGNALS, [])
