"""Adding a frame of readings to the open days at once, and one after the other."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.opendays import OpenDays

#: Enterprise, day, quarter of an hour, kWh, history.
READING = st.tuples(
    st.integers(0, 2),
    st.sampled_from([20_000, 20_000, 20_000, 20_001, 20_002]),
    st.integers(0, 95),
    st.sampled_from([0.1, 0.2, 0.3, -0.0, 1e15, -7.5]),
    st.booleans(),
)
Given = list[tuple[int, int, int, float, bool]]


def added(table: OpenDays, readings: Given, first: int, *, at_once: bool) -> bool:
    """Add readings whose offsets begin with ``first``; return whether all were counted."""
    columns = [np.array(column) for column in zip(*readings, strict=True)]
    rows, days, slots, values, backfill = columns
    offsets = first + np.arange(len(rows))
    if at_once:
        return table.add_all(rows, days, slots, values, backfill, 3, offsets, offsets % 7)
    return all(
        bool(table.add(rows[i], days[i], slots[i], values[i], backfill[i], 3, offsets[i], offsets[i] % 7).all())
        for i in (slice(place, place + 1) for place in range(len(rows)))
    )


@given(st.lists(READING, max_size=8), st.lists(READING, min_size=1, max_size=30))
@settings(max_examples=400, deadline=None)
def test_a_frame_at_once_is_its_readings_one_after_the_other(before: Given, frame: Given) -> None:
    one, all_at_once = OpenDays(0, 96), OpenDays(0, 96)
    for table in (one, all_at_once):
        if before:
            added(table, before[:1], 0, at_once=False)
            for place in range(1, len(before)):
                added(table, before[place : place + 1], place, at_once=False)
    untouched = all_at_once.cells.tobytes()
    fits = added(all_at_once, frame, 100, at_once=True)
    every = added(one, frame, 100, at_once=False)
    if fits:
        assert every
        assert all_at_once.cells.tobytes() == one.cells.tobytes()
        assert dict(all_at_once.take(1, 3)) == dict(one.take(1, 3))
    else:
        assert all_at_once.cells.tobytes() == untouched
        assert not every
