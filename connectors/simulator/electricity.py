"""Daily electricity use: rhythms, seasons, holidays, stops that mean nothing, meters that fail."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from random import Random
from typing import NamedTuple

from connectors.models import Signal
from connectors.simulator.city import City, at
from connectors.simulator.enterprises import Resident
from connectors.simulator.seasons import day_kind, spring_festival
from connectors.simulator.stories import OUTAGE_USE, use_factor

SLOTS = 96
HOUR = 2
"""Readings of a day are published at this hour of the next one."""
_LATE, _LOST, _CORRECTED = 0.002, 0.003, 0.0005
_RESUMING_DAYS, _WINDING_DOWN_DAYS = 4, 2


@dataclass(frozen=True, slots=True)
class _Interruption:
    """A harmless stop (``pause``), a meter that repeats itself (``stuck``) or says nothing (``offline``)."""

    kind: str
    first: int
    last: int


class _Today(NamedTuple):
    """A day: itself, its number in the window, kind, days after Spring Festival, and 1 in midsummer to -1."""

    day: date
    number: int
    kind: str
    distance: int
    warmth: float


class Electricity:
    """Makes the electricity signals of a city, one day of publication at a time.

    Parameters
    ----------
    city
        Whose.
    """

    def __init__(self, city: City) -> None:
        self._city = city
        self._daily = [r for r in city.residents if r.metered and not r.fine_meter]
        self._fine = [r for r in city.residents if r.metered and r.fine_meter]
        self._use_cache: OrderedDict[date, list[float]] = OrderedDict()

    @cached_property
    def _interruptions(self) -> Mapping[int, list[_Interruption]]:
        city, found = self._city, {}
        for resident in city.residents:
            if resident.index in city.heroes:
                continue
            rng = Random(f"{city.seed}:interruptions:{resident.index}")
            mine = []
            for kind, per_year, longest in (("pause", 0.25, 4), ("stuck", 0.04, 6), ("offline", 0.08, 4)):
                if rng.random() < per_year * city.days / 365:
                    first = rng.randrange(city.days)
                    mine.append(_Interruption(kind, first, first + rng.randint(1, longest)))
            if mine:
                found[resident.index] = mine
        return found

    @cached_property
    def _dark(self) -> Mapping[str, tuple[date, date]]:
        return {d.region: (d.begins, d.ends) for d in self._city.decoys if d.name == "grid-outage"}

    @cached_property
    def _special(self) -> frozenset[int]:
        """Indices of those whose use is not just a matter of the calendar."""
        dark = {r.index for r in self._city.residents if r.region in self._dark}
        return frozenset(dark | set(self._interruptions) | set(self._city.heroes))

    def published(self, day: date, backfill: bool) -> Iterator[Signal]:
        """Yield what is published on a day: the readings of the day before, late ones, corrections, meter states."""
        read, before = day - timedelta(days=1), day - timedelta(days=2)
        if read >= self._city.start:
            yield from self._readings(read, day, backfill, delayed=False)
            yield from self._quarter_hours(read, day, backfill)
            yield from self._meter_states(read, day, backfill)
        if before >= self._city.start:
            yield from self._readings(before, day, backfill, delayed=True)

    def _readings(self, read: date, day: date, backfill: bool, *, delayed: bool) -> Iterator[Signal]:
        """Yield the readings of a day: those in time, or those that came late or corrected."""
        uses, fates, label = self._uses(read), self._fates(read), read.isoformat()
        template = self._template(read, day, backfill)
        for place, resident in enumerate(self._daily):
            fate = fates.get(place, "")
            if delayed and fate not in ("late", "corrected"):
                continue
            if not delayed and fate in ("late", "lost"):
                continue
            value = uses[place]
            if value < 0:  # the meter says nothing
                continue
            wrong = fate == "corrected" and not delayed
            update = {
                "enterprise_id": resident.enterprise_id,
                "value": round(value * 1.7 if wrong else value, 1),
                "source_id": f"kwh/{label}/{resident.enterprise_id}",
            }
            if fate == "corrected" and delayed:
                update["revision"] = 1
            yield template.model_copy(update=update)

    def _template(self, read: date, day: date, backfill: bool) -> Signal:
        return Signal(
            enterprise_id="-",
            family="electricity",
            metric="daily_kwh",
            value=0.0,
            unit="kWh",
            event_time=at(read),
            published_at=at(day, HOUR),
            source=self._city.name,
            source_id="-",
            backfill=backfill,
        )

    def _fates(self, read: date) -> dict[int, str]:
        """Return which readings of a day come late, never, or wrong first, by place."""
        rng, fates = self._city.chance("fates", read), {}
        for fate, share in (("late", _LATE), ("lost", _LOST), ("corrected", _CORRECTED)):
            for place in rng.sample(range(len(self._daily)), round(share * len(self._daily))):
                if self._daily[place].index not in self._city.heroes:
                    fates[place] = fate
        return fates

    def _quarter_hours(self, read: date, day: date, backfill: bool) -> Iterator[Signal]:
        template = self._template(read, day, backfill).model_copy(update={"metric": "kwh_15min"})
        rng, midnight, label = self._city.chance("quarter-hours", read), at(read), read.isoformat()
        today = _today(read, self._city.start)
        for resident in self._fine:
            use = self._use(resident, today, rng.gauss(0.0, 1.0))
            for slot in range(SLOTS):
                share = (1.5 if 32 <= slot < 76 else 0.62) / SLOTS * rng.uniform(0.9, 1.1)
                if use >= 0:
                    yield template.model_copy(
                        update={
                            "enterprise_id": resident.enterprise_id,
                            "value": round(use * share, 2),
                            "event_time": midnight + timedelta(minutes=15 * slot),
                            "source_id": f"kwh15/{label}/{slot}/{resident.enterprise_id}",
                        }
                    )

    def _meter_states(self, read: date, day: date, backfill: bool) -> Iterator[Signal]:
        """Yield what meters report of themselves: going silent and coming back, and some of a grid outage."""
        number = (read - self._city.start).days
        for index, interruptions in self._interruptions.items():
            for interruption in interruptions:
                if interruption.kind == "offline" and number == interruption.first:
                    yield self._state(self._city.residents[index], "offline", read, day, backfill)
                if interruption.kind == "offline" and number == interruption.last + 1:
                    yield self._state(self._city.residents[index], "online", read, day, backfill)
        for region, (begins, ends) in self._dark.items():
            for status, moment in (("outage", begins), ("restored", ends)):
                if read == moment:
                    for resident in self._city.residents:
                        if resident.region == region and resident.metered and resident.index % 3 == 0:
                            yield self._state(resident, status, read, day, backfill)

    def _state(self, resident: Resident, status: str, read: date, day: date, backfill: bool) -> Signal:
        return Signal(
            enterprise_id=resident.enterprise_id,
            family="electricity",
            metric="meter_status",
            payload={"status": status},
            event_time=at(read, 9),
            published_at=at(day, HOUR),
            source=self._city.name,
            source_id=f"meter/{read.isoformat()}/{status}/{resident.enterprise_id}",
            backfill=backfill,
        )

    def _uses(self, read: date) -> list[float]:
        """Return a day's use of the enterprises with daily meters, by place. Late readings ask for it again."""
        if read not in self._use_cache:
            gauss, today = self._city.chance("kwh", read).gauss, _today(read, self._city.start)
            self._use_cache[read] = [self._use(resident, today, gauss(0.0, 1.0)) for resident in self._daily]
            while len(self._use_cache) > 2:
                self._use_cache.popitem(last=False)
        return self._use_cache[read]

    def _use(self, resident: Resident, today: _Today, luck: float) -> float:
        """Return one enterprise's kWh on a day; negative if its meter says nothing."""
        swing = 1.0 + resident.wobble * math.sin(6.283 * today.number / resident.wave + resident.phase)
        business = swing * (1.0 + resident.growth * today.number / 365) * (1.0 + resident.season * today.warmth)
        use = resident.kwh * max(business * _rhythm(resident, today) * (1.0 + resident.noise * luck), 0.002)
        if resident.index in self._special:
            use = self._disturbed(resident, today, luck, use)
        return use

    def _disturbed(self, resident: Resident, today: _Today, luck: float, use: float) -> float:
        """Return what interruptions, stories and outages leave of a day's use."""
        for interruption in self._interruptions.get(resident.index, ()):
            if interruption.first <= today.number <= interruption.last:
                if interruption.kind == "offline":
                    return -1.0
                use = resident.kwh * (0.06 * (1.0 + 0.2 * luck) if interruption.kind == "pause" else 0.9)
        story = self._city.heroes.get(resident.index)
        if story is not None:
            return max(use * use_factor(story.name, (today.day - story.begins).days), 0.0)
        begins, ends = self._dark.get(resident.region, (date.max, date.min))
        if begins <= today.day <= ends:
            use *= OUTAGE_USE[(today.day - begins).days]
        return max(use, 0.0)


def _today(day: date, start: date) -> _Today:
    warmth = math.cos(6.283 * (day.timetuple().tm_yday - 205) / 365)
    return _Today(day, (day - start).days, day_kind(day), (day - spring_festival(day.year)).days, warmth)


def _rhythm(resident: Resident, today: _Today) -> float:
    """Return the share of its usual use that an enterprise has on a day of the calendar."""
    trade, distance = resident.trade, today.distance
    if -resident.closes <= distance <= resident.reopens:
        return trade.festival
    share = trade.weekend if today.kind == "weekend" else trade.holiday if today.kind == "holiday" else 1.0
    if 0 < distance - resident.reopens <= _RESUMING_DAYS:
        return share * (0.4 + 0.12 * (distance - resident.reopens))
    if 0 < -distance - resident.closes <= _WINDING_DOWN_DAYS:
        return share * 0.7
    return share
