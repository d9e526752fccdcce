"""Every text of the board, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from connectors.catalogue import FAMILIES
from connectors.models import Level
from dashboards.board.codes import FACTS, INDUSTRIES, METRICS, PROVINCES, SIZES, WORDS


class Language(StrEnum):
    """The languages that the board speaks, the default first."""

    ZH = "zh"
    EN = "en"


#: Key: Chinese, English. Both name the same places in braces.
TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "title": ("企业风险预警台", "Enterprise warning board"),
        "brand": ("预警台", "Warning board"),
        "skip": ("跳到预警列表", "Skip to the alerts"),
        "language": ("English", "中文"),
        "language.label": ("切换为英文", "Switch to Chinese"),
        "back": ("返回预警台", "Back to the board"),
        # levels
        "level.red": ("红色", "Red"),
        "level.orange": ("橙色", "Orange"),
        "level.yellow": ("黄色", "Yellow"),
        "level.blue": ("蓝色", "Blue"),
        "level.none": ("无预警", "No warning"),
        "level.short.red": ("红", "Red"),
        "level.short.orange": ("橙", "Orange"),
        "level.short.yellow": ("黄", "Yellow"),
        "level.short.blue": ("蓝", "Blue"),
        "level.short.none": ("无", "None"),
        "level.filter": ("{level}预警 {count} 起，点击只看此级别", "{level}: {count} open; click to show only these"),
        "counts": ("各级未解除预警数", "Open alerts by level"),
        "unacknowledged": ("未确认", "Unacknowledged"),
        "overdue": ("超时未确认", "Overdue"),
        # the state of the data
        "data.age": ("数据 {age}前", "Data {age} old"),
        "data.none": ("尚无数据", "No data yet"),
        "data.stale": ("数据已陈旧：{age}没有新数据。无新预警不代表平安。",
                       "The data is stale: nothing new for {age}. No new alerts does not mean all is well."),
        "data.away": ("自 {since} 起无法连接数据存储；下面是 {as_of} 的旧数据，可能已有变化。",
                      "Data store unreachable since {since}; the figures below are from {as_of} and may have changed."),
        "data.away.never": ("自 {since} 起无法连接数据存储，没有可显示的数据。",
                            "Data store unreachable since {since}; there is nothing to show."),
        "scoring.halted": ("自 {since} 起没有评分进程在工作：新信号未经评估，不会产生新预警。"
                           "无新预警不代表平安，请通知运维。",
                           "Nothing has been scored since {since}: new signals are not judged and no new alert can "
                           "appear. No new alerts does not mean all is well. Tell the operator."),
        "input.lost": ("近 7 天有 {count} 处数据在评分或入库之前已被按期删除，部分企业的判断可能不完整：请通知运维。",
                       "Data was deleted by Kafka before it was scored or stored ({count} gaps within 7 days): some "
                       "enterprises may be judged on incomplete data. Tell the operator."),
        "data.lost": ("与服务器的连接已中断：本页不再更新，内容可能已过时。",
                      "Connection to the server lost: this page no longer updates and may be out of date."),
        "connected": ("已连接", "Connected"),
        "disconnected": ("数据存储不可达", "Store unreachable"),
        "sources.trouble": ("数据源异常：{sources}", "Sources in trouble: {sources}"),
        "simulated": ("模拟时间：{at}", "Simulated time: {at}"),
        "labelled": ("{label}：{said}", "{label}: {said}"),
        # the table of alerts
        "alerts": ("未解除的预警", "Open alerts"),
        "alerts.shown": ("显示 {shown} / 共 {total} 起", "{shown} of {total} shown"),
        "alerts.none": ("目前没有未解除的预警。", "There are no open alerts."),
        "alerts.none.filtered": ("没有符合条件的预警。", "No alerts match."),
        "filter.text": ("按企业名称、代码或原因筛选", "Filter by name, code or reason"),
        "filter.open": ("只看未确认", "Only unacknowledged"),
        "column.level": ("级别", "Level"),
        "column.enterprise": ("企业", "Enterprise"),
        "column.since": ("发生时间", "Since"),
        "column.score": ("风险分", "Score"),
        "column.reason": ("主要原因", "Main reason"),
        "column.acknowledged": ("处置", "Acknowledged"),
        "more.reasons": ("另有 {count} 条原因", "and {count} more"),
        # acknowledging
        "acknowledge": ("确认", "Acknowledge"),
        "acknowledge.title": ("确认预警：{name}", "Acknowledge: {name}"),
        "acknowledge.explain": ("确认表示您已看到并负责跟进，不会解除预警。",
                                "It says that you have seen the alert and follow it up. The alert stays open."),
        "acknowledge.actor": ("您的姓名", "Your name"),
        "acknowledge.actor.missing": ("请填写姓名", "Please give your name"),
        "acknowledge.note": ("备注（可不填）", "Note (optional)"),
        "acknowledge.cancel": ("取消", "Cancel"),
        "acknowledge.done": ("已确认", "Acknowledged"),
        "acknowledge.failed": ("未能保存，请重试", "Could not be saved; please try again"),
        "acknowledged.at": ("{actor} 于 {at} 确认", "Acknowledged by {actor}, {at}"),
        # one enterprise
        "enterprise.unknown": ("没有找到代码为 {id} 的企业", "There is no enterprise with the code {id}"),
        "enterprise.loading": ("正在读取…", "Loading…"),
        "fact.code": ("统一社会信用代码", "Credit code"),
        "fact.industry": ("行业", "Industry"),
        "fact.region": ("地区", "Region"),
        "fact.size": ("规模", "Size"),
        "fact.names": ("曾用名/别名", "Other names"),
        "fact.unregistered": ("登记信息未收到", "No registry entry received"),
        "risk.score": ("风险分", "Risk score"),
        "risk.interval": ("区间 {low}–{high}（缺失的数据使其变宽）", "{low}–{high} (missing data widens it)"),
        "risk.unknown": ("尚无评分。没有评分不代表安全。", "Not scored yet. That is not the same as safe."),
        "risk.at": ("评分于 {at}", "Scored {at}"),
        "chart.score": ("风险分走势", "Risk score over time"),
        "chart.score.label": ("风险分走势图，{count} 个点，最新 {latest}",
                              "Chart of the risk score, {count} points, latest {latest}"),
        "chart.daily": ("每日用电量（kWh）", "Daily electricity use (kWh)"),
        "chart.daily.label": ("每日用电量图，{count} 天，最新 {latest} kWh",
                              "Chart of daily use, {count} days, latest {latest} kWh"),
        "chart.daily.value": ("用电量", "Use"),
        "chart.daily.expected": ("预期", "Expected"),
        "chart.none": ("没有数据。没有数据不代表正常。", "No data. No data does not mean normal."),
        "families": ("各类信号的贡献与覆盖", "Signal families: contribution and coverage"),
        "families.missing": ("缺失不等于安全：陈旧或从未收到的数据不会降低风险。",
                             "Missing is not safe: stale or absent data never lowers the risk."),
        "column.family": ("信号", "Family"),
        "column.coverage": ("覆盖", "Coverage"),
        "column.newest": ("最新数据", "Newest data"),
        "coverage.fresh": ("新鲜", "Fresh"),
        "coverage.stale": ("陈旧", "Stale"),
        "coverage.never": ("从未收到", "Never seen"),
        "alert.now": ("当前预警", "Open alert"),
        "alert.none": ("没有未解除的预警", "No open alert"),
        "alert.since": ("{at} 起，{age}", "Since {at}, {age}"),
        "reasons": ("原因", "Reasons"),
        "counterfactual": ("解除条件", "What would clear it"),
        "history": ("预警历史", "Alert history"),
        "history.none": ("没有预警历史。", "No alert history."),
        "transition.opened": ("触发", "Opened"),
        "transition.escalated": ("升级", "Escalated"),
        "transition.eased": ("降级", "Eased"),
        "transition.resolved": ("解除", "Resolved"),
        "transition.retracted": ("撤回", "Retracted"),
        "transition.review": ("待复核", "Needs review"),
        "transition.backfill": ("仅由历史数据引起，未通知", "From backfilled history only; nobody was notified"),
        "findings": ("证据：各检测器的看法", "Evidence: what the detectors found"),
        "findings.none": ("没有检测结果。", "No findings."),
        "finding.raised": ("成立", "Raised"),
        "finding.changed": ("有变化", "Changed"),
        "finding.ended": ("已结束", "Ended"),
        "finding.withdrawn": ("已撤回", "Withdrawn"),
        "column.text": ("内容", "What"),
        "column.severity": ("严重度", "Severity"),
        "column.state": ("状态", "State"),
        "column.began": ("开始", "Since"),
        "signals": ("近期信号", "Recent signals"),
        "signals.none": ("没有收到信号。", "No signals received."),
        "column.time": ("时间", "Time"),
        "column.metric": ("指标", "Metric"),
        "column.value": ("值", "Value"),
        "column.source": ("来源", "Source"),
        # spans of time
        "span.seconds": ("{n} 秒", "{n} s"),
        "span.minutes": ("{n} 分钟", "{n} min"),
        "span.hours": ("{n} 小时", "{n} h"),
        "span.days": ("{n} 天", "{n} d"),
        "ago": ("{age}前", "{age} ago"),
    }
)  # fmt: skip


class Texts:
    """The board's texts for one reader: language and time zone.

    Parameters
    ----------
    language
        Which of the two.
    zone
        The reader's zone; all times are shown in it.

    Examples
    --------
    >>> Texts(Language.EN, ZoneInfo("UTC"))("data.age", age="3 s")
    'Data 3 s old'
    """

    def __init__(self, language: Language, zone: ZoneInfo) -> None:
        self.language = language
        self.zone = zone
        self._index = list(Language).index(language)

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its places filled."""
        return TEXTS[key][self._index].format(**values)

    def pick(self, zh: str, en: str) -> str:
        """Return the one of two texts that the reader understands."""
        return zh if self.language is Language.ZH else en

    def level(self, level: Level) -> str:
        """Return a level's name."""
        return self(f"level.{level.value}")

    def family(self, name: str) -> str:
        """Return a family's title; its name if the catalogue does not know it."""
        family = FAMILIES.get(name)
        return self.pick(family.title_zh, family.title_en) if family else name

    def metric(self, name: str) -> str:
        """Return a metric's name; its code if the catalogue does not know it."""
        known = METRICS.get(name)
        return self.pick(*known) if known else name

    def fact(self, metric: str, key: str, value: object) -> str:
        """Return one entry of an event's payload; what has no name here stays as the source said it.

        Examples
        --------
        >>> texts = Texts(Language.EN, ZoneInfo("UTC"))
        >>> texts.fact("tax_notice", "kind", "abnormal_household"), texts.fact("tax_notice", "desk", 3)
        ('Kind: abnormal household', 'desk: 3')
        """
        label, said = FACTS.get(key), str(value)
        word = WORDS.get(metric, {}).get(said)
        return self("labelled", label=self.pick(*label) if label else key, said=self.pick(*word) if word else said)

    def industry(self, code: str) -> str:
        """Return an industry's section with its code."""
        known = INDUSTRIES.get(code[:1])
        return f"{self.pick(*known)} {code}" if known else code

    def region(self, code: str) -> str:
        """Return a region's province with its code."""
        known = PROVINCES.get(code[:2])
        return f"{self.pick(*known)} {code}" if known else code

    def size(self, size: str) -> str:
        """Return the name of a size."""
        known = SIZES.get(size)
        return self.pick(*known) if known else size

    def moment(self, when: datetime) -> str:
        """Return a time in the reader's zone, to the minute.

        Examples
        --------
        >>> from datetime import UTC
        >>> Texts(Language.ZH, ZoneInfo("Asia/Shanghai")).moment(datetime(2026, 3, 1, 16, 5, tzinfo=UTC))
        '2026-03-02 00:05'
        """
        return when.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    def clock(self, when: datetime) -> str:
        """Return a time in the reader's zone, to the second."""
        return when.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S")

    def span(self, span: timedelta) -> str:
        """Return a length of time in its largest unit.

        Examples
        --------
        >>> texts = Texts(Language.EN, ZoneInfo("UTC"))
        >>> [texts.span(timedelta(seconds=s)) for s in (-1, 3, 119, 7300, 200_000)]
        ['0 s', '3 s', '1 min', '2 h', '2 d']
        """
        seconds = max(0, int(span.total_seconds()))
        for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
            if seconds >= length:
                return self(f"span.{unit}", n=seconds // length)
        return self("span.seconds", n=seconds)

    def ago(self, span: timedelta) -> str:
        """Return how long ago."""
        return self("ago", age=self.span(span))
