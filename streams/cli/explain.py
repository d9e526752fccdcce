"""``forewarn explain``: why an enterprise has its level, with the evidence."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

import typer

from streams.cli.common import AsJson, DataDir, err, fail, print_json, settings_for

if TYPE_CHECKING:
    from rich.console import Console

    from streams.explaining import Evidence, Explanation, Family
    from streams.settings import Settings

_STYLES = {"red": "bold red", "orange": "dark_orange", "yellow": "yellow", "blue": "blue"}
_LEVELS = {"red": "红 red", "orange": "橙 orange", "yellow": "黄 yellow", "blue": "蓝 blue", "none": "无 none"}
_COVERAGE = {"fresh": "新鲜 fresh", "stale": "陈旧 stale", "never": "从未收到 never seen"}
_DAY_ALONE = "%Y-%m-%d"
_FORMATS = ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")


def _time(given: str) -> datetime:
    """Read a time, or a day, which means its end; both without a zone."""
    with suppress(ValueError):
        return datetime.strptime(given, _DAY_ALONE).replace(hour=23, minute=59, second=59)  # noqa: DTZ007  # the stack's zone is not known yet
    for form in _FORMATS:
        with suppress(ValueError):
            return datetime.strptime(given, form)  # noqa: DTZ007  # as above
    message = f"{given!r} is no time: write 2026-03-05, or 2026-03-05T14:30"
    raise typer.BadParameter(message)


def explain(
    enterprise: Annotated[str, typer.Argument(help="Its unified social credit code, or other id.")],
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at", parser=_time, metavar="TIME", help="As of this time, in the stack's zone; a day: its end."
        ),
    ] = None,
    journal: Annotated[
        bool, typer.Option("--journal", help="Replay the journal and show exactly what the engine held; slower.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Tell why an enterprise has its level: family by family, the evidence, what it is worth, when it fades.

    It reads ClickHouse. With --journal it replays the enterprise's partition group out of Kafka instead. Times are in
    the stack's zone (FOREWARN_ZONE).

    Examples:

      forewarn explain 91350100M000100Y43

      forewarn explain 91350100M000100Y43 --at 2026-03-05 --json
    """
    from streams.explaining import UnknownEnterpriseError

    settings = settings_for("explain", data_dir=data_dir)
    try:
        when = None if at is None else at.replace(tzinfo=ZoneInfo(settings.zone))
        found = _found(settings, enterprise.strip(), when, journal=journal)
    except UnknownEnterpriseError as error:
        fail(str(error))
    if as_json:
        print_json(plain(found, ZoneInfo(settings.zone)))
    else:
        from rich.console import Console

        show(found, ZoneInfo(settings.zone), Console(highlight=False))


def _found(settings: Settings, enterprise: str, at: datetime | None, *, journal: bool) -> Explanation:
    from clickhouse_connect.driver.exceptions import ClickHouseError

    from connectors.clickhouse import AccessError, MissingSchemaError, UnavailableError
    from streams.cli.sql import connect_reader
    from streams.clock import SystemClock, moment
    from streams.explaining import from_store, newest
    from streams.rules import rules_for

    zone = ZoneInfo(settings.zone)
    try:
        if journal and at is not None:
            return _replayed(settings, enterprise, at)
        store = connect_reader(settings)
        live = None if settings.simulated else moment(SystemClock().now_ms())
        when = at or live or newest(store) or moment(SystemClock().now_ms())
        if journal:
            return _replayed(settings, enterprise, when.astimezone(zone))
        return from_store(store, enterprise, when.astimezone(zone), rules_for(settings))
    except (UnavailableError, AccessError, MissingSchemaError, ValueError) as error:
        fail(str(error))
    except ClickHouseError as error:
        fail(f"ClickHouse: {str(error)[:300]}")


def _replayed(settings: Settings, enterprise: str, at: datetime) -> Explanation:
    from aiokafka.errors import KafkaConnectionError, KafkaError  # type: ignore[import-untyped]  # ships no types

    from connectors.kafka.partitioner import partition_of
    from streams.clock import millis
    from streams.explaining import from_replay
    from streams.journal import InputLostError, bring
    from streams.rules import rules_for
    from streams.runtime import endpoints

    places, rules = endpoints(settings), rules_for(settings)
    try:
        with err.status("replaying the journal"):
            brought = bring(places, settings, partition_of(enterprise, rules.partitions), millis(at), enterprise)
    except InputLostError as error:
        fail(f"{error}: without --journal ClickHouse is asked instead")
    except KafkaConnectionError:
        fail(f"Kafka at {places.kafka} does not answer: start the stack with 'forewarn up'")
    except KafkaError as error:
        fail(f"Kafka at {places.kafka}: {error!r}")
    return from_replay(brought, rules, enterprise, at)


def plain(found: Explanation, zone: ZoneInfo) -> dict[str, Any]:
    """Return an explanation as plain data; times as texts in the zone."""
    made: dict[str, Any] = _plain(asdict(found), zone)
    made["clears"] = {"zh": found.clears[0], "en": found.clears[1]} if found.clears else None
    return made


def _plain(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item, zone) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, zone) for item in value]
    return value.astimezone(zone).isoformat() if isinstance(value, datetime) else value


def show(found: Explanation, zone: ZoneInfo, console: Console) -> None:
    """Print an explanation for people."""
    from rich.markup import escape

    from streams.explaining import RULES

    def day(when: datetime | None, form: Literal["minute", "day"] = "minute") -> str:
        shape = "%Y-%m-%d %H:%M" if form == "minute" else "%Y-%m-%d"
        return "" if when is None else f"{when.astimezone(zone):{shape}}"

    level = f"[{_STYLES.get(found.level, 'green')}]{_LEVELS.get(found.level, found.level)}[/]"
    console.print(f"[bold]{escape(found.name or found.enterprise_id)}[/] {escape(found.enterprise_id)}", soft_wrap=True)
    facts = " · ".join(escape(part) for part in (found.industry, found.region, found.size) if part)
    console.print(f"{facts}{' · ' if facts else ''}{day(found.at)} {zone.key}", soft_wrap=True)
    zh, en = RULES.get(found.rule, (found.rule, found.rule))
    since = f" since {day(found.since)}" if found.since else ""
    console.print(f"\n级别 Level: {level}{since} — {zh} · {en} ({found.rule})", soft_wrap=True)
    console.print(
        f"风险分 Score: {found.score:.2f} ({found.low:.2f} – {found.high:.2f}) · 覆盖 coverage {found.coverage:.0%}",
        soft_wrap=True,
    )
    if found.opened_at is not None:
        console.print(f"预警 Alert: {escape(found.alert_id)}, opened {day(found.opened_at)}", soft_wrap=True)
    for family in found.families:
        _show_family(family, day, console)
    if found.clears is not None:
        console.print(f"\n解除条件 {found.clears[0]}\n{found.clears[1]}", markup=False, soft_wrap=True)
    source = "engine state, replayed from the journal" if found.exact else "ClickHouse"
    console.print(f"\n配置 Configuration: {escape(found.config_version)} · {source}", style="dim", soft_wrap=True)


def _show_family(family: Family, day: Any, console: Console) -> None:
    coverage = _COVERAGE.get(family.coverage, family.coverage)
    newest = f", newest data {day(family.newest, 'day')}" if family.newest else ""
    console.print(f"\n[bold]{family.zh} {family.en}[/]: {family.score:.2f} · {coverage}{newest}", soft_wrap=True)
    for one in family.evidence:
        console.print(f"  {one.worth:.2f}  {one.zh}\n        {one.en}", markup=False, soft_wrap=True)
        records = ", ".join(f"{topic}-{partition}@{offset}" for topic, partition, offset, _ in one.records[:3])
        console.print(
            f"        severity {one.severity:.2f} × confidence {one.confidence:.2f}; {_fades(one, day)}; "
            f"{one.detector}, last said {day(one.at)}{'; ' + records if records else ''}",
            markup=False, soft_wrap=True, style="dim",
        )  # fmt: skip
    if not family.evidence:
        console.print("  没有证据 no evidence", style="dim")


def _fades(one: Evidence, day: Any) -> str:
    if one.standing is None:
        return "how it fades was not recorded"
    if one.half_life_days is None:
        return "does not fade while it stands"
    if one.standing:
        return f"undiminished while it lasts, then halves every {one.half_life_days:g} days"
    until = f", next to nothing by {day(one.fades_at, 'day')}" if one.fades_at else ""
    return f"halves every {one.half_life_days:g} days{until}"
