"""What the board and the API work with: figures read once for all, and acknowledgements written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from connectors.control.records import Acknowledgement as Stored
from connectors.models import Level
from dashboards.figures import (
    Acknowledgement,
    AlertDetail,
    AlertPage,
    AlertState,
    EnterpriseDetail,
    EnterprisePage,
    EnterpriseView,
    Health,
    LevelCounts,
    Wall,
)
from dashboards.queries import AlertFilter, Freshness, Queries
from dashboards.shared import Shared, SharedByKey
from dashboards.store import UnreachableError
from streams.clock import Clock, moment
from streams.logs import logger
from streams.lookout import Scoring

#: How soon somebody should have acknowledged an alert, by level.
RESPONSE_TIMES: Mapping[Level, timedelta] = {
    Level.RED: timedelta(minutes=30),
    Level.ORANGE: timedelta(hours=2),
    Level.YELLOW: timedelta(hours=24),
    Level.BLUE: timedelta(hours=72),
}
#: Older data than this is stale: sources say every few seconds that they live, even with nothing new.
STALE_AFTER = timedelta(minutes=5)

A = TypeVar("A", bound=AlertState)


#: Gaps in the input are told for so long.
LOSSES_TOLD = timedelta(days=7)
#: How often the scorers are looked after, and gaps counted. Seconds.
_TROUBLE_S = 4.0
#: The wall does not wait longer for that: what was known before will do. Seconds.
_PATIENCE_S = 1.0
#: Longest wait for the control store when it is asked whether it is there. Seconds.
_CONTROL_S = 5.0
log = logger(__name__)


class Acknowledgements(Protocol):
    """The part of the control store that is needed here."""

    def acknowledge(self, alert_id: str, enterprise_id: str, actor: str, note: str, *, now_ms: int) -> Stored:
        """Store an acknowledgement."""
        ...

    def acknowledgements(self, alert_ids: Iterable[str]) -> dict[str, tuple[Stored, ...]]:
        """Return those of the given alerts, the oldest first."""
        ...


class Desk:
    """The reading room.

    Parameters
    ----------
    queries
        Over ClickHouse.
    control
        Where acknowledgements are.
    clock
        The machine's.
    simulated
        Whether the stack clock comes from the records.
    look
        Tells whether signals are scored; may block for seconds. By default nobody knows.
    """

    def __init__(
        self,
        queries: Queries,
        control: Acknowledgements,
        clock: Clock,
        *,
        simulated: bool,
        look: Callable[[], Scoring] = Scoring,
    ) -> None:
        self.clock = clock
        self._look = look
        self._scoring: Shared[Scoring] = Shared(self._read_scoring, clock, _TROUBLE_S, _PATIENCE_S)
        self._losses: Shared[int] = Shared(self._read_losses, clock, _TROUBLE_S, _PATIENCE_S)
        self._queries, self._control, self._simulated = queries, control, simulated
        self.wall: Shared[Wall] = Shared(self._read_wall, clock)
        self.enterprises: SharedByKey[str, EnterpriseView | None] = SharedByKey(self._read_enterprise, clock)
        self._acknowledging = asyncio.Lock()
        self._seen: tuple[datetime | None, ...] = ()
        self._changed_at = moment(clock.now_ms())

    async def acknowledge(self, alert: AlertState, actor: str, note: str) -> Acknowledgement:
        """Store that somebody has seen an alert; the same person with the same note changes nothing."""
        async with self._acknowledging:
            known = (await self._acknowledged([alert.alert_id])).get(alert.alert_id, ())
            for one in known:
                if (one.actor, one.note) == (actor, note):
                    return one
            now = self.clock.now_ms()
            stored = await asyncio.to_thread(
                self._control.acknowledge, alert.alert_id, alert.enterprise_id, actor, note, now_ms=now
            )
        self.wall.expire()
        self.enterprises.expire(alert.enterprise_id)
        return _shown(stored)

    async def find_alerts(self, wanted: AlertFilter, limit: int, cursor: str | None) -> AlertPage:
        """Return a page of alerts, the ones that changed last first."""
        page = await self._queries.run(self._queries.alerts, wanted, limit, cursor)
        return AlertPage(items=await self._marked(page.items), next_cursor=page.next_cursor)

    async def find_alert(self, alert_id: str) -> AlertDetail | None:
        """Return one alert with all its transitions; None if there is none of this id."""
        found = await self._queries.run(self._queries.alert, alert_id)
        if found is None:
            return None
        known = (await self._acknowledged([alert_id])).get(alert_id, ())
        newest = known[-1] if known else None
        return found.model_copy(update={"acknowledged": newest, "acknowledgements": list(known)})

    async def find_enterprises(self, text: str, limit: int, cursor: str | None) -> EnterprisePage:
        """Return a page of enterprises whose name or code contains the text, by code."""
        return await self._queries.run(self._queries.enterprises, text, limit, cursor)

    async def find_enterprise(self, enterprise_id: str) -> EnterpriseDetail | None:
        """Return all about one enterprise; None if nothing was ever heard of it."""
        found = await self._queries.run(self._queries.enterprise, enterprise_id)
        if found is None or found.alert is None:
            return found
        return found.model_copy(update={"alert": (await self._marked([found.alert]))[0]})

    async def health(self) -> Health:
        """Return how the store and the sources do."""
        seen = await self.wall.get()
        if seen.value is None or seen.failing_since is not None:
            return Health(status="unreachable", store=False, sources=[])
        age = self.data_age(seen.value)
        stale = age is None or age > STALE_AFTER
        return Health(
            status="stale" if stale else "ok",
            store=True,
            data_age_seconds=None if age is None else age.total_seconds(),
            sources=seen.value.sources,
        )

    async def not_ready(self) -> str:
        """Return why the board cannot serve now; empty if it can."""
        try:
            await self._queries.run(self._queries.ping)
        except UnreachableError:
            return "ClickHouse does not answer"
        try:
            await asyncio.wait_for(self._acknowledged(["-"]), _CONTROL_S)
        except Exception as error:  # whatever the driver raises: it is told, and asked again
            log.warning("the control store does not answer", error=type(error).__name__)
            return "the control store does not answer"
        return ""

    def data_age(self, wall: Wall) -> timedelta | None:
        """Return how long ago the store last received anything, by the machine's clock; None if never."""
        return None if wall.data_at is None else max(timedelta(0), moment(self.clock.now_ms()) - wall.data_at)

    def close(self) -> None:
        """Let go of the threads that read."""
        self._queries.close()

    async def _read_wall(self) -> Wall:
        alerts, counts = await self._queries.run(self._queries.open_alerts)
        fresh = await self._queries.run(self._queries.freshness)
        now = self._now(fresh)
        marked = await self._marked(alerts)
        waiting = [alert for alert in marked if alert.acknowledged is None]
        late = sum(now - alert.at > RESPONSE_TIMES[alert.level] for alert in waiting)
        update = {"unacknowledged": len(waiting), "overdue": late}
        return Wall(
            now=now,
            counts=_counts(counts).model_copy(update=update),
            alerts=marked,
            sources=fresh.sources,
            data_at=self._data_at(fresh),
            simulated=self._simulated and fresh.decided is not None,
            **await self._trouble(),
        )

    async def _trouble(self) -> dict[str, Any]:
        """Return what is wrong behind the store; what cannot be found out is left out."""
        scoring, losses = (await self._scoring.get()).value, (await self._losses.get()).value
        halted = scoring.halted_since if scoring is not None else None
        return {"scoring_halted_since": None if halted is None else moment(halted), "losses": losses or 0}

    async def _read_scoring(self) -> Scoring:
        return await asyncio.to_thread(self._look)

    async def _read_losses(self) -> int:
        return await self._queries.run(self._queries.losses, moment(self.clock.now_ms()) - LOSSES_TOLD)

    async def _read_enterprise(self, enterprise_id: str) -> EnterpriseView | None:
        detail = await self.find_enterprise(enterprise_id)
        if detail is None:
            return None
        curves = await self._queries.run(self._queries.curves, enterprise_id)
        return EnterpriseView(detail=detail, scores=curves.scores, daily=curves.daily, signals=curves.signals)

    def _now(self, fresh: Freshness) -> datetime:
        return fresh.decided if self._simulated and fresh.decided is not None else moment(self.clock.now_ms())

    def _data_at(self, fresh: Freshness) -> datetime | None:
        """Return when the store last received anything, by the machine's clock.

        The times of a simulated stack say nothing about that; there it is when they were last seen to change.
        """
        times = (fresh.heard, fresh.decided)
        if not self._simulated:
            return max((when for when in times if when is not None), default=None)
        if times != self._seen:
            self._seen, self._changed_at = times, moment(self.clock.now_ms())
        return self._changed_at if any(times) else None

    async def _marked(self, alerts: Sequence[A]) -> list[A]:
        known = await self._acknowledged([alert.alert_id for alert in alerts])
        return [
            alert.model_copy(update={"acknowledged": known[alert.alert_id][-1]}) if alert.alert_id in known else alert
            for alert in alerts
        ]

    async def _acknowledged(self, alert_ids: Sequence[str]) -> dict[str, tuple[Acknowledgement, ...]]:
        if not alert_ids:
            return {}
        stored = await asyncio.to_thread(self._control.acknowledgements, alert_ids)
        return {alert_id: tuple(map(_shown, known)) for alert_id, known in stored.items()}


def _shown(stored: Stored) -> Acknowledgement:
    return Acknowledgement(actor=stored.actor, note=stored.note, at=moment(stored.at))


def _counts(by_level: Mapping[Level, int]) -> LevelCounts:
    return LevelCounts(
        red=by_level.get(Level.RED, 0),
        orange=by_level.get(Level.ORANGE, 0),
        yellow=by_level.get(Level.YELLOW, 0),
        blue=by_level.get(Level.BLUE, 0),
    )
