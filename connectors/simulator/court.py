"""Court and registry records: harmless suits of everyone, those of the planted plots, and exits of related parties."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from connectors.models import Signal
from connectors.simulator.city import City, at, count_of
from connectors.simulator.enterprises import Resident
from connectors.simulator.parties import Parties
from connectors.simulator.plots import Case

HOUR, MINUTE = 9, 30
_SUITS_PER_YEAR = 0.3
#: Days from a default to the day on which the registry has the enterprise as gone.
_LEAVES_AFTER = 30
#: By what a party is to the enterprise that left: what that one was to the party.
_SEEN_FROM_THERE = {"investor": "investee", "investee": "investor"}
_CAUSES = ("买卖合同纠纷", "服务合同纠纷", "承揽合同纠纷", "租赁合同纠纷", "劳动争议")
#: Days after its filing, kind of record, whether that closes the matter.
_COURSE = ((0, "filing", False), (28, "hearing", False), (55, "judgment", True))

#: By kind of record: the word in its number; enforcement where there is none.
_WORDS = {"filing": "民初", "hearing": "民初", "judgment": "民初", "bankruptcy": "破申"}


class Court:
    """Makes the court records of a city.

    Parameters
    ----------
    city
        Whose.
    parties
        Shareholders and holdings outside of it.
    """

    def __init__(self, city: City, parties: Parties) -> None:
        self._city, self._parties = city, parties

    def published(self, day: date, backfill: bool) -> Iterator[Signal]:
        """Yield the records that are published on a day."""
        for after, kind, closes in _COURSE:
            filed = day - timedelta(days=after)
            if filed >= self._city.start:
                yield from self._suits(filed, day, kind, closes, backfill)
        yield from self._exits(day, backfill)
        for index, part in self._city.parts.items():
            for case in part.plot.court:
                if part.due(case.after, day):
                    yield self._planted(self._city.residents[index], case, part.begins.year, day, backfill)

    def _exits(self, day: date, backfill: bool) -> Iterator[Signal]:
        """Yield who has left: parties outside, and those that failed, as their shareholders and holdings hear it."""
        for one in self._parties.told(day):
            enterprise = self._city.residents[one.owner].enterprise_id
            yield self._exit(enterprise, one.party, one.relation, day, backfill, one.status)
        for story in self._city.stories:
            if day == story.default_date + timedelta(days=_LEAVES_AFTER):
                index = next(one.index for one in self._city.residents if one.enterprise_id == story.enterprise_id)
                for tie in self._city.relations.get(index, ()):
                    seen = _SEEN_FROM_THERE.get(tie.kind)
                    if seen is not None:
                        yield self._exit(tie.enterprise_id, story.enterprise_id, seen, day, backfill)

    def _exit(
        self, enterprise: str, party: str, relation: str, day: date, backfill: bool, status: str = "left"
    ) -> Signal:
        return Signal(
            enterprise_id=enterprise,
            family="litigation",
            metric="related_party",
            payload={"party": party, "relation": relation, "status": status},
            event_time=at(day - timedelta(days=1)),
            published_at=at(day, HOUR, MINUTE),
            source=self._city.name,
            source_id=f"{'exit' if status == 'left' else status}/{relation}/{party}/{enterprise}",
            backfill=backfill,
        )

    def _suits(self, filed: date, day: date, kind: str, closes: bool, backfill: bool) -> Iterator[Signal]:
        """Yield a record of every harmless suit that was filed on a day."""
        rng = self._city.chance("suits", filed)
        for number in range(count_of(rng, len(self._city.residents) * _SUITS_PER_YEAR / 365)):
            resident = self._city.residents[rng.randrange(len(self._city.residents))]
            role = "plaintiff" if rng.random() < 0.8 else "defendant"
            amount = round(rng.uniform(3_000, 400_000 if role == "plaintiff" else 30_000), 2)
            cause = rng.choice(_CAUSES)
            if resident.index in self._city.parts:
                continue
            case_no = f"（{filed.year}）澜{resident.region[-4:]}民初{filed:%m%d}{number:02}号"
            payload = {"case_no": case_no, "kind": kind, "role": role, "status": "closed" if closes else "open"}
            yield self._record(resident, payload | {"cause": cause}, amount, day, backfill)

    def _planted(self, resident: Resident, case: Case, year: int, day: date, backfill: bool) -> Signal:
        word = _WORDS.get(case.kind, "执")
        case_no = f"（{year}）澜{resident.region[-4:]}{word}{90_000 + resident.index * 40 + case.matter}号"
        payload = {
            "case_no": case_no, "kind": case.kind, "role": case.role, "status": "closed" if case.removed else "open",
        }  # fmt: skip
        return self._record(resident, payload | {"cause": case.cause}, case.amount, day, backfill)

    def _record(self, resident: Resident, texts: dict[str, str], amount: float, day: date, backfill: bool) -> Signal:
        return Signal(
            enterprise_id=resident.enterprise_id,
            family="litigation",
            metric="case",
            payload={**texts, "amount": amount, "court": "青澜市中级人民法院"},
            event_time=at(day - timedelta(days=1)),
            published_at=at(day, HOUR, MINUTE),
            source=self._city.name,
            source_id=f"case/{texts['case_no']}/{texts['kind']}/{texts['status']}/{resident.enterprise_id}",
            backfill=backfill,
        )
