"""Who lives in the simulated city: names, trades, sizes, habits, relations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from random import Random
from typing import Literal, NamedTuple

from connectors.models import Relation
from connectors.simulator.codes import credit_code

CITY = "青澜"
#: Region codes of a province that GB/T 2260 does not assign, and the districts' names.
DISTRICTS = {
    "990101": "临江区",
    "990102": "东湾区",
    "990103": "北麓区",
    "990104": "南浦区",
    "990105": "高新区",
    "990106": "西屏区",
    "990107": "沙渡县",
    "990108": "云岭县",
}
Size = Literal["large", "medium", "small", "micro"]
#: Shares: of the factories that rest until after the Lantern Festival, of the micro firms that file by the quarter,
#: of the enterprises that stop now and then by nature.
_LONG_REST, _QUARTERLY, _INTERMITTENT = 0.05, 0.3, 0.04
#: Of the enterprises win a customer larger than all others, in a year.
_WIN = 0.02
_GUARANTEED = 0.05
_BRANDS = "宏远恒泰瑞丰华信博创盛达嘉禾联众新锐明德鼎立永兴佳润宝通广源"


class Trade(NamedTuple):
    """A trade and its rhythm: use at weekends, on holidays and during Spring Festival, relative to a working day."""

    industry: str
    nouns: tuple[str, ...]
    weight: float
    intensity: float
    weekend: float
    holiday: float
    festival: float
    closing_days: tuple[int, int]
    """How many days before the festival it begins to close: earliest and latest. Equal: with the public holiday."""
    reopening_days: tuple[int, int]
    reds: float
    """Usual share of the invoices that are red-letter."""
    buyer: float
    """Share of the largest buyer in the sales of a medium firm."""


TRADES = (
    Trade("C34", ("精密机械", "传动设备", "机床"), 0.13, 1.6, 0.50, 0.30, 0.06, (3, 9), (5, 12), 0.012, 0.30),
    Trade("C33", ("金属制品", "五金", "模具"), 0.12, 1.5, 0.50, 0.30, 0.06, (3, 10), (5, 13), 0.012, 0.30),
    Trade("C17", ("纺织", "印染", "针织"), 0.09, 1.7, 0.80, 0.35, 0.05, (4, 11), (6, 14), 0.018, 0.25),
    Trade("C29", ("塑胶", "橡塑制品"), 0.07, 1.8, 0.75, 0.35, 0.06, (3, 10), (5, 13), 0.015, 0.30),
    Trade("C39", ("电子", "光电科技"), 0.09, 1.4, 0.70, 0.50, 0.10, (3, 10), (5, 12), 0.012, 0.35),
    Trade("C26", ("化工", "新材料"), 0.06, 2.5, 1.00, 0.97, 0.85, (2, 4), (3, 6), 0.01, 0.20),
    Trade("C13", ("食品", "粮油"), 0.07, 1.0, 0.85, 0.70, 0.15, (2, 6), (5, 11), 0.02, 0.20),
    Trade("F52", ("超市", "百货", "商贸"), 0.12, 0.5, 1.10, 1.05, 0.40, (0, 2), (3, 7), 0.02, 0.04),
    Trade("F51", ("供应链", "建材贸易"), 0.07, 0.3, 0.60, 0.40, 0.12, (2, 6), (6, 12), 0.025, 0.20),
    Trade("G54", ("物流", "运输"), 0.06, 0.6, 0.90, 0.75, 0.30, (2, 6), (5, 11), 0.008, 0.30),
    Trade("H61", ("酒店", "餐饮管理"), 0.05, 0.7, 1.15, 1.15, 0.70, (0, 1), (2, 5), 0.005, 0.04),
    Trade("I65", ("软件", "信息技术"), 0.07, 0.4, 0.35, 0.25, 0.18, (1, 4), (6, 9), 0.008, 0.35),
)


class Scale(NamedTuple):
    """What a size means: share of the city, usual kWh per day, monthly sales in CNY, insured staff, news weight.

    ``buyer`` is how much more the largest buyer has of the sales than a medium firm's, on the scale of log odds.
    """

    size: Size
    share: float
    kwh: float
    sales: float
    staff: float
    fame: float
    buyer: float


SCALES = (
    Scale("large", 0.03, 24_000.0, 40_000_000.0, 900.0, 12.0, -0.7),
    Scale("medium", 0.12, 3_200.0, 6_000_000.0, 160.0, 4.0, 0.0),
    Scale("small", 0.45, 420.0, 900_000.0, 32.0, 1.0, 0.4),
    Scale("micro", 0.40, 60.0, 150_000.0, 6.0, 0.3, 0.7),
)


@dataclass(frozen=True, slots=True)
class Resident:
    """One enterprise of the city and its habits.

    Parameters
    ----------
    names
        Full and short name.
    kwh, sales, staff
        Usual use of a working day (kWh), sales of a month (CNY), insured persons.
    noise
        Relative standard deviation of daily use.
    growth
        Relative growth in a year.
    season
        How much more it uses in midsummer than on average, relative; negative: in midwinter.
    wobble, wave, phase
        A slow swing of its business: relative size, days, radians.
    closes, reopens
        Days before and after Spring Festival between which it uses ``trade.festival``.
    burden, ticket, voids
        VAT payable per sales, CNY per invoice, share of invoices voided.
    reds, buyer
        Share of invoices that are red-letter; log odds of the largest buyer's share in its sales.
    wins
        Days from the window's beginning until it wins a customer that is larger than all others.
    wage
        Contribution base per person and month, CNY.
    filing_slot
        On which of the filing days it declares.
    metered, fine_meter, taxed
        Whether it has an electricity feed, that feed is in quarter-hours, it has a tax feed.
    quarterly
        Whether it declares its taxes once a quarter.
    intermittent
        Whether it often stops for some days.
    """

    index: int
    enterprise_id: str
    names: tuple[str, str]
    trade: Trade
    region: str
    size: Size
    fame: float
    kwh: float
    sales: float
    staff: int
    noise: float
    growth: float
    season: float
    wobble: float
    wave: float
    phase: float
    closes: int
    reopens: int
    burden: float
    ticket: float
    voids: float
    reds: float
    buyer: float
    wins: float
    wage: float
    filing_slot: int
    metered: bool
    fine_meter: bool
    taxed: bool
    quarterly: bool
    intermittent: bool


def settle(count: int, seed: int, fine_share: float) -> list[Resident]:
    """Return the city's enterprises, the same for the same arguments.

    Parameters
    ----------
    count
        How many.
    seed
        Of everything that is random.
    fine_share
        Share of the enterprises whose meter reports quarter-hours. 0 to 1.
    """
    return [_resident(index, seed, fine_share) for index in range(count)]


def _resident(index: int, seed: int, fine_share: float) -> Resident:
    rng = Random(f"{seed}:resident:{index}")
    trade = rng.choices(TRADES, [each.weight for each in TRADES])[0]
    scale = rng.choices(SCALES, [each.share for each in SCALES])[0]
    region = rng.choice(tuple(DISTRICTS))
    brand = _brand(index)
    noun = rng.choice(trade.nouns)
    spread = rng.lognormvariate(0.0, 0.45)
    closes, reopens = rng.randint(*trade.closing_days), rng.randint(*trade.reopening_days)
    habits, dealings = Random(f"{seed}:habits:{index}"), Random(f"{seed}:dealings:{index}")
    if trade.industry[0] == "C" and habits.random() < _LONG_REST:
        closes, reopens = habits.randint(9, 15), habits.randint(14, 20)
    return Resident(
        index=index,
        enterprise_id=credit_code(region, index),
        names=(f"{CITY}{brand}{noun}有限公司", f"{brand}{noun}"),
        trade=trade,
        region=region,
        size=scale.size,
        fame=scale.fame,
        kwh=scale.kwh * trade.intensity * spread * rng.lognormvariate(0.0, 0.35),
        sales=scale.sales * spread * rng.lognormvariate(0.0, 0.3),
        staff=max(2, round(scale.staff * spread * rng.lognormvariate(0.0, 0.2))),
        noise=rng.uniform(0.04, 0.14),
        growth=rng.gauss(0.02, 0.08),
        season=rng.uniform(-0.06, 0.14),
        wobble=rng.uniform(0.01, 0.07),
        wave=rng.uniform(35.0, 120.0),
        phase=rng.uniform(0.0, 6.283),
        closes=closes,
        reopens=reopens,
        burden=rng.uniform(0.015, 0.045),
        ticket=rng.uniform(3_000.0, 30_000.0),
        voids=rng.uniform(0.0, 0.03),
        reds=trade.reds * dealings.lognormvariate(0.0, 0.5),
        buyer=log(trade.buyer / (1.0 - trade.buyer)) + scale.buyer + dealings.gauss(0.0, 0.6),
        wins=365.0 * dealings.expovariate(_WIN),
        wage=rng.uniform(4_500.0, 9_500.0),
        filing_slot=rng.randrange(3),
        metered=rng.random() >= 0.03,
        fine_meter=rng.random() < fine_share,
        taxed=rng.random() >= 0.04,
        quarterly=scale.size == "micro" and habits.random() < _QUARTERLY,
        intermittent=habits.random() < _INTERMITTENT,
    )


def _brand(index: int) -> str:
    """Return three characters, different for the first 27,000 indices; a number tells later ones apart."""
    base = len(_BRANDS)
    span = base**3
    number = (index * 7_919 + 17_421) % span
    text = _BRANDS[number // base**2] + _BRANDS[number // base % base] + _BRANDS[number % base]
    return text if index < span else f"{text}{index // span + 1}"


def relations(
    residents: Sequence[Resident], seed: int, chain: Sequence[tuple[int, int]] = ()
) -> dict[int, list[Relation]]:
    """Return who holds shares in whom, and who guarantees for whom, told from both ends.

    Parameters
    ----------
    residents
        The city.
    seed
        Of the choice.
    chain
        Debtors and their guarantors, by index, besides those that are drawn.
    """
    rng = Random(f"{seed}:relations")
    ties: dict[int, list[Relation]] = {}
    for resident in residents[1:]:
        if rng.random() >= 0.15:
            continue
        investor = residents[rng.randrange(resident.index)]
        share = round(rng.uniform(0.1, 1.0), 2)
        _tie(ties, resident, Relation(enterprise_id=investor.enterprise_id, kind="investor", share=share))
        _tie(ties, investor, Relation(enterprise_id=resident.enterprise_id, kind="investee", share=share))
    for debtor, guarantor in chain:  # who guarantees, holds shares
        share = round(rng.uniform(0.2, 0.6), 2)
        investor, investee = residents[guarantor], residents[debtor]
        _tie(ties, investee, Relation(enterprise_id=investor.enterprise_id, kind="investor", share=share))
        _tie(ties, investor, Relation(enterprise_id=investee.enterprise_id, kind="investee", share=share))
    pledges = Random(f"{seed}:guarantees")
    drawn = [tuple(pledges.sample(range(len(residents)), 2)) for _ in range(round(_GUARANTEED * len(residents)))]
    for debtor, guarantor in (*chain, *(drawn if len(residents) > 1 else ())):
        for one, other, kind in ((debtor, guarantor, "guarantor"), (guarantor, debtor, "guaranteed")):
            tie = Relation.model_validate({"enterprise_id": residents[other].enterprise_id, "kind": kind})
            _tie(ties, residents[one], tie)
    return ties


def _tie(ties: dict[int, list[Relation]], owner: Resident, relation: Relation) -> None:
    mine = ties.setdefault(owner.index, [])
    if len(mine) < 200:  # the most that a registry entry may name
        mine.append(relation)
