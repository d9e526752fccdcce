from __future__ import annotations

from math import isnan, nan

from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.contract import Profile, Series
from detectors.peers import relative
from streams.series import HORIZON, Closed
from streams.usuals import Identities, Usuals

FIGURE = st.one_of(st.just(nan), st.just(0.0), st.floats(0, 1e6))


@given(
    figures=st.lists(st.tuples(st.integers(1, 3) | st.just(HORIZON + 2), FIGURE), min_size=1, max_size=120),
    corrected=st.sets(st.integers(0, 119)),
)
@settings(max_examples=200, deadline=None)
def test_a_share_is_that_of_the_series_with_its_newest_figure(
    figures: list[tuple[int, float]], corrected: set[int]
) -> None:
    closed, period = Closed(99, settled=99), 99
    for step, (gap, figure) in enumerate(figures):
        period += gap
        told = closed.share(period, figure)
        closed.append(period, figure)
        expected = relative(Series(period, closed.values))
        assert told == expected or (isnan(told) and isnan(expected))
        if step in corrected:
            closed.correct(closed.first, slot=0, slots=1, whole=True, value=7.0, revision=step + 1)


def test_what_is_usual_is_known_of_those_whose_period_was_the_last_to_close() -> None:
    usuals = Usuals()
    usuals.note([0, 5], 10, [0.0, 5.0])
    usuals.note([700], 10, [700.0])
    usuals.note([5], 11, [6.0])
    usuals.note([], 12, [])
    usuals.forget(700)
    usuals.forget(10_000)
    assert usuals.after(10) == {0: 0.0}
    assert usuals.after(11) == {5: 6.0}


def test_an_enterprise_has_the_peers_of_its_newest_entry() -> None:
    identities = Identities()
    identities.note(3, Profile(industry="C34", region="3501", size="small"))
    assert identities.get(3) == ("C", "3501", "small")
    assert identities.get(2) is None
    assert identities.get(4) is None
    identities.note(3, Profile(region="3502"))
    assert identities.get(3) == ("", "3502", "")
