"""A made-up district in ClickHouse: what the API and the board are tested and pictured with.

Figures are drawn from a seeded generator; names and codes are invented. Everything goes through the recorder's own
tables and sink.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clickhouse_connect.driver.client import Client

from connectors import topics
from connectors.clickhouse import TABLE_OF, Sink, migrate
from connectors.models import (
    Alert,
    Counterfactual,
    Coverage,
    Enterprise,
    FamilyRisk,
    Finding,
    FindingState,
    Heartbeat,
    Level,
    Message,
    MetricRow,
    Reason,
    Risk,
    Signal,
    Transition,
)
from streams.recording import Row

DAYS = 120
#: A name as an attacker would register it.
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>{{ 7*7 }}有限公司'
HOSTILE_ID = "HOSTILE/1?x=#y"
SCORES = {Level.RED: 0.91, Level.ORANGE: 0.74, Level.YELLOW: 0.55, Level.BLUE: 0.33}


@dataclass(frozen=True)
class Firm:
    """One enterprise of the scene; level NONE has no open alert."""

    enterprise_id: str
    name: str
    industry: str
    region: str
    size: str
    level: Level
    story: str
    hours: float


FIRMS = (
    Firm("91350100M000100Y43", "榕城精密机械制造有限公司", "C34", "350102", "medium", Level.RED, "bankruptcy", 0.4),
    Firm("91350111MA2XTAQ06E", "闽江纺织印染有限公司", "C17", "350111", "large", Level.RED, "stopped", 5),
    Firm("91512081MA62K0260E", "天府新区建筑工程有限公司", "E47", "510116", "medium", Level.ORANGE, "dishonest", 1.2),
    Firm("91440300MA5FBKLM3P", "鹏程电子科技有限公司", "C39", "440305", "small", Level.ORANGE, "stopped", 9),
    Firm("91330106MA2B1CFJ7X", "钱塘食品加工有限公司", "C13", "330106", "small", Level.ORANGE, "tax", 26),
    Firm("91320505MA1MYGQR2K", "姑苏物流运输有限公司", "G54", "320505", "small", Level.YELLOW, "staff", 3),
    Firm("91370203MA3CQRET6H", "海岸酒店管理有限公司", "H61", "370203", "medium", Level.YELLOW, "news", 7),
    Firm("91410105MA45DYUC1N", "中原农产品批发有限公司", "F51", "410105", "micro", Level.YELLOW, "tax", 30),
    Firm("91420103MA4KLPWE9B", "江汉汽车零部件有限公司", "C36", "420103", "medium", Level.YELLOW, "stopped", 50),
    Firm("91500105MA5U8NQK4D", "渝州新能源材料有限公司", "C38", "500105", "large", Level.BLUE, "staff", 12),
    Firm(HOSTILE_ID, HOSTILE, "L72", "110108", "small", Level.BLUE, "news", 40),
    Firm("91610131MA6U2HJY5R", "长安软件技术有限公司", "I65", "610131", "small", Level.BLUE, "tax", 80),
    Firm("91350200MA31QWER8T", "鹭岛进出口贸易有限公司", "F51", "350203", "small", Level.NONE, "", 0),
)

_STORIES: dict[str, tuple[str, str, str]] = {
    "bankruptcy": ("litigation", "法院已受理破产申请：（2026）闽01破17号",
                   "A court has accepted a bankruptcy petition"),
    "stopped": ("electricity", "用电量连续 7 天低于平日的 5%（41 kWh，平日 8,200 kWh）",
                "Electricity use under 5 % of its usual level for 7 days (41 kWh, usually 8,200)"),
    "dishonest": ("litigation", "被列为失信被执行人：（2026）川0116执882号", "Listed as a dishonest debtor"),
    "tax": ("tax", "增值税申报销售额连续 3 个月为零", "Declared VAT sales have been zero for 3 months"),
    "staff": ("social_security", "参保人数一个月减少 31%（由 186 人降至 128 人），同期销售额增长 12%",
              "Insured staff fell 31 % in a month (186 to 128) while sales grew by 12 %"),
    "news": ("sentiment", "3 天内出现 9 条负面报道，集中于拖欠工资",
             "9 adverse reports in 3 days, mostly about unpaid wages"),
}  # fmt: skip


class Scene:
    """Builds the district as of a moment and puts it into a database.

    Parameters
    ----------
    client
        Connected to the server; the database is made.
    database
        Its name.
    now
        The moment that the newest records are about.
    """

    def __init__(self, client: Client, database: str, now: datetime) -> None:
        migrate(client, database, {})
        self._sink = Sink(lambda: client)
        self._now = now
        self._offset = 0
        self._random = random.Random(7)

    def fill(self, firms: Sequence[Firm] = FIRMS) -> None:
        """Insert everything."""
        rows = [row for firm in firms for row in self._firm(firm)]
        self.insert(*rows, *self.heartbeats(self._now))

    def heartbeats(self, at: datetime) -> list[tuple[str, Message, datetime]]:
        """Return one heartbeat of each source."""
        return [
            (topics.SOURCES, Heartbeat(source=name, at=at, status="alive", families=[family], sent=1000), at)
            for name, family in (("grid", "electricity"), ("tax-office", "tax"), ("courts", "litigation"))
        ]

    def insert(self, *rows: tuple[str, Message, datetime]) -> None:
        """Insert messages of topics with their record times."""
        batches: defaultdict[str, list[Row]] = defaultdict(list)
        for topic, message, at in rows:
            self._offset += 1
            batches[TABLE_OF[topic].name].append(Row(message, topic, 0, self._offset, 0, round(at.timestamp() * 1000)))
        for name, batch in batches.items():
            self._sink.insert(next(table for table in TABLE_OF.values() if table.name == name), batch)

    def _firm(self, firm: Firm) -> list[tuple[str, Message, datetime]]:
        entry = Enterprise(
            enterprise_id=firm.enterprise_id,
            names=[firm.name, f"{firm.name[:4]}厂"] if firm.enterprise_id != HOSTILE_ID else [firm.name],
            industry=firm.industry,
            region=firm.region,
            size=firm.size,  # type: ignore[arg-type]  # a literal of the model
            source="registry",
            source_id=firm.enterprise_id,
        )
        rows: list[tuple[str, Message, datetime]] = [(topics.REGISTRY, entry, self._now - timedelta(days=200))]
        rows += self._use(firm)
        rows += self._risks(firm)
        if firm.level is not Level.NONE:
            rows += self._warnings(firm)
        return rows

    def _use(self, firm: Firm) -> list[tuple[str, Message, datetime]]:
        rows: list[tuple[str, Message, datetime]] = []
        midnight = datetime(self._now.year, self._now.month, self._now.day, 16, tzinfo=UTC) - timedelta(days=1)
        usual = self._random.uniform(3000, 9000)
        for back in range(DAYS, 0, -1):
            start = midnight - timedelta(days=back)
            value = usual * self._random.gauss(1, 0.06) * (0.62 if start.weekday() >= 5 else 1)
            if firm.story == "stopped" and back <= 9:
                value *= 0.02
            value, known = round(value, 1), start + timedelta(hours=30)
            rows.append(
                (
                    topics.METRICS,
                    MetricRow(
                        enterprise_id=firm.enterprise_id, family="electricity", metric="daily_kwh", window="1d",
                        start=start, count=1, at=known, sum=value, min=value, max=value, last=value,
                        expected=round(usual, 1),
                    ),
                    known,
                )
            )  # fmt: skip
            if back <= 30:
                rows.append((topics.SIGNALS[0], _reading(firm, start, value), known))
        if firm.story == "news":
            told = self._now - timedelta(hours=firm.hours + 1)
            title = f"{firm.name}被曝拖欠工资"
            news = Signal(
                enterprise_id=firm.enterprise_id, family="sentiment", metric="news", payload={"title": title},
                event_time=told, source="news", source_id=f"n-{firm.enterprise_id}",
            )  # fmt: skip
            rows.append((topics.SIGNALS[4], news, told))
        return rows

    def _risks(self, firm: Firm) -> list[tuple[str, Message, datetime]]:
        rows: list[tuple[str, Message, datetime]] = []
        final = SCORES.get(firm.level, 0.08)
        steps = [(40.0, 0.05), (20.0, 0.08), (10.0, final * 0.4), (3.0, final * 0.7)]
        moments = [(self._now - timedelta(hours=firm.hours) - timedelta(days=d), s) for d, s in steps]
        moments.append((self._now - timedelta(hours=firm.hours), final))
        for sequence, (at, score) in enumerate(moments, 1):
            risk = Risk(
                enterprise_id=firm.enterprise_id,
                sequence=sequence,
                at=at,
                score=round(score, 3),
                low=round(score * 0.93, 3),
                high=round(min(1.0, score * 1.12 + 0.05), 3),
                level=firm.level if sequence == len(moments) else Level.NONE,
                coverage=0.7,
                families=_families(firm, score, at),
                config_version="default-1",
            )
            rows.append((topics.RISK, risk, at))
        return rows

    def _warnings(self, firm: Firm) -> list[tuple[str, Message, datetime]]:
        at = self._now - timedelta(hours=firm.hours)
        family, zh, en = _STORIES[firm.story]
        since = at - timedelta(days=7)
        reasons = [Reason(reason=f"{family}.{firm.story}", family=family, zh=zh, en=en, severity=0.82, since=since)]
        if firm.level in (Level.RED, Level.ORANGE):
            zh2, en2 = (
                "同区域同行业企业用电正常，下降并非普遍现象",
                "Its peers use electricity as usual: the fall is its own",
            )
            reasons.append(
                Reason(reason="electricity.peers", family="electricity", zh=zh2, en=en2, severity=0.4, since=since)
            )
        finding = Finding(
            finding_id=f"{firm.enterprise_id}:{firm.story}", enterprise_id=firm.enterprise_id, family=family,
            metric="daily_kwh" if family == "electricity" else "", detector=f"{family}.{firm.story}",
            detector_version=1, config_version="default-1", state=FindingState.RAISED,
            reason=f"{family}.{firm.story}", severity=0.82, confidence=0.9,
            observed=41.0 if firm.story == "stopped" else None, expected=8200.0 if firm.story == "stopped" else None,
            unit="kWh" if firm.story == "stopped" else "", since=since, at=at, text_zh=zh, text_en=en,
        )  # fmt: skip
        rows: list[tuple[str, Message, datetime]] = [(topics.FINDINGS, finding, at)]
        steps = [(Transition.OPENED, firm.level, Level.NONE, at)]
        if firm.level in (Level.RED, Level.ORANGE):
            before = at - timedelta(days=2)
            steps = [
                (Transition.OPENED, Level.YELLOW, Level.NONE, before),
                (Transition.ESCALATED, firm.level, Level.YELLOW, at),
            ]
        for sequence, (transition, level, previous, when) in enumerate(steps, 1):
            alert = Alert(
                alert_id=alert_id(firm), enterprise_id=firm.enterprise_id, enterprise_name=firm.name,
                sequence=sequence, transition=transition, level=level, previous_level=previous,
                score=SCORES[level], at=when, opened_at=steps[0][3], decided_on=f"{when:%Y-%m-%d}",
                rule="score", reasons=reasons,
                counterfactual=Counterfactual(zh="日用电量连续 3 天高于 8,200 kWh 即可解除",
                                              en="Would clear above 8,200 kWh a day for 3 days"),
                config_version="default-1",
            )  # fmt: skip
            rows.append((topics.ALERTS, alert, when))
        return rows


def alert_id(firm: Firm) -> str:
    """Return the id of the firm's open alert."""
    return f"{firm.enterprise_id}:1"


def _reading(firm: Firm, start: datetime, value: float) -> Signal:
    return Signal(
        enterprise_id=firm.enterprise_id, family="electricity", metric="daily_kwh", value=value, unit="kWh",
        event_time=start, source="grid", source_id=f"{firm.enterprise_id}:{start:%Y-%m-%d}",
    )  # fmt: skip


def _families(firm: Firm, score: float, at: datetime) -> list[FamilyRisk]:
    said = _STORIES[firm.story][0] if firm.story else ""
    coverage = {"electricity": Coverage.FRESH, "tax": Coverage.FRESH, "social_security": Coverage.STALE}
    return [
        FamilyRisk(
            family=family,
            score=round(score * (0.95 if family == said else 0.15), 3),
            coverage=coverage.get(family, Coverage.FRESH if family == said else Coverage.NEVER),
            newest_event_time=at - timedelta(days=1) if family in coverage or family == said else None,
        )
        for family in ("electricity", "tax", "social_security", "litigation", "sentiment")
    ]
