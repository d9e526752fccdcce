"""Ages and times that are late, in a live stack and in a simulated one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.control import ControlStore
from dashboards.desk import Desk
from dashboards.queries import Queries
from dashboards.store import Store
from streams.clock import ManualClock, millis, moment
from tests.dashboards.conftest import MakePlace, Place
from tests.dashboards.scene import FIRMS, Scene, alert_id

pytestmark = pytest.mark.stack
RED = FIRMS[0]


async def test_alerts_nobody_took_in_time_are_overdue(place: Place, control: ControlStore) -> None:
    newest = max(source.at for source in Queries(Store(place.connect)).freshness().sources)
    clock = ManualClock(millis(newest))
    desk = Desk(Queries(Store(place.connect)), control, clock, simulated=False)
    before = (await desk.wall.get()).value
    assert before is not None and not before.simulated
    # Six are late; one red is 24 minutes old and has six more.
    assert (before.counts.total, before.counts.unacknowledged, before.counts.overdue) == (12, 12, 6)
    red = next(alert for alert in before.alerts if alert.alert_id == alert_id(RED))
    clock.move(10 * 60_000)
    later = (await desk.wall.get()).value
    assert later is not None and later.counts.overdue == 7
    await desk.acknowledge(red, "王芳", "")
    taken = (await desk.wall.get()).value
    assert taken is not None
    assert (taken.counts.unacknowledged, taken.counts.overdue) == (11, 6)
    desk.close()


async def test_a_live_stack_ages_by_the_machines_clock(place: Place, control: ControlStore) -> None:
    fresh = Queries(Store(place.connect)).freshness()
    assert fresh.heard is not None
    clock = ManualClock(millis(fresh.heard + timedelta(minutes=7)))
    desk = Desk(Queries(Store(place.connect)), control, clock, simulated=False)
    assert (await desk.health()).status == "stale"
    assert (await desk.health()).data_age_seconds == 420
    desk.close()


async def test_a_simulated_stack_tells_its_own_time(make_place: MakePlace, control: ControlStore) -> None:
    place = make_place(hours_old=10_000)
    clock = ManualClock(millis(datetime.now(UTC)))
    desk = Desk(Queries(Store(place.connect)), control, clock, simulated=True)
    wall = (await desk.wall.get()).value
    assert wall is not None
    # Ages of alerts are in the city's time, the age of the data in ours: it was just seen for the first time.
    assert wall.simulated
    assert moment(clock.now_ms()) - wall.now > timedelta(hours=9_990)
    # And so is what is late: the six that are in a live stack of the same records.
    assert wall.counts.overdue == 6
    assert desk.data_age(wall) == timedelta(0)
    clock.move(6 * 60_000)
    assert (await desk.health()).status == "stale"
    later = wall.now + timedelta(days=1)
    scene = Scene(place.connect(), place.clickhouse_database, later)
    scene.insert(*scene.heartbeats(later))
    clock.move(2000)
    assert (await desk.health()).status == "ok"
    desk.close()
