"""The simulated city: reproducible, valid, in order, and its planted truth is in the data."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from itertools import chain, pairwise
from statistics import median

import pytest
from stdnum.cn import uscc

from connectors.catalogue import FAMILIES
from connectors.contract import Rejected, SourceConfigError
from connectors.decoding import Decoder, Received
from connectors.models import Enterprise, Signal
from connectors.recordtime import record_time_ms, topic_of
from connectors.simulator import CitySource, Story
from connectors.simulator.city import ZONE
from connectors.simulator.codes import credit_code
from connectors.simulator.plots import DECOYS, STORIES, Part
from connectors.simulator.seasons import spring_festival
from connectors.testing import Check, source_checks


def small_city() -> CitySource:
    return CitySource(enterprises=60, days=20, seed=3, history_months=2, fine_share=0.1)


def messages(source: CitySource) -> list[Signal | Enterprise]:
    items = chain.from_iterable(batch.items for batch in source.read())
    return [item for item in items if not isinstance(item, Rejected)]


def by_day(signals: list[Signal], enterprise: str, metric: str) -> dict[date, float]:
    return {
        s.event_time.astimezone(ZONE).date(): s.value
        for s in signals
        if s.enterprise_id == enterprise and s.metric == metric and s.value is not None
    }


@pytest.fixture(scope="module")
def city() -> CitySource:
    return CitySource(enterprises=250, days=240, seed=1)


@pytest.fixture(scope="module")
def signals(city: CitySource) -> list[Signal]:
    return [message for message in messages(city) if isinstance(message, Signal)]


@pytest.mark.parametrize("check", source_checks(ordered=True))
def test_it_is_a_source_like_any_other(check: Check) -> None:
    check(small_city)


def test_equal_seeds_give_equal_bytes_and_others_another_city() -> None:
    first, second, other = (CitySource(enterprises=20, days=5, seed=seed) for seed in (1, 1, 2))
    wires = [[message.wire() for message in messages(source)] for source in (first, second, other)]
    assert wires[0] == wires[1]
    assert wires[0] != wires[2]


def test_the_scorer_accepts_every_message_at_its_record_time(city: CitySource) -> None:
    decoder = Decoder(1)
    for message in messages(small_city()):
        time = record_time_ms(message, ZONE)
        [answer] = decoder.decode(topic_of(message), 0, 0, None, message.wire(), time)
        assert isinstance(answer, Received), answer
        assert not answer.flags


def test_ids_are_well_formed_and_of_no_real_region(city: CitySource) -> None:
    codes = {resident.enterprise_id for resident in city.city.residents}
    assert len(codes) == 250
    assert all(uscc.is_valid(code) and code[2:4] == "99" for code in codes)
    assert len({credit_code("990101", number) for number in range(20_000)}) == 20_000


def test_names_are_unique_so_that_news_finds_its_subject(city: CitySource) -> None:
    names = [name for resident in city.city.residents for name in resident.names]
    assert len(set(names)) == len(names)


def test_all_families_and_every_planted_story_are_there(city: CitySource, signals: list[Signal]) -> None:
    assert {signal.family for signal in signals} == set(FAMILIES)
    stories = city.stories()
    assert {story.name for story in stories} == {casting.plot.name for casting in STORIES}
    warmed_up = city.city.start + timedelta(days=90)
    assert all(warmed_up <= story.begins < min(story.default_date, city.city.end) for story in stories)
    assert len({story.enterprise_id for story in stories}) == len(stories)


def hero(city: CitySource, name: str) -> Story:
    return next(story for story in city.stories() if story.name == name)


def test_the_factory_stops(city: CitySource, signals: list[Signal]) -> None:
    story = hero(city, "factory-stops")
    use = by_day(signals, story.enterprise_id, "daily_kwh")
    before = median(value for day, value in use.items() if story.begins - timedelta(days=56) <= day < story.begins)
    after = [value for day, value in use.items() if day >= story.begins + timedelta(days=2)]
    assert len(after) > 60
    assert max(after) < 0.05 * before


def test_the_shop_declares_nothing(city: CitySource, signals: list[Signal]) -> None:
    story = hero(city, "tax-to-zero")
    sales = by_day(signals, story.enterprise_id, "vat_sales")
    assert all((value == 0) == (month >= story.begins) for month, value in sales.items())
    assert sum(value == 0 for value in sales.values()) >= 3


def test_staff_goes_while_sales_grow(city: CitySource, signals: list[Signal]) -> None:
    story = hero(city, "sheds-staff")
    staff = by_day(signals, story.enterprise_id, "insured_headcount")
    sales = by_day(signals, story.enterprise_id, "vat_sales")
    first, last = max(m for m in staff if m < story.begins), max(staff)
    assert staff[story.begins] < 0.85 * staff[first]
    assert staff[last] < 0.6 * staff[first]
    assert sales[last] > 1.05 * sales[first]


def test_the_debtor_ends_as_dishonest(city: CitySource, signals: list[Signal]) -> None:
    story = hero(city, "dishonest-debtor")
    kinds = [
        signal.payload["kind"] for signal in signals if signal.enterprise_id == story.enterprise_id and signal.payload
        and signal.metric == "case"
    ]  # fmt: skip
    assert kinds[0] == "filing" and kinds[-1] == "dishonest" and "enforcement" in kinds


def test_bad_news_names_its_subject(city: CitySource, signals: list[Signal]) -> None:
    story = hero(city, "bad-news")
    names = next(r.names for r in city.city.residents if r.enterprise_id == story.enterprise_id)
    titles = [
        str(s.payload["title"])
        for s in signals
        if s.enterprise_id == story.enterprise_id and s.family == "sentiment" and s.payload
        and 0 <= (s.event_time.astimezone(ZONE).date() - story.begins).days <= 10
    ]  # fmt: skip
    assert len(titles) >= 20
    assert all(any(name in title for name in names) for title in titles)


def test_nobody_without_a_part_has_a_serious_record(city: CitySource, signals: list[Signal]) -> None:
    cast = {city.city.residents[index].enterprise_id for index in city.city.parts}
    harmless = {"filing", "hearing", "judgment"}
    others = [s.payload for s in signals if s.metric == "case" and s.enterprise_id not in cast and s.payload]
    assert others
    assert all(payload["kind"] in harmless for payload in others)


def test_the_outage_darkens_one_district_and_no_other(city: CitySource, signals: list[Signal]) -> None:
    outage = next(decoy for decoy in city.decoys() if decoy.name == "grid-outage")
    assert (outage.ends - outage.begins).days == 2
    dark_day, ordinary_day = outage.begins + timedelta(days=1), outage.begins - timedelta(days=6)
    ratio: dict[bool, list[float]] = defaultdict(list)
    use: dict[str, dict[date, float]] = defaultdict(dict)
    for signal in signals:
        if signal.metric == "daily_kwh" and signal.value is not None:
            use[signal.enterprise_id][signal.event_time.astimezone(ZONE).date()] = signal.value
    for enterprise, days in use.items():
        if dark_day in days and days.get(ordinary_day, 0) > 1:
            ratio[enterprise in outage.enterprise_ids].append(days[dark_day] / days[ordinary_day])
    assert max(ratio[True]) < 0.1
    assert median(ratio[False]) > 0.6


def test_most_factories_rest_at_spring_festival_and_come_back(city: CitySource, signals: list[Signal]) -> None:
    factories = {r.enterprise_id for r in city.city.residents if r.trade.industry in ("C33", "C34", "C17")}
    assert any(decoy.name == "spring-festival" for decoy in city.decoys())
    use: dict[date, float] = defaultdict(float)
    for signal in signals:
        if signal.metric == "daily_kwh" and signal.enterprise_id in factories and signal.value is not None:
            use[signal.event_time.astimezone(ZONE).date()] += signal.value
    assert use[date(2026, 2, 18)] < 0.15 * use[date(2026, 1, 14)]
    assert use[date(2026, 3, 18)] > 0.8 * use[date(2026, 1, 14)]


def test_history_and_the_first_days_are_marked_as_backfill() -> None:
    source = CitySource(enterprises=20, days=10, history_months=2, backfill_days=4)
    live_from = source.city.start + timedelta(days=4)
    for message in messages(source):
        if isinstance(message, Signal):
            assert message.published_at is not None
            published = message.published_at.astimezone(ZONE).date()
            assert message.backfill == (published < live_from)


def test_a_position_of_another_city_is_refused() -> None:
    batch = next(small_city().read())
    with pytest.raises(SourceConfigError, match="another city"):
        next(CitySource(enterprises=61, days=20).read(batch.position))
    with pytest.raises(SourceConfigError, match="--fresh"):
        next(small_city().read("nonsense"))


@pytest.mark.parametrize("wrong", [{"enterprises": 0}, {"days": 0}, {"fine_share": 2.0}, {"warm_up": -1}])
def test_impossible_cities_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SourceConfigError):
        CitySource(**wrong)  # type: ignore[arg-type]  # the point of the test


@pytest.fixture(scope="module")
def long_city() -> CitySource:
    return CitySource(enterprises=300, days=490, seed=5, start=date(2018, 11, 15), backfill_days=60, spread=40)


def part_of(city: CitySource, name: str) -> tuple[str, Part]:
    index, part = next((index, part) for index, part in city.city.parts.items() if part.plot.name == name)
    return city.city.residents[index].enterprise_id, part


def test_with_history_every_decoy_is_planted_and_nobody_plays_two_parts(long_city: CitySource) -> None:
    names = {decoy.name for decoy in long_city.decoys()}
    assert names == {casting.plot.name for casting in DECOYS} | {"grid-outage", "power-rationing", "spring-festival"}
    alone = [next(iter(decoy.enterprise_ids)) for decoy in long_city.decoys() if len(decoy.enterprise_ids) == 1]
    heroes = [story.enterprise_id for story in long_city.stories()]
    assert len({*alone, *heroes}) == len(alone) + len(heroes)


def test_without_history_nothing_is_planted_that_only_a_past_explains(city: CitySource) -> None:
    learned = {casting.plot.name for casting in DECOYS if casting.learned}
    assert not learned & {decoy.name for decoy in city.decoys()}


def test_other_seeds_tell_a_story_at_another_time_and_pace() -> None:
    told = [CitySource(enterprises=200, days=300, seed=seed, spread=60).city for seed in (1, 2, 3)]
    parts = [next(part for part in city.parts.values() if part.plot.name == "fades-away") for city in told]
    assert len({part.begins for part in parts}) > 1
    assert len({part.tempo for part in parts}) == 3


def test_who_never_reopens_rests_as_everybody_and_stays_dark(city: CitySource, signals: list[Signal]) -> None:
    story = hero(city, "never-reopens")
    use = by_day(signals, story.enterprise_id, "daily_kwh")
    before = median(value for day, value in use.items() if day < date(2026, 1, 20))
    assert spring_festival(2026) < story.begins
    after = [value for day, value in use.items() if day >= story.begins]
    assert len(after) > 40
    assert max(after) < 0.15 * before


def test_a_meter_that_said_zero_is_corrected(city: CitySource, signals: list[Signal]) -> None:
    enterprise, part = part_of(city, "meter-zero")
    last = timedelta(days=5)
    days = [
        s for s in signals
        if s.enterprise_id == enterprise and s.metric == "daily_kwh"
        and part.begins <= s.event_time.astimezone(ZONE).date() <= part.begins + last
    ]  # fmt: skip
    assert sum(signal.value == 0 for signal in days) >= 5
    assert all(value and value > 0 for value in by_day(days, enterprise, "daily_kwh").values())
    assert len({signal.source_id for signal in days if signal.revision}) == 6


def test_who_moves_is_registered_in_another_district(city: CitySource) -> None:
    enterprise, _ = part_of(city, "relocation")
    entries = [one for one in messages(city) if isinstance(one, Enterprise) and one.enterprise_id == enterprise]
    assert [entry.revision for entry in entries] == [0, 1]
    assert entries[0].region != entries[1].region


def test_a_guarantor_is_known_as_the_debtors(city: CitySource) -> None:
    debtor, guarantor = hero(city, "dishonest-debtor"), hero(city, "guarantee-chain")
    index = next(r.index for r in city.city.residents if r.enterprise_id == debtor.enterprise_id)
    ties = {(tie.enterprise_id, tie.kind) for tie in city.city.relations[index]}
    assert {(guarantor.enterprise_id, "guarantor"), (guarantor.enterprise_id, "investor")} <= ties


def test_whoever_holds_a_firm_that_failed_hears_that_it_is_gone(city: CitySource, signals: list[Signal]) -> None:
    debtor, guarantor = hero(city, "dishonest-debtor"), hero(city, "guarantee-chain")
    exits = [s for s in signals if s.metric == "related_party"]
    assert guarantor.enterprise_id in {signal.enterprise_id for signal in exits}
    told = next(s for s in exits if s.payload and s.payload["party"] == debtor.enterprise_id)
    assert told.event_time.astimezone(ZONE).date() > debtor.default_date


def totals(signals: list[Signal], metric: str) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for signal in signals:
        if signal.metric == metric and signal.value is not None:
            found[signal.enterprise_id] += signal.value
    return found


def test_red_letters_and_the_largest_buyer_are_told_of_every_firm_and_differ_by_trade_and_size(
    city: CitySource, signals: list[Signal]
) -> None:
    issued, red, sales, top = (
        totals(signals, name) for name in ("invoices_issued", "invoices_red", "vat_sales", "top_buyer_sales")
    )
    assert set(issued) == set(red) == set(sales) == set(top)
    healthy = [r for r in city.city.residents if r.index not in city.city.parts and r.enterprise_id in issued]
    reds = [red[r.enterprise_id] / issued[r.enterprise_id] for r in healthy if issued[r.enterprise_id] > 300]
    assert 0.005 < median(reds) < 0.03
    assert max(reds) < 0.15
    shares = {r.enterprise_id: top[r.enterprise_id] / sales[r.enterprise_id] for r in healthy}
    suppliers, shops = (
        [shares[r.enterprise_id] for r in healthy if r.trade.industry in trades and r.size == "small"]
        for trades in (("C33", "C34", "C39"), ("F52", "H61"))
    )
    assert median(shops) < 0.15 < 0.25 < median(suppliers) < 0.6
    for name in ("invoices_red", "top_buyer_sales"):
        of = {"invoices_red": "invoices_issued", "top_buyer_sales": "vat_sales"}[name]
        for resident in healthy[:40]:
            whole, part = (by_day(signals, resident.enterprise_id, metric) for metric in (of, name))
            assert all(0 <= part[month] <= whole[month] for month in part if city.city.start <= month)


def test_customers_leave_before_the_default_until_one_is_left(long_city: CitySource) -> None:
    signals = [message for message in messages(long_city) if isinstance(message, Signal)]
    story = hero(long_city, "buyers-leave")
    issued, red, sales, top = (
        by_day(signals, story.enterprise_id, name)
        for name in ("invoices_issued", "invoices_red", "vat_sales", "top_buyer_sales")
    )
    before = [month for month in sales if month < story.begins]
    late = [month for month in sales if month > story.begins + timedelta(days=60)]
    assert sum(top[m] for m in late) / sum(sales[m] for m in late) > 0.8
    assert sum(top[m] for m in before) / sum(sales[m] for m in before) < 0.75
    usual = sum(red[m] for m in before) / sum(issued[m] for m in before)
    assert sum(red[m] for m in late) / sum(issued[m] for m in late) > 0.1 + usual
    supplier, _ = part_of(long_city, "one-car-maker")
    sales, top = (by_day(signals, supplier, name) for name in ("vat_sales", "top_buyer_sales"))
    assert all(top[month] > 0.7 * sales[month] for month in top)


def test_parties_outside_leave_the_market_more_often_where_a_firm_fails(long_city: CitySource) -> None:
    exits = [m for m in messages(long_city) if isinstance(m, Signal) and m.metric == "related_party"]
    codes = {resident.enterprise_id for resident in long_city.city.residents}
    outside = [m for m in exits if m.payload and m.payload["party"] not in codes]
    assert all(uscc.is_valid(str(m.payload["party"])) for m in outside if m.payload)
    heroes = {story.enterprise_id for story in long_city.stories()}
    failing = {m.enterprise_id for m in outside if m.enterprise_id in heroes}
    assert len(failing) / len(heroes) > 3 * len({m.enterprise_id for m in outside} - heroes) / len(codes - heroes)
    returned = [m for m in outside if m.payload and m.payload["status"] == "active"]
    for one in returned:
        assert one.payload is not None
        left = next(m for m in outside if m.payload and m.payload == {**one.payload, "status": "left"})
        assert left.event_time < one.event_time


def test_who_sells_shares_has_another_investor_in_the_registry(long_city: CitySource) -> None:
    enterprise, part = part_of(long_city, "changes-hands")
    entries = [one for one in messages(long_city) if isinstance(one, Enterprise)]
    before, after = [one for one in entries if one.enterprise_id == enterprise]
    assert len(after.relations) == len(before.relations) + 1
    assert after.revision > before.revision
    assert after.published_at is not None
    assert (after.published_at.astimezone(ZONE).date() - part.begins).days == part.plot.sold
    assert len({one.enterprise_id for one in entries if one.revision}) > 5


def test_who_fades_away_owes_nothing_in_the_first_months(city: CitySource, signals: list[Signal]) -> None:
    story = hero(city, "fades-away")
    owed = by_day(signals, story.enterprise_id, "contribution_owed")
    late = {month: value > 0 for month, value in owed.items()}
    assert not any(is_late for month, is_late in late.items() if month < story.begins + timedelta(days=40))
    assert any(late.values())


def test_filings_are_restated_and_some_file_by_the_quarter(city: CitySource, signals: list[Signal]) -> None:
    sales = [s for s in signals if s.metric == "vat_sales"]
    assert any(signal.revision == 1 for signal in sales)
    quarterly = {r.enterprise_id for r in city.city.residents if r.quarterly}
    months = {s.event_time.astimezone(ZONE).month for s in sales if s.enterprise_id in quarterly}
    assert months <= {3, 6, 9, 12}


def test_rationing_leaves_other_districts_alone(city: CitySource, signals: list[Signal]) -> None:
    rationing = next(decoy for decoy in city.decoys() if decoy.name == "power-rationing")
    regions = {r.region for r in city.city.residents if r.enterprise_id in rationing.enterprise_ids}
    assert regions == {rationing.region}
    firm = sorted(rationing.enterprise_ids)[0]
    use = by_day(signals, firm, "daily_kwh")
    assert use[rationing.begins + timedelta(days=2)] < 0.6 * use[rationing.begins - timedelta(days=5)]


def test_a_headcount_is_fresh_until_the_next_one_comes(long_city: CitySource) -> None:
    filed: dict[str, list[Signal]] = defaultdict(list)
    for message in messages(long_city):
        if isinstance(message, Signal) and message.metric == "insured_headcount":
            filed[message.enterprise_id].append(message)
    waits = [
        later.published_at - earlier.event_time
        for mine in filed.values()
        for earlier, later in pairwise(mine)
        if later.published_at is not None and later.event_time - earlier.event_time < timedelta(days=32)
    ]
    fresh = timedelta(milliseconds=FAMILIES["social_security"].fresh_ms)
    assert fresh - timedelta(days=7) < max(waits) < fresh
