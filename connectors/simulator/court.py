"""Court records: harmless suits of everyone, and the way of one debtor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from connectors.models import Signal
from connectors.simulator.city import City, at, count_of
from connectors.simulator.enterprises import Resident

HOUR, MINUTE = 9, 30
_SUITS_PER_YEAR = 0.3
_CAUSES = ("买卖合同纠纷", "服务合同纠纷", "承揽合同纠纷", "租赁合同纠纷", "劳动争议")
#: Days after its filing, kind of record, whether that closes the matter.
_COURSE = ((0, "filing", False), (28, "hearing", False), (55, "judgment", True))


class _Step(NamedTuple):
    """One record of the debtor's way: days after the beginning, matter, kind, amount in CNY."""

    after: int
    matter: int
    kind: str
    amount: float


_DEBTOR = (
    _Step(0, 1, "filing", 2_600_000.0),
    _Step(4, 2, "filing", 840_000.0),
    _Step(15, 1, "hearing", 2_600_000.0),
    _Step(22, 1, "judgment", 2_600_000.0),
    _Step(27, 3, "enforcement", 2_600_000.0),
    _Step(31, 4, "enforcement", 840_000.0),
    _Step(38, 3, "consumption_ban", 2_600_000.0),
    _Step(45, 3, "dishonest", 2_600_000.0),
)


class Court:
    """Makes the court records of a city.

    Parameters
    ----------
    city
        Whose.
    """

    def __init__(self, city: City) -> None:
        self._city = city

    def published(self, day: date, backfill: bool) -> Iterator[Signal]:
        """Yield the records that are published on a day."""
        for after, kind, closes in _COURSE:
            filed = day - timedelta(days=after)
            if filed >= self._city.start:
                yield from self._suits(filed, day, kind, closes, backfill)
        for index, story in self._city.heroes.items():
            if story.name == "dishonest-debtor":
                for step in _DEBTOR:
                    if (day - story.begins).days == step.after:
                        yield self._debtor(self._city.residents[index], step, day, backfill)

    def _suits(self, filed: date, day: date, kind: str, closes: bool, backfill: bool) -> Iterator[Signal]:
        """Yield a record of every harmless suit that was filed on a day."""
        rng = self._city.chance("suits", filed)
        for number in range(count_of(rng, len(self._city.residents) * _SUITS_PER_YEAR / 365)):
            resident = self._city.residents[rng.randrange(len(self._city.residents))]
            role = "plaintiff" if rng.random() < 0.8 else "defendant"
            amount = round(rng.uniform(3_000, 400_000 if role == "plaintiff" else 30_000), 2)
            cause = rng.choice(_CAUSES)
            if resident.index in self._city.heroes:
                continue
            case_no = f"（{filed.year}）澜{resident.region[-4:]}民初{filed:%m%d}{number:02}号"
            payload = {"case_no": case_no, "kind": kind, "role": role, "status": "closed" if closes else "open"}
            yield self._record(resident, payload | {"cause": cause}, amount, day, backfill)

    def _debtor(self, resident: Resident, step: _Step, day: date, backfill: bool) -> Signal:
        word = "执" if step.kind in ("enforcement", "consumption_ban", "dishonest") else "民初"
        case_no = f"（{day.year}）澜{resident.region[-4:]}{word}{9000 + resident.index * 10 + step.matter}号"
        payload = {"case_no": case_no, "kind": step.kind, "role": "defendant", "status": "open"}
        return self._record(resident, payload | {"cause": "金融借款合同纠纷"}, step.amount, day, backfill)

    def _record(self, resident: Resident, texts: dict[str, str], amount: float, day: date, backfill: bool) -> Signal:
        return Signal(
            enterprise_id=resident.enterprise_id,
            family="litigation",
            metric="case",
            payload={**texts, "amount": amount, "court": "青澜市中级人民法院"},
            event_time=at(day - timedelta(days=1)),
            published_at=at(day, HOUR, MINUTE),
            source=self._city.name,
            source_id=f"case/{texts['case_no']}/{texts['kind']}/{resident.enterprise_id}",
            backfill=backfill,
        )
