from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.calendar import Calendar
from detectors.config import default
from detectors.contract import Context, Event, Opinion, Profile
from detectors.sentiment.duplicates import distance, fingerprint, nearest
from detectors.sentiment.floors import KINDS
from detectors.sentiment.lexicon import NEUTRAL, SOFT_CEILING, TERMS, read
from detectors.sentiment.news import News
from detectors.sentiment.volume import NewsVolume
from detectors.sentiment.words import BEGIN, END, MASK, then, without
from detectors.sentiment.writing import normalise

CONFIG = default().sentiment
NAMES = ("福州甲精密机械有限公司", "甲精密机械")
Story = Callable[..., list[Sequence[Opinion]]]
Telling = Callable[..., list[Sequence[Opinion]]]


FLOOR_TEXTS = [
    (row["subject"], row["text"], row["floor"] == "1")
    for row in csv.DictReader((Path(__file__).parent / "floor_texts.csv").read_text(encoding="utf-8").splitlines())
]


def test_the_lexicon_is_of_size_and_its_severities_are_in_range() -> None:
    assert 400 <= len(TERMS) <= 1000
    assert all(-10 <= points <= 10 for points in TERMS.values())
    assert all(SOFT_CEILING < CONFIG.hard_floor <= kind.severity <= 1 for kind in KINDS)


@pytest.mark.parametrize("term", sorted(TERMS))
def test_every_term_is_found(term: str) -> None:
    found = read(f"某企业{term}" if not term.isascii() else f"The firm: {term.title()}")
    assert (found.severity > NEUTRAL.severity) == (TERMS[term] > 0)


@pytest.mark.parametrize(("subject", "text", "floor"), FLOOR_TEXTS)
def test_a_floor_lies_under_what_is_serious_for_the_subject_and_only_that(subject: str, text: str, floor: bool) -> None:
    found = read(text, (subject,))
    assert found.hard == floor, found
    assert (found.severity >= CONFIG.hard_floor) == floor


@given(
    case=st.sampled_from([case for case in FLOOR_TEXTS if case[2]]),
    before=st.sampled_from(["", "【快讯】", "今日要闻：", "据本报记者了解，", "\u200b", "　"]),
    after=st.sampled_from(
        ["", "。", "（图）", "。天气晴好。", "，本报将继续关注", "！！", " #财经#", "。新品发布会明日举行"]
    ),
)
@settings(max_examples=200, deadline=None)
def test_a_floor_survives_surrounding_noise(case: tuple[str, str, bool], before: str, after: str) -> None:
    subject, text, _ = case
    assert read(f"{before}{text}{after}", (subject,)).hard


def test_the_texts_are_many_and_half_of_them_are_traps() -> None:
    floors = sum(floor for _, _, floor in FLOOR_TEXTS)
    assert floors >= 100
    assert len(FLOOR_TEXTS) - floors >= 75


def test_whatever_a_pattern_finds_holds_one_of_its_cues() -> None:
    for _, text, _ in FLOOR_TEXTS:
        clean = normalise(text)
        for kind in KINDS:
            for match in kind.pattern.finditer(clean):
                assert any(cue in match.group().lower() for cue in kind.cues), (kind.name, match.group())


@pytest.mark.parametrize(
    "name", ["安途培训有限公司", "重生游戏有限公司", "鼎新破产管理咨询有限公司", "防爆演练设备有限公司"]
)
def test_what_a_name_is_made_of_neither_hides_nor_makes_a_serious_fact(name: str) -> None:
    assert read(f"{name}被列入失信被执行人名单", (name,)).hard
    assert not read(f"{name}召开年会", (name,)).hard
    assert read(f"{name}资产被查封", (name,)).hard


@pytest.mark.parametrize("text", ["İNSOLVENT", "lıquıdıty crisis", "Delıſted"])
def test_letters_that_only_resemble_a_term_are_none(text: str) -> None:
    assert read(text) == NEUTRAL


def test_terms_of_both_languages_count_in_the_order_of_the_text() -> None:
    chinese, english = "资不抵债", "insolvent"
    assert read(f"{english} {chinese}").term == english
    assert read(f"{chinese} {english}").term == chinese


@pytest.mark.parametrize(
    "title",
    [
        "甲精密机械欠税1200万元并列入非正常户",
        "法院裁定受理甲精密机械破产重整",
        "甲精密机械被列入失信被执行人名单",
        "甲精密机械老板跑路，员工讨薪",
        "甲精密机械涉嫌合同诈骗被刑事立案",
        "甲精密机械厂房发生爆炸事故",
        "甲精密机械债券违约",
        "甲精密机械被责令停产",
        "甲精密机械：股权被冻结",
        "【独家】甲精密机械拖欠工资半年",
        "Supplier 甲精密机械 files for Bankruptcy",
    ],
)
def test_hard_floors(title: str) -> None:
    found = read(title, NAMES)
    assert found.hard
    assert found.severity >= CONFIG.hard_floor


@pytest.mark.parametrize(
    "title",
    [
        "甲精密机械否认破产重整传闻",
        "甲精密机械澄清：不存在债务违约",
        "甲精密机械已被移出失信名单",
        "甲精密机械股权冻结已解除",
        "甲精密机械没有拖欠工资",
        "甲精密机械未发生重大安全事故",
        "甲精密机械中标亿元订单",
        "",
        "   ",
        "甲精密机械召开年会",
    ],
)
def test_denied_lifted_and_good_news_is_not_serious(title: str) -> None:
    assert not read(title, NAMES).hard
    assert read(title, NAMES).severity < CONFIG.speak_from


@pytest.mark.parametrize(
    ("title", "about_us"),
    [
        ("甲精密机械起诉乙贸易有限公司拖欠货款", False),
        ("甲精密机械申请执行乙贸易有限公司", False),
        ("乙贸易有限公司破产清算", False),
        ("乙贸易有限公司债券违约，拖欠工资", False),
        ("乙贸易有限公司业绩大增，甲精密机械债券违约", True),
        ("乙贸易有限公司申请对甲精密机械强制执行", True),
        ("甲精密机械被乙公司申请破产", True),
        ("破产清算在即", True),
    ],
)
def test_whom_a_headline_is_about(title: str, about_us: bool) -> None:
    assert read(title, NAMES).hard == about_us
    assert (read(title, NAMES).severity >= CONFIG.speak_from) == about_us


@given(content=st.text(max_size=300), names=st.lists(st.text(max_size=12), max_size=3))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read(content: str, names: list[str]) -> None:
    found = read(content, names)
    assert 0.0 <= found.severity <= 1.0
    assert found.hard == (found.severity > SOFT_CEILING)
    assert 0 <= fingerprint(content) < 2**64


@given(clauses=st.lists(st.sampled_from(["甲精密机械召开年会", "新品发布", "天气晴好"]), max_size=4))
@settings(max_examples=30, deadline=None)
def test_harmless_clauses_do_not_hide_a_serious_one(clauses: list[str]) -> None:
    assert read("，".join([*clauses, "甲精密机械破产清算", *clauses]), NAMES).hard


def test_copies_of_a_story_are_near_and_other_stories_far() -> None:
    story = "福州甲精密机械有限公司拖欠员工工资三个月，数十名员工到厂门口讨薪"
    copies = [f"【快讯】{story}", f"{story}！", story.replace("，", " "), f"{story}（图）"]
    others = ["福州甲精密机械有限公司中标地铁项目", "乙贸易有限公司拖欠货款被起诉至法院", "央行今日开展逆回购操作"]
    prints = [fingerprint(text) for text in (story, *copies)]
    assert all(distance(prints[0], one) <= CONFIG.duplicate_bits for one in prints)
    assert all(nearest(prints, fingerprint(text), CONFIG.duplicate_bits) is None for text in others)
    assert nearest([], prints[0], CONFIG.duplicate_bits) is None


def tell(telling: Telling, *payloads: dict[str, Any]) -> list[Sequence[Opinion]]:
    events = [(f"2026-03-{n + 1:02}", payload) for n, payload in enumerate(payloads)]
    return telling(News(CONFIG), "news", events, NAMES)


def test_a_story_is_told_once_and_again_when_it_gets_worse(telling: Telling) -> None:
    title = "甲精密机械资金链紧张传闻引发供应商上门，厂区大门紧闭多日"
    first, copied, worse, other = tell(
        telling,
        {"title": title},
        {"title": f"【转载】{title}"},
        {"title": title, "subject": NAMES[0], "text": "甲精密机械破产清算"},
        {"title": "甲精密机械被责令停产整顿"},
    )
    assert first[0].reason == "sentiment.negative-news"
    assert not copied
    assert not worse or worse[0].subject == first[0].subject
    assert other[0].reason == "sentiment.serious-news"
    assert other[0].subject != first[0].subject


def test_a_named_subject_that_is_someone_else(telling: Telling) -> None:
    (told,) = tell(telling, {"title": "破产清算", "subject": "乙贸易有限公司"})
    assert not told
    (told,) = tell(telling, {"title": "破产清算", "subject": "甲精密机械"})
    assert told[0].severity >= CONFIG.hard_floor


def test_a_body_weighs_less_than_a_title(telling: Telling) -> None:
    (body,) = tell(telling, {"title": "甲精密机械近况", "text": "甲精密机械破产清算。"})
    (title,) = tell(telling, {"title": "甲精密机械破产清算"})
    assert body[0].severity < title[0].severity
    assert body[0].reason == "sentiment.negative-news"


def test_a_story_of_a_better_source_is_told_again(calendar: Calendar) -> None:
    news = News(replace(CONFIG, source_weights={"rumours": 0.4}))
    memory, told = news.memory(), []
    for source in ("rumours", "rumours", "gazette", "rumours"):
        event = Event("news", {"title": "甲精密机械破产清算"}, 0, 0, source)
        context = Context(0, calendar, Profile(names=NAMES), {}, {})
        told.append(news.judge_one(memory, event, context))
        news.learn_one(memory, event, context)
    assert [len(opinions) for opinions in told] == [1, 0, 1, 0]
    assert [told[n][0].confidence for n in (0, 2)] == [0.4, 1.0]
    assert told[0][0].subject == told[2][0].subject


def test_a_wave_of_news(story: Story) -> None:
    counts = [float(n % 3 == 0) for n in range(40)] + [2.0, 9.0, 14.0, 0.0]
    told = story(NewsVolume(CONFIG), {"news_count": counts}, 20_000, unit="count")
    assert [n for n, opinions in enumerate(told) if opinions] == [41, 42]
    famous = [30.0 + n % 5 for n in range(44)]
    assert not any(story(NewsVolume(CONFIG), {"news_count": famous}, 20_000, unit="count"))


def test_a_long_name_is_one_step_of_a_search() -> None:
    reach = then(BEGIN, without("被", 14), "停产", END).compile()
    assert reach.search(MASK * 300 + "车间停产")
    assert not reach.search(MASK * 300 + "车间被停产")
