"""Stories of meters, on real calendar days, with and without peers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from math import nan
from random import Random

import pytest

from detectors.calendar import Calendar
from detectors.collapse import Collapse
from detectors.config import default
from detectors.contract import Context, Level, Opinion, PeerBaseline, Plain, Profile, Series
from detectors.decline import PowerDecline
from detectors.flatline import Flatline
from detectors.silence import Silence
from detectors.status import MeterStatus
from detectors.surge import Surge

CONFIG, STOPS = default().electricity, default().stops
CALENDAR = Calendar()
Story = Callable[..., list[Sequence[Opinion]]]
Telling = Callable[..., list[Sequence[Opinion]]]


def ordinal(day: str) -> int:
    return CALENDAR.day_of_date(date.fromisoformat(day))


def factory(first: str, days: int, weekends: float = 1.0, seed: int = 1) -> list[float]:
    """Return the daily use of a factory that runs well, 1,000 kWh on a working day."""
    random, start = Random(seed), ordinal(first)
    return [
        1000.0 * random.uniform(0.9, 1.1) * (1.0 if CALENDAR.is_workday(start + d) else weekends) for d in range(days)
    ]


def around(medians: Sequence[float]) -> list[PeerBaseline]:
    return [PeerBaseline(40, 0.9 * m, m, 1.1 * m, "region") for m in medians]


def speaks(told: list[Sequence[Opinion]]) -> list[int]:
    return [period for period, opinions in enumerate(told) if opinions]


def test_a_factory_that_stops_is_told_early_and_again_when_it_stays_stopped(story: Story) -> None:
    use = factory("2025-05-05", 90)
    use[70:] = [2.0] * 20  # Monday 2025-07-14
    told = story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-05-05"), around([1.0] * 90))
    assert speaks(told)[0] == 73  # the fourth day
    early, sustained = told[73][0], told[76][0]
    assert (early.severity, sustained.severity) == (CONFIG.early_severity, CONFIG.sustained_severity)
    assert (early.reach, sustained.reach) == (Level.YELLOW, Level.ORANGE)
    assert CALENDAR.text(sustained.since) == "2025-07-14"
    assert sustained.expected == pytest.approx(1000, rel=0.1)
    assert float(early.facts["chance"]) < float(sustained.facts["chance"])
    assert sustained.clearance is not None


def test_rest_on_weekends_is_no_habit_of_stopping(story: Story) -> None:
    use = factory("2025-05-05", 90, weekends=0.03)
    use[70:] = [2.0] * 20
    told = story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-05-05"), around([1.0] * 90))
    assert speaks(told)[0] == 73


def test_a_stop_longer_than_the_kept_days_still_stands_with_its_first_day(story: Story) -> None:
    use = [*factory("2025-03-10", 70), *[0.0] * 100]
    told = story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-03-10"), around([1.0] * 170))
    assert told[-1][0].since == told[80][0].since
    assert told[-1][0].severity == CONFIG.sustained_severity


def test_it_ends_with_the_day_on_which_it_runs_again(story: Story) -> None:
    use = factory("2025-05-05", 90)
    use[60:70] = [0.0] * 10
    told = story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-05-05"))
    assert told[69]
    assert not told[70]


def test_two_idle_days_are_no_collapse(story: Story) -> None:
    use = factory("2025-05-05", 90)
    use[60:62] = [0.0, 0.0]
    assert not speaks(story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-05-05")))


def test_a_plant_that_rests_on_weekends_and_holidays_stays_silent(story: Story) -> None:
    use = factory("2025-03-03", 260, weekends=0.0)  # Labour Day and National Day included
    assert not speaks(story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-03-03")))


@pytest.mark.parametrize("days", [1, 3, 6])
def test_a_dark_district_stays_silent(story: Story, days: int) -> None:
    use, peers = factory("2025-05-05", 90), [1.0] * 90
    use[60 : 60 + days] = [0.0] * days
    peers[60 : 60 + days] = [0.02] * days
    assert not speaks(story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-05-05"), around(peers)))
    assert speaks(story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-05-05"))) or days < 4


@pytest.mark.parametrize("with_peers", [True, False])
@pytest.mark.parametrize("year", [2015, 2016, 2026, 2031])
def test_spring_festival_stays_silent(story: Story, year: int, with_peers: bool) -> None:
    """An ordinary plant pauses from a week before the festival until the tenth day after it."""
    start = ordinal(f"{year - 1}-10-10")
    use = factory(f"{year - 1}-10-10", 180)
    for d in range(180):
        if -7 <= CALENDAR.days_from_spring_festival(start + d) <= 10:
            use[d] = 15.0
    peers = around([0.2 if -7 <= CALENDAR.days_from_spring_festival(start + d) <= 8 else 1.0 for d in range(180)])
    assert not speaks(story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, start, peers if with_peers else None))


def test_a_plant_that_does_not_come_back_from_the_festival_is_told(story: Story) -> None:
    start, days = ordinal("2025-10-20"), 180
    use = factory("2025-10-20", days)
    gone = [d for d in range(days) if CALENDAR.days_from_spring_festival(start + d) >= -5 and d > 60]
    for d in gone:
        use[d] = 0.0
    peers = around([0.2 if -7 <= CALENDAR.days_from_spring_festival(start + d) <= 8 else 1.0 for d in range(days)])
    first = speaks(story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, start, peers))[0]
    assert 14 <= CALENDAR.days_from_spring_festival(start + first) <= 22
    alone = speaks(story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, start))[0]
    assert CALENDAR.days_from_spring_festival(start + alone) == CONFIG.festival_over_days


def test_a_gap_in_the_data_is_no_collapse_and_does_not_end_one(story: Story) -> None:
    use = factory("2025-05-05", 90)
    use[60:80] = [nan] * 20
    assert not speaks(story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-05-05")))
    use[60:80] = [0.0, 0.0, nan, nan, 0.0, *[0.0] * 5, *[nan] * 10]
    assert speaks(story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-05-05")))[-1] == 79


def test_a_firm_that_often_pauses_is_given_more_time(story: Story) -> None:
    use = factory("2025-03-10", 180)
    for first in (50, 75, 100, 125):
        use[first : first + 4] = [0.0] * 4
    use[160:] = [0.0] * 20
    told = story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-03-10"), around([1.0] * 180))
    assert [period for period in speaks(told) if period < 75] == [53]
    assert 165 <= next(period for period in speaks(told) if period >= 125) <= 174


def test_a_plant_that_rests_at_the_same_time_each_year_is_expected_to_come_back(story: Story) -> None:
    use = factory("2024-05-06", 480)
    use[60:81] = [20.0] * 21
    use[424:] = [20.0] * 56
    told = story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2024-05-06"), around([1.0] * 480))
    severities = [opinions[0].severity if opinions else 0.0 for opinions in told]
    assert max(severities[60:81]) == CONFIG.sustained_severity
    assert max(severities[424:447]) == 0.0
    assert severities[449] == CONFIG.sustained_severity


def test_the_first_faint_day_after_a_yearly_rest_says_nothing(story: Story) -> None:
    use = factory("2024-05-06", 480)
    use[60:81] = [20.0] * 21
    use[424:445] = [20.0] * 21
    use[445] = 300.0  # the furnaces are being lit
    detector = Collapse(CONFIG, STOPS)
    assert not any(story(detector, {"daily_kwh": use}, ordinal("2024-05-06"), around([1.0] * 480))[424:])
    use[60:81] = factory("2024-07-05", 21)
    assert story(detector, {"daily_kwh": use}, ordinal("2024-05-06"), around([1.0] * 480))[445]


def test_an_intermittent_user_is_not_in_standstill(story: Story) -> None:
    random = Random(3)
    use = [1000.0 if random.random() < 0.3 else 5.0 for _ in range(200)]
    told = story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-03-10"), around([1.0] * 200))
    assert not [o for opinions in told for o in opinions if o.severity * 0.9 >= default().levels.yellow]


def test_before_fourteen_days_are_known_it_is_less_sure(story: Story) -> None:
    use = [*factory("2025-05-05", 9), *[0.0] * 12]
    told = story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-05-05"), around([1.0] * 21))
    first = speaks(told)[0]
    assert first >= STOPS.first_days
    assert 0.5 <= told[first][0].confidence < 1.0
    assert told[-1][0].confidence == 1.0


def test_a_plant_that_switches_off_at_the_mains_is_more_likely_to_be_gone(story: Story) -> None:
    chances = []
    for rest in (0.5, 30.0):
        use = factory("2025-05-05", 100)
        use[70:] = [rest] * 30
        told = story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-05-05"), around([1.0] * 100))
        chances.append(float(told[75][0].facts["chance"]))
    assert chances[0] > chances[1]


@pytest.mark.parametrize("restated", [72, 75, 78])
def test_a_restated_day_begins_the_stop_anew(story: Story, restated: int) -> None:
    use = factory("2025-05-05", 80)
    use[70:] = [0.0] * 10
    assert story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-05-05"))[-1][0].facts["days"] == 10
    memory = (detector := Collapse(CONFIG, STOPS)).memory()
    for day in range(77):
        settled = Series(ordinal("2025-05-05") + day + 3, use[max(day - 56, 0) : day + 4], "kWh")
        detector.learn_one(memory, Context(0, CALENDAR, Profile(), {"daily_kwh": settled}, {}), "daily_kwh", -4)
    use[restated] = 900.0
    series = {"daily_kwh": Series(ordinal("2025-05-05") + 79, use[-60:], "kWh")}
    told = detector.judge_one(memory, Context(0, CALENDAR, Profile(), series, {}))
    assert [opinion.facts["days"] for opinion in told] == [79 - restated] * (restated < 78)


def test_a_partial_drop_is_a_faint_sign(story: Story) -> None:
    use = factory("2025-05-05", 110)
    use[80:] = [0.25 * value for value in use[80:]]
    told = story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-05-05"), around([1.0] * 110))
    assert speaks(told)[0] >= 80 + CONFIG.drop_days - 1
    assert told[speaks(told)[0]][0].severity == CONFIG.drop_severity


def test_a_restated_day_takes_the_collapse_back(story: Story, calendar: Calendar) -> None:
    use = factory("2025-05-05", 74)
    right = story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-05-05"))
    assert not right[-1]
    use[70:74] = [0.0] * 4
    assert story(Collapse(CONFIG, STOPS), {"daily_kwh": use}, ordinal("2025-05-05"))[-1]


def test_missing_readings_are_told_only_while_others_report(story: Story) -> None:
    use = factory("2025-05-05", 60)
    use[50:] = [nan] * 10
    reporting, silent_source = around([1.0] * 60), [*around([1.0] * 50), *[None] * 10]
    told = story(Silence(CONFIG), {"daily_kwh": use}, ordinal("2025-05-05"), reporting)
    assert speaks(told) == list(range(52, 60))
    assert told[-1][0].severity * 0.9 < default().levels.blue
    assert not speaks(story(Silence(CONFIG), {"daily_kwh": use}, ordinal("2025-05-05"), silent_source))


def test_a_stuck_meter(story: Story) -> None:
    use = [*factory("2025-05-05", 30), *[812.5] * 9, *factory("2025-06-13", 5), *[0.0] * 20]
    assert speaks(story(Flatline(CONFIG), {"daily_kwh": use}, ordinal("2025-05-05"))) == [36, 37, 38]


def test_a_surge_is_told_until_it_is_usual(story: Story) -> None:
    use = [*factory("2025-03-10", 60), *[4000.0 + d for d in range(120)]]
    told = story(Surge(CONFIG), {"daily_kwh": use}, ordinal("2025-03-10"), around([1.0] * 180))
    assert speaks(told)[0] == 64
    assert not told[-1]


def test_a_surge_goes_on_after_the_festival_and_began_before_it(story: Story) -> None:
    first = ordinal("2024-10-07")
    rest = range(ordinal("2025-01-25") - first, ordinal("2025-02-08") - first)
    use = factory("2024-10-07", 135)
    use[98:] = [5000.0] * 37  # from 2025-01-13 on
    for day in rest:
        use[day] = 600.0
    told = story(Surge(CONFIG), {"daily_kwh": use}, first, around([1.0] * 135))
    assert speaks(told) == [*range(102, rest.start), *range(rest.stop, 135)]
    assert {CALENDAR.text(told[day][0].since) for day in speaks(told)} == {"2025-01-13"}


def test_coming_back_from_the_festival_is_no_surge(story: Story) -> None:
    start = ordinal("2025-10-20")
    use = factory("2025-10-20", 180)
    for d in range(180):
        if -15 <= CALENDAR.days_from_spring_festival(start + d) <= 20:
            use[d] = 40.0
    assert not speaks(story(Surge(CONFIG), {"daily_kwh": use}, start))


def test_a_slow_decline_is_told_before_any_day_is_striking(story: Story) -> None:
    steady, random = factory("2025-03-10", 240), Random(5)
    fading = [value * max(1.0 - max(d - 80, 0) * 0.006, 0.45) for d, value in enumerate(steady)]
    told = story(PowerDecline(CONFIG), {"daily_kwh": fading}, ordinal("2025-03-10"))
    assert 100 < speaks(told)[0] < 200
    assert told[speaks(told)[0]][0].severity * 0.9 < default().levels.yellow
    noisy = [value * random.uniform(0.8, 1.2) for value in steady]
    assert not speaks(story(PowerDecline(CONFIG), {"daily_kwh": noisy}, ordinal("2025-03-10")))


def test_a_plant_that_rests_at_the_same_season_every_year_is_not_declining(story: Story) -> None:
    first, days = "2023-06-05", 760
    use = factory(first, days)
    rest = {*range(0, 40), *range(372, 430)}  # history begins within a rest; the next one is two weeks later and longer
    plant = [value * (0.2 if day in rest else 1.0) for day, value in enumerate(use)]
    assert not speaks(story(PowerDecline(CONFIG), {"daily_kwh": plant}, ordinal(first)))
    never_back = [value * (0.2 if day in rest or day > 372 else 1.0) for day, value in enumerate(use)]
    told = speaks(story(PowerDecline(CONFIG), {"daily_kwh": never_back}, ordinal(first)))
    assert told
    assert told[0] < 372 + 58 + 60
    new = [value * (0.2 if day > 372 else 1.0) for day, value in enumerate(use)]
    assert speaks(story(PowerDecline(CONFIG), {"daily_kwh": new}, ordinal(first)))[0] < told[0]
    lower = [value * (0.35 if day < 40 else 0.2 if day in rest else 1.0) for day, value in enumerate(use)]
    assert speaks(story(PowerDecline(CONFIG), {"daily_kwh": lower}, ordinal(first)))


def test_rationing_of_all_is_nobodys_decline(story: Story) -> None:
    first, rationed = "2025-03-10", {*range(140, 145), *range(147, 152), *range(154, 159)}
    medians = [0.3 if day in rationed else 1.0 for day in range(175)]
    use = [value * median for value, median in zip(factory(first, 175), medians, strict=True)]
    assert not speaks(story(PowerDecline(CONFIG), {"daily_kwh": use}, ordinal(first), around(medians)))
    assert speaks(story(PowerDecline(CONFIG), {"daily_kwh": use}, ordinal(first), around([1.0] * 175)))


def test_use_that_is_as_low_as_before_a_year_of_growth_has_no_season(story: Story) -> None:
    first = "2022-06-06"
    use = [value * (0.4 if d < 420 or d > 760 else 1.0) for d, value in enumerate(factory(first, 840))]
    assert speaks(story(PowerDecline(CONFIG), {"daily_kwh": use}, ordinal(first)))[0] > 760


def test_a_decline_is_over_once_use_rises_and_says_nothing_new_in_the_weeks_of_spring_festival(story: Story) -> None:
    first = "2025-03-10"
    use = [value * (0.45 if 120 <= d < 190 else 1.0) for d, value in enumerate(factory(first, 220))]
    told = speaks(story(PowerDecline(CONFIG), {"daily_kwh": use}, ordinal(first)))
    assert told
    assert told[-1] <= 192  # 3 working days of 10: the mean of all of them is still low
    closing = ordinal("2026-02-02") - ordinal(first)
    rests = [value * (0.62 if d >= closing else 1.0) for d, value in enumerate(factory(first, closing + 30))]
    detector = PowerDecline(CONFIG)
    memory = detector.load([[200.0, 6.9, 0.0, 0.0, 0.0, 0.0, False], 1100.0, ordinal(first) + closing - 10])
    known = Series(ordinal(first) + len(rests) - 1, rests[-60:], "kWh")
    assert not detector.judge_one(memory, Context(0, CALENDAR, Profile(), {"daily_kwh": known}, {}))


def test_the_decline_memory_of_an_older_version_is_read_and_written_alike(story: Story) -> None:
    detector = PowerDecline(CONFIG)
    old: list[Plain] = [[40.0, 6.9, 0.1, 0.2, 0.0, 0.3, False], 990.0, 20_000]
    memory = detector.load(old)
    assert (memory.before, memory.found, memory.fall.count) == (990.0, 20_000, 40)
    known = Series(20_060, factory("2024-10-05", 60), "kWh")
    for index in range(60):
        detector.learn_one(memory, Context(0, CALENDAR, Profile(), {"daily_kwh": known}, {}), "daily_kwh", index)
    saved = detector.dump(memory)
    assert detector.dump(detector.load(saved)) == saved
    assert len(memory.seasons.levels) == 4


def test_arrears_last_until_they_are_paid(telling: Telling) -> None:
    told = telling(
        MeterStatus(default().meter),
        "meter_status",
        [
            ("2026-01-05", {"status": "paid", "account": "0001"}),
            ("2026-01-10", {"status": "arrears", "account": "0001", "amount": "8,400.50"}),
            ("2026-01-11", {"status": "outage", "account": "0001"}),
            ("2026-02-10", {"status": "suspended", "account": "0001"}),
            ("2026-02-20", {"status": "paid", "account": "0001"}),
            ("2026-02-21", {"status": "resumed", "account": "0001"}),
        ],
    )
    assert [[(o.reason, o.lasting, o.closed) for o in opinions] for opinions in told] == [
        [],
        [("electricity.arrears", True, False)],
        [],
        [("electricity.suspended", True, False)],
        [("electricity.arrears", False, True)],
        [("electricity.suspended", False, True)],
    ]
    assert told[1][0].subject == told[4][0].subject != told[3][0].subject
    assert told[1][0].facts["amount"] == 8400.5


def test_the_memory_of_an_older_version_keeps_the_usual_day() -> None:
    detector = Collapse(CONFIG, STOPS)
    memory = detector.load([[40, 6.9, 47.7], [16, 6.8, 46.3], 0, 0, 12, 20_000])
    assert memory.usual == pytest.approx(992, abs=1)
    assert (memory.habit.days, memory.habit.stops) == (56, 0)
    assert detector.dump(detector.load(detector.dump(memory))) == detector.dump(memory)
