"""Days, months and Chinese holidays as plain integers.

A day is the number of days since 1970-01-01 in the source's zone, a month is ``year * 12 + month - 1``. Moments are
milliseconds since the epoch (UTC). Statutory holidays and make-up working days (调休) come from ``chinese_calendar``
for the years that it knows; outside them weekends, the fixed holidays and Spring Festival week count. Spring Festival
is computed and known for 1900 to 2099.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import chinese_calendar  # type: ignore[import-untyped]  # the package ships no types
import lunardate  # type: ignore[import-untyped,unused-ignore]  # older releases ship no types
import numpy as np
from numpy.typing import NDArray

DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1)
_EPOCH_ORDINAL = _EPOCH.toordinal()
#: China's last daylight saving ended in 1991; zones are only tested for a fixed offset from here on.
_FIXED_FROM_MS = 694_224_000_000  # 1992-01-01T00:00Z
_FIXED_TO_MS = 4_102_444_800_000  # 2100-01-01T00:00Z
_FESTIVAL_YEARS = (1900, 2099)
_OFFSET_CACHE_LIMIT = 65_536


def _offset_at(zone: ZoneInfo, ms: int) -> int:
    """Return the zone's offset from UTC at a moment, in milliseconds."""
    moment = datetime.fromtimestamp(ms // 1000, UTC).astimezone(zone)
    offset = moment.utcoffset()
    return 0 if offset is None else offset // timedelta(milliseconds=1)


@lru_cache(maxsize=64)
def _fixed_offset(key: str) -> int | None:
    """Return the zone's offset if it has a single one from 1992 to 2099, else None.

    Sampling every five days finds every daylight saving in use, Morocco's pause in Ramadan included.
    """
    zone = ZoneInfo(key)
    first = _offset_at(zone, _FIXED_FROM_MS)
    samples = range(_FIXED_FROM_MS, _FIXED_TO_MS, 5 * DAY_MS)
    return first if all(_offset_at(zone, ms) == first for ms in samples) else None


@lru_cache(maxsize=256)
def _spring_festival(year: int) -> int:
    """Return the day of Spring Festival of a year from 1900 to 2099."""
    day: date = lunardate.LunarDate(year, 1, 1).to_solar_date()
    return day.toordinal() - _EPOCH_ORDINAL


@lru_cache(maxsize=16_384)
def _from_spring_festival(day: int) -> int:
    year = date.fromordinal(day + _EPOCH_ORDINAL).year
    first, last = _FESTIVAL_YEARS
    years = {min(max(y, first), last) for y in (year - 1, year, year + 1)}
    return min((day - _spring_festival(y) for y in years), key=abs)


def _is_fixed_holiday(moment: date, from_festival: int) -> bool:
    """Tell whether a day is a holiday in any year, by rules that need no published list."""
    fixed = (moment.month, moment.day) == (1, 1) or (moment.month == 5 and moment.day <= 3)
    return fixed or (moment.month == 10 and moment.day <= 7) or -1 <= from_festival <= 6


@lru_cache(maxsize=16_384)
def _day_kind(day: int) -> tuple[bool, bool]:
    """Return (is a working day, is a public holiday)."""
    moment = date.fromordinal(day + _EPOCH_ORDINAL)
    try:
        off, name = chinese_calendar.get_holiday_detail(moment)
    except NotImplementedError:  # a year that the package does not know
        holiday = _is_fixed_holiday(moment, _from_spring_festival(day))
        return not holiday and moment.weekday() < 5, holiday
    return not off, bool(off and name)


class Calendar:
    """Maps moments to days and months of one zone, and knows the Chinese holidays.

    Parameters
    ----------
    zone
        IANA name of the source's zone.

    Examples
    --------
    >>> calendar = Calendar()
    >>> day = calendar.day_of(1_771_257_600_000)  # 2026-02-16T16:00Z, midnight in Shanghai
    >>> calendar.date_of(day).isoformat()
    '2026-02-17'
    >>> calendar.days_from_spring_festival(day), calendar.is_workday(day), calendar.is_public_holiday(day)
    (0, False, True)
    """

    __slots__ = ("_offset", "_offsets", "_zone", "zone")

    def __init__(self, zone: str = "Asia/Shanghai") -> None:
        self.zone = zone
        self._zone = ZoneInfo(zone)
        self._offset = _fixed_offset(zone)
        self._offsets: dict[int, int | None] = {}

    def _offset_of(self, ms: int) -> int:
        """Return the offset at a moment; remembers it for UTC days without a change."""
        bucket = ms // DAY_MS
        try:
            known = self._offsets[bucket]
        except KeyError:
            if len(self._offsets) >= _OFFSET_CACHE_LIMIT:
                self._offsets.clear()
            start = _offset_at(self._zone, bucket * DAY_MS)
            same = start == _offset_at(self._zone, bucket * DAY_MS + DAY_MS - 1)
            known = self._offsets[bucket] = start if same else None
        return _offset_at(self._zone, ms) if known is None else known

    def day_of(self, ms: int) -> int:
        """Return the day in which a moment falls."""
        if self._offset is not None and _FIXED_FROM_MS <= ms < _FIXED_TO_MS:
            return (ms + self._offset) // DAY_MS
        return (ms + self._offset_of(ms)) // DAY_MS

    def days_of(self, moments: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the days in which moments fall, and the milliseconds since each began."""
        if self._offset is not None and len(moments):
            local = moments + self._offset
            if moments.min() >= _FIXED_FROM_MS and local.max() < _FIXED_TO_MS:
                days = local // DAY_MS
                return days, local - days * DAY_MS
        different, places = np.unique(moments, return_inverse=True)
        days = np.array([self.day_of(ms) for ms in different.tolist()], dtype=np.int64)
        starts = np.array([self.day_start(day) for day in days.tolist()], dtype=np.int64)
        return days[places], moments - starts[places]

    def day_start(self, day: int) -> int:
        """Return the first moment of a day."""
        if self._offset is not None:
            ms = day * DAY_MS - self._offset
            if _FIXED_FROM_MS <= ms < _FIXED_TO_MS:
                return ms
        moment = date.fromordinal(day + _EPOCH_ORDINAL)
        local = datetime(moment.year, moment.month, moment.day, tzinfo=self._zone)
        # A midnight that daylight saving skips maps to the moment of the change, through UTC and back.
        return round(local.astimezone(UTC).timestamp()) * 1000

    def day_end(self, day: int) -> int:
        """Return the first moment after a day."""
        return self.day_start(day + 1)

    def month_of(self, ms: int) -> int:
        """Return the month in which a moment falls."""
        return self.month_of_day(self.day_of(ms))

    def month_of_day(self, day: int) -> int:
        """Return the month to which a day belongs."""
        moment = date.fromordinal(day + _EPOCH_ORDINAL)
        return moment.year * 12 + moment.month - 1

    def first_day(self, month: int) -> int:
        """Return the first day of a month."""
        return date(month // 12, month % 12 + 1, 1).toordinal() - _EPOCH_ORDINAL

    def month_start(self, month: int) -> int:
        """Return the first moment of a month."""
        return self.day_start(self.first_day(month))

    def month_end(self, month: int) -> int:
        """Return the first moment after a month."""
        return self.day_start(self.first_day(month + 1))

    def date_of(self, day: int) -> date:
        """Return the date of a day."""
        return date.fromordinal(day + _EPOCH_ORDINAL)

    def day_of_date(self, moment: date) -> int:
        """Return the day of a date."""
        return moment.toordinal() - _EPOCH_ORDINAL

    def text(self, ms: int) -> str:
        """Return the local date of a moment as officers read it: ``2026-02-17``."""
        return self.date_of(self.day_of(ms)).isoformat()

    def weekday(self, day: int) -> int:
        """Return the day of the week, Monday 0 to Sunday 6."""
        return (day + 3) % 7

    def is_workday(self, day: int) -> bool:
        """Tell whether people work on a day; make-up working days count."""
        return _day_kind(day)[0]

    def is_public_holiday(self, day: int) -> bool:
        """Tell whether a day is off because of a named public holiday, bridging weekends included."""
        return _day_kind(day)[1]

    def days_from_spring_festival(self, day: int) -> int:
        """Return the distance to the nearest Spring Festival: negative before it, 0 on the day.

        Outside 1900 to 2099 that is the distance to the nearest known one, far from any festival window.
        """
        return _from_spring_festival(day)
