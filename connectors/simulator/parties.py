"""Shareholders and holdings outside the city: who they are, when they leave the market, and who buys shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from random import Random
from typing import Literal, NamedTuple, TypeAlias

from connectors.models import Relation
from connectors.simulator.city import City
from connectors.simulator.codes import credit_code
from connectors.simulator.enterprises import Resident

_Kind: TypeAlias = Literal["investor", "investee"]
_KINDS: tuple[_Kind, ...] = ("investor", "investee")
#: Of the investors and holdings of healthy firms leave in a year; of those of a firm that fails, while it fails.
_LEAVE, _LEAVE_A_FAILURE = 0.02, 0.2
#: Share of the former that are mistakes, and days until they are corrected.
_MISTAKEN, _CORRECTED = 0.1, (14, 56)
#: Healthy firms that have a new shareholder in a year, and failing ones while they fail.
_SOLD, _SOLD_IN_FAILURE = 0.05, 0.3
#: Numbers from here on are those of parties outside the city.
_OUTSIDE, _EACH = 400_000_000, 3
_REGION = "990201"


@dataclass(frozen=True, slots=True)
class Party:
    """An investor, or an enterprise invested in, outside the city.

    Parameters
    ----------
    number
        Which of the enterprise's parties.
    relation
        What it is to the enterprise.
    leaves, returns
        On which day it is said to leave the market, and that this was a mistake; None: never.
    """

    number: int
    relation: _Kind
    leaves: date | None = None
    returns: date | None = None


class Told(NamedTuple):
    """What is published of a party: index of the enterprise, the party's code, what it is, ``left`` or ``active``."""

    owner: int
    party: str
    relation: str
    status: str


class Parties:
    """The parties outside a city; a pure function of it.

    Parameters
    ----------
    city
        Whose.
    """

    def __init__(self, city: City) -> None:
        self._city = city
        self._defaults = {story.enterprise_id: story.default_date for story in city.stories}

    def ties(self, resident: Resident, day: date) -> list[Relation]:
        """Return an enterprise's ties that the registry knows on a day, besides those within the city."""
        sold = self._sales.get(resident.index)
        ties = [_tie(resident, relation, number) for number, relation in enumerate(_KINDS)]
        return [*ties, _tie(resident, "investor", len(_KINDS))] if sold is not None and day >= sold else ties

    def sold(self, day: date) -> Iterator[int]:
        """Yield the indices of those that have a new shareholder on a day."""
        yield from self._sold.get(day, ())

    def told(self, day: date) -> Iterator[Told]:
        """Yield what is published on a day of those that leave the market, or have not left it after all."""
        yield from self._told.get(day, ())

    @cached_property
    def _sales(self) -> Mapping[int, date]:
        """Return by index when shares are sold to somebody new."""
        found = {resident.index: self._sale(resident) for resident in self._city.residents}
        return {index: day for index, day in found.items() if day is not None}

    def _sale(self, resident: Resident) -> date | None:
        city, part = self._city, self._city.parts.get(resident.index)
        rng = Random(f"{city.seed}:shares:{resident.index}")
        chance, where = rng.random(), rng.random()
        if part is not None and part.plot.sold is not None:
            return part.begins + timedelta(days=round(part.plot.sold * part.tempo))
        if part is not None and part.distress:
            return self._while_failing(resident, where) if chance < _SOLD_IN_FAILURE else None
        if part is not None or chance >= _SOLD * city.days / 365:
            return None
        return city.start + timedelta(days=int(where * city.days))

    @cached_property
    def _sold(self) -> Mapping[date, list[int]]:
        days: dict[date, list[int]] = {}
        for index, day in self._sales.items():
            days.setdefault(day, []).append(index)
        return days

    @cached_property
    def _told(self) -> Mapping[date, list[Told]]:
        days: dict[date, list[Told]] = {}
        for resident in self._city.residents:
            for party in self._of(resident):
                for day, status in ((party.leaves, "left"), (party.returns, "active")):
                    if day is not None:
                        code = _code(resident, party.number)
                        one = Told(resident.index, code, party.relation, status)
                        days.setdefault(day, []).append(one)
        return days

    def _of(self, resident: Resident) -> Iterator[Party]:
        """Yield an enterprise's investor and its holding."""
        city, part = self._city, self._city.parts.get(resident.index)
        rng = Random(f"{city.seed}:parties:{resident.index}")
        for number, relation in enumerate(_KINDS):
            chance, where, mistaken, wait = rng.random(), rng.random(), rng.random(), rng.randint(*_CORRECTED)
            leaves = returns = None
            planted = [one.after for one in part.plot.exits if one.what == relation] if part is not None else []
            if part is not None and planted:
                leaves = part.begins + timedelta(days=round(planted[0] * part.tempo))
            elif part is not None and part.distress:
                leaves = self._while_failing(resident, where) if chance < _LEAVE_A_FAILURE else None
            elif part is None and chance < _LEAVE * city.days / 365:
                leaves = city.start + timedelta(days=int(where * city.days))
                returns = leaves + timedelta(days=wait) if mistaken < _MISTAKEN else None
            yield Party(number, relation, leaves, returns)

    def _while_failing(self, resident: Resident, where: float) -> date:
        begins, ends = self._city.parts[resident.index].begins, self._defaults[resident.enterprise_id]
        return begins + timedelta(days=int(where * (ends - begins).days))


def _tie(resident: Resident, relation: _Kind, number: int) -> Relation:
    share = (10 + 7 * (resident.index + number) % 51) / 100
    return Relation(enterprise_id=_code(resident, number), kind=relation, share=share)


def _code(resident: Resident, number: int) -> str:
    return credit_code(_REGION, _OUTSIDE + resident.index * _EACH + number)
