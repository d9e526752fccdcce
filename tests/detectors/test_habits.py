"""What is remembered of an enterprise's stops."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.calendar import Calendar
from detectors.contract import Series
from detectors.habits import Habit

SHARE = 0.05
CALENDAR = Calendar()
FIRST = 20_000


def taken(values: list[float]) -> Habit:
    habit = Habit()
    for index in range(len(values)):
        day = FIRST + index
        ended = habit.take(values[max(index - 59, 0) : index + 1], min(index, 59), day, SHARE, workday=True)
        if ended:
            habit.keep(day - ended, ended, 800)
    return habit


def test_stops_that_ended_are_counted_with_the_longest_first() -> None:
    use = [100.0] * 120
    use[20:23], use[40:47], use[70:82] = [0.0] * 3, [0.0] * 7, [0.0] * 12
    habit = taken(use)
    assert (habit.days, habit.stops, habit.longest, habit.rests) == (120, 3, [12, 7], [[FIRST + 70, 12]])
    assert habit.begun == 0


def test_the_stop_under_way_is_measured_by_what_was_before_it() -> None:
    habit = taken([100.0] * 50 + [5.0] * 6 + [100.0] * 4 + [1.0] * 8)
    assert (habit.begun, habit.usual, habit.idle) == (FIRST + 60, 100.0, 6 / 56)


def test_old_stops_count_less() -> None:
    habit = Habit()
    habit.days, habit.stops, habit.longest = 900, 9, [30, 20, 10]
    habit.keep(FIRST, 5, 800)
    assert (habit.days, habit.stops, habit.longest) == (450, 5, [30, 10])


@given(
    st.lists(st.sampled_from([100.0, 90.0, 0.0, 1.0, 30.0, float("nan")]), min_size=12, max_size=58), st.integers(1, 9)
)
@settings(deadline=None, max_examples=60)
def test_days_that_have_not_settled_lead_to_what_they_lead_to_once_they_have(
    values: list[float], open_days: int
) -> None:
    use = [100.0] * 10 + values
    settled, whole = taken(use[:-open_days]), taken(use)
    ahead = settled.at_end_of(Series(FIRST + len(use) - 1, use[-60:]), SHARE, CALENDAR)
    assert (ahead.days, bool(ahead.begun)) == (whole.days, bool(whole.begun))
    assert ahead.begun <= whole.begun
    before = settled.dump()
    settled.at_end_of(Series(FIRST + len(use) - 1, use[-60:]), SHARE, CALENDAR)
    assert repr(settled.dump()) == repr(before)
