from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.calendar import Calendar

ZONES = ["Asia/Shanghai", "UTC", "Europe/Berlin", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Kathmandu"]
MOMENTS = st.integers(-1_000_000_000_000, 4_200_000_000_000)


@pytest.mark.parametrize("zone", ZONES)
@given(ms=MOMENTS)
@settings(max_examples=80, deadline=None)
def test_a_moment_lies_in_its_day_and_month(zone: str, ms: int) -> None:
    calendar = Calendar(zone)
    day, month = calendar.day_of(ms), calendar.month_of(ms)
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).astimezone(ZoneInfo(zone))
    assert calendar.date_of(day) == local.date()
    assert month == local.year * 12 + local.month - 1
    assert calendar.month_start(month) <= ms < calendar.month_end(month)
    assert calendar.day_start(day) <= ms < calendar.day_end(day)


def test_a_midnight_that_daylight_saving_skips_begins_with_the_change() -> None:
    calendar = Calendar("America/Sao_Paulo")
    day = calendar.day_of_date(date(2017, 10, 15))  # clocks went from 00:00 to 01:00
    assert calendar.day_of(calendar.day_start(day)) == day
    assert calendar.day_of(calendar.day_start(day) - 1) == day - 1
    assert calendar.day_end(day) - calendar.day_start(day) == 23 * 3_600_000


@pytest.mark.parametrize(
    ("when", "workday", "holiday"),
    [
        ("2026-02-17", False, True),  # Spring Festival
        ("2026-02-14", True, False),  # a Saturday that is worked for it
        ("2025-10-01", False, True),
        ("2026-03-07", False, False),  # a plain Saturday
        ("2026-03-09", True, False),
        ("2031-10-03", False, True),  # beyond the published lists: fixed holidays,
        ("2031-01-23", False, True),  # Spring Festival by the moon,
        ("2031-03-08", False, False),  # and weekends
        ("2031-03-10", True, False),
        ("1999-05-01", False, True),
    ],
)
def test_working_days_and_holidays(calendar: Calendar, when: str, workday: bool, holiday: bool) -> None:
    day = calendar.day_of_date(date.fromisoformat(when))
    assert (calendar.is_workday(day), calendar.is_public_holiday(day)) == (workday, holiday)


@pytest.mark.parametrize(
    ("when", "distance"),
    [("2016-02-08", 0), ("2016-02-13", 5), ("2015-01-25", -25), ("2027-02-05", -1), ("2098-02-01", 0)],
)
def test_distance_to_spring_festival(calendar: Calendar, when: str, distance: int) -> None:
    assert calendar.days_from_spring_festival(calendar.day_of_date(date.fromisoformat(when))) == distance


@given(day=st.integers(-700_000, 2_000_000))
@settings(max_examples=100, deadline=None)
def test_holidays_are_answered_for_every_day(day: int) -> None:
    calendar = Calendar()
    calendar.days_from_spring_festival(day)
    assert not (calendar.is_workday(day) and calendar.is_public_holiday(day))


def test_weekdays(calendar: Calendar) -> None:
    assert all(calendar.weekday(day) == calendar.date_of(day).weekday() for day in range(20_000, 20_020))
