"""What officers read: a sentence in Chinese and one in English for every reason code.

A template names numbers and facts in braces, with the unit after a colon; a part in square brackets is left out when
one of its facts is missing. So a text can never fail to render.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from math import isfinite
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol, TypeVar

from detectors.calendar import Calendar
from detectors.contract import Clearance, Level

_LONGEST_FACT = 80


class Explained(Protocol):
    """What a text is made of: a :class:`detectors.fusion.Held` or a :class:`detectors.contract.Opinion`."""

    @property
    def observed(self) -> float | None:
        """What was seen."""
        ...

    @property
    def expected(self) -> float | None:
        """What was usual."""
        ...

    @property
    def unit(self) -> str:
        """Of both."""
        ...

    @property
    def since(self) -> int:
        """When the condition began. Milliseconds."""
        ...

    @property
    def closed(self) -> bool:
        """Whether the matter is over."""
        ...

    @property
    def facts(self) -> Mapping[str, str | float]:
        """What the text names besides the numbers."""
        ...


class Clearing(Protocol):
    """What a counterfactual is made of."""

    @property
    def clearance(self) -> Clearance | None:
        """What would clear it."""
        ...


#: By reason code: Chinese and English.
TEXTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "electricity.collapse": (
            "用电骤降：自{since}起[已有{days:days}]日用电仅{observed:unit}，平日约{expected:unit}[（下降{fall:%}）]"
            "[，持续30天以上的可能性约{chance:%}]",
            "Electricity use collapsed: {observed:unit} a day since {since}[ ({days:days})], usually about "
            "{expected:unit}[ ({fall:%} less)][; the chance that it lasts 30 days is about {chance:%}]",
        ),
        "electricity.surge": (
            "用电骤增：自{since}起日用电达{observed:unit}，平日约{expected:unit}",
            "Electricity use surged: {observed:unit} a day since {since}, usually about {expected:unit}",
        ),
        "electricity.stuck-meter": (
            "电表疑似停走：自{since}起[连续{days:days}]读数均为{observed:unit}",
            "The meter seems stuck: {observed:unit} every day since {since}[ ({days:days})]",
        ),
        "electricity.silence": (
            "用电数据缺失：自{since}起[已{days:days}]未收到读数，而同类企业数据正常（不代表停产）",
            "Electricity data missing: no reading since {since}[ ({days:days})] while peers report; "
            "this is not a collapse",
        ),
        "electricity.decline": (
            "用电持续走低：近期日均{observed:unit}，此前约{expected:unit}[（下降{fall:%}）]",
            "Electricity use declines: {observed:unit} a day of late, about {expected:unit} before[ ({fall:%} less)]",
        ),
        "electricity.arrears": (
            "电费欠费：自{since}起[，户号{account}][，金额{amount:CNY}]",
            "Electricity bill in arrears since {since}[, account {account}][, {amount:CNY}]",
        ),
        "electricity.suspended": (
            "用电暂停：自{since}起[，户号{account}]",
            "Electricity supply suspended since {since}[, account {account}]",
        ),
        "electricity.account-closed": (
            "用电销户：{since}[，户号{account}]",
            "Electricity account closed on {since}[, account {account}]",
        ),
        "electricity.planned-outage": (
            "计划停电：自{since}起[，户号{account}]（期间用电偏低不作为风险）",
            "Planned outage since {since}[, account {account}]; low use meanwhile is no sign",
        ),
        "electricity.outage": (
            "停电：自{since}起[，户号{account}]（期间用电偏低不作为风险）",
            "Power outage since {since}[, account {account}]; low use meanwhile is no sign",
        ),
        "electricity.meter-offline": (
            "电表离线：自{since}起[，户号{account}]（期间读数不可信）",
            "Meter offline since {since}[, account {account}]; readings meanwhile mean nothing",
        ),
        "electricity.capacity-reduced": (
            "申请减容：{since}[，户号{account}]",
            "Contract capacity reduced on {since}[, account {account}]",
        ),
        "electricity.novel-value": (
            "用电出现从未有过的数值：{since}为{observed:unit}",
            "Electricity use of a size never seen before: {observed:unit} on {since}",
        ),
        "tax.sales-fall": (
            "申报销售额大幅下降：最近一月{observed:unit}，平常约{expected:unit}[（下降{fall:%}）]",
            "Declared sales fell: {observed:unit} in the latest month, usually about {expected:unit}[ ({fall:%} less)]",
        ),
        "tax.zero-filing": (
            "连续零申报：自{since}起[已{months:months}]申报销售额为零，此前约{expected:unit}",
            "Zero filings: no declared sales since {since}[ ({months:months})], about {expected:unit} a month before",
        ),
        "tax.missing-filing": (
            "未见纳税申报：自{since}起[已{months:months}]无申报数据",
            "No tax filing seen since {since}[ ({months:months})]",
        ),
        "tax.void-rate": (
            "发票作废率异常：最近一月{observed:%}，平常约{expected:%}[（作废{voided:count}）]",
            "Unusual share of voided invoices: {observed:%} in the latest month, usually about {expected:%}"
            "[ ({voided:count})]",
        ),
        "tax.burden-fall": (
            "增值税税负率连续{months:months}明显低于以往：平均{observed:%}，以往约{expected:%}",
            "VAT payable against sales well below its own for {months:months}: {observed:%} on average, "
            "{expected:%} before",
        ),
        "tax.payable-fall": (
            "应纳增值税额连续{months:months}明显低于以往：月均{observed:CNY}，以往约{expected:CNY}",
            "VAT payable well below its own for {months:months}: {observed:CNY} a month, {expected:CNY} before",
        ),
        "tax.arrears": (
            "欠税公告：{since}[，金额{amount:CNY}][，税种{tax_category}]",
            "Tax arrears notice of {since}[, {amount:CNY}][, {tax_category}]",
        ),
        "tax.abnormal-household": (
            "被认定为非正常户：{since}",
            "Listed as an abnormal tax household on {since}",
        ),
        "tax.credit-grade": (
            "纳税信用评为{grade}级[，此前为{previous}级]：{since}",
            "Tax credit grade {grade}[, {previous} before]: {since}",
        ),
        "tax.power-divergence": (
            "申报销售与用电背离：用电降至此前的{observed:%}，申报销售额仍为平常的{sales_ratio:%}，或存在虚报",
            "Declared sales and power diverge: power is at {observed:%} of before while sales stay at {sales_ratio:%} "
            "of their usual value; the filing may be misstated",
        ),
        "tax.no-invoices": (
            "停止开票：自{since}起[已{months:months}]未开具发票，此前每月约{expected:count}",
            "No sales invoices since {since}[ ({months:months})], about {expected:count} a month before",
        ),
        "tax.red-letter": (
            "红字发票占比异常：近三个月{observed:%}，此前约{expected:%}[（红字{red:count}）]",
            "Unusual share of red-letter invoices: {observed:%} in three months, about {expected:%} before"
            "[ ({red:count})]",
        ),
        "tax.one-buyer": (
            "销售集中于单一客户：近三个月占{observed:%}，此前约{expected:%}",
            "Sales hang on one buyer: {observed:%} in three months, about {expected:%} before",
        ),
        "tax.novel-value": (
            "涉税数据出现从未有过的数值：{since}起一月为{observed:unit}",
            "A tax figure of a size never seen before: {observed:unit} in the month from {since}",
        ),
        "social_security.headcount-fall": (
            "参保人数骤减：由{expected:unit}降至{observed:unit}[（减少{fall:%}）]",
            "Insured headcount fell from {expected:unit} to {observed:unit}[ ({fall:%} less)]",
        ),
        "social_security.payroll-fall": (
            "缴费基数[连续{months:months}]下降：由{expected:unit}降至{observed:unit}[（减少{fall:%}）]",
            "The contribution base fell[ {months:months} in a row]: from {expected:unit} to {observed:unit}"
            "[ ({fall:%} less)]",
        ),
        "social_security.arrears": (
            "社保欠费：自{since}起[已{months:months}]，最近一月欠缴{observed:unit}",
            "Social-security contributions owed since {since}[ ({months:months})]: {observed:unit} in the latest month",
        ),
        "social_security.headcount-drift": (
            "参保人数持续走低：由{expected:unit}降至{observed:unit}[（减少{fall:%}）]",
            "Insured headcount drifts down: from {expected:unit} to {observed:unit}[ ({fall:%} less)]",
        ),
        "social_security.sales-divergence": (
            "用工与销售背离：[参保人数减少{fall:%}，]申报销售额却增长[{growth:%}]，数据或有不实",
            "Staff and sales diverge: headcount down[ {fall:%}] while declared sales are up[ {growth:%}]; a figure may "
            "be misstated",
        ),
        "social_security.novel-value": (
            "社保数据出现从未有过的数值：{since}起一月为{observed:unit}",
            "A social-security figure of a size never seen before: {observed:unit} in the month from {since}",
        ),
        "litigation.bankruptcy": (
            "破产案件受理：{since}[，案号{case_no}][，{court}]",
            "Bankruptcy case accepted on {since}[, {case_no}][, {court}]",
        ),
        "litigation.dishonest": (
            "被列为失信被执行人：{since}[，案号{case_no}][，金额{amount:CNY}]",
            "Listed as a dishonest debtor on {since}[, {case_no}][, {amount:CNY}]",
        ),
        "litigation.consumption-ban": (
            "被限制高消费：{since}[，案号{case_no}][，金额{amount:CNY}]",
            "High-consumption ban since {since}[, {case_no}][, {amount:CNY}]",
        ),
        "litigation.terminated-execution": (
            "执行终本：{since}[，案号{case_no}][，金额{amount:CNY}]",
            "Enforcement ended without assets on {since}[, {case_no}][, {amount:CNY}]",
        ),
        "litigation.enforcement": (
            "被列为被执行人：{since}[，案号{case_no}][，执行标的{amount:CNY}]",
            "Enforcement against the enterprise since {since}[, {case_no}][, {amount:CNY}]",
        ),
        "litigation.equity-freeze": (
            "股权被冻结：{since}[，案号{case_no}][，金额{amount:CNY}]",
            "Equity frozen since {since}[, {case_no}][, {amount:CNY}]",
        ),
        "litigation.lawsuit": (
            "涉诉（{role:word}，{stage:word}）：{since}[，案号{case_no}][，金额{amount:CNY}]",
            "Lawsuit ({role:word}, {stage:word}): {since}[, {case_no}][, {amount:CNY}]",
        ),
        "litigation.plaintiff": (
            "作为原告涉诉：{since}[，案号{case_no}]",
            "Lawsuit as the plaintiff: {since}[, {case_no}]",
        ),
        "litigation.case-burst": (
            "短期内涉案密集：[近{days:days}]新增{observed:cases}",
            "A burst of cases: {observed:cases} new[ within {days:days}]",
        ),
        "litigation.related-exit": (
            "关联方退出市场（{relation:word}）：{since}[，{party}]",
            "A related party left the market ({relation:word}) on {since}[: {party}]",
        ),
        "sentiment.serious-news": (
            "重大负面舆情（{term}）：{since}[《{title}》][，来源{source}]",
            "Serious news ({term}), {since}[: “{title}”][, source {source}]",
        ),
        "sentiment.negative-news": (
            "负面舆情[（{term}）]：{since}[《{title}》][，来源{source}]",
            "Negative news[ ({term})], {since}[: “{title}”][, source {source}]",
        ),
        "sentiment.news-wave": (
            "舆情量激增：自{since}起日均{observed:mentions}，平常约{expected:mentions}",
            "A wave of news: {observed:mentions} a day since {since}, usually about {expected:mentions}",
        ),
        "sentiment.novel-value": (
            "舆情数量出现从未有过的数值：{since}为{observed:mentions}",
            "A number of news items never seen before: {observed:mentions} on {since}",
        ),
    }
)  # fmt: skip

_WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "defendant": ("被告", "defendant"),
        "third_party": ("第三人", "third party"),
        "plaintiff": ("原告", "plaintiff"),
        "filing": ("立案", "filed"),
        "hearing": ("开庭", "hearing"),
        "judgment": ("判决", "judgment"),
        "investor": ("股东", "investor"),
        "investee": ("被投资企业", "investee"),
    }
)
#: By unit: Chinese and English, after the number.
_UNITS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "kWh": ("千瓦时", " kWh"),
        "persons": ("人", " persons"),
        "count": ("张", " invoices"),
        "cases": ("件", " cases"),
        "mentions": ("条", " items"),
        "days": ("天", " days"),
        "months": ("个月", " months"),
    }
)
_SERIES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "daily_kwh": ("日用电量", "daily electricity use"),
        "vat_sales": ("月申报销售额", "monthly declared sales"),
        "invoices_issued": ("月开票数", "invoices a month"),
        "invoices_voided": ("月作废发票", "voided invoices a month"),
        "insured_headcount": ("参保人数", "the insured headcount"),
        "contribution_base": ("缴费基数", "the contribution base"),
        "contribution_owed": ("社保欠费", "contributions owed"),
        "news_count": ("日舆情量", "news items a day"),
    }
)
_LEVELS_ZH: Final[Mapping[Level, str]] = MappingProxyType(
    {Level.BLUE: "蓝色", Level.YELLOW: "黄色", Level.ORANGE: "橙色", Level.RED: "红色"}
)
_DAILY: Final = frozenset({"daily_kwh", "news_count"})
_PART = re.compile(r"\[([^\]]*)\]")
_SLOT = re.compile(r"\{(\w+)(?::([^}]+))?\}")
_MISSING = "—"


def codes() -> frozenset[str]:
    """Return every reason code that has texts."""
    return frozenset(TEXTS)


def amount(value: float, unit: str) -> tuple[str, str]:
    """Return a number with its unit in Chinese and English, with thousands separators.

    Examples
    --------
    >>> amount(8200.4, "kWh")
    ('8,200千瓦时', '8,200 kWh')
    >>> amount(12_000_000, "CNY"), amount(0.82, "%")
    (('1,200万元', 'CNY 12,000,000'), ('82%', '82%'))
    """
    if not isfinite(value):
        return _MISSING, _MISSING
    if unit == "CNY":
        return _yuan(value), f"CNY {_plain(value)}"
    if unit == "%":
        share = f"{value * 100:,.{0 if abs(value) >= 0.1 or value == 0 else 1}f}%"
        return share, share
    zh, en = _UNITS.get(unit, (unit, f" {unit}" if unit else ""))
    number = _plain(value)
    singular = number == "1" and en.endswith("s") and unit in _UNITS
    return f"{number}{zh}", f"{number}{en[:-1] if singular else en}"


def _plain(value: float) -> str:
    """Return a number with as many digits as a reader needs."""
    if abs(value) >= 100 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"


def _yuan(value: float) -> str:
    size = abs(value)
    if size >= 1e8:
        return f"{_plain(value / 1e8)}亿元"
    return f"{_plain(value / 1e4)}万元" if size >= 1e4 else f"{_plain(value)}元"


@lru_cache(maxsize=1)
def _default_calendar() -> Calendar:
    return Calendar()


def text(reason: str, held: Explained, calendar: Calendar | None = None) -> tuple[str, str]:
    """Return the Chinese and English sentence for a reason.

    Parameters
    ----------
    reason
        Its code. A code without texts reads as itself, so that an older program can show a newer finding.
    held
        Numbers and facts.
    calendar
        For dates; Asia/Shanghai by default.

    Examples
    --------
    >>> from detectors.contract import Opinion
    >>> text("tax.arrears", Opinion("tax.arrears", 0.6, since=1_771_257_600_000, facts={"amount": 52_000.0}))
    ('欠税公告：2026-02-17，金额5.20万元', 'Tax arrears notice of 2026-02-17, CNY 52,000')
    """
    templates = TEXTS.get(reason)
    if templates is None:
        return reason, reason
    slots = _slots(held, calendar or _default_calendar())
    zh, en = (_render(template, slots, held.unit, language) for language, template in enumerate(templates))
    return (f"{zh}（已解除）", f"{en} (over)") if held.closed else (zh, en)


def _slots(held: Explained, calendar: Calendar) -> dict[str, str | float]:
    slots: dict[str, str | float] = {**held.facts, "since": calendar.text(held.since)}
    if held.observed is not None:
        slots["observed"] = held.observed
    if held.expected is not None:
        slots["expected"] = held.expected
        if held.observed is not None and 0 <= held.observed < held.expected:
            slots.setdefault("fall", 1.0 - held.observed / held.expected)
    return slots


class _Slot(NamedTuple):
    """A place in a template for a number or a fact."""

    name: str
    spec: str


@lru_cache(maxsize=1024)
def _parts(template: str) -> tuple[tuple[frozenset[str], tuple[str | _Slot, ...]], ...]:
    """Return a template's parts: the slots without which each is left out, and its words and slots in order."""
    parts = []
    for number, part in enumerate(_PART.split(template)):
        words, names, specs = (_SLOT.split(part)[kind::3] for kind in range(3))
        slots = [_Slot(name, spec or "") for name, spec in zip(names, specs, strict=True)]
        pieces = [piece for pair in zip_longest(words, slots) for piece in pair if piece]
        optional = number % 2  # what stood in brackets
        parts.append((frozenset(names if optional else ()), tuple(pieces)))
    return tuple(parts)


def _render(template: str, slots: Mapping[str, str | float], unit: str, language: int) -> str:
    said = []
    for needed, pieces in _parts(template):
        if needed <= slots.keys():
            for piece in pieces:
                if isinstance(piece, str):
                    said.append(piece)
                else:
                    known = piece.name in slots
                    said.append(_value(slots[piece.name], piece.spec, unit, language) if known else _MISSING)
    return "".join(said)


def _value(value: str | float, spec: str, unit: str, language: int) -> str:
    if isinstance(value, str):
        if spec == "word":
            return _WORDS.get(value, (value, value))[language]
        return value if len(value) <= _LONGEST_FACT else f"{value[: _LONGEST_FACT - 1]}…"
    return amount(value, unit if spec == "unit" else spec)[language]


ClearingT = TypeVar("ClearingT", bound=Clearing)


def counterfactual(
    ranked: Sequence[ClearingT], level: Level, without: Callable[[ClearingT], Level]
) -> tuple[str, str] | None:
    """Return what would end the strongest evidence that numbers can end, and what would then be left, or None.

    Parameters
    ----------
    ranked
        The evidence, what matters most first.
    level
        What stands.
    without
        Tells the level that is left without one piece of evidence.

    Examples
    --------
    >>> from detectors.contract import Opinion
    >>> clearance = Clearance("daily_kwh", 8200.0, "kWh", periods=3)
    >>> collapse = Opinion("electricity.collapse", 0.6, since=0, clearance=clearance)
    >>> counterfactual([collapse], Level.YELLOW, lambda _: Level.NONE)
    ('日用电量连续3天回到8,200千瓦时以上即可解除', 'Would clear with daily electricity use above 8,200 kWh for 3 days')
    >>> counterfactual([collapse], Level.ORANGE, lambda _: Level.YELLOW)[1]
    'Would ease to yellow with daily electricity use above 8,200 kWh for 3 days'
    """
    held = next((held for held in ranked if held.clearance is not None), None)
    if held is None or held.clearance is None:
        return None
    clearance, left = held.clearance, without(held)
    name_zh, name_en = _SERIES.get(clearance.series, (clearance.series, clearance.series))
    limit_zh, limit_en = amount(clearance.threshold, clearance.unit)
    span_zh, span_en = amount(clearance.periods, "days" if clearance.series in _DAILY else "months")
    turn_zh, side_zh, side_en = ("回到", "以上", "above") if clearance.above else ("降到", "以下", "below")
    then_zh, then_en, end_en = _outcome(level, left)
    return (
        f"{name_zh}连续{span_zh}{turn_zh}{limit_zh}{side_zh}{then_zh}",
        f"{then_en} with {name_en} {side_en} {limit_en} for {span_en}{end_en}",
    )


def _outcome(level: Level, left: Level) -> tuple[str, str, str]:
    """Return in words what becomes of a level when another one is left: Chinese, English, and the end of the latter."""
    if left is Level.NONE:
        return "即可解除", "Would clear", ""
    if left < level:
        return f"可降至{_LEVELS_ZH[left]}预警", f"Would ease to {left.name.lower()}", ""
    return "则该项理由消除，其余理由仍维持当前等级", "This reason would end", "; others keep the level"
