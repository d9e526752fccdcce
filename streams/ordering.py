"""In which order a partition group applies what was fetched, and when its clock ticks. Pure.

A *live* stack applies on arrival, but the trickle before the flood. A *simulated* stack applies strictly by (minute of
the record time, rank of the topic, offset), so that streaming a file decides exactly what replaying that file decides,
however the fetches of six topics happened to interleave.

Both need to know how far a topic has been read *for sure*: its end offset is asked, and once everything below it has
been fetched, nothing older than the question can still be on its way.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from itertools import accumulate
from typing import NamedTuple, Protocol

from connectors.topics import INPUTS
from streams.frame import Frame
from streams.rules import MINUTE_MS
from streams.shard import GapError, Record

#: Electricity is the flood: it waits while anything else is in hand.
FLOOD = "signals.electricity"

#: Bytes of a topic in hand at which no more is wanted, and bytes that are taken at once: a compact record may hold
#: thousands of readings, so that records alone bound neither the memory nor the time that a warning waits.
ROOM_BYTES, STEP_BYTES = 4_000_000, 250_000

_RANK = {topic: rank for rank, topic in enumerate(INPUTS)}
_TRICKLE = tuple(topic for topic in INPUTS if topic != FLOOD)
_LIVE_ORDER = (*_TRICKLE, FLOOD)


def minute_of(time: int) -> int:
    """Return the start of the minute that a time lies in. Milliseconds.

    Examples
    --------
    >>> minute_of(119_999)
    60000
    """
    return time - time % MINUTE_MS


def sort_key(topic: str, time: int) -> tuple[int, int]:
    """Return what the records of a simulated stack are ordered by; records that tie keep the order of their offsets."""
    return minute_of(time), _RANK[topic]


class Question(NamedTuple):
    """End offsets that are being asked: after how many frames, and when. Milliseconds."""

    number: int
    asked: int


#: As if nothing had ever been asked.
_NEVER = Question(-1, 0)


class Order(Protocol):
    """What a partition group has fetched and not yet applied, and what may be applied next."""

    @property
    def interleaves(self) -> bool:
        """Whether records may be applied before a tick has come to its end."""
        ...

    @property
    def hurries(self) -> bool:
        """Whether something other than the flood can be taken."""
        ...

    def add(self, frame: Frame) -> None:
        """Take what was fetched. Raises GapError if records before it are missing."""
        ...

    def has_room(self, topic: str) -> bool:
        """Whether more of this topic is wanted."""
        ...

    def position(self, topic: str) -> int:
        """Return the offset up to which this topic has been fetched."""
        ...

    def oldest(self) -> int | None:
        """Return the time of the oldest record in hand, None if there is none."""
        ...

    def take(self, most: int) -> Frame | None:
        """Return up to ``most`` records, of one minute, that may be applied now, or None. They count as applied."""
        ...

    def due(self, ticked: int) -> int | None:
        """Return the minute that must be ticked before anything is taken, if it is later than ``ticked``."""
        ...

    def asks(self, now: int, ticked: int) -> bool:
        """Whether nothing can go on until the end offsets of the topics are known anew."""
        ...

    def ask(self, now: int) -> Question:
        """Note that the end offsets are asked from now on."""
        ...

    def answer(self, question: Question, ends: Mapping[str, int] | None) -> None:
        """Take the end offsets, None if nobody answered."""
        ...


class _Held:
    """A frame in hand, and how many of its records have been taken.

    Whatever was asked after ``number`` frames had arrived was asked after these records had been appended.
    """

    __slots__ = ("_latest", "_sizes", "frame", "number", "taken")

    def __init__(self, number: int, frame: Frame) -> None:
        self.number = number
        self.frame = frame
        self.taken = 0
        self._sizes = list(accumulate(len(record.value or b"") for record in frame.records))  # of the first n
        self._latest = max((record.time for record in frame.records), default=0)

    @property
    def size(self) -> int:
        """Bytes of what has not been taken."""
        return self._size_of(self.taken, len(self.frame.records))

    def take(self, most: int) -> Frame:
        """Take records of one minute, at most so many, until it is enough for a step."""
        first = self.taken
        self.taken = self._end_of_step(first, most)
        return self.frame.part(first, self.taken)

    def _end_of_step(self, first: int, most: int) -> int:
        """Return where the minute of the first record ends, or the step. A late record counts as in its minute."""
        records = self.frame.records
        if not records:
            return 0
        enough = bisect_left(self._sizes, self._size_of(0, first) + STEP_BYTES) + 1
        limit = min(first + most, len(records), max(enough, first + 1))
        end = minute_of(records[first].time) + MINUTE_MS
        if self._latest >= end:
            for index in range(first + 1, limit):
                if records[index].time >= end:
                    return index
        return limit

    def _size_of(self, first: int, last: int) -> int:
        return (self._sizes[last - 1] if last else 0) - (self._sizes[first - 1] if first else 0)


class _Topic:
    """One topic of the group: what is in hand, and how far it is known to be read."""

    def __init__(self, position: int) -> None:
        self.position = position  # everything below has been fetched
        self.frames: deque[_Held] = deque()
        self.held = 0  # records in hand
        self.size = 0  # bytes of these
        self.newest = 0  # time of the newest record ever fetched
        self.cleared = _NEVER  # everything appended before this question has been fetched
        self._told = _NEVER, 0  # the newest answer: what lies below this end was appended before the question
        self._pending: deque[tuple[Question, int]] = deque()

    def add(self, number: int, frame: Frame) -> None:
        if frame.begin > self.position:
            raise GapError(frame.topic, frame.partition, self.position, frame.begin)
        if frame.end <= self.position:
            return
        self.position = frame.end
        question, end = self._told
        held = _Held(question.number if frame.end <= end else number, frame)
        self.frames.append(held)
        self.held += len(frame.records)
        self.size += held.size
        if frame.records:
            self.newest = max(self.newest, frame.records[-1].time)
        self._settle()

    def ends_at(self, question: Question, end: int) -> None:
        self._told = question, end
        self._pending.append((question, end))
        self._settle()

    def head(self) -> tuple[int, Record] | None:
        """Return the oldest record in hand, with the number of its frame."""
        for held in self.frames:
            if held.frame.records:
                return held.number, held.frame.records[held.taken]
        return None

    def take(self, most: int) -> Frame:
        held = self.frames[0]
        before = held.size
        part = held.take(most)
        self.held -= len(part.records)
        self.size -= before - held.size
        if held.taken == len(held.frame.records):
            self.frames.popleft()
        return part

    def _settle(self) -> None:
        while self._pending and self._pending[0][1] <= self.position:
            self.cleared = self._pending.popleft()[0]


class _Hand:
    """What both orders share: the topics in hand and the questions about their ends.

    Parameters
    ----------
    positions
        For every input topic the offset from which on records will be added.
    room
        How many records of a topic may be in hand before no more are wanted.
    """

    def __init__(self, positions: Mapping[str, int], room: int) -> None:
        self._topics = {topic: _Topic(position) for topic, position in positions.items()}
        self._room = room
        self._frames = 0
        self._asked = _NEVER

    def add(self, frame: Frame) -> None:
        """Take what was fetched. Raises GapError if records before it are missing."""
        self._frames += 1
        self._topics[frame.topic].add(self._frames, frame)

    def has_room(self, topic: str) -> bool:
        """Whether more of this topic is wanted."""
        state = self._topics[topic]
        return state.held < self._room and state.size < ROOM_BYTES

    def position(self, topic: str) -> int:
        """Return the offset up to which this topic has been fetched."""
        return self._topics[topic].position

    def oldest(self) -> int | None:
        """Return the time of the oldest record in hand, None if there is none."""
        return min(
            (head[1].time for state in self._topics.values() if (head := state.head()) is not None), default=None
        )

    def ask(self, now: int) -> Question:
        """Note that the end offsets are asked from now on."""
        self._asked = Question(self._frames, now)
        return self._asked

    def answer(self, question: Question, ends: Mapping[str, int] | None) -> None:
        """Take the end offsets, None if nobody answered."""
        if ends is None:
            self._asked = _NEVER
            return
        for topic, state in self._topics.items():
            state.ends_at(question, ends[topic])

    def _empty_head(self) -> Frame | None:
        """Return a frame without records: it has no place in any order and only moves the position."""
        for state in self._topics.values():
            if state.frames and not state.frames[0].frame.records:
                return state.frames.popleft().frame
        return None


class LiveOrder(_Hand):
    """On arrival; among what is in hand, the trickle topics go before electricity.

    Examples
    --------
    >>> order = LiveOrder(dict.fromkeys(INPUTS, 0), room=10)
    >>> order.add(Frame("signals.electricity", 0, 0, 1, [Record(0, 1, None, None)]))
    >>> order.add(Frame("signals.litigation", 0, 0, 1, [Record(0, 2, None, None)]))
    >>> [order.take(5).topic for _ in "ab"]
    ['signals.litigation', 'signals.electricity']
    """

    interleaves = True

    @property
    def hurries(self) -> bool:
        """Whether something other than the flood is in hand."""
        return any(self._topics[topic].frames for topic in _TRICKLE)

    def take(self, most: int) -> Frame | None:
        """Return up to ``most`` records of one minute, or None."""
        if (frame := self._empty_head()) is not None:
            return frame
        for topic in _LIVE_ORDER:
            if self._topics[topic].frames:
                return self._topics[topic].take(most)
        return None

    def due(self, ticked: int) -> int | None:
        """Return the minute up to which every topic is applied, if it is later than ``ticked``."""
        minute = minute_of(min(map(self._reached, self._topics.values())))
        return minute if minute > ticked else None

    def asks(self, now: int, ticked: int) -> bool:
        """Whether a minute has passed that cannot be ticked until the ends are known."""
        minute = minute_of(now)
        return (
            minute > ticked
            and self._asked.asked < minute
            and any(state.head() is None and self._reached(state) < minute for state in self._topics.values())
        )

    @staticmethod
    def _reached(state: _Topic) -> int:
        head = state.head()
        # Record times of a partition never go back here: the broker sets them.
        return head[1].time if head is not None else max(state.cleared.asked, state.newest)


class RecordedOrder(_Hand):
    """Strictly by (minute, rank of the topic, offset).

    Producers append in that order and flush before the next key. So the least record in hand is the next one as soon
    as every other topic either has a record in hand, or has been fetched up to an end that was asked after this record
    had been appended (it had been fetched, or lies below its own end of that time): whatever belongs before it was
    appended before it, hence below that end.
    """

    interleaves = False
    hurries = False  # the order is the records' own

    def take(self, most: int) -> Frame | None:
        """Return up to ``most`` records of one minute if it is sure that they are next, or None."""
        if (frame := self._empty_head()) is not None:
            return frame
        least = self._least()
        if least is None or self._doubtful(least[1]):
            return None
        return self._topics[least[0]].take(most)

    def due(self, ticked: int) -> int | None:
        """Return the minute of the next record, if it is later than ``ticked``."""
        least = self._least()
        if least is None or minute_of(least[2]) <= ticked or self._doubtful(least[1]):
            return None
        return minute_of(least[2])

    def asks(self, now: int, ticked: int) -> bool:
        """Whether the least record in hand waits for topics of which nothing is in hand."""
        least = self._least()
        return least is not None and self._asked.number < least[1] and self._doubtful(least[1])

    def _least(self) -> tuple[str, int, int] | None:
        """Return the topic, frame number and time of the least record in hand."""
        heads = [(sort_key(topic, head[1].time), topic, *head) for topic, head in self._heads()]
        if not heads:
            return None
        _, topic, number, record = min(heads, key=lambda head: head[0])
        return topic, number, record.time

    def _heads(self) -> list[tuple[str, tuple[int, Record]]]:
        return [(topic, head) for topic, state in self._topics.items() if (head := state.head()) is not None]

    def _doubtful(self, number: int) -> bool:
        return any(state.held == 0 and state.cleared.number < number for state in self._topics.values())
