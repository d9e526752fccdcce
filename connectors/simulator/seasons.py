"""Which days people work in the simulated city."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import chinese_calendar  # type: ignore[import-untyped]  # no stubs exist
from lunardate import LunarDate  # type: ignore[import-untyped]  # its stubs are a package of their own


@lru_cache(maxsize=64)
def spring_festival(year: int) -> date:
    """Return the first day of the lunar year that begins in a year.

    Examples
    --------
    >>> spring_festival(2026).isoformat()
    '2026-02-17'
    """
    first: date = LunarDate(year, 1, 1).to_solar_date()
    return first


@lru_cache(maxsize=4096)
def day_kind(day: date) -> str:
    """Return ``workday`` (make-up days too), ``weekend`` or ``holiday``.

    Years for which no official calendar is known have the working days of the week and no holidays.

    Examples
    --------
    >>> day_kind(date(2026, 2, 14)), day_kind(date(2026, 2, 18)), day_kind(date(2026, 3, 1))
    ('workday', 'holiday', 'weekend')
    """
    try:
        is_holiday, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return "weekend" if day.weekday() >= 5 else "workday"
    if not is_holiday:
        return "workday"
    return "holiday" if name else "weekend"
