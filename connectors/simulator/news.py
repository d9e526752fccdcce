"""News: what papers write of everyone, and of those whom a planted plot is about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import accumulate

from connectors.models import Signal
from connectors.simulator.city import City, at, count_of
from connectors.simulator.enterprises import Resident
from connectors.simulator.plots import Item

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
        for index, part in self._city.parts.items():
            for number, item in enumerate(part.plot.news):
                if item.edition == edition and part.due(item.after, day):
                    yield from self._planted(residents[index], item, number, day, backfill)

    def _planted(self, resident: Resident, item: Item, number: int, day: date, backfill: bool) -> Iterator[Signal]:
        """Yield one headline of a plot, as one paper or more bring it."""
        title = item.text.format(name=resident.names[number % 2])
        for place in range(item.copies):
            outlet = _OUTLETS[(number + place) % len(_OUTLETS)]
            label = f"plot-{resident.index}-{number}-{place}"
            yield self._item(resident, title, outlet, day, item.edition, 20 * place, label, backfill)

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
