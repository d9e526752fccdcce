"""Stories of declarations and payrolls: months of 2024 to 2026."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan
from random import Random
from typing import Any

import pytest

from detectors.burden import PayableFall
from detectors.calendar import Calendar
from detectors.config import default
from detectors.contract import Context, Opinion, PeerBaseline, Profile, Series
from detectors.decline import HeadcountDrift
from detectors.divergence import PowerAgainstSales, StaffAgainstSales
from detectors.filings import MissingFiling, SalesFall, VoidRate, ZeroFiling
from detectors.payroll import ContributionArrears, HeadcountFall, PayrollFall
from detectors.status import CreditGrade, TaxNotices

TAX, PEOPLE, CROSS = default().tax, default().social_security, default().cross
JANUARY = 2024 * 12
Story = Callable[..., list[Sequence[Opinion]]]
Telling = Callable[..., list[Sequence[Opinion]]]


def sales(months: int, seed: int = 1) -> list[float]:
    random = Random(seed)
    return [1e6 * random.uniform(0.85, 1.15) for _ in range(months)]


def speaks(told: list[Sequence[Opinion]]) -> list[int]:
    return [period for period, opinions in enumerate(told) if opinions]


def play(story: Story, detector: Any, values: Sequence[float], peers: float | None = 1.0) -> list[Sequence[Opinion]]:
    baseline = None if peers is None else PeerBaseline(30, 0.9 * peers, peers, 1.1 * peers, "all")
    return story(detector, {detector.series[0]: values}, JANUARY, [baseline] * len(values), "CNY")


def test_sales_that_fall_are_told_and_deeper_falls_weigh_more(story: Story) -> None:
    falling = play(story, SalesFall(TAX), [*sales(14), 350_000.0])
    crashing = play(story, SalesFall(TAX), [*sales(14), 50_000.0])
    assert speaks(falling) == speaks(crashing) == [14]
    assert falling[-1][0].severity < crashing[-1][0].severity


def test_a_bad_month_of_the_whole_trade_is_not_the_firms(story: Story) -> None:
    assert not speaks(play(story, SalesFall(TAX), [*sales(14), 350_000.0], peers=0.4))


def test_a_season_that_comes_every_year_is_not_a_fall(story: Story) -> None:
    values = [v * (0.3 if month % 12 in (0, 1) else 1.0) for month, v in enumerate(sales(30))]
    assert not [month for month in speaks(play(story, SalesFall(TAX), values)) if month >= 13]


def test_zero_filings_are_told_after_three_months_and_key_after_six(story: Story) -> None:
    told = play(story, ZeroFiling(TAX), [*sales(12), *[0.0] * 7, 9e5])
    assert speaks(told) == [14, 15, 16, 17, 18]
    assert [told[m][0].severity for m in (14, 16, 17)] == [0.55, 0.55, 0.7]
    assert told[14][0].severity * 0.9 >= default().levels.yellow
    assert told[14][0].facts["months"] == 3.0


def test_a_shell_that_never_sold_anything_is_not_judged_by_zeros(story: Story) -> None:
    assert not speaks(play(story, ZeroFiling(TAX), [0.0] * 24))


def test_a_missing_declaration_is_not_a_zero(story: Story) -> None:
    values = [*sales(12), nan, nan, nan]
    assert not speaks(play(story, ZeroFiling(TAX), values))
    assert speaks(play(story, MissingFiling(TAX), values)) == [13, 14]
    assert not speaks(play(story, MissingFiling(TAX), values, peers=None))


def test_a_quarterly_filer_misses_nothing(story: Story) -> None:
    assert not speaks(play(story, MissingFiling(TAX), [3e6 if month % 3 == 2 else nan for month in range(36)]))


def test_voided_invoices(story: Story) -> None:
    issued, voided = [100.0] * 12, [3.0] * 11 + [41.0]
    told = story(VoidRate(TAX), {"invoices_issued": issued, "invoices_voided": voided}, JANUARY)
    assert speaks(told) == [11]
    assert (told[11][0].observed, told[11][0].expected) == (0.41, 0.03)
    few = story(VoidRate(TAX), {"invoices_issued": [4.0] * 12, "invoices_voided": [0.0] * 11 + [4.0]}, JANUARY)
    assert not speaks(few)


BURDENED = {"vat_sales": [1e6] * 16, "vat_payable": [3e4] * 12 + [1e4] * 4}


def test_payable_that_falls_behind_sales_for_three_months(story: Story) -> None:
    told = story(PayableFall(TAX), BURDENED, JANUARY)
    assert speaks(told) == [14, 15]
    (opinion,) = told[14]
    assert (opinion.reason, opinion.expected, opinion.facts["months"]) == ("tax.burden-fall", 0.03, 3.0)
    assert opinion.observed == pytest.approx(0.01)


def test_payable_that_falls_with_sales_is_no_matter_of_its_own(story: Story) -> None:
    assert not speaks(story(PayableFall(TAX), BURDENED | {"vat_sales": [1e6] * 12 + [3.3e5] * 4}, JANUARY))


def test_months_with_nothing_payable_after_a_purchase_are_no_fall(story: Story) -> None:
    payable = [0.0 if month in (9, 12, 13) else 3e4 for month in range(18)]
    assert not speaks(story(PayableFall(TAX), {"vat_sales": [1e6] * 18, "vat_payable": payable}, JANUARY))


def test_a_rate_that_changes_for_the_whole_trade_is_no_fall(story: Story) -> None:
    month = JANUARY + 14
    series = {name: Series(month, values[:15], "CNY") for name, values in BURDENED.items()}
    lower, same = PeerBaseline(30, 0.3, 0.35, 0.4, "all"), PeerBaseline(30, 0.9, 1.0, 1.1, "all")
    for peers, told in ((lower, False), (same, True)):
        around = {"vat_payable": [peers] * 15, "vat_sales": [same] * 15}
        context = Context(0, Calendar(), Profile(), series, around)
        assert bool(PayableFall(TAX).judge_one((), context)) is told


def test_payable_is_judged_by_itself_where_no_sales_are_known(story: Story) -> None:
    told = story(PayableFall(TAX), {"vat_payable": BURDENED["vat_payable"]}, JANUARY)
    assert speaks(told) == [14, 15]
    assert told[14][0].reason == "tax.payable-fall"
    yearly = [1e4 if month % 12 in (6, 7, 8) else 3e4 for month in range(24)]
    assert speaks(story(PayableFall(TAX), {"vat_payable": yearly}, JANUARY)) == [8]  # the first time it is new


def test_tax_notices_last_until_they_are_lifted(telling: Telling) -> None:
    told = telling(
        TaxNotices(TAX),
        "tax_notice",
        [
            ("2026-01-05", {"kind": "abnormal_lifted"}),
            ("2026-01-10", {"kind": "arrears", "amount": 52_000}),
            ("2026-01-20", {"kind": "abnormal_household"}),
            ("2026-03-01", {"kind": "arrears_paid"}),
            ("2026-04-01", {"kind": "abnormal_lifted"}),
        ],
    )
    seen = [[(o.reason, o.lasting, o.closed) for o in opinions] for opinions in told]
    assert seen[0] == []
    assert seen[1] == [("tax.arrears", True, False)]
    assert seen[3] == [("tax.arrears", False, True)]
    assert seen[4] == [("tax.abnormal-household", False, True)]


def test_grade_m_means_new_and_not_medium(telling: Telling) -> None:
    grades = ["M", "A", "C", "D", "M", "B"]
    told = telling(
        CreditGrade(TAX), "credit_grade", [(f"20{20 + n}-04-01", {"grade": g}) for n, g in enumerate(grades)]
    )
    assert [[(o.severity, o.closed) for o in opinions] for opinions in told] == [
        [], [], [(TAX.grade_c, False)], [(TAX.grade_d, False)], [(TAX.grade_d, True)], [],
    ]  # fmt: skip


def test_staff_that_leave_in_one_month_are_told_until_they_are_back(story: Story) -> None:
    told = play(story, HeadcountFall(PEOPLE), [50.0] * 6 + [38.0, 38.0, 48.0] + [20.0] * 6)
    assert speaks(told) == [6, 7, 9, 10, 11, 12]
    assert (told[6][0].observed, told[6][0].expected) == (38.0, 50.0)
    assert told[9][0].severity == PEOPLE.deep_fall_severity


def test_a_shop_of_four_is_not_judged_by_shares(story: Story) -> None:
    assert not speaks(play(story, HeadcountFall(PEOPLE), [4.0, 4.0, 3.0, 2.0]))


def test_a_base_that_falls_three_months_in_a_row(story: Story) -> None:
    assert speaks(play(story, PayrollFall(PEOPLE), [100.0, 100.0, 96.0, 92.0, 85.0, 86.0])) == [4]
    assert not speaks(play(story, PayrollFall(PEOPLE), [100.0, 99.9, 99.8, 99.7]))


def test_contributions_owed_weigh_more_when_month_follows_month(story: Story) -> None:
    told = play(story, ContributionArrears(PEOPLE), [0.0, 5000.0, 5000.0, 9000.0, 0.0])
    assert speaks(told) == [1, 2, 3]
    assert told[1][0].severity < told[3][0].severity


def test_a_headcount_that_drifts_down(story: Story) -> None:
    values = [200.0] * 12 + [200.0 * 0.95**n for n in range(1, 13)]
    told = play(story, HeadcountDrift(PEOPLE), values)
    assert 15 <= speaks(told)[0] <= 22
    random = Random(3)
    assert not speaks(play(story, HeadcountDrift(PEOPLE), [200.0 * random.uniform(0.97, 1.03) for _ in range(48)]))


def test_staff_leave_while_sales_grow(story: Story) -> None:
    heads = [100.0] * 9 + [92.0, 84.0, 78.0]
    sold = [1e6] * 9 + [1.1e6, 1.2e6, 1.25e6]
    streams = {"insured_headcount": heads, "vat_sales": sold}
    told = story(StaffAgainstSales(CROSS), streams, JANUARY)
    assert speaks(told)[-1] == 11
    assert told[11][0].severity * 0.85 >= default().levels.yellow
    assert not speaks(story(StaffAgainstSales(CROSS), streams | {"vat_sales": [1e6] * 12}, JANUARY))
    assert not speaks(story(StaffAgainstSales(CROSS), streams | {"insured_headcount": [100.0] * 12}, JANUARY))


def test_the_newest_month_that_both_know_is_compared(story: Story) -> None:
    """Sales are in a month later than headcounts: the divergence is told a month later, and for the same months."""
    heads, sold = [100.0] * 9 + [92.0, 84.0, 78.0, 78.0], [1e6] * 9 + [1.1e6, 1.2e6, 1.25e6, 1.25e6]
    together = story(StaffAgainstSales(CROSS), {"insured_headcount": heads, "vat_sales": sold}, JANUARY)
    late = {"insured_headcount": JANUARY, "vat_sales": JANUARY - 1}
    apart = story(StaffAgainstSales(CROSS), {"insured_headcount": heads, "vat_sales": [1e6, *sold[:-1]]}, late)
    assert speaks(apart)[0] == speaks(together)[0] + 1
    assert apart[speaks(apart)[0]] == together[speaks(together)[0]]


def test_power_that_goes_while_sales_are_declared_as_ever(story: Story) -> None:
    """September 2025, judged in mid-October, when its declaration is in."""
    months, day = 2025 * 12 + 8, 20_377 - 60  # the series of days ends on 2025-10-16
    power = [1000.0] * 14 + [150.0] * 46
    streams = {"vat_sales": [1e6] * 60, "daily_kwh": power}
    first = {"vat_sales": months - 59, "daily_kwh": day}
    told = story(PowerAgainstSales(CROSS), streams, first)
    assert speaks(told) == [59]
    assert told[59][0].observed == pytest.approx(0.16, abs=0.01)
    assert not speaks(story(PowerAgainstSales(CROSS), streams | {"vat_sales": [1e6] * 59 + [2e5]}, first))
    assert not speaks(story(PowerAgainstSales(CROSS), streams | {"daily_kwh": [1000.0] * 60}, first))


def test_a_season_that_comes_every_year_is_no_fall(story: Story) -> None:
    year = [100.0] * 8 + [85.0, 70.0, 70.0, 90.0]
    told = play(story, HeadcountFall(PEOPLE), [100.0] * 4 + year * 3)
    assert [period for period in speaks(told) if period > 20] == []
    assert any(period <= 16 for period in speaks(play(story, HeadcountFall(PEOPLE), [100.0] * 8 + [70.0, 70.0])))
    drifted = play(story, HeadcountDrift(PEOPLE), [100.0] * 4 + year * 3)
    assert [period for period in speaks(drifted) if period > 20] == []
    paid = play(story, PayrollFall(PEOPLE), [100.0] * 4 + ([100.0] * 7 + [92.0, 85.0, 75.0, 75.0, 95.0]) * 3)
    assert [period for period in speaks(paid) if period > 20] == []


def test_a_fall_below_the_season_is_told(story: Story) -> None:
    year = [100.0] * 8 + [85.0, 70.0, 70.0, 90.0]
    told = play(story, HeadcountFall(PEOPLE), [100.0] * 4 + year + [100.0] * 8 + [80.0, 45.0, 40.0])
    assert told[-1]


def test_the_deeper_a_fall_has_become_the_graver_it_is(story: Story) -> None:
    told = play(story, HeadcountFall(PEOPLE), [100.0] * 6 + [78.0, 70.0, 58.0, 45.0])
    severities = [opinions[0].severity for opinions in told if opinions]
    assert severities == sorted(severities)
    assert severities[0] == severities[1] == PEOPLE.fall_severity < severities[2] < severities[3]
    assert severities[3] == PEOPLE.deep_fall_severity
