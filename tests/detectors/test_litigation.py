from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from detectors.cases import CaseRate, Cases, case_identity
from detectors.config import default
from detectors.contract import Level, Opinion

CONFIG = default().litigation
Telling = Callable[..., list[Sequence[Opinion]]]


def case(kind: str, number: str = "(2026)闽0102执12号", role: str = "defendant", **more: Any) -> dict[str, Any]:
    return {"case_no": number, "kind": kind, "role": role, "status": "open"} | more


def tell(telling: Telling, *payloads: dict[str, Any]) -> list[Opinion | None]:
    told = telling(Cases(CONFIG), "case", [(f"2026-03-{n + 1:02}", payload) for n, payload in enumerate(payloads)])
    return [opinions[0] if opinions else None for opinions in told]


@pytest.mark.parametrize(
    "number",
    [
        "（2026）闽0102执12号",
        "〔2026〕闽0102执12号",
        "(2026) 闽0102 执12号",
        "（２０２６）闽0102执恢12号",
        "[2026]闽0102执12号",
    ],
)
def test_one_case_is_written_in_many_ways(telling: Telling, number: str) -> None:
    one, two = tell(telling, case("enforcement"), case("enforcement", number))
    assert one is not None
    assert two is not None
    assert one.subject == two.subject == case_identity("(2026)闽0102执12号")


def test_the_order_of_gravity(telling: Telling) -> None:
    kinds = ["bankruptcy", "dishonest", "consumption_ban", "terminated_execution", "enforcement", "equity_freeze",
             "judgment", "hearing", "filing"]  # fmt: skip
    told = tell(telling, *(case(kind, f"({n})号") for n, kind in enumerate(kinds)))
    severities = [opinion.severity for opinion in told if opinion]
    assert severities == sorted(severities, reverse=True)


def test_the_records_of_one_case_are_one_opinion_by_the_gravest(telling: Telling) -> None:
    _, ban, listed, again = tell(
        telling, case("enforcement"), case("consumption_ban"), case("dishonest"), case("enforcement")
    )
    assert ban is not None
    assert listed is not None
    assert again is not None
    assert ban.reason == "litigation.consumption-ban"
    assert (listed.reason, listed.floor) == ("litigation.dishonest", Level.ORANGE)
    assert again.reason == "litigation.dishonest"


def test_a_removal_lowers_to_what_is_left_and_ends_as_a_matter_that_is_over(telling: Telling) -> None:
    *_, left, over = tell(
        telling,
        case("enforcement"),
        case("dishonest"),
        case("dishonest", status="closed"),
        case("enforcement", status="closed"),
    )
    assert left is not None
    assert over is not None
    assert (left.reason, left.floor, left.closed) == ("litigation.enforcement", Level.NONE, False)
    assert (over.closed, over.floor, over.lasting) == (True, Level.NONE, False)
    assert over.half_life_days == CONFIG.closed_half_life_days


def test_the_removal_of_a_cases_only_record_lifts_its_floor(telling: Telling) -> None:
    listed, removed = tell(telling, case("dishonest"), case("dishonest", status="closed"))
    assert listed is not None
    assert removed is not None
    assert (listed.floor, listed.closed) == (Level.ORANGE, False)
    assert (removed.floor, removed.closed, removed.lasting) == (Level.NONE, True, False)


def test_the_removal_of_an_unknown_record_is_no_news(telling: Telling) -> None:
    assert tell(telling, case("dishonest", status="closed")) == [None]


@pytest.mark.parametrize(("kind", "floor"), [("bankruptcy", Level.RED), ("dishonest", Level.ORANGE)])
def test_floors_are_for_the_debtor(telling: Telling, kind: str, floor: Level) -> None:
    debtor, plaintiff, third = tell(
        telling, case(kind, "1"), case(kind, "2", "plaintiff"), case(kind, "3", "third_party")
    )
    assert debtor is not None
    assert plaintiff is not None
    assert third is not None
    assert (debtor.floor, plaintiff.floor, third.floor) == (floor, Level.NONE, Level.NONE)
    assert debtor.lasting
    assert plaintiff.severity < 0.05 < third.severity < debtor.severity


def test_amounts_move_the_severity_a_little(telling: Telling) -> None:
    small, plain, large, huge = tell(
        telling,
        case("enforcement", "1", amount=1000.0),
        case("enforcement", "2"),
        case("enforcement", "3", amount="50,000,000"),
        case("enforcement", "4", amount=1e300),
    )
    assert small is not None
    assert plain is not None
    assert large is not None
    assert huge is not None
    assert small.severity < plain.severity < large.severity < huge.severity <= plain.severity + 0.121


def test_a_forgotten_case_can_still_be_removed_and_listed_debtors_are_forgotten_last(telling: Telling) -> None:
    many = [case("filing", f"(2026)民初{n}号") for n in range(CONFIG.max_cases + 5)]
    events = [("2026-01-01", case("dishonest")), *[("2026-01-02", payload) for payload in many]]
    removals = [
        ("2026-02-01", case("dishonest", status="closed")),
        ("2026-02-02", case("filing", many[0]["case_no"], status="closed")),
    ]
    told = telling(Cases(CONFIG), "case", [*events, *removals])
    assert told[-2][0].reason == "litigation.dishonest"
    assert told[-2][0].closed
    assert told[-1][0].closed


def test_a_burst_of_cases_is_told_against_the_firms_own_pace(telling: Telling) -> None:
    detector = CaseRate(CONFIG)

    def filed(day: str, number: int, role: str = "defendant") -> tuple[str, dict[str, Any]]:
        return day, case("filing", f"(2026)民初{number}号", role)

    calm = [filed(f"{2015 + n // 2}-{1 + 6 * (n % 2):02}-10", n) for n in range(16)]
    burst = [filed(f"2026-03-{n + 1:02}", 100 + n) for n in range(4)]
    told = telling(detector, "case", [*calm, *burst])
    assert [bool(opinions) for opinions in told] == [False] * 19 + [True]
    assert told[-1][0].observed == 4.0

    repeated = [filed(f"2026-03-{n + 1:02}", 100) for n in range(9)]
    suing = [filed(f"2026-03-{n + 1:02}", 200 + n, "plaintiff") for n in range(9)]
    for harmless in (repeated, suing):
        assert not any(telling(detector, "case", [*calm, *harmless]))


def test_a_litigious_trade_is_not_a_burst(telling: Telling) -> None:
    """A firm with a case every six days has one every six days."""
    events = []
    for n in range(60):
        month, day = divmod(n, 5)
        events.append((f"2025-{month + 1:02}-{1 + day * 6:02}", case("filing", f"(2025)民初{n}号")))
    told = telling(CaseRate(CONFIG), "case", events)
    assert not any(told[10:])
