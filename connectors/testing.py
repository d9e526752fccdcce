"""Shipped fakes that fail on command, and the checks that every source has to pass.

Use them in the tests of your own connector::

    def test_my_source():
        check_source(lambda: MySource("fixture.csv"))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from itertools import chain
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from connectors.catalogue import FAMILIES
from connectors.contract import MAX_BATCH, Batch, Item, Rejected, Source, SourceError, WriteError
from connectors.decoding import Decoder, Refused
from connectors.models import Enterprise, Heartbeat, Signal
from connectors.recordtime import order_key, topic_of

_ZONE = ZoneInfo("Asia/Shanghai")
_END_OF_TIME_MS = 253_402_300_799_000


class Sentinel(Enum):
    """What a :class:`ListSource` does besides yielding messages."""

    PAUSE = "pause"
    BROKEN = "broken"


#: The source has nothing new: it yields an empty batch.
PAUSE: Final = Sentinel.PAUSE
#: The source raises :class:`connectors.contract.SourceError` here, once; read on from the last position.
BROKEN: Final = Sentinel.BROKEN
Scripted: TypeAlias = Item | Sentinel


class ListSource:
    """A source whose data, pauses and failures are a list.

    Parameters
    ----------
    script
        Messages, rejected rows, ``PAUSE`` and ``BROKEN``.
    batch
        How many items make a batch.
    families, name
        As of any source.

    Examples
    --------
    >>> source = ListSource([PAUSE, BROKEN])
    >>> [len(batch.items) for batch in source.read()]
    Traceback (most recent call last):
    connectors.contract.SourceError: broken on command at item 1
    """

    def __init__(
        self,
        script: Sequence[Scripted],
        *,
        batch: int = 2,
        families: Sequence[str] = tuple(FAMILIES),
        name: str = "list",
    ) -> None:
        self._script = script
        self._batch = batch
        self._broken: set[int] = set()
        self.families = families
        self.name = name

    def read(self, position: str = "") -> Iterator[Batch]:
        """Yield the rest of the script; see :class:`connectors.contract.Source`."""
        items: list[Item] = []
        place = start = int(position or 0)
        for place, entry in enumerate(self._script[start:], start):
            if entry is BROKEN and place not in self._broken:
                self._broken.add(place)
                message = f"broken on command at item {place}"
                raise SourceError(message)
            if entry is PAUSE:
                yield Batch((*items,), str(place + 1))
                items = []
            elif not isinstance(entry, Sentinel):
                items.append(entry)
            if len(items) >= self._batch:
                yield Batch((*items,), str(place + 1))
                items = []
        if items:
            yield Batch((*items,), str(place + 1))


class RecordingSink:
    """A :class:`connectors.contract.Writer` that keeps what it is given.

    Parameters
    ----------
    fails_after
        Raises :class:`connectors.contract.WriteError` once it was sent so many messages; None: never.

    Examples
    --------
    >>> sink = RecordingSink()
    >>> sink.flush()
    >>> sink.messages, sink.flushes
    ([], 1)
    """

    def __init__(self, *, fails_after: int | None = None) -> None:
        self._fails_after = fails_after
        self._unstored: list[Signal | Enterprise] = []
        self.messages: list[Signal | Enterprise] = []
        self.heartbeats: list[Heartbeat] = []
        self.flushes = 0
        self.closed = False

    def send(self, message: Signal | Enterprise) -> None:
        """Take a message, or fail."""
        if self._fails_after is not None and len(self.messages) + len(self._unstored) >= self._fails_after:
            self._fails_after = None
            self._unstored.clear()
            problem = "broken on command"
            raise WriteError(problem)
        self._unstored.append(message)

    def flush(self) -> None:
        """Store what was sent: it is in ``messages`` only now."""
        self.messages += self._unstored
        self._unstored.clear()
        self.flushes += 1

    def beat(self, heartbeat: Heartbeat) -> None:
        """Keep a heartbeat."""
        self.heartbeats.append(heartbeat)

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


SourceFactory: TypeAlias = Callable[[], Source]
Check: TypeAlias = Callable[[SourceFactory], None]


def check_source(factory: SourceFactory, *, ordered: bool = False) -> None:
    """Run every check that a source has to pass.

    Parameters
    ----------
    factory
        Returns a new source over the same finite data each time: a fixture, not a live system.
    ordered
        Whether it says that it yields in the order that a simulated stack needs.

    Raises
    ------
    AssertionError
        Naming what is wrong.
    """
    for check in source_checks(ordered=ordered):
        check(factory)


def source_checks(*, ordered: bool = False) -> tuple[Check, ...]:
    """Return the checks one by one, for parametrized tests."""
    checks = (check_description, check_messages, check_batches, check_repeatable, check_resumes)
    return (*checks, check_order) if ordered else checks


def check_description(factory: SourceFactory) -> None:
    """Check that its name can stand in a heartbeat, and that its families are in the catalogue."""
    source = factory()
    Heartbeat.model_validate({"source": source.name, "at": "2025-09-01T00:00:00Z", "status": "alive"})
    unknown = set(source.families) - set(FAMILIES)
    assert not unknown, f"families {sorted(unknown)} are not in the catalogue"


def check_messages(factory: SourceFactory) -> None:
    """Check that the scorer would accept every message, and that each signal is of a family that the source feeds."""
    source, decoder = factory(), Decoder(1)
    for item in _items(source):
        if isinstance(item, Rejected):
            assert item.file and item.reason and item.row >= 1, f"a rejected row says where and why: {item}"
            continue
        [answer] = decoder.decode(topic_of(item), 0, 0, None, item.wire(), _END_OF_TIME_MS)
        assert not isinstance(answer, Refused), f"the scorer would refuse {item!r}: {answer.reason}, {answer.detail}"
        if isinstance(item, Signal):
            assert item.family in source.families, f"{item.family} is not among its families"


def check_batches(factory: SourceFactory) -> None:
    """Check that batches are bounded, and that every position is a text of its own."""
    positions = []
    for batch in factory().read():
        assert len(batch.items) <= MAX_BATCH, f"a batch of {len(batch.items)} items; at most {MAX_BATCH}"
        assert batch.position, "a batch's position is empty, which means the beginning"
        if batch.items:
            positions.append(batch.position)
    assert len(set(positions)) == len(positions), "two batches have the same position"


def check_repeatable(factory: SourceFactory) -> None:
    """Check that reading again, from the same or another instance, gives the same items with the same ids."""
    source = factory()
    first = list(_items(source))
    assert list(_items(source)) == first, "a second reading of the same source differs"
    assert list(_items(factory())) == first, "another source over the same data differs"


def check_resumes(factory: SourceFactory) -> None:
    """Check that from any position a new instance yields exactly the rest."""
    batches = list(factory().read())
    chosen = sorted({0, len(batches) // 3, len(batches) // 2, len(batches) - 1} & set(range(len(batches))))
    for number in chosen:
        rest = list(chain.from_iterable(batch.items for batch in batches[number + 1 :]))
        found = list(_items(factory(), batches[number].position))
        assert found == rest, f"read({batches[number].position!r}) yields {len(found)} items, {len(rest)} are left"


def check_order(factory: SourceFactory) -> None:
    """Check that items come in the order of (minute of the record time, rank of the topic)."""
    last = (0, 0)
    for item in _items(factory()):
        if not isinstance(item, Rejected):
            key = order_key(item, _ZONE)
            assert key >= last, f"{item.source_id} comes after one that is published later"
            last = key


def _items(source: Source, position: str = "") -> Iterator[Item]:
    return chain.from_iterable(batch.items for batch in source.read(position))
