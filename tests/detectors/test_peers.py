from __future__ import annotations

import json
from math import isnan, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.config import default
from detectors.contract import PeerBaseline, Profile, Series
from detectors.peers import Baselines, baselines, identity_of, relative

FACTORY = Profile(industry="C3411", region="350102", size="small")
SHOP = Profile(industry="F5211", region="350102", size="micro")


def compared(members: list[tuple[Profile, float]]) -> Baselines:
    return baselines([(identity_of(profile), value) for profile, value in members], default())


def scope(members: list[tuple[Profile, float]], profile: Profile) -> str | None:
    found = compared(members).for_profile(profile)
    return None if found is None else found.scope


def test_a_large_group_is_compared_with_itself() -> None:
    members = [(FACTORY, 0.5)] * 20 + [(SHOP, 1.0)] * 40
    made = compared(members)
    assert made.for_profile(FACTORY) == PeerBaseline(20, 0.5, 0.5, 0.5, "industry/region/size")
    assert made.for_profile(Profile(industry="C17", region="350102", size="small")) == made.for_profile(FACTORY)


def test_a_small_group_falls_back_to_its_region_then_to_all() -> None:
    elsewhere = Profile(industry="C3411", region="110105", size="small")
    members = [(FACTORY, 0.1)] * 4 + [(SHOP, 0.1)] * 4 + [(elsewhere, 1.0)] * 30
    assert scope(members, FACTORY) == "region"
    assert scope(members, Profile(region="350199")) == "region"  # its city
    assert scope(members, Profile(industry="C", region="440305", size="small")) == "all"
    assert scope(members, Profile()) == "all"


def test_a_handful_of_enterprises_is_no_baseline() -> None:
    assert scope([(FACTORY, 1.0)] * 5, FACTORY) is None
    assert scope([], FACTORY) is None


def test_members_without_a_value_do_not_count() -> None:
    members = [(FACTORY, nan)] * 100 + [(FACTORY, float("inf"))] * 100 + [(FACTORY, 1.0)] * 5
    assert scope(members, FACTORY) is None


def test_a_dark_district_shows_in_its_own_baseline_only() -> None:
    dark = [(Profile(industry=f"{section}1", region="350102", size="small"), 0.01) for section in "CFGH" * 2]
    lit = [(Profile(industry="C1", region="350103", size="small"), 1.0)] * 60
    made = compared(dark + lit)
    there, here = made.for_profile(dark[0][0]), made.for_profile(lit[0][0])
    assert there is not None
    assert here is not None
    assert (there.median, here.median) == (0.01, 1.0)


@given(
    members=st.lists(
        st.tuples(
            st.builds(
                Profile,
                industry=st.sampled_from(["", "C34", "F52"]),
                region=st.sampled_from(["", "35", "3501", "350102"]),
                size=st.sampled_from(["", "small"]),
            ),
            st.floats(),
        ),
        max_size=80,
    )
)
@settings(max_examples=60, deadline=None)
def test_baselines_survive_saving_and_are_ordered(members: list[tuple[Profile, float]]) -> None:
    made = compared(members)
    assert Baselines.load(json.loads(json.dumps(made.dump()))) == made
    for profile, _ in members:
        found = made.for_profile(profile)
        assert found is None or found.low <= found.median <= found.high


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([100.0] * 28 + [50.0], 0.5),
        ([100.0] * 10 + [0.0] * 18 + [0.0], 0.0),  # a long pause does not become usual
        ([100.0, nan, 100.0, nan, 100.0, 200.0], 2.0),
        ([1.0] * 40 + [100.0] * 28 + [100.0], 1.0),  # only the last 28 count
    ],
)
def test_relative_value(values: list[float], expected: float) -> None:
    assert relative(Series(0, values)) == expected


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 1.0, 1.0], [nan] * 9, [1.0] * 9 + [nan], [0.0] * 9])
def test_relative_value_is_unknown(values: list[float]) -> None:
    assert isnan(relative(Series(0, values)))
