"""The order in which a partition group applies what was fetched, however the fetches interleave."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.topics import INPUTS
from streams.frame import Frame
from streams.ordering import (
    ROOM_BYTES,
    STEP_BYTES,
    LiveOrder,
    Order,
    Question,
    RecordedOrder,
    minute_of,
    sort_key,
)
from streams.shard import GapError, Record

MINUTE = 60_000
NOWHERE = dict.fromkeys(INPUTS, 0)


def record(offset: int, time: int) -> Record:
    return Record(offset, time, None, b"")


def frame(topic: str, begin: int, end: int, records: Sequence[Record]) -> Frame:
    return Frame(topic, 0, begin, end, list(records))


# ---- a broker in miniature: topics with holes in their offsets, a producer, a consumer, someone who asks for ends ----


class Log:
    """Six topics of one partition. The producer appends in the guaranteed order; offsets have holes."""

    def __init__(self, chance: random.Random, times: dict[str, list[int]]) -> None:
        appended = sorted(((t, topic) for topic, own in times.items() for t in own), key=lambda x: sort_key(x[1], x[0]))
        self.waiting = iter(appended)
        self.sorted = [(topic, time) for time, topic in appended]
        self.chance = chance
        self.records: dict[str, list[Record]] = {topic: [] for topic in INPUTS}
        self.end = dict(NOWHERE)
        self.position = dict(NOWHERE)

    def append(self) -> bool:
        """Store all records of the next key; a flush comes between two keys."""
        following = next(self.waiting, None)
        if following is None:
            return False
        time, topic = following
        offset = self.end[topic] + self.chance.choice([0, 0, 0, 2])
        self.records[topic].append(record(offset, time))
        self.end[topic] = offset + 1 + self.chance.choice([0, 0, 1])  # a transaction marker
        return True

    def fetch(self, topic: str) -> Frame | None:
        begin = self.position[topic]
        end = begin + self.chance.randint(0, self.end[topic] - begin)
        if end == begin:
            return None
        self.position[topic] = end
        return frame(topic, begin, end, [r for r in self.records[topic] if begin <= r.offset < end])


def drain(order: Order, ticked: int, most: int) -> Iterator[tuple[str, Record | int]]:
    """Do what a partition group does in its steps."""
    while True:
        due = order.due(ticked)
        if due is not None:
            ticked = due
            yield "tick", due
        taken = order.take(most)
        if taken is None:
            return
        for one in taken.records:
            yield taken.topic, one


times = st.dictionaries(
    st.sampled_from(INPUTS), st.lists(st.integers(0, 5 * MINUTE), max_size=12).map(sorted), min_size=1
)


@settings(deadline=None, max_examples=150)
@given(times=times, seed=st.integers(0, 2**32), most=st.integers(1, 7))
def test_a_simulated_stack_applies_in_sorted_order_however_fetches_interleave(
    times: dict[str, list[int]], seed: int, most: int
) -> None:
    chance = random.Random(seed)
    log, order = Log(chance, times), RecordedOrder(NOWHERE, room=5)
    applied: list[tuple[str, int]] = []
    ticked, questions, idle = -1, list[tuple[Question, dict[str, int]]](), 0
    while len(applied) < len(log.sorted):
        action = chance.choice(["append", "fetch", "ask", "answer", "apply"])
        if action == "append":
            log.append()
        elif action == "fetch":
            topic = chance.choice(INPUTS)
            if order.has_room(topic) and (fetched := log.fetch(topic)) is not None:
                order.add(fetched)
        elif action == "ask" and order.asks(0, ticked):
            questions.append((order.ask(0), dict(log.end)))  # the broker's answer; more is appended before it arrives
        elif action == "answer" and questions:
            question, ends = questions.pop(0)
            order.answer(question, ends if chance.random() < 0.8 else None)
        elif action == "apply":
            for topic, what in drain(order, ticked, most):
                if isinstance(what, int):
                    assert what > ticked
                    ticked = what
                else:
                    assert ticked == minute_of(what.time), "the minute is ticked before its first record"
                    applied.append((topic, what.time))
        idle += 1
        assert idle < 100_000, "stuck"
    assert applied == log.sorted


def test_nothing_is_applied_while_an_earlier_record_may_be_on_its_way() -> None:
    order = RecordedOrder(NOWHERE, room=100)
    order.add(frame("signals.electricity", 0, 1, [record(0, 5 * MINUTE)]))
    assert order.take(10) is None
    assert order.asks(0, 0)
    question = order.ask(0)
    assert not order.asks(0, 0), "one question is enough"
    order.answer(question, {**NOWHERE, "signals.electricity": 1, "signals.tax": 3})
    assert order.take(10) is None, "three offsets of tax have not been fetched"
    order.add(frame("signals.tax", 0, 2, [record(0, 4 * MINUTE)]))
    assert order.due(-1) == 4 * MINUTE
    assert [taken.topic for taken in iter(lambda: order.take(10), None)] == ["signals.tax"]
    order.add(frame("signals.tax", 2, 3, []))  # a hole counts as fetched
    assert [(taken.topic, taken.end) for taken in iter(lambda: order.take(10), None)] == [
        ("signals.tax", 3),
        ("signals.electricity", 1),
    ]


def test_an_answer_to_a_question_from_before_the_record_does_not_count() -> None:
    order = RecordedOrder(NOWHERE, room=100)
    early = order.ask(0)
    order.add(frame("signals.electricity", 0, 1, [record(0, 5 * MINUTE)]))
    order.answer(early, NOWHERE)  # its own end was 0: it was appended after the question
    assert order.take(10) is None
    assert order.asks(0, 0)


def test_who_gets_no_answer_asks_again() -> None:
    order = RecordedOrder(NOWHERE, room=100)
    order.add(frame("signals.tax", 0, 1, [record(0, 0)]))
    order.answer(order.ask(0), None)
    assert order.asks(0, 0)


@pytest.mark.parametrize("order", [LiveOrder(NOWHERE, 10), RecordedOrder(NOWHERE, 10)])
def test_missing_records_are_noticed(order: Order) -> None:
    order.add(frame("signals.tax", 0, 4, [record(1, 0)]))
    order.add(frame("signals.tax", 2, 4, [record(2, 0)]))  # fetched twice: no harm
    with pytest.raises(GapError, match=r"expected offset 4.*begin at 6"):
        order.add(frame("signals.tax", 6, 7, [record(6, 0)]))


@settings(deadline=None, max_examples=60)
@given(times=times, seed=st.integers(0, 2**32), most=st.integers(1, 7))
def test_a_live_stack_applies_every_topic_in_order_and_the_trickle_first(
    times: dict[str, list[int]], seed: int, most: int
) -> None:
    chance = random.Random(seed)
    log, order = Log(chance, times), LiveOrder(NOWHERE, room=1000)
    applied: dict[str, list[Record]] = {topic: [] for topic in INPUTS}
    count = 0
    while count < len(log.sorted):
        log.append()
        if (fetched := log.fetch(chance.choice(INPUTS))) is not None:
            order.add(fetched)
        if chance.random() < 0.5:
            continue
        batch = [(topic, what) for topic, what in drain(order, 10**9, most) if not isinstance(what, int)]
        flood = [topic == "signals.electricity" for topic, _ in batch]
        assert flood == sorted(flood), "electricity comes last"
        for topic, one in batch:
            applied[topic].append(one)
        count += len(batch)
    assert applied == log.records


def test_a_live_clock_ticks_no_further_than_what_is_applied() -> None:
    order = LiveOrder(NOWHERE, room=100)
    now = 100 * MINUTE + 5
    assert order.due(0) is None, "nothing is known of any topic"
    assert order.asks(now, 0)
    order.answer(order.ask(now), {**NOWHERE, "signals.electricity": 2})
    assert order.due(0) is None, "two readings have not been fetched"
    order.add(frame("signals.electricity", 0, 1, [record(0, 30 * MINUTE + 7)]))
    assert order.due(0) == 30 * MINUTE, "the oldest record that is not applied"
    order.take(10)
    order.add(frame("signals.electricity", 1, 2, [record(1, 99 * MINUTE)]))
    order.take(10)
    assert order.due(0) == 100 * MINUTE, "all is applied: the time of the question"
    assert not order.asks(now + 1, 100 * MINUTE)
    assert order.asks(101 * MINUTE, 100 * MINUTE)


def test_a_full_topic_is_not_wanted_and_the_others_are() -> None:
    order = LiveOrder(NOWHERE, room=2)
    order.add(frame("signals.electricity", 0, 3, [record(n, n) for n in range(3)]))
    assert not order.has_room("signals.electricity")
    assert order.has_room("signals.litigation")
    taken = order.take(2)
    assert taken is not None
    assert (taken.begin, taken.end) == (0, 2)
    assert order.has_room("signals.electricity")


def test_large_records_are_few_in_hand_and_taken_in_small_steps() -> None:
    """A compact record of a thousand readings is not one of one reading."""
    order = LiveOrder(NOWHERE, room=10_000)
    value = bytes(STEP_BYTES // 2)
    many = [Record(offset, 1, None, value) for offset in range(2 * ROOM_BYTES // STEP_BYTES)]
    order.add(Frame("signals.electricity", 0, 0, len(many), many))
    assert not order.has_room("signals.electricity")
    assert order.has_room("signals.tax")
    taken = [len(frame.records) for frame in iter(lambda: order.take(500), None)]
    assert taken == [2] * (len(many) // 2)
    assert order.has_room("signals.electricity")
