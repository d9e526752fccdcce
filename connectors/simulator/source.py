"""The simulated city as a source like any other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from hashlib import blake2b
from itertools import islice

from connectors.catalogue import FAMILIES
from connectors.contract import Batch, SourceConfigError
from connectors.models import Enterprise, Signal
from connectors.simulator.city import City, at
from connectors.simulator.court import Court
from connectors.simulator.electricity import Electricity
from connectors.simulator.enterprises import DISTRICTS, Resident
from connectors.simulator.filings import Filings
from connectors.simulator.news import EDITIONS, News
from connectors.simulator.parties import Parties
from connectors.simulator.stories import Decoy, Story

_BATCH = 5_000
_TIES = 200
"""The most that a registry entry may name."""
DEFAULT_START = date(2025, 9, 1)


class CitySource:
    """Streams a city: registry, electricity, tax, social security, court records and news, in order of publication.

    The order is that of a simulated stack: minute of ``published_at``, then rank of the topic in
    ``connectors.topics.INPUTS``. Equal parameters give equal messages, on any machine and at any time.

    Parameters
    ----------
    enterprises
        How many live there.
    days, start
        The window. The default spans the Spring Festival of 2026.
    seed
        Of everything that is random.
    warm_up
        Days before the first story begins; detectors need them to learn what is usual.
    repeats
        How often each story is told, each time to another enterprise.
    history_months
        Months of filings from before the window, sent first and marked as backfill.
    backfill_days
        The first so many days of the window are marked as backfill and so notify nobody.
    fine_share
        Share of enterprises whose meter reports quarter-hours instead of days. 0 to 1.
    spread
        Each story and decoy begins up to so many days later, by lot.
    name
        The ``source`` of all its signals.

    Examples
    --------
    >>> city = CitySource(enterprises=20, days=3, seed=7, history_months=0)
    >>> batches = list(city.read())
    >>> sum(len(batch.items) for batch in batches) > 20
    True
    >>> batches[1:] == list(city.read(batches[0].position))
    True
    """

    def __init__(
        self,
        *,
        enterprises: int = 2_000,
        days: int = 240,
        seed: int = 1,
        start: date = DEFAULT_START,
        warm_up: int = 90,
        repeats: int = 1,
        history_months: int = 6,
        backfill_days: int = 0,
        fine_share: float = 0.003,
        spread: int = 0,
        name: str = "simulator",
    ) -> None:
        if enterprises < 1 or days < 1 or min(warm_up, repeats, history_months, backfill_days, spread) < 0:
            message = "the city needs at least one enterprise and one day, and no negative numbers"
            raise SourceConfigError(message)
        if not 0.0 <= fine_share <= 1.0:
            message = f"fine_share is a share between 0 and 1, not {fine_share}"
            raise SourceConfigError(message)
        self.city = City(
            enterprises, start, days, seed, warm_up, repeats, history_months, fine_share, name, backfill_days, spread
        )
        self._live_from = start + timedelta(days=backfill_days)
        self._fingerprint = blake2b(repr(self.city).encode(), digest_size=6).hexdigest()
        self._electricity = Electricity(self.city)
        self._filings = Filings(self.city)
        self._parties = Parties(self.city)
        self._court = Court(self.city, self._parties)
        self._news = News(self.city)

    @property
    def name(self) -> str:
        """The ``source`` of all its signals."""
        return self.city.name

    @property
    def families(self) -> Sequence[str]:
        """All of them."""
        return tuple(FAMILIES)

    @property
    def identity(self) -> str:
        """What tells this city from cities with other parameters."""
        return f"city {self._fingerprint}"

    def stories(self) -> list[Story]:
        """Return the planted stories: what should be found."""
        return list(self.city.stories)

    def decoys(self) -> list[Decoy]:
        """Return the planted decoys: what should alarm nobody."""
        return list(self.city.decoys)

    def read(self, position: str = "") -> Iterator[Batch]:
        """Yield the city's messages behind a position; see :class:`connectors.contract.Source`."""
        day, done = self._place(position)
        while day < self.city.end:
            for number, items in enumerate(self._batches(day)):
                if number >= done:
                    yield Batch(items, f"{self._fingerprint}/{day.isoformat()}/{number + 1}")
            day, done = day + timedelta(days=1), 0

    def _place(self, position: str) -> tuple[date, int]:
        """Return the day that a position lies in and how many of its batches are done."""
        if not position:
            return self.city.first_day, 0
        try:
            fingerprint, day, done = position.split("/")
            place = date.fromisoformat(day), int(done)
        except ValueError:
            fingerprint, place = "", (self.city.first_day, 0)
        if fingerprint != self._fingerprint:
            message = f"position {position!r} belongs to another city (other parameters): start afresh, with --fresh"
            raise SourceConfigError(message)
        return place

    def _batches(self, day: date) -> Iterator[Sequence[Enterprise | Signal]]:
        for group in self._groups(day):
            while chunk := list(islice(group, _BATCH)):
                yield chunk

    def _groups(self, day: date) -> Iterator[Iterator[Enterprise | Signal]]:
        """Yield what is published on a day, one group for each minute and topic, in that order."""
        backfill = day < self._live_from
        if day == self.city.first_day:
            yield self._registry(day)
        yield self._changes(day)
        in_window = day >= self.city.start
        if in_window:
            yield self._electricity.published(day, backfill)
        yield self._filings.tax(day, backfill)
        yield self._filings.social_security(day, backfill)
        if in_window:
            yield self._court.published(day, backfill)
            for edition in range(len(EDITIONS)):
                yield self._news.published(day, edition, backfill)

    def _registry(self, day: date) -> Iterator[Enterprise]:
        return (self._entry(resident, day, resident.region) for resident in self.city.residents)

    def _changes(self, day: date) -> Iterator[Enterprise]:
        """Yield the new entries of those that have a new shareholder, or have moved to another district."""
        for index in self._parties.sold(day):
            resident = self.city.residents[index]
            yield self._entry(resident, day, resident.region, revision=1)
        for index, part in self.city.parts.items():
            if part.plot.moves is not None and part.due(part.plot.moves, day):
                resident = self.city.residents[index]
                others = [region for region in DISTRICTS if region != resident.region]
                yield self._entry(resident, day, others[index % len(others)], revision=1)

    def _entry(self, resident: Resident, day: date, region: str, revision: int = 0) -> Enterprise:
        return Enterprise(
            enterprise_id=resident.enterprise_id,
            names=list(resident.names),
            industry=resident.trade.industry,
            region=region,
            size=resident.size,
            relations=[*self._parties.ties(resident, day), *self.city.relations.get(resident.index, [])][:_TIES],
            published_at=at(day),
            source=self.city.name,
            source_id=f"registry/{resident.enterprise_id}",
            revision=revision,
        )
