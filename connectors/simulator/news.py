"""News: what papers write of everyone, and a wave of bad news about one firm."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import accumulate

from connectors.models import Signal
from connectors.simulator.city import City, at, count_of
from connectors.simulator.enterprises import Resident

#: At which hour papers come out, and since when an item of theirs may be.
EDITIONS = ((11, 8), (17, 12))
_ITEMS_PER_YEAR = 0.7
_OUTLETS = ("青澜日报", "澜江晚报", "城市财经", "产业观察网")
_NEUTRAL = (
    "{name}召开年度供应商大会",
    "{name}与青澜理工大学签署合作协议",
    "{name}新厂房项目通过环评公示",
    "{name}参加东湾区产业对接会",
    "{name}变更注册地址",
    "{name}拟投资{amount}万元实施设备更新",
    "{name}起诉客户追讨货款{amount}万元，法院已立案",
    "{name}开展冬季消防应急演练",
    "{name}完成工商变更，注册资本增至{amount}万元",
    "市商务局调研{name}，了解用工情况",
)
_GOOD = (
    "{name}获评市级专精特新企业",
    "{name}中标{amount}万元采购项目",
    "{name}订单饱满，生产线满负荷运行",
    "{name}与龙头企业签订三年供货合同",
    "{name}获纳税信用A级企业表彰",
    "{name}新产品通过权威认证，出口增长",
)
#: Days after the beginning, edition, headline.
_WAVE = (
    (0, 0, "{name}被曝拖欠员工工资两个月，工人聚集讨薪"),
    (0, 1, "{name}拖欠工资引发讨薪，劳动监察部门介入调查"),
    (1, 0, "供应商上门堵厂：{name}拖欠货款超千万元"),
    (1, 1, "{name}多个银行账户被法院冻结"),
    (2, 0, "{name}实际控制人失联，公司电话无人接听"),
    (2, 1, "传{name}老板跑路，厂区大门紧闭"),
    (3, 1, "{name}贷款逾期，银行宣布提前收回授信"),
    (4, 0, "{name}因未履行生效判决被申请强制执行"),
    (5, 1, "{name}债务违约，担保公司已代偿"),
    (7, 0, "知情人士：{name}正洽谈资产出售，经营陷入停顿"),
    (9, 0, "债权人申请{name}破产清算，法院正在审查"),
)


class News:
    """Makes the news of a city.

    Parameters
    ----------
    city
        Whose.
    """

    def __init__(self, city: City) -> None:
        self._city = city
        self._fame = list(accumulate(resident.fame for resident in city.residents))

    def published(self, day: date, edition: int, backfill: bool) -> Iterator[Signal]:
        """Yield the items of one edition of a day."""
        rng = self._city.chance(f"news-{edition}", day)
        residents = self._city.residents
        for number in range(count_of(rng, len(residents) * _ITEMS_PER_YEAR / 365 / len(EDITIONS))):
            resident = rng.choices(residents, cum_weights=self._fame)[0]
            titles = _NEUTRAL if rng.random() < 0.65 else _GOOD
            title = rng.choice(titles).format(name=rng.choice(resident.names), amount=rng.randrange(80, 3000, 20))
            minutes, copies = rng.randrange(0, 120), 2 if rng.random() < 0.15 else 1
            for outlet in rng.sample(_OUTLETS, copies):
                yield self._item(resident, title, outlet, day, edition, minutes, f"{number}-{outlet}", backfill)
        for index, story in self._city.heroes.items():
            if story.name == "bad-news":
                for number, (after, when, text) in enumerate(_WAVE):
                    if (day - story.begins).days == after and when == edition:
                        yield from self._bad(residents[index], text, number, day, edition, backfill)

    def _bad(
        self, resident: Resident, text: str, number: int, day: date, edition: int, backfill: bool
    ) -> Iterator[Signal]:
        """Yield one item of the wave, as two papers bring it."""
        title = text.format(name=resident.names[number % 2])
        for place in range(2):
            outlet = _OUTLETS[(number + place) % len(_OUTLETS)]
            yield self._item(resident, title, outlet, day, edition, 20 * place, f"wave-{number}-{place}", backfill)

    def _item(
        self,
        resident: Resident,
        title: str,
        outlet: str,
        day: date,
        edition: int,
        minutes: int,
        number: str,
        backfill: bool,
    ) -> Signal:
        hour, since = EDITIONS[edition]
        return Signal(
            enterprise_id=resident.enterprise_id,
            family="sentiment",
            metric="news",
            payload={"title": title, "outlet": outlet},
            event_time=at(day, since) + timedelta(minutes=minutes),
            published_at=at(day, hour),
            source=self._city.name,
            source_id=f"news/{day.isoformat()}/{edition}/{number}",
            backfill=backfill,
        )
