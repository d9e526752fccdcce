"""The board as an officer sees it: a real browser, the real command, a real ClickHouse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from connectors import topics
from connectors.decoding import INPUT_LOST
from connectors.models import Alert, Counterfactual, DeadLetter, Level, Reason, Transition
from streams.health import Beacon
from tests.browser import browser, watch_requests
from tests.dashboards.conftest import MakePlace, Place
from tests.dashboards.scene import FIRMS, HOSTILE, HOSTILE_ID, SCORES, Firm, Scene, alert_id
from tests.dashboards.serving import Served, served

pytestmark = pytest.mark.stack
__all__ = ["browser"]

RED = FIRMS[0]
WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def own_place(make_place: MakePlace) -> Place:
    return make_place()


@pytest.fixture(scope="module")
def board(own_place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(own_place, tmp_path_factory.mktemp("board")) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1600, "height": 1000}, timezone_id="Europe/Berlin", locale="zh-CN")
    opened = context.new_page()
    opened.set_default_timeout(WAIT_MS)
    yield opened
    context.close()


def row_of(page: Page, firm: Firm) -> str:
    return f'tr[data-id="{alert_id(firm)}"]'


def test_the_wall_counts_and_lists_the_open_alerts(board: Served, page: Page) -> None:
    page.goto(board.url)
    for level in SCORES:
        count = sum(firm.level is level for firm in FIRMS)
        expect(page.get_by_test_id(f"tile-{level.value}")).to_contain_text(str(count))
    first = page.locator("tbody tr").first
    expect(first).to_contain_text("红")
    expect(page.locator(row_of(page, RED))).to_contain_text(RED.name)
    expect(page.locator(row_of(page, RED))).to_contain_text("破产")
    expect(page.get_by_test_id("data-age")).to_contain_text("前")
    expect(page.get_by_test_id("connection")).to_have_text("已连接")
    expect(page).to_have_title(re.compile(r"\(2\) 企业风险预警台"))


def test_times_are_those_of_the_readers_zone(board: Served, page: Page) -> None:
    page.goto(board.url)
    shown = page.locator(f"{row_of(page, FIRMS[5])} .fw-col-since")
    expect(shown).to_contain_text(re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"))
    opened = datetime.now(UTC) - timedelta(hours=FIRMS[5].hours)
    berlin = [(opened - timedelta(minutes=m)).astimezone(ZoneInfo("Europe/Berlin")) for m in range(10)]
    expect(shown).to_contain_text(re.compile("|".join(f"{moment:%Y-%m-%d %H:%M}" for moment in berlin)))


def test_filters_by_level_and_text(board: Served, page: Page) -> None:
    page.goto(board.url)
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(12)
    page.get_by_test_id("tile-orange").click()
    expect(rows).to_have_count(3)
    expect(page.get_by_test_id("tile-orange")).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("tile-orange").click()
    page.get_by_placeholder("按企业名称").fill("纺织")
    expect(rows).to_have_count(1)
    page.get_by_placeholder("按企业名称").fill("没有这样的企业")
    expect(page.get_by_text("没有符合条件的预警")).to_be_visible()


def test_a_row_leads_to_the_enterprise(board: Served, page: Page) -> None:
    page.goto(board.url)
    page.locator(row_of(page, FIRMS[1])).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(FIRMS[1].name)
    expect(page).to_have_title(FIRMS[1].name)
    expect(page.get_by_test_id("level")).to_contain_text("红色")
    expect(page.get_by_text("制造业 C17")).to_be_visible()
    expect(page.get_by_text("缺失不等于安全")).to_be_visible()
    expect(page.locator('tr[data-id="sentiment"]')).to_contain_text("从未收到")
    expect(page.locator('tr[data-id="social_security"]')).to_contain_text("陈旧")
    expect(page.locator(".fw-clear")).to_contain_text("8,200 kWh")
    expect(page.get_by_role("img", name=re.compile("每日用电量图，120 天"))).to_be_visible()
    expect(page.locator(".fw-chart canvas")).to_have_count(2)
    expect(page.get_by_role("region", name="预警历史")).to_contain_text("升级")


def test_acknowledging_shows_at_once_and_after_a_reload(board: Served, page: Page) -> None:
    page.goto(board.url)
    firm = FIRMS[2]
    page.locator(row_of(page, firm)).get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(firm.name)
    dialog.get_by_test_id("acknowledge-save").click()
    expect(dialog).to_contain_text("请填写姓名")
    dialog.get_by_label("您的姓名").fill("王芳")
    dialog.get_by_label("备注").fill("<b>已电话联系</b>")
    dialog.get_by_test_id("acknowledge-save").click()
    expect(page.locator(row_of(page, firm))).to_contain_text("王芳")
    expect(page.get_by_test_id("unacknowledged")).to_have_text("11")
    page.goto(f"{board.url}/enterprise/{firm.enterprise_id}")
    expect(page.get_by_test_id("acknowledged")).to_contain_text("王芳")
    expect(page.get_by_test_id("acknowledged")).to_contain_text("<b>已电话联系</b>")
    expect(page.get_by_test_id("acknowledge")).to_be_hidden()


def test_the_language_is_kept_by_the_browser(board: Served, page: Page) -> None:
    page.goto(board.url)
    page.get_by_test_id("language").click()
    expect(page.locator("th.fw-col-reason")).to_have_text("Main reason")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.goto(f"{board.url}/enterprise/{RED.enterprise_id}")
    expect(page.get_by_text("Missing is not safe")).to_be_visible()
    expect(page.locator(".fw-alert-panel")).to_contain_text("bankruptcy")
    expect(page.locator(".fw-clear")).to_contain_text("What would clear it: ")
    expect(page.get_by_role("region", name="Recent signals")).to_contain_text("Daily electricity use")


def test_a_first_visit_speaks_the_browsers_language(board: Served, browser: Browser) -> None:
    page = browser.new_page(locale="en-GB")
    page.goto(board.url)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_test_id("language").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.context.close()


@pytest.mark.parametrize("width", [390, 1366])
def test_everything_fits_on_small_screens(board: Served, browser: Browser, width: int) -> None:
    page = browser.new_page(locale="en-GB", viewport={"width": width, "height": 800})
    page.goto(board.url)
    row = page.locator(row_of(page, RED))
    for column in ("level", "enterprise", "since", "reason", "acknowledged"):
        box = row.locator(f".fw-col-{column}").bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width
    spilling = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"
    assert page.locator(".fw-tile, .fw-alerts").evaluate_all(spilling) == []
    expect(page.get_by_test_id("clock")).to_be_visible()
    expect(page.get_by_test_id("simulated")).to_be_hidden()
    page.context.close()


def test_a_simulated_stack_is_said_to_be_one(
    make_place: MakePlace, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = make_place(hours_old=10_000)
    with served(place, tmp_path_factory.mktemp("simulated"), STACK_TIME="simulated") as running:
        page = browser.new_page(locale="zh-CN")
        page.goto(running.url)
        year = (datetime.now(UTC) - timedelta(hours=10_000)).year
        expect(page.get_by_test_id("simulated")).to_contain_text(f"模拟时间：{year}")
        expect(page.get_by_test_id("clock")).to_be_hidden()
        expect(page.locator(f"{row_of(page, FIRMS[1])} .fw-col-since")).to_contain_text("2 天前")
        page.context.close()


def test_hostile_names_stay_text(board: Served, page: Page) -> None:
    hostile = next(firm for firm in FIRMS if firm.enterprise_id == HOSTILE_ID)
    page.goto(board.url)
    link = page.locator(f"{row_of(page, hostile)} a")
    expect(link).to_have_text(HOSTILE)
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.get_by_role("region", name="近期信号")).to_contain_text("标题：<img src=x")
    expect(page).to_have_title(HOSTILE)
    page.get_by_test_id("acknowledge").click()
    expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
    assert page.evaluate("window.hacked") is None


def test_no_request_leaves_the_machine(board: Served, page: Page) -> None:
    seen = watch_requests(page)
    page.goto(board.url)
    page.locator(f"{row_of(page, FIRMS[1])} a").click()
    expect(page.locator(".fw-chart canvas")).to_have_count(2)
    own = (board.url, board.url.replace("http", "ws"), "data:", "blob:")
    assert seen and [url for url in seen if not url.startswith(own)] == []


def test_new_alerts_come_without_losing_focus_or_scroll(board: Served, own_place: Place, page: Page) -> None:
    page.set_viewport_size({"width": 1200, "height": 500})
    page.goto(board.url)
    page.locator(f"{row_of(page, FIRMS[9])} a").focus()
    before = page.evaluate("window.scrollY")
    assert before > 0
    page.evaluate("document.activeElement.dataset.mine = '1'")
    now = datetime.now(UTC)
    fresh = Alert(
        alert_id="91350200MA31QWER8T:1", enterprise_id="91350200MA31QWER8T", enterprise_name="", sequence=1,
        transition=Transition.OPENED, level=Level.RED, previous_level=Level.NONE, score=0.95, at=now, opened_at=now,
        decided_on=f"{now:%Y-%m-%d}", rule="score", counterfactual=Counterfactual(zh="无", en="None"),
        reasons=[Reason(reason="tax.arrears", family="tax", zh="欠税公告", en="Tax arrears", severity=0.9, since=now)],
        config_version="default-1",
    )  # fmt: skip
    Scene(own_place.connect(), own_place.clickhouse_database, now).insert((topics.ALERTS, fresh, now))
    expect(page.locator('tr[data-id="91350200MA31QWER8T:1"]')).to_contain_text("鹭岛进出口贸易有限公司")
    expect(page.get_by_test_id("tile-red")).to_contain_text("3")
    assert page.evaluate("document.activeElement.dataset.mine") == "1"
    assert page.evaluate("window.scrollY") >= before


def test_an_unknown_enterprise_is_said_to_be_unknown(board: Served, page: Page) -> None:
    page.goto(f"{board.url}/enterprise/NOBODY")
    expect(page.get_by_text("没有找到代码为 NOBODY 的企业")).to_be_visible()


def test_without_the_store_the_board_never_looks_calm(board: Served, page: Page) -> None:
    page.goto(board.url)
    expect(page.get_by_test_id("banner")).to_be_hidden()
    rows = page.locator("tbody tr").count()
    board.cable.cut()
    expect(page.get_by_test_id("banner")).to_contain_text("无法连接数据存储")
    expect(page.get_by_test_id("connection")).to_have_text("数据存储不可达")
    expect(page.locator(".fw-main")).to_have_class(re.compile("fw-old"))
    assert page.locator("tbody tr").count() == rows
    board.cable.plug()
    expect(page.get_by_test_id("banner")).to_be_hidden()
    expect(page.locator(".fw-main")).not_to_have_class(re.compile("fw-old"))


def test_a_dead_scorer_and_lost_input_are_told_in_both_languages(
    make_place: MakePlace, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place, directory = make_place(), tmp_path_factory.mktemp("halted")
    said = {"part": "scorer-0", "pid": 2**22, "state": "running", "at_ms": 1_700_000_000_000, "detail": {}}
    with served(place, directory) as running:
        page = browser.new_page(locale="zh-CN")
        page.goto(running.url)
        page.wait_for_selector("tbody tr")
        expect(page.get_by_test_id("halted")).to_be_hidden()
        expect(page.get_by_test_id("losses")).to_be_hidden()
        (directory / "run" / "scorer-0.json").write_text(json.dumps(said))
        now = datetime.now(UTC)
        lost = DeadLetter(
            topic="signals.tax", partition=3, offset=5, reason=INPUT_LOST, detail="deleted", value="",
            record_time=now - timedelta(days=40), at=now - timedelta(days=40),
        )  # fmt: skip
        Scene(place.connect(), place.clickhouse_database, now).insert((topics.DEAD_LETTERS, lost, now))
        expect(page.get_by_test_id("halted")).to_contain_text("自 2023-11-14 ")
        expect(page.get_by_test_id("halted")).to_contain_text("没有评分进程在工作")
        expect(page.get_by_test_id("losses")).to_contain_text("近 7 天有 1 处数据")
        english = browser.new_page(locale="en-GB")
        english.goto(running.url)
        expect(english.get_by_test_id("halted")).to_contain_text("Nothing has been scored since 2023-11-14")
        expect(english.get_by_test_id("losses")).to_contain_text("(1 gaps within 7 days)")
        Beacon(directory, "scorer-0").beat()  # this process plays the scorer that came back
        expect(page.get_by_test_id("halted")).to_be_hidden()
        english.context.close()
        page.context.close()


def test_old_data_is_called_old(
    make_place: MakePlace, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = make_place(hours_old=2)
    with served(place, tmp_path_factory.mktemp("stale")) as running:
        page = browser.new_page(locale="zh-CN")
        page.goto(running.url)
        expect(page.get_by_test_id("banner")).to_contain_text("数据已陈旧")
        expect(page.get_by_test_id("data-age")).to_have_class(re.compile("fw-bad"))
        # A page whose server is gone says so by itself.
        running.process.kill()
        expect(page.locator(".fw-lost-banner")).to_be_visible()
        page.context.close()
