"""Outages and meters that are offline explain low readings, for a time; and figures that say the same count once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from detectors.calendar import Calendar
from detectors.config import MeterConfig, default
from detectors.contract import Context, Event, Level, Opinion, PeerBaseline, Profile, Series
from detectors.divergence import PowerAgainstSales, StaffAgainstSales
from detectors.fusion import Held, fuse
from detectors.status import Excuses, MeterStatus

DAY = 86_400_000
FRESH = dict.fromkeys(("electricity", "tax", "social_security", "litigation", "sentiment"), "fresh")
Telling = Callable[..., list[Sequence[Opinion]]]


def held(reason: str, severity: float, since: int, **changes: Any) -> Held:
    values: dict[str, Any] = {
        "detector": "d", "family": reason.partition(".")[0], "reason": reason, "subject": "", "severity": severity,
        "confidence": 1.0, "observed": None, "expected": None, "unit": "", "since": since * DAY, "at": since * DAY,
        "lasting": True, "half_life_days": 14.0, "closed": False, "floor": Level.NONE, "reach": Level.YELLOW,
    }  # fmt: skip
    return Held(**(values | changes))


def outage(began: int, ended: int | None = None) -> Held:
    return held(
        "electricity.planned-outage", 0.009, began if ended is None else ended, lasting=ended is None,
        facts={"began": float(began * DAY)},
    )  # fmt: skip


def score(now: int, *evidence: Held) -> float:
    return fuse(evidence, FRESH, now * DAY, default()).score


def test_a_stop_within_a_planned_outage_counts_nothing_and_one_before_it_does() -> None:
    stop = held("electricity.collapse", 0.6, 11)
    assert score(15, stop) > 0.5
    assert score(15, stop, outage(10)) == 0.0
    assert score(15, held("electricity.collapse", 0.6, 5), outage(10)) > 0.5


def test_other_evidence_counts_in_an_outage() -> None:
    notice, case = held("electricity.arrears", 0.4, 11), held("litigation.enforcement", 0.5, 11)
    assert score(15, notice, outage(10)) == score(15, notice)
    assert score(15, case, outage(10)) == score(15, case)


def test_a_stop_that_goes_on_after_the_outage_counts_again() -> None:
    stop = held("electricity.collapse", 0.6, 11)
    over = outage(10, ended=20)
    assert score(23, stop, over) == 0.0
    assert score(26, stop, over) > 0.5


def test_what_ended_with_the_outage_does_not_come_back() -> None:
    stop = held("electricity.collapse", 0.6, 11, ended=21 * DAY)
    assert score(30, stop, outage(10, ended=20)) == 0.0


def test_an_outage_without_end_is_believed_for_its_time_only() -> None:
    stop = held("electricity.collapse", 0.6, 11)
    longest = int(default().meter.planned_outage_days + default().meter.excuse_grace_days)
    assert score(10 + longest, stop, outage(10)) == 0.0
    assert score(11 + longest, stop, outage(10)) > 0.5


def test_an_excuse_is_no_evidence() -> None:
    fused = fuse([outage(10)], FRESH, 11 * DAY, default())
    assert fused.score == 0.0 and not fused.ranked


def test_excuses_begin_and_end_by_account(telling: Telling) -> None:
    told = telling(
        Excuses(MeterConfig()),
        "meter_status",
        [
            ("2026-03-02", {"status": "planned_outage", "account": "1"}),
            ("2026-03-05", {"status": "restored", "account": "2"}),
            ("2026-03-09", {"status": "restored", "account": "1"}),
            ("2026-03-10", {"status": "offline"}),
            ("2026-03-12", {"status": "online"}),
            ("2026-03-12", {"status": "paid"}),
        ],
    )
    assert [[(o.reason, o.lasting) for o in opinions] for opinions in told] == [
        [("electricity.planned-outage", True)], [], [("electricity.planned-outage", False)],
        [("electricity.meter-offline", True)], [("electricity.meter-offline", False)], [],
    ]  # fmt: skip
    assert told[2][0].facts["began"] == told[0][0].since


@pytest.mark.parametrize(("recent", "severity"), [(90.0, MeterConfig().closed_running), (2.0, MeterConfig().closed)])
def test_an_account_that_is_closed_while_the_firm_runs_means_little(
    recent: float, severity: float, calendar: Calendar
) -> None:
    series = {"daily_kwh": Series(20_000, [100.0] * 40 + [recent] * 8, "kWh")}
    context = Context(0, calendar, Profile(), series, {})
    detector = MeterStatus(MeterConfig())
    event = Event("meter_status", {"status": "closed", "account": "1"}, 0, 0, "grid")
    [opinion] = detector.judge_one(detector.memory(), event, context)
    assert opinion.severity == severity
    assert not opinion.lasting


def test_two_readings_of_one_figure_count_once() -> None:
    fall = held("social_security.headcount-fall", 0.5, 1)
    drift = held("social_security.headcount-drift", 0.3, 1)
    owed = held("social_security.arrears", 0.3, 1)
    assert score(2, fall, drift) == score(2, fall)
    assert score(2, fall, owed) > score(2, fall)


def test_growth_of_the_whole_trade_is_no_divergence(calendar: Calendar) -> None:
    sales = Series(600, [100.0] * 3 + [130.0] * 3, "CNY")
    staff = Series(600, [100.0, 100.0, 100.0, 97.0, 95.0, 90.0], "persons")
    detector = StaffAgainstSales(default().cross)

    def judged(growth: float) -> Sequence[Opinion]:
        medians = [1.0] * 3 + [growth] * 3
        peers = [PeerBaseline(30, median, median, median, "all") for median in medians]
        series = {"vat_sales": sales, "insured_headcount": staff}
        return detector.judge_one((), Context(0, calendar, Profile(), series, {"vat_sales": peers}))

    assert judged(1.0)
    assert not judged(1.3)


def test_one_of_a_dozen_who_leaves_is_no_divergence(calendar: Calendar) -> None:
    series = {
        "vat_sales": Series(600, [100.0] * 3 + [130.0] * 3, "CNY"),
        "insured_headcount": Series(600, [12.0, 12.0, 12.0, 12.0, 11.0, 11.0], "persons"),
    }
    assert not StaffAgainstSales(default().cross).judge_one((), Context(0, calendar, Profile(), series, {}))


@pytest.mark.parametrize(("since", "told"), [(5.0, True), (95.0, False)])
def test_power_that_is_back_by_the_declaration_was_a_pause(since: float, told: bool, calendar: Calendar) -> None:
    first, after = calendar.first_day(680), calendar.first_day(681)  # September 2026
    use = [100.0] * 20 + [5.0] * (after - first) + [since] * 10
    series = {
        "vat_sales": Series(680, [1000.0] * 8, "CNY"),
        "daily_kwh": Series(after + 9, use[-60:], "kWh"),
    }
    opinions = PowerAgainstSales(default().cross).judge_one((), Context(0, calendar, Profile(), series, {}))
    assert bool(opinions) == told
