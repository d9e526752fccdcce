"""A whole stack, a whole city, two kills: every story found, nothing lost, doubled or different."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka import KafkaProducer  # type: ignore[import-untyped]  # ships no types
from playwright.sync_api import Browser, expect
from standardwebhooks.webhooks import Webhook

from connectors.clickhouse.schema import TABLES
from connectors.models import Alert
from connectors.topics import ALERTS
from connectors.webhook import Receiver, new_secret
from streams.private import PrivateStack
from tests.browser import browser, watch_requests

__all__ = ["browser"]

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

CITY = ("--enterprises", "150", "--days", "200", "--seed", "11")
LEVELS = ["none", "blue", "yellow", "orange", "red"]


class Lived(NamedTuple):
    """What the city left behind."""

    stack: PrivateStack
    truth: dict[str, Any]
    alerts: list[Alert]
    wire: dict[bytes, list[bytes]]
    receiver: Receiver
    secret: str


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Stream the city into a stack; kill a scorer and the recorder on the way."""
    data_dir = tmp_path_factory.mktemp("e2e") / "stack"
    with (
        Receiver() as receiver,
        PrivateStack(data_dir, scorers=2, partitions=4, kafka_heap="256m", webhook_allow_private="true") as stack,
    ):
        secret = new_secret()
        stack.run(
            "subscribe", receiver.url, "--minimum-level", "yellow", "--json", env={"FOREWARN_WEBHOOK_SECRET": secret}
        )
        half = stack.spawn("simulate", *CITY, "--speed", "0")
        stack.wait_for("alerts", lambda: alerts_of(stack))
        for part in ("scorer-0", "recorder"):
            stack.kill(part)
        assert half.wait(300) == 0
        truth = stack.run("simulate", *CITY, "--speed", "0", "--json")
        stack.wait_until_quiet()
        wire = alerts_of(stack)
        alerts = [Alert.model_validate_json(value) for values in wire.values() for value in values]
        yield Lived(stack, truth, alerts, wire, receiver, secret)


def alerts_of(stack: PrivateStack) -> dict[bytes, list[bytes]]:
    """Every committed transition, by enterprise, as it is on the wire."""
    found: dict[bytes, list[bytes]] = defaultdict(list)
    for row in stack.records(ALERTS):
        found[row.key or b""].append(row.value or b"")
    return dict(found)


def ask(stack: PrivateStack, question: str, **bound: Any) -> Any:
    """The first value of an answer of ClickHouse."""
    with stack.client() as client:
        return client.query(question, parameters=bound).result_rows[0][0]


def test_every_planted_story_is_found_before_its_default(lived: Lived) -> None:
    for story in lived.truth["stories"]:
        enough = [
            alert.at.date()
            for alert in lived.alerts
            if alert.enterprise_id == story["enterprise_id"]
            and LEVELS.index(alert.level) >= LEVELS.index(story["level"])
            and alert.at.date() >= date.fromisoformat(story["begins"])
        ]
        assert enough, story
        assert min(enough) < date.fromisoformat(story["default_date"]), story


def test_an_outage_and_a_festival_are_no_crisis(lived: Lived) -> None:
    """Outside the stories, next to nobody turns orange or red while a decoy lasts and in the fortnight after it."""
    told = {story["enterprise_id"] for story in lived.truth["stories"]}
    for decoy in lived.truth["decoys"]:
        if decoy["enterprises"] == 1:
            continue
        first, last = date.fromisoformat(decoy["begins"]), date.fromisoformat(decoy["ends"])
        alarmed = {
            alert.enterprise_id
            for alert in lived.alerts
            if alert.enterprise_id not in told
            and first <= alert.at.date() <= last
            and alert.transition in ("opened", "escalated")
            and any(reason.reason == "electricity.collapse" for reason in alert.reasons)
        }
        assert len(alarmed) <= 1, (decoy["name"], alarmed)


def test_sequences_have_no_gap_and_no_repetition(lived: Lived) -> None:
    by_enterprise: dict[str, list[int]] = defaultdict(list)
    for alert in lived.alerts:
        by_enterprise[alert.enterprise_id].append(alert.sequence)
    for enterprise, sequences in by_enterprise.items():
        assert sequences == list(range(1, len(sequences) + 1)), enterprise


def test_the_journal_leads_to_the_same_bytes(lived: Lived) -> None:
    told = lived.stack.run("replay", "--journal", "--json", check=False)
    assert told["equal"], told["differences"]
    assert told["records"] > 30_000


def test_replaying_the_file_without_a_broker_gives_the_same_alerts(lived: Lived, tmp_path: Path) -> None:
    city, replayed = tmp_path / "city.ndjson.gz", tmp_path / "alerts.ndjson"
    lived.stack.run("simulate", *CITY, "--out", str(city))
    lived.stack.run("replay", str(city), "--out", str(replayed), "--json")
    offline: dict[bytes, list[bytes]] = defaultdict(list)
    for line in replayed.read_bytes().splitlines():
        offline[json.loads(line)["enterprise_id"].encode()].append(line)
    assert offline == lived.wire


def test_clickhouse_holds_what_was_sent_and_decided(lived: Lived) -> None:
    sent = sum(number for topic, number in lived.truth["by_topic"].items() if topic.startswith("signals."))
    assert ask(lived.stack, "SELECT count() FROM signals FINAL") == sent
    assert ask(lived.stack, "SELECT count() FROM enterprises_latest") == 150
    with lived.stack.client() as client:
        rows: Any = client.query("SELECT enterprise_id, sequence, level FROM alert_history").result_rows
    assert sorted(rows) == sorted((a.enterprise_id, a.sequence, a.level.value) for a in lived.alerts)


def test_the_receiver_got_every_transition_in_order_and_signed(lived: Lived) -> None:
    expected = {
        (alert.enterprise_id, alert.sequence)
        for alert in lived.alerts
        if alert.notify and max(LEVELS.index(alert.level), LEVELS.index(alert.previous_level)) >= 2
    }
    assert expected
    requests = lived.receiver.wait_for(len(expected), timeout_s=60)
    got: dict[str, list[int]] = defaultdict(list)
    seen = set()
    for request in requests:
        body = Webhook(lived.secret).verify(request.body, dict(request.headers))
        if request.headers["webhook-id"] not in seen:
            seen.add(request.headers["webhook-id"])
            got[body["data"]["enterprise_id"]].append(body["data"]["delivery_sequence"])
    assert sum(map(len, got.values())) == len(expected)
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in got.values())


def test_an_officer_sees_the_warnings_and_acknowledges_one(lived: Lived, browser: Browser) -> None:
    stack = lived.stack
    page = browser.new_page()
    requests = watch_requests(page)
    page.goto(f"http://127.0.0.1:{stack.settings.http_port}/")
    worst = "SELECT {0} FROM open_alerts ORDER BY level DESC, score DESC LIMIT 1"
    row = page.locator(f"tr[data-id='{ask(stack, worst.format('alert_id'))}']")
    expect(row).to_be_visible(timeout=30_000)
    expect(row).to_contain_text(ask(stack, worst.format("enterprise_name")))
    address = f"http://127.0.0.1:{stack.settings.http_port}/api/v1/alerts/{row.get_attribute('data-id')}/acknowledge"
    reply = page.request.post(address, data={"actor": "王经理", "note": "已联系企业"})
    assert reply.ok, reply.text()
    expect(row).to_contain_text("王经理", timeout=15_000)
    assert all("127.0.0.1" in request or request.startswith("data:") for request in requests), requests
    page.close()


def test_every_table_has_rows(lived: Lived) -> None:
    newest = max(int(alert.at.timestamp() * 1000) for alert in lived.alerts)
    producer = KafkaProducer(**lived.stack.endpoints.kafka.kafka_python())
    producer.send("signals.tax", b"\xff not a signal", partition=0, timestamp_ms=newest).get(30)
    producer.close()
    for table in TABLES:
        question = f"SELECT count() FROM {table.name}"
        lived.stack.wait_for(f"rows in {table.name}", partial(ask, lived.stack, question), 60)


def test_the_monitor_says_that_all_is_well(lived: Lived) -> None:
    told = lived.stack.run("status", "--json", check=False)
    assert told["verdict"] == "ok", told["reasons"]


def test_the_journal_explains_a_level_as_the_store_does(lived: Lived) -> None:
    debtor = next(one for one in lived.truth["stories"] if one["name"] == "dishonest-debtor")["enterprise_id"]
    written = lived.stack.run("explain", debtor, "--json")
    exact = lived.stack.run("explain", debtor, "--journal", "--json")
    assert exact["exact"] and not written["exact"]
    assert (exact["level"], exact["rule"]) == (written["level"], written["rule"])
    assert exact["level"] in ("orange", "red")
    for mine, engines in zip(written["families"], exact["families"], strict=True):
        assert mine["coverage"] == engines["coverage"]
        assert mine["score"] == pytest.approx(engines["score"], abs=0.1), mine["family"]


def test_an_earlier_time_is_explained_by_what_the_journal_had_then(lived: Lived) -> None:
    debtor = next(one for one in lived.truth["stories"] if one["name"] == "dishonest-debtor")
    exact = lived.stack.run("explain", debtor["enterprise_id"], "--journal", "--json", "--at", debtor["begins"])
    assert exact["level"] == "none"
    court = next(family for family in exact["families"] if family["family"] == "litigation")
    assert {one["reason"] for one in court["evidence"]} <= {"litigation.lawsuit"}


def test_other_settings_are_tried_on_the_journal(lived: Lived, tmp_path: Path) -> None:
    (tmp_path / "same.toml").write_text('label = "same"\n', encoding="utf-8")
    (tmp_path / "calm.toml").write_text('label = "calm"\n[levels]\nyellow = 0.6\n', encoding="utf-8")
    same, calm = (
        lived.stack.run("backtest", "--config", str(tmp_path / name), "--json")["levels"]
        for name in ("same.toml", "calm.toml")
    )
    changes = ("gained", "lost", "earlier", "later")
    assert not any(each[change] for each in same.values() for change in changes)
    assert same["yellow"]["before"] > 0
    assert calm["yellow"]["lost"] + calm["yellow"]["later"] > 0
    assert calm["yellow"]["gained"] == 0
