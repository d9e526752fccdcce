"""Replaying files: the same input gives the same alerts, whatever the order of the rows and the number of groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from connectors.contract import Batch, Item, Rejected
from connectors.models import Level
from streams.replay import Replayed, replay
from tests.streams.city import FACTORY, MONDAY, case, reading, rules


class Given:
    """A source of what it is given."""

    name, families = "given", ("electricity", "litigation")

    def __init__(self, *items: Item) -> None:
        self._items: Sequence[Item] = items

    def read(self, position: str = "") -> Iterator[Batch]:
        yield Batch(self._items, "end")


OTHER = "91512081MA62K0260E"
HISTORY = [reading(day, 1000.0, who) for who in (FACTORY, OTHER) for day in range(30)]
COLLAPSE = [reading(30, 10.0), reading(31, 10.0), case(31, "bankruptcy")]


def run(*items: Item, partitions: int = 1) -> Replayed:
    return replay([Given(*items)], rules(partitions=partitions), "Asia/Shanghai")


def test_the_order_of_the_rows_does_not_matter_across_days() -> None:
    forward = run(*HISTORY, *COLLAPSE)
    assert [a.level for a in forward.transitions()] == [Level.YELLOW, Level.RED]
    backward = run(*reversed(HISTORY + COLLAPSE))
    assert backward.alerts == forward.alerts


def test_the_number_of_partition_groups_changes_only_who_is_a_peer() -> None:
    assert [(a.enterprise_id, a.level) for a in run(*HISTORY, *COLLAPSE, partitions=8).transitions()] == [
        (FACTORY, Level.YELLOW),
        (FACTORY, Level.RED),
    ]


def test_rows_that_are_no_messages_are_counted_and_the_rest_goes_through() -> None:
    bad = Rejected("x.csv", 3, "value", "bad-value", "not a number", "abc")
    result = run(*HISTORY, bad, *COLLAPSE)
    assert (result.rejected, result.messages) == (1, len(HISTORY) + len(COLLAPSE))


def test_a_message_without_a_time_of_its_own_is_known_after_its_days_lag() -> None:
    silent = [message.model_copy(update={"published_at": None}) for message in HISTORY]
    last = reading(30, 10.0, published_at=None)
    closing = reading(32, 1000.0)
    (alert,) = list(run(*silent, last, closing).transitions())
    assert alert.at == MONDAY + timedelta(days=31, hours=6, minutes=1)
