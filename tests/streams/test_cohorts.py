"""A detector that fails on one enterprise while a day closes for many: what becomes of the others."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.models import DeadLetter
from detectors.cohort import Cohort, Each
from detectors.estimators import EWVar
from streams.shard import Shard
from tests.streams.city import Dark, Feed, reading, rules

FIRMS = [f"E{number}" for number in range(5)]
UNLUCKY = 13.0


class Superstitious(Dark):
    """Cannot learn one value."""

    name = "superstitious"

    def learn_many(self, each: Each, cohort: Cohort) -> None:
        for _, memory, value in each:
            memory.update(1_000_000 / (value - UNLUCKY))


class Unprepared(Dark):
    """Fails before it looks at anybody."""

    name = "unprepared"

    def learn_many(self, each: Each, cohort: Cohort) -> None:
        raise LookupError(cohort.series)


class Unsuspecting(Dark):
    """Cannot tell whom it suspects."""

    name = "unsuspecting"

    def suspects(self, memories: Sequence[EWVar], cohort: Cohort) -> Sequence[int]:
        raise ZeroDivisionError


def played(detector: Dark, days: int, unlucky: int) -> tuple[Feed, list[DeadLetter]]:
    """Five enterprises, of which one has a day of 13 kWh; and what was reported."""
    feed = Feed(Shard(0, rules(detector)))
    for day in range(days):
        for number, firm in enumerate(FIRMS):
            feed.send(reading(day, UNLUCKY if (day, number) == (unlucky, 2) else 1000.0 + number, firm))
    feed.until(days)
    rows = feed.shard.take().outputs.get("dead-letters", [])
    return feed, [DeadLetter.model_validate_json(value) for _, value in rows]


def test_whom_it_failed_on_begins_anew_and_the_others_learned_all() -> None:
    feed, letters = played(Superstitious(), days=20, unlucky=5)
    learned = [feed.shard.engine.enterprises[firm].memories["superstitious"].count for firm in FIRMS]
    assert learned == [17, 17, 11, 17, 17]  # three days have not settled; it forgot the six up to the fifth
    (letter,) = letters
    assert "superstitious" in letter.detail
    assert "E2" in letter.detail


def test_a_detector_that_fails_on_everybody_is_reported_for_each() -> None:
    _, letters = played(Unprepared(), days=5, unlucky=-1)
    assert [letter.detail.split()[3] for letter in letters] == [*FIRMS, *FIRMS]  # of the two days that have settled
    assert {letter.reason for letter in letters} == {"detector-error"}


def test_one_that_cannot_tell_whom_it_suspects_is_asked_of_everybody() -> None:
    feed, letters = played(Unsuspecting(), days=20, unlucky=19)
    (held,) = feed.shard.engine.enterprises["E2"].evidence
    assert held.reason == "electricity.collapse"
    assert len(letters) == 20 * len(FIRMS)
