from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from connectors.control import Subscription
from connectors.models import Alert, Level, Reason, Transition
from connectors.webhook import Outcome, Verdict
from streams.alerting import Backoff, Routing, after, body, event_type, route, webhook_id

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def alert(
    enterprise_id: str = "E1",
    sequence: int = 1,
    level: Level = Level.ORANGE,
    previous: Level = Level.NONE,
    *,
    notify: bool = True,
    transition: Transition = Transition.OPENED,
) -> Alert:
    return Alert(
        alert_id=f"{enterprise_id}:1",
        enterprise_id=enterprise_id,
        enterprise_name="示例制造有限公司",
        sequence=sequence,
        transition=transition,
        level=level,
        previous_level=previous,
        score=0.7,
        at=START + timedelta(minutes=sequence),
        opened_at=START,
        decided_on="2026-02-28",
        rule="score",
        reasons=[
            Reason(reason="collapse", family="electricity", zh="用电骤降", en="Power use collapsed", severity=0.9,
                   since=START)
        ],
        config_version="1",
        notify=notify,
    )  # fmt: skip


def subscription(
    minimum: Level = Level.BLUE, enterprises: frozenset[str] | None = None, *, active: bool = True
) -> Subscription:
    return Subscription(
        subscription_id="sub_1", url="https://h.example", shown_url="https://h.example", secret=SecretStr("x"),
        minimum_level=minimum, enterprises=enterprises, active=active, created_at=0, created_by="ann",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "to", "expected"),
    [
        (alert(), subscription(), Routing.DELIVER),
        (alert(), subscription(active=False), Routing.ENDED),
        (alert(notify=False), subscription(), Routing.BACKFILL),
        (alert(), subscription(enterprises=frozenset({"E1"})), Routing.DELIVER),
        (alert(), subscription(enterprises=frozenset({"E2"})), Routing.NOT_WATCHED),
        (alert(), subscription(enterprises=frozenset()), Routing.NOT_WATCHED),
        (alert(level=Level.ORANGE), subscription(Level.ORANGE), Routing.DELIVER),
        (alert(level=Level.YELLOW), subscription(Level.ORANGE), Routing.BELOW_MINIMUM),
        (alert(level=Level.BLUE, previous=Level.ORANGE), subscription(Level.ORANGE), Routing.DELIVER),
        (alert(level=Level.NONE, previous=Level.RED), subscription(Level.RED), Routing.DELIVER),
        (alert(level=Level.NONE, previous=Level.BLUE), subscription(Level.YELLOW), Routing.BELOW_MINIMUM),
    ],
)
def test_who_gets_a_transition(told: Alert, to: Subscription, expected: Routing) -> None:
    assert route(told, to) is expected


@given(st.lists(st.sampled_from(list(Level)), min_size=2, max_size=8), st.sampled_from(list(Level)[1:]))
@settings(deadline=None, max_examples=100)
def test_who_heard_of_a_rise_hears_of_the_fall(levels: list[Level], minimum: Level) -> None:
    order = list(Level)
    believed = Level.NONE  # by the receiver, of anything from its minimum up
    previous = Level.NONE
    for level in levels:
        if route(alert(level=level, previous=previous), subscription(minimum)) is Routing.DELIVER:
            believed = level
        previous = level
        assert (order.index(believed) >= order.index(minimum)) == (order.index(level) >= order.index(minimum))


def test_the_message_holds_the_alert_and_the_subscribers_own_number() -> None:
    message = json.loads(body(alert(sequence=4, transition=Transition.ESCALATED), 9))
    assert message["type"] == "alert.escalated"
    assert message["timestamp"] == message["data"]["at"] == "2026-03-01T08:04:00Z"
    assert (message["data"]["delivery_sequence"], message["data"]["sequence"]) == (9, 4)
    assert message["data"]["reasons"][0]["zh"] == "用电骤降"
    assert "notify" not in message["data"]


def test_every_transition_has_a_type() -> None:
    assert {event_type(one) for one in Transition} == {f"alert.{one.value}" for one in Transition}


@given(st.tuples(st.text(max_size=9), st.text(max_size=9), st.integers(1, 99)), st.data())
@settings(deadline=None, max_examples=100)
def test_ids_differ_where_anything_differs(one: tuple[str, str, int], data: st.DataObject) -> None:
    other = data.draw(st.tuples(st.text(max_size=9), st.text(max_size=9), st.integers(1, 99)))
    assert (webhook_id(*one) == webhook_id(*other)) == (one == other)


@given(st.text(max_size=9), st.integers(1, 1000), st.none() | st.integers(0, 10**12))
@settings(deadline=None, max_examples=100)
def test_waits_grow_within_bounds_and_are_the_same_each_time(name: str, attempt: int, asked: int | None) -> None:
    backoff = Backoff()
    wait = backoff.wait_ms(name, attempt, asked)
    assert wait == Backoff().wait_ms(name, attempt, asked)
    assert backoff.first_ms * (1 - backoff.spread) <= wait <= backoff.cap_ms * (1 + backoff.spread)
    assert wait >= min(asked or 0, backoff.cap_ms)


def test_sixty_attempts_cover_two_days() -> None:
    assert sum(Backoff(spread=0).wait_ms("", attempt) for attempt in range(1, 60)) > 2 * 86_400_000


@pytest.mark.parametrize(
    ("outcome", "attempt", "status"),
    [
        (Outcome(Verdict.DELIVERED, "delivered", 200), 60, "delivered"),
        (Outcome(Verdict.RETRY, "timeout"), 59, "retrying"),
        (Outcome(Verdict.RETRY, "timeout"), 60, "failed"),
        (Outcome(Verdict.GONE, "gone", 410), 1, "failed"),
    ],
)
def test_what_an_outcome_means_for_the_delivery(outcome: Outcome, attempt: int, status: str) -> None:
    done = after(outcome, webhook_id="m", attempt=attempt, most=60, backoff=Backoff(), at=1_000, took_ms=5)
    assert done.status == status
    assert (done.reason, done.status_code, done.at) == (outcome.reason, outcome.status_code, 1_000)
