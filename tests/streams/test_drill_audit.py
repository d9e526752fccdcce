"""The audit of the drills finds what is planted: it must not say that all is well because it looks at nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from streams.drill.audit import Account, Held, Ledger, Place, Told, account
from streams.journal import Comparison

OPENED = Told("A", 1, "a-1", "opened", "yellow")
ESCALATED = Told("A", 2, "a-1", "escalated", "red")
OTHER = Told("B", 1, "b-1", "opened", "red")
POISON = Place("signals.tax", 0, 3)
LEDGER = Ledger(signals=Counter({"load": 10}), poison={POISON})
REPLAYED = Comparison(records=11, messages=11)


def intact() -> Held:
    return Held(
        told=[OPENED, ESCALATED, OTHER],
        stored=[OTHER, OPENED, ESCALATED],
        heard=[(OPENED, "m-1", 1), (OTHER, "m-2", 1), (OPENED, "m-1", 1), (ESCALATED, "m-3", 2)],
        signals=Counter({"load": 10}),
        letters={POISON},
        records=11,
    )


def figures(held: Held, ledger: Ledger = LEDGER, replayed: Comparison = REPLAYED) -> tuple[int, int, int]:
    found = account(ledger, held, replayed)
    assert bool(found.differences) == any((found.lost, found.duplicate_alert_ids, found.state_mismatches))
    return found.lost, found.duplicate_alert_ids, found.state_mismatches


def test_a_stack_that_holds_what_was_sent_has_nothing_lost_doubled_or_different() -> None:
    assert figures(intact()) == (0, 0, 0)
    assert account(LEDGER, intact(), REPLAYED).sent == 11


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (lambda held: held.signals.update({"load": -2}), (2, 0, 0)),
        (lambda held: held.letters.clear(), (1, 0, 0)),
        (lambda held: held.stored.remove(ESCALATED), (1, 0, 0)),
        (lambda held: held.heard.pop(), (1, 0, 0)),
        (lambda held: held.stored.append(OTHER), (0, 1, 0)),
        (lambda held: held.told.append(OTHER), (0, 1, 0)),
        (lambda held: held.heard.append((OTHER, "m-9", 1)), (0, 1, 0)),
        (lambda held: held.stored.append(OTHER._replace(sequence=2)), (0, 1, 0)),
        (lambda held: held.heard.append((OTHER._replace(sequence=2), "m-9", 2)), (0, 1, 0)),
        (lambda held: held.told.remove(OPENED), (0, 2, 1)),  # nobody decided what others were told
        (lambda held: held.heard.reverse(), (0, 0, 1)),
    ],
)
def test_what_is_planted_is_found(plant: Callable[[Held], object], expected: tuple[int, int, int]) -> None:
    held = intact()
    plant(held)
    assert figures(held) == expected


def test_another_level_than_was_decided_is_lost_and_doubled() -> None:
    held = intact()
    held.stored[0] = OTHER._replace(level="blue")
    assert figures(held) == (1, 1, 0)


def test_a_journal_that_passes_records_over_or_does_not_replay_is_found() -> None:
    assert figures(intact(), replayed=Comparison(records=9, messages=9)) == (2, 0, 0)
    broken = Comparison(records=11, messages=11, unreplayable=[3], differences=["gone"])
    broken.note("gaps", "a gap")
    assert figures(intact(), replayed=broken) == (0, 0, 2)


def test_an_account_tells_what_was_added_since_the_last_one() -> None:
    before = Account(sent=5, scored=5, lost=1, differences=("old",))
    after = Account(sent=9, scored=8, lost=3, differences=("old", "new"))
    added = after.since(before)
    assert (added["sent"], added["scored"], added["lost"], added["differences"]) == (4, 3, 2, ["new"])
