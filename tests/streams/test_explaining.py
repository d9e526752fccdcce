"""Explanations: from ClickHouse as from the engine's own state, as of any time, and for people."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer
from clickhouse_connect.driver.client import Client
from typer.testing import CliRunner, Result

from connectors.clickhouse import TABLE_OF, Sink
from connectors.contract import Rejected
from connectors.embedded import ClickHouseServer
from connectors.models import Alert, Finding, Risk, Signal
from connectors.recordtime import order_key, record_time_ms, topic_of
from connectors.simulator import CitySource
from connectors.topics import ALERTS, FINDINGS, RISK
from detectors.calendar import Calendar
from detectors.config import DetectionConfig
from streams.cli.explain import explain
from streams.clock import millis
from streams.evidence import NOTEWORTHY
from streams.explaining import UnknownEnterpriseError, from_replay, from_store, newest
from streams.journal import Brought
from streams.recording import Row
from streams.rules import MINUTE_MS, Rules
from streams.runtime import replace_file
from streams.shard import Record, Shard

ZONE = ZoneInfo("Asia/Shanghai")
RULES = Rules(1, Calendar("Asia/Shanghai"), DetectionConfig.default())
MODELS: dict[str, type[Alert | Finding | Risk]] = {ALERTS: Alert, FINDINGS: Finding, RISK: Risk}
TOLD = ("dishonest-debtor", "factory-stops", "bankruptcy")


class Lived:
    """A small city, lived through by one shard up to a moment; and all that a recorder would have stored."""

    def __init__(self, city: CitySource, until: datetime) -> None:
        self.shard = Shard(0, RULES)
        self.rows: list[Row] = []
        self.last: dict[tuple[str, str], bytes] = {}
        items = chain.from_iterable(batch.items for batch in city.read())
        messages = [item for item in items if not isinstance(item, Rejected)]
        for message in sorted(messages, key=lambda one: order_key(one, ZONE)):
            time = record_time_ms(message, ZONE)
            if time > millis(until):
                break
            topic = topic_of(message)
            offset = self.shard.next.get(topic, 0)
            self.rows.append(Row(message, topic, 0, offset, 0, time))
            self.shard.tick(time - time % MINUTE_MS)
            self.shard.apply(topic, offset, offset + 1, [Record(offset, time, None, message.wire())])
        self.shard.tick(millis(until))
        for topic, written in self.shard.take().outputs.items():
            for offset, (key, value) in enumerate(written if topic in MODELS else ()):
                decided = MODELS[topic].model_validate_json(value)
                self.rows.append(Row(decided, topic, 0, offset, 0, millis(decided.at)))
                self.last[topic, key.decode()] = value

    def brought(self, enterprise: str) -> Brought:
        return Brought(self.shard, self.last.get((RISK, enterprise)), self.last.get((ALERTS, enterprise)))

    def store(self, client: Client, enterprises: set[str]) -> None:
        store(client, [row for row in self.rows if getattr(row.message, "enterprise_id", "") in enterprises])


def store(client: Client, rows: Iterable[Row]) -> None:
    batches: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        batches[row.topic].append(row)
    sink = Sink(lambda: client)
    for topic, batch in batches.items():
        sink.insert(TABLE_OF[topic], batch)


@pytest.fixture(scope="module")
def city() -> CitySource:
    return CitySource(enterprises=110, days=175, seed=4, start=date(2025, 3, 1), fine_share=0.0)


@pytest.fixture(scope="module")
def until(city: CitySource) -> datetime:
    return datetime.combine(city.city.end - timedelta(days=8), datetime.min.time(), UTC) + timedelta(hours=9)


@pytest.fixture(scope="module")
def lived(city: CitySource, until: datetime) -> Lived:
    return Lived(city, until)


@pytest.fixture
def heroes(city: CitySource) -> dict[str, str]:
    return {story.name: story.enterprise_id for story in city.stories()}


@pytest.fixture
def stored(lived: Lived, heroes: dict[str, str], warehouse_client: Client) -> Client:
    lived.store(warehouse_client, set(heroes.values()))
    return warehouse_client


@pytest.mark.stack
@pytest.mark.parametrize("story", TOLD)
def test_clickhouse_explains_as_the_engine_does(
    story: str, heroes: dict[str, str], stored: Client, lived: Lived, until: datetime
) -> None:
    enterprise = heroes[story]
    written = from_store(stored, enterprise, until, RULES)
    exact = from_replay(lived.brought(enterprise), RULES, enterprise, until)
    assert exact.exact and not written.exact
    assert (written.level, written.rule, written.clears is None) == (exact.level, exact.rule, exact.clears is None)
    assert written.level != "none"
    for mine, engines in zip(written.families, exact.families, strict=True):
        assert (mine.family, mine.coverage) == (engines.family, engines.coverage)
        told = {(one.reason, one.subject): one for one in mine.evidence}
        for one in engines.evidence:
            same = told[one.reason, one.subject]
            assert same.worth == pytest.approx(one.worth, abs=NOTEWORTHY), one
            assert (same.standing, same.half_life_days) == (one.standing, one.half_life_days), one
        extra = set(told) - {(one.reason, one.subject) for one in engines.evidence}
        assert not [one for one in extra if told[one].worth > 0.1], extra


@pytest.mark.stack
def test_an_earlier_time_knows_only_what_was_known_then(
    heroes: dict[str, str], stored: Client, city: CitySource
) -> None:
    debtor = heroes["dishonest-debtor"]
    begins = next(story.begins for story in city.stories() if story.enterprise_id == debtor)
    before = datetime(begins.year, begins.month, begins.day, tzinfo=ZONE)
    assert from_store(stored, debtor, before, RULES).level == "none"
    later = from_store(stored, debtor, before + timedelta(days=30), RULES)
    reasons = {one.reason for family in later.families for one in family.evidence}
    assert "litigation.lawsuit" in reasons
    assert "litigation.dishonest" not in reasons


@pytest.mark.stack
def test_the_newest_data_of_a_family_is_not_that_of_the_last_change_of_risk(
    heroes: dict[str, str], lived: Lived, stored: Client, until: datetime
) -> None:
    quiet = heroes["factory-stops"]
    shown = {one.family: one.newest for one in from_store(stored, quiet, until, RULES).families}
    days = [row.message.event_time for row in lived.rows if isinstance(row.message, Signal)
            and (row.message.enterprise_id, row.message.family) == (quiet, "electricity")]  # fmt: skip
    assert shown["electricity"] == max(days) > until - timedelta(days=4)
    exact = {one.family: one.newest for one in from_replay(lived.brought(quiet), RULES, quiet, until).families}
    assert exact == shown


@pytest.mark.stack
def test_findings_that_do_not_say_how_they_fade_are_shown_as_they_were_said(
    heroes: dict[str, str], lived: Lived, warehouse_client: Client, until: datetime
) -> None:
    """As of programs from before findings said it."""
    debtor = heroes["dishonest-debtor"]
    rows = [row for row in lived.rows if getattr(row.message, "enterprise_id", "") == debtor]
    unsaid = {"lasting": None, "half_life_days": None, "closed": False}
    aged = [
        replace(row, message=row.message.model_copy(update=unsaid)) if isinstance(row.message, Finding) else row
        for row in rows
    ]
    store(warehouse_client, aged)
    shown = [one for family in from_store(warehouse_client, debtor, until, RULES).families for one in family.evidence]
    assert "litigation.dishonest" in {one.reason for one in shown}
    for one in shown:
        assert (one.standing, one.half_life_days, one.fades_at) == (None, None, None)
        assert one.worth == pytest.approx(one.severity * one.confidence)


@pytest.mark.stack
def test_who_is_unknown_is_told_apart_from_when_nothing_was_known(heroes: dict[str, str], stored: Client) -> None:
    now = newest(stored)
    assert now is not None
    with pytest.raises(UnknownEnterpriseError, match="check the id"):
        from_store(stored, "91350100M000100Y43", now, RULES)
    with pytest.raises(UnknownEnterpriseError, match="first signal came on 2024-"):
        from_store(stored, heroes["factory-stops"], datetime(2020, 1, 1, tzinfo=UTC), RULES)


def test_the_engine_explains_nobody_that_it_does_not_know(lived: Lived, until: datetime) -> None:
    with pytest.raises(UnknownEnterpriseError, match="journal"):
        from_replay(lived.brought("nobody"), RULES, "nobody", until)


def test_what_fades_says_when(lived: Lived, heroes: dict[str, str], until: datetime) -> None:
    debtor = heroes["dishonest-debtor"]
    found = from_replay(lived.brought(debtor), RULES, debtor, until)
    assert any(one.fades_at for family in found.families for one in family.evidence)
    for family in found.families:
        for one in family.evidence:
            assert (one.fades_at is None) == one.standing
            assert one.fades_at is None or one.fades_at > until
            assert one.zh and one.en and one.records


app = typer.Typer()
app.command()(explain)


@pytest.mark.stack
class TestCommand:
    @pytest.fixture(autouse=True)
    def stack(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clickhouse: ClickHouseServer) -> Iterator[None]:
        replace_file(tmp_path / "secrets" / "clickhouse-password", clickhouse.password.encode())
        replace_file(tmp_path / "secrets" / "clickhouse-reader-password", clickhouse.reader_password.encode())
        monkeypatch.setenv("FOREWARN_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("FOREWARN_CLICKHOUSE_PORT", str(clickhouse.port))
        monkeypatch.setenv("FOREWARN_CLICKHOUSE_DATABASE", "shared")
        monkeypatch.setenv("FOREWARN_STACK_TIME", "simulated")
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        yield
        root.handlers[:] = handlers
        root.setLevel(level)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    @pytest.mark.usefixtures("stored")
    def test_it_is_told_in_both_languages_and_in_the_stacks_zone(self, heroes: dict[str, str]) -> None:
        told = self.run(heroes["dishonest-debtor"])
        assert told.exit_code == 0, told.output
        for part in (
            "失信被执行人",
            "dishonest debtor",
            "司法 Litigation",
            "Asia/Shanghai",
            "does not fade",
            "default-",
        ):
            assert part in told.stdout, part

    @pytest.mark.usefixtures("stored")
    def test_json_names_the_evidence(self, heroes: dict[str, str]) -> None:
        told = self.run(heroes["dishonest-debtor"], "--json")
        found = json.loads(told.stdout)
        assert found["level"] in ("orange", "red")
        assert found["at"].endswith("+08:00")
        court = next(family for family in found["families"] if family["family"] == "litigation")
        assert court["evidence"][0]["records"][0][0] == "signals.litigation"

    @pytest.mark.usefixtures("stored")
    def test_a_day_means_its_end(self, heroes: dict[str, str], city: CitySource) -> None:
        story = next(story for story in city.stories() if story.name == "dishonest-debtor")
        told = self.run(heroes["dishonest-debtor"], "--at", story.begins.isoformat(), "--json")
        court = next(f for f in json.loads(told.stdout)["families"] if f["family"] == "litigation")
        assert [one["reason"] for one in court["evidence"]] == ["litigation.lawsuit"]

    @pytest.mark.usefixtures("stored")
    def test_midnight_is_not_the_end_of_the_day(self, heroes: dict[str, str]) -> None:
        told = self.run(heroes["dishonest-debtor"], "--at", "2025-07-01 00:00", "--json")
        assert json.loads(told.stdout)["at"] == "2025-07-01T00:00:00+08:00"
        wrong = self.run(heroes["dishonest-debtor"], "--at", "yesterday")
        assert wrong.exit_code == 2
        assert "2026-03-05T14:30" in wrong.stderr

    @pytest.mark.usefixtures("stored")
    def test_an_unknown_id_is_told_plainly(self) -> None:
        told = self.run("nobody")
        assert told.exit_code == 1
        assert "check the id" in told.stderr
