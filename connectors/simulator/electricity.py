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
from connectors.simulator.city import City, at, count_of
from connectors.simulator.enterprises import Resident
from connectors.simulator.plots import Part
from connectors.simulator.seasons import day_kind, spring_festival
from connectors.simulator.stories import OUTAGE_USE, RATIONED_USE, Decoy

SLOTS = 96
HOUR = 2
"""Readings of a day are published at this hour of the next one."""
_LATE, _LOST, _CORRECTED = 0.002, 0.003, 0.0005
_RESUMING_DAYS, _WINDING_DOWN_DAYS = 4, 2
#: Harmless stops a year: of most, and of those that stop now and then by nature.
_PAUSES, _PAUSES_BY_HABIT = 0.2, 2.0
#: Kinds of meter faults, how many a year, and the longest in days less one.
_FAULTS = (("stuck", 0.04, 6), ("offline", 0.08, 4), ("zero", 0.02, 1))
#: Standard deviation of a failing firm's daily use, besides the usual one.
_UNEVEN = 0.12


@dataclass(frozen=True, slots=True)
class _Interruption:
    """A harmless stop (``pause``), a meter that repeats itself (``stuck``), says nothing (``offline``) or ``zero``.

    ``rest`` is what a pause leaves of the usual use.
    """

    kind: str
    first: int
    last: int
    rest: float = 0.0


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
        """Return the random ones by index; those who play a part have none, nor does anybody while a decoy lasts."""
        return {
            resident.index: mine
            for resident in self._city.residents
            if resident.index not in self._city.parts and (mine := list(self._interrupted(resident)))
        }

    def _interrupted(self, resident: Resident) -> Iterator[_Interruption]:
        city = self._city
        rng = Random(f"{city.seed}:interruptions:{resident.index}")
        pauses = _PAUSES_BY_HABIT if resident.intermittent else _PAUSES
        for kind, per_year, longest in (("pause", pauses, 0), *_FAULTS):
            for _ in range(count_of(rng, per_year * city.days / 365)):
                first = rng.randrange(city.days)
                length = rng.randint(1, longest) + 1 if longest else _pause(rng, resident)
                one = _Interruption(kind, first, first + length - 1, rng.uniform(0.005, 0.12))
                if not self._overlaps(resident, one):
                    yield one

    def _overlaps(self, resident: Resident, one: _Interruption) -> bool:
        """Tell whether an interruption falls into weeks whose alarms a decoy of many is judged by."""
        first, last = (self._city.start + timedelta(days=day) for day in (one.first, one.last))
        return any(
            decoy.begins <= last and first <= decoy.ends
            for decoy in self._of_many
            if resident.enterprise_id in decoy.enterprise_ids
        )

    @cached_property
    def _of_many(self) -> list[Decoy]:
        return [decoy for decoy in self._city.decoys if len(decoy.enterprise_ids) > 1]

    @cached_property
    def _short(self) -> Mapping[int, Decoy]:
        """Return by index the outage or rationing that an enterprise is touched by."""
        return {
            resident.index: decoy
            for decoy in self._of_many
            if decoy.region
            for resident in self._city.residents
            if resident.enterprise_id in decoy.enterprise_ids
        }

    @cached_property
    def _special(self) -> frozenset[int]:
        """Indices of those whose use is not just a matter of the calendar."""
        return frozenset(set(self._short) | set(self._interruptions) | set(self._city.parts))

    def published(self, day: date, backfill: bool) -> Iterator[Signal]:
        """Yield what is published on a day: the readings of the day before, late ones, corrections, meter states."""
        read, before = day - timedelta(days=1), day - timedelta(days=2)
        if read >= self._city.start:
            yield from self._readings(read, day, backfill, delayed=False)
            yield from self._quarter_hours(read, day, backfill)
            yield from self._meter_states(read, day, backfill)
        if before >= self._city.start:
            yield from self._readings(before, day, backfill, delayed=True)
        yield from self._restored(day, backfill)

    def _restored(self, day: date, backfill: bool) -> Iterator[Signal]:
        """Yield what was used while a meter said zero, two days after it was mended."""
        for index, part in self._city.parts.items():
            if part.plot.zero is None or part.day(day) != part.plot.zero[1] + 2:
                continue
            place = next(place for place, one in enumerate(self._daily) if one.index == index)
            for back in range(part.plot.zero[1] - part.plot.zero[0] + 1):
                read = day - timedelta(days=back + 2)
                luck = self._luck(read)[place]
                use = self._usual(self._daily[place], _today(read, self._city.start), luck)
                yield self._template(read, day, backfill).model_copy(
                    update={
                        "enterprise_id": self._daily[place].enterprise_id,
                        "value": round(use, 1),
                        "source_id": f"kwh/{read.isoformat()}/{self._daily[place].enterprise_id}",
                        "revision": 2,
                    }
                )

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
        for index, part in self._city.parts.items():
            for notice in part.plot.meter:
                if part.due(notice.after, read):
                    resident = self._city.residents[index]
                    yield self._state(resident, notice.what, read, day, backfill, notice.account)
        for decoy in self._of_many:
            for status, moment in (("outage", decoy.begins), ("restored", decoy.ends)):
                if decoy.name == "grid-outage" and read == moment:
                    for resident in self._city.residents:
                        if resident.region == decoy.region and resident.metered and resident.index % 3 == 0:
                            yield self._state(resident, status, read, day, backfill)

    def _state(
        self, resident: Resident, status: str, read: date, day: date, backfill: bool, account: str = ""
    ) -> Signal:
        return Signal(
            enterprise_id=resident.enterprise_id,
            family="electricity",
            metric="meter_status",
            payload={"status": status, "account": account} if account else {"status": status},
            event_time=at(read, 9),
            published_at=at(day, HOUR),
            source=self._city.name,
            source_id=f"meter/{read.isoformat()}/{status}/{resident.enterprise_id}",
            backfill=backfill,
        )

    def _uses(self, read: date) -> list[float]:
        """Return a day's use of the enterprises with daily meters, by place. Late readings ask for it again."""
        if read not in self._use_cache:
            today = _today(read, self._city.start)
            lucks = self._luck(read)
            self._use_cache[read] = [self._use(one, today, luck) for one, luck in zip(self._daily, lucks, strict=True)]
            while len(self._use_cache) > 2:
                self._use_cache.popitem(last=False)
        return self._use_cache[read]

    def _luck(self, read: date) -> list[float]:
        gauss = self._city.chance("kwh", read).gauss
        return [gauss(0.0, 1.0) for _ in self._daily]

    def _use(self, resident: Resident, today: _Today, luck: float) -> float:
        """Return one enterprise's kWh on a day; negative if its meter says nothing."""
        use = self._usual(resident, today, luck)
        return self._disturbed(resident, today, luck, use) if resident.index in self._special else use

    def _usual(self, resident: Resident, today: _Today, luck: float) -> float:
        """Return what it uses unless something happens."""
        swing = 1.0 + resident.wobble * math.sin(6.283 * today.number / resident.wave + resident.phase)
        business = swing * (1.0 + resident.growth * today.number / 365) * (1.0 + resident.season * today.warmth)
        return resident.kwh * max(business * _rhythm(resident, today) * (1.0 + resident.noise * luck), 0.002)

    def _disturbed(self, resident: Resident, today: _Today, luck: float, use: float) -> float:
        """Return what interruptions, plots, outages and rationing leave of a day's use."""
        for one in self._interruptions.get(resident.index, ()):
            if one.first <= today.number <= one.last:
                if one.kind in ("offline", "zero"):
                    return -1.0 if one.kind == "offline" else 0.0
                rest = one.rest * (1.0 + 0.2 * luck)
                use = min(use, resident.kwh * rest) if one.kind == "pause" else resident.kwh * 0.9
        part = self._city.parts.get(resident.index)
        if part is not None:
            use = _played(part, today.day, luck, use)
        decoy = self._short.get(resident.index)
        if decoy is not None and use > 0 and decoy.begins <= today.day <= decoy.ends:
            use *= _left(decoy, (today.day - decoy.begins).days)
        return use if use < 0 else max(use, 0.0)


def _played(part: Part, day: date, luck: float, use: float) -> float:
    """Return a day's use as a plot has it; firms in distress use power unevenly."""
    if part.within(part.plot.silent, day):
        return -1.0
    if part.within(part.plot.zero, day):
        return 0.0
    factor = part.factor(part.plot.use, part.day(day))
    return use * factor * (1.0 + _UNEVEN * luck if part.distress and factor < 1.0 else 1.0)


def _left(decoy: Decoy, day: int) -> float:
    """Return what an outage or rationing leaves of a day's use."""
    if decoy.name == "grid-outage":
        return OUTAGE_USE[day]
    return RATIONED_USE if day % 7 < 4 else 1.0


def _pause(rng: Random, resident: Resident) -> int:
    """Return how many days a harmless stop lasts."""
    if resident.intermittent:
        return rng.randint(2, 6)
    shortest, longest = rng.choices(((2, 2), (3, 3), (4, 6), (7, 9), (10, 20)), (0.5, 0.2, 0.15, 0.08, 0.07))[0]
    return rng.randint(shortest, longest)


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
